"""From the middle of the space to the winner, one parameter at a time: what each gained.

The forest of importance predicts the configs on the way. At each step every parameter
that still differs is tried, and the one that improves the prediction most is changed. A
parameter that is inactive on the way is averaged over, and one that a change makes
active is set to the winner's value together with it.

Source: Fawcett and Hoos, Analysing differences between algorithm configurations through
    ablation, J. Heuristics 22 (2016), section 3; Biedenkapp et al., Efficient Parameter
    Importance Analysis via Ablation with Surrogates, AAAI 2017 (predicted, not run).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from analysis.encoding import active_points
from analysis.fidelity import ranking
from analysis.importance.effects import Importance
from analysis.importance.fanova import Boxes
from analysis.load import Run
from analysis.metrics import number
from analysis.parameters import FloatArray, Parameter
from searchspaces import Choice, Value, domain_from_unit, domain_to_unit
from searchspaces.scalars import same

_NAMED = 3
_SMALL = 0.05
"""Part of the way that a gain must be to be named."""


@dataclass(frozen=True)
class AblationStep:
    """One change on the way.

    Attributes:
        name: the parameter that is changed.
        values: what is set, by name: its own value, then those of children it makes active.
        predicted: the objective after the change, in its own sign.
        low: the prediction that 2.5 % of the trees stay below.
        high: the prediction that 2.5 % of the trees exceed.
        gain: by how much the change improves the prediction; below 0, it makes it worse.
        gain_low: as ``low``, of the gain.
        gain_high: as ``high``, of the gain.
    """

    name: str
    values: tuple[tuple[str, Value], ...]
    predicted: float
    low: float
    high: float
    gain: float
    gain_low: float
    gain_high: float


@dataclass(frozen=True)
class Ablation:
    """The way from the middle of the space to the winner.

    Attributes:
        metric: the objective.
        epoch: at which the forest predicts it.
        trial: the winner's number; None without one.
        default: the config in the middle: the value half way along each domain, and the
            first value of a choice; inactive parameters are absent.
        predicted: the objective predicted for it; None if withheld.
        low: the prediction that 2.5 % of the trees stay below; None if withheld.
        high: the prediction that 2.5 % of the trees exceed; None if withheld.
        steps: the changes in their order, the most useful first.
        withheld: why there is nothing to say, else empty.
    """

    metric: str
    epoch: int
    trial: int | None = None
    default: tuple[tuple[str, Value], ...] = ()
    predicted: float | None = None
    low: float | None = None
    high: float | None = None
    steps: tuple[AblationStep, ...] = ()
    withheld: str = ""

    def words(self) -> tuple[str, ...]:
        """``from the middle of the space (0.41) to trial 17 (0.18): ...``."""
        if self.withheld:
            return (f"cannot tell: {self.withheld}",)
        low, end, high = (number(value, self.metric) for value in (
            self.steps[-1].low, self.steps[-1].predicted, self.steps[-1].high))  # fmt: skip
        way = sum(abs(step.gain) for step in self.steps)
        named = sorted((s for s in self.steps if s.gain >= _SMALL * way), key=lambda s: -s.gain)
        gains = [
            f"{step.name} {'' if place else 'gains '}{step.gain:.2g}"
            for place, step in enumerate(named[:_NAMED])
        ]
        start = f"from the middle of the space ({number(self.predicted, self.metric)})"
        said = f"{start} to trial {self.trial} ({end}): {', '.join(gains) or 'nothing gains'}"
        trees = f"95 % of the trees say {low} to {high} for trial {self.trial}"
        return said, f"predicted at epoch {self.epoch}; {trees}"

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "epoch": self.epoch,
            "trial": self.trial,
            "default": dict(self.default),
            "predicted": self.predicted,
            "low": self.low,
            "high": self.high,
            "steps": [{**asdict(step), "values": dict(step.values)} for step in self.steps],
            "withheld": self.withheld,
        }


def ablation(run: Run, importance: Importance) -> Ablation:
    """What each parameter gained between the middle of the space and the winner.

    Args:
        run: the run, of which the best trial is the winner.
        importance: whose forest predicts; where it has none, there is no ablation.
    """
    known = Ablation(run.meta.metric, importance.fidelity.epoch)
    learned, order = importance.learned, ranking(run)
    if learned is None:
        return replace(known, withheld=importance.withheld)
    trial = run.trials[order.rows[:1]]
    known = replace(known, trial=int(trial["number"][0]))
    parameters, boxes = learned.parameters, learned.boxes
    winner = active_points(trial, parameters)[0]
    middle = np.array([_middle(parameter) for parameter in parameters])
    # What the winner leaves open though its parents allow it is averaged over all the way.
    open_ = _active(parameters, np.where(np.isnan(winner), middle, winner)) & np.isnan(winner)

    def predict(place: FloatArray) -> FloatArray:
        fixed = np.flatnonzero(_active(parameters, place) & ~open_)
        return run.meta.sign * predict_where(boxes, {int(c): float(place[c]) for c in fixed})

    place, reached = middle, predict(middle)
    start = reached
    steps: list[AblationStep] = []
    while changes := _changes(parameters, place, winner):
        trees = [predict(change) for change in changes.values()]
        losses = [run.meta.sign * found.mean() for found in trees]
        best = int(np.argmin(losses))
        column, after = list(changes.items())[best]
        others = [int(c) for c in np.flatnonzero(after != place) if c != column]
        values = tuple(
            (parameters[c].name, _value(parameters[c], after[c])) for c in (column, *others)
        )
        gains = run.meta.sign * (reached - trees[best])
        steps.append(AblationStep(parameters[column].name, values, *_summary(trees[best]),
                                  *_summary(gains)))  # fmt: skip
        place, reached = after, trees[best]
    if not steps:
        return replace(known, withheld=f"trial {known.trial} is the middle of the space")
    default = tuple(
        (parameters[c].name, _value(parameters[c], middle[c]))
        for c in np.flatnonzero(_active(parameters, middle))
    )
    predicted, low, high = _summary(start)
    return replace(known, default=default, predicted=predicted, low=low, high=high,
                   steps=tuple(steps))  # fmt: skip


def predict_where(boxes: Boxes, fixed: Mapping[int, float]) -> FloatArray:
    """What each tree predicts at coordinates of some columns, averaged over the others.

    Shape (trees,). Coordinates are compared in single precision, as trees do.
    """
    weights = boxes.volumes
    for column, coordinate in fixed.items():
        at = float(np.float32(coordinate))
        low, high = boxes.low[:, column], boxes.high[:, column]
        # A leaf holds its upper end and not its lower one, unless that is the end of the cube.
        inside = ((low < at) | (low == 0)) & (at <= high)
        weights = np.where(inside, weights / (high - low), 0.0)
    return np.bincount(boxes.tree, weights * boxes.value, boxes.trees).astype(np.float64)


def _changes(
    parameters: Sequence[Parameter], place: FloatArray, winner: FloatArray
) -> dict[int, FloatArray]:
    """By column that still differs and acts: the place after it is set to the winner's."""
    active = _active(parameters, place)
    found = {}
    for column in np.flatnonzero(active & np.isfinite(winner) & (winner != place)):
        after = place.copy()
        after[column] = winner[column]
        before = active
        # A child that begins to act takes the winner's value, and so may its own children.
        while (born := _active(parameters, after) & ~before & np.isfinite(winner)).any():
            after[born] = winner[born]
            before = before | born
        found[int(column)] = after
    return found


def _active(parameters: Sequence[Parameter], place: FloatArray) -> Any:
    """Which parameters act at a place that has a coordinate for each: bool (d,)."""
    columns = {parameter.name: column for column, parameter in enumerate(parameters)}
    known: dict[int, bool] = {}

    def acts(column: int) -> bool:
        if column not in known:
            known[column] = all(
                acts(columns[parent]) and _allows(parameters, place, columns[parent], allowed)
                for parent, allowed in (parameters[column].domain.when or {}).items()
                if parent in columns  # a constant
            )
        return known[column]

    return np.array([acts(column) for column in range(len(parameters))])


def _allows(
    parameters: Sequence[Parameter], place: FloatArray, column: int, allowed: Sequence[Value]
) -> bool:
    value = _value(parameters[column], place[column])
    return any(same(value, other) for other in allowed)


def _middle(parameter: Parameter) -> float:
    """The coordinate half way along a domain, on its grid; a choice's first value."""
    domain = parameter.domain
    first = isinstance(domain, Choice)
    return domain_to_unit(domain, domain.value_at(0) if first else domain_from_unit(domain, 0.5))


def _value(parameter: Parameter, coordinate: float) -> Value:
    return domain_from_unit(parameter.domain, float(coordinate))


def _summary(trees: FloatArray) -> tuple[float, float, float]:
    """Mean, and what 2.5 % of the trees stay below and exceed."""
    low, high = np.quantile(trees, [0.025, 0.975])
    return float(trees.mean()), float(low), float(high)
