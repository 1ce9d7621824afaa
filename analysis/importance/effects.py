"""Which parameters matter, alone and in pairs: fANOVA at one epoch, with noise and limits.

A random forest learns the objective at the one epoch that ``fidelity`` chose, from
the configs' places in the unit cube. Its out-of-bag R2 says whether it learned
anything; where it did not, importance is withheld. What parameters and pairs score by
chance is measured beside it, see ``analysis.importance.chance``.

A parameter that is inactive in a trial has a place all the same, drawn at random (see
``analysis.encoding``), so the share of a conditional parameter is that of the whole
space: it is small where the parameter seldom acts. ``Effect.active`` is its share among
the configs in which it acts.

Source: Hutter, Hoos and Leyton-Brown, ICML 2014 (fANOVA).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from analysis.encoding import full_points
from analysis.fidelity import Fidelity, IntArray, comparable, earlier
from analysis.importance.active_region import active_region
from analysis.importance.chance import Chance, chance_of_pairs, chance_of_parameters
from analysis.importance.fanova import Boxes, Cells, leaf_boxes, main_effect, restricted
from analysis.importance.fanova_pairs import all_effects, pairs_of
from analysis.importance.forest import MOST_ROWS, Forest, grow_forest
from analysis.load import Run
from analysis.metrics import plural
from analysis.parameters import FloatArray, Parameter

TREES = 64
"""Trees of a forest of many trials; those of few differ more, and so many more are grown."""
FEW = 10
"""Trials below which nothing is said."""
CLEAR = 0.1
"""Out-of-bag R2 that an earlier epoch must give: a second try succeeds by chance more often."""
_NAMED = 3
"""Pairs that words name at most."""


@dataclass(frozen=True)
class Effect:
    """One parameter's importance.

    Attributes:
        name: the parameter.
        share: part of the forest's variance that it explains alone, from 0 to 1.
        spread: standard deviation of the share over resampled trials.
        noise: whether shuffled copies of the parameters do as well too often.
        active: its share among configs in which it acts; None if it always does.
    """

    name: str
    share: float
    spread: float
    noise: bool
    active: float | None = None


@dataclass(frozen=True)
class PairEffect:
    """What two parameters explain together, beyond what each explains alone.

    Attributes:
        a: the parameter that comes first in the space.
        b: the other one.
        share: part of the forest's variance, from 0 to 1.
        spread: standard deviation of the share over resampled trials.
        noise: whether a forest sees as much where effects only add up.
        chance: the share that it sees there.
    """

    a: str
    b: str
    share: float
    spread: float
    noise: bool
    chance: float

    @property
    def name(self) -> str:
        """``learning_rate x hidden_size``."""
        return f"{self.a} x {self.b}"


@dataclass(frozen=True, eq=False)
class Learned:
    """What importance learned from, for others to look into.

    Attributes:
        forest: on places in the unit cube and losses, which are to be minimised.
        boxes: its leaves.
        rows: of ``run.trials`` that it learned from.
        parameters: of the columns of the cube.
    """

    forest: Forest
    boxes: Boxes
    rows: IntArray
    parameters: tuple[Parameter, ...]


@dataclass(frozen=True)
class Importance:
    """What matters, and whether that can be said.

    Attributes:
        fidelity: the trials compared and the epoch.
        effects: most important first; empty if withheld.
        noise: the share that the best shuffled copy stays below in 9 of 10 resamples.
        r2: out-of-bag R2 of the forest; None if none was grown.
        cut: trials so bad that their score was cut to the fence of outliers.
        withheld: why there is nothing to say, else empty.
        instead: why nothing can be said at a later epoch, where one was tried, else empty.
        pairs: of parameters, most important first; empty if withheld.
        used: how many of the trials the forest was grown on, drawn at random if not all.
        learned: the forest; None if withheld.
    """

    fidelity: Fidelity = field(compare=False)
    effects: tuple[Effect, ...] = ()
    noise: float = 0.0
    r2: float | None = None
    cut: int = 0
    withheld: str = ""
    instead: str = ""
    pairs: tuple[PairEffect, ...] = ()
    used: int = 0
    learned: Learned | None = field(default=None, compare=False, repr=False)

    @property
    def together(self) -> float:
        """The share that neither parameters nor pairs explain: three or more together."""
        alone = sum(effect.share for effect in self.effects)
        return max(0.0, 1.0 - alone - sum(pair.share for pair in self.pairs))

    def words(self) -> tuple[str, ...]:
        """What is above the noise, what that rests on, and what could not be used."""
        if self.withheld:
            return (f"cannot tell: {self.withheld}",)
        said = [f"{e.name} {e.share:.2f} ± {e.spread:.2f}" for e in self.effects if not e.noise]
        if len(self.effects) == 1:  # whatever the forest sees is its doing
            said = [f"{self.effects[0].name} matters, the only parameter"]
        rest = len(self.effects) - len(said)
        pairs = [pair for pair in self.pairs if not pair.noise]
        said += [f"{pair.name} {pair.share:.2f} together" for pair in pairs[:_NAMED]]
        if len(pairs) > _NAMED:
            said.append(f"{len(pairs) - _NAMED} more pairs")
        if not said:
            said = ["no parameter stands out from noise"]
        elif rest:
            alone = " alone" if pairs else ""
            last = self.effects[-1].name if rest == 1 else "rest"
            said.append(f"{last} below noise{alone}")
        trials = f"{self.fidelity.trials} trials"
        if self.used < self.fidelity.trials:
            trials = f"{self.used} of {trials}"
        rests_on = (f"at epoch {self.fidelity.epoch}, {trials}, "
                    f"forest explains {self.r2:.2f} of the variance")  # fmt: skip
        later = (f"later epochs cannot tell: {self.instead}",) if self.instead else ()
        return ", ".join(said), rests_on, *later

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            **self.fidelity.as_dict(),
            "used": self.used,
            "effects": [asdict(effect) for effect in self.effects],
            "pairs": [asdict(pair) for pair in self.pairs],
            "noise": self.noise,
            "r2": self.r2,
            "together": self.together if self.effects else None,
            "cut": self.cut,
            "withheld": self.withheld,
            "instead": self.instead,
        }


def importance(run: Run, *, fidelity: Fidelity | None = None, seed: int = 0) -> Importance:
    """Effects of a run's parameters on its objective, alone and in pairs.

    Of trials that were promoted to an epoch the scheduler has taken away what told them
    apart. Where the forest learns nothing from those, the epochs before it are tried, at
    which more trials can be compared, and the answer says so.

    Args:
        run: the run.
        fidelity: the trials and epoch; by default ``comparable(run)`` and those before it.
        seed: of the forests.
    """
    if fidelity is not None:
        return _at(run, fidelity, seed)
    wanted = _at(run, comparable(run), seed)
    if wanted.r2 is None or not wanted.withheld:
        return wanted
    for group in earlier(run, wanted.fidelity.epoch):
        found = _at(run, group, seed)
        if found.r2 is not None and found.r2 >= CLEAR:
            return replace(found, instead=wanted.withheld)
    return wanted


def _at(run: Run, group: Fidelity, seed: int) -> Importance:
    """Importance among the trials of one group."""
    parameters = run.meta.parameters
    if not parameters:
        return Importance(group, withheld="every parameter is a constant")
    if group.trials < FEW:
        return Importance(group, withheld=too_few(group, FEW))
    rng = np.random.default_rng(seed)
    rows, scores = _some(group, rng)
    losses, cut = _cut(run.meta.sign * scores)
    if np.ptp(losses) == 0:
        return Importance(group, withheld=f"every trial has the same {run.meta.metric}")
    points = full_points(run.trials[rows], parameters)
    cells = [parameter.cells() for parameter in parameters]
    forest = grow_forest(points, losses, min(max(TREES, 64_000 // len(rows)), 3 * TREES), rng)
    known = Importance(group, r2=forest.r2, cut=cut, used=len(rows))
    if forest.r2 <= 0:
        return replace(known, withheld=(
            f"the forest predicts no trial it has not seen (out-of-bag R2 {forest.r2:.2f}, "
            f"{group.trials} trials at epoch {group.epoch})"))  # fmt: skip
    learned = Learned(forest, leaf_boxes(forest.trees, cells), rows, parameters)
    if len(parameters) > 1:
        chance = chance_of_parameters(points, losses, cells, rng)
    else:  # nothing else could explain the variance
        chance = Chance(np.zeros(1), np.zeros(1, dtype=bool), 0.0, np.empty(0))
    alone, together = (np.nanmean(found, axis=0) for found in all_effects(learned.boxes))
    return replace(
        known,
        effects=_effects(learned, alone, chance),
        pairs=_pairs(learned, together, chance, cells, rng),
        noise=chance.level,
        learned=learned,
    )


def _some(group: Fidelity, rng: np.random.Generator) -> tuple[IntArray, FloatArray]:
    """Rows and scores of the trials to learn from, at most ``MOST_ROWS``, drawn at random."""
    # Ordered by number, so that ties in the ranking cannot change the forest.
    order = np.argsort(group.rows)
    if len(order) > MOST_ROWS:
        order = order[np.sort(rng.choice(len(order), MOST_ROWS, replace=False))]
    return group.rows[order], group.scores[order]


def _effects(learned: Learned, shares: FloatArray, chance: Chance) -> tuple[Effect, ...]:
    found = [
        Effect(parameter.name, float(shares[column]), float(chance.spreads[column]),
               bool(chance.noisy[column]), _where_active(learned, column))
        for column, parameter in enumerate(learned.parameters)
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda effect: -effect.share))


def _where_active(learned: Learned, column: int) -> float | None:
    """A parameter's share among the configs in which it acts; None if it always does."""
    region = active_region(learned.parameters, column)
    if not region:
        return None
    shares = main_effect(learned.boxes, column, restricted(learned.boxes, region))
    return float(np.nanmean(shares)) if np.isfinite(shares).any() else 0.0


def _pairs(
    learned: Learned, shares: FloatArray, chance: Chance, cells: Sequence[Cells],
    rng: np.random.Generator,
) -> tuple[PairEffect, ...]:  # fmt: skip
    names = [parameter.name for parameter in learned.parameters]
    if len(names) == 1:
        return ()
    noisy, levels = chance_of_pairs(learned.forest, learned.boxes, shares, cells, rng)
    found = [
        PairEffect(names[a], names[b], float(shares[place]), float(chance.pair_spreads[place]),
                   bool(noisy[place]), float(levels[place]))
        for place, (a, b) in enumerate(pairs_of(len(names)))
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda pair: -pair.share))


def too_few(group: Fidelity, needed: int) -> str:
    """Why so few trials cannot be compared, in words."""
    if not group.trials:
        return group.reason
    trials = plural(group.trials, "trial")
    return f"only {trials} can be compared (epoch {group.epoch}); it takes {needed}"


def _cut(losses: FloatArray) -> tuple[FloatArray, int]:
    """Losses cut at Tukey's outer fence, Q3 + 3 IQR, and how many were.

    One trial that nearly diverged would otherwise be all of the variance.
    """
    q1, q3 = np.quantile(losses, [0.25, 0.75])
    fence = q3 + 3 * (q3 - q1)
    beyond = int((losses > fence).sum()) if q3 > q1 else 0
    return (np.minimum(losses, fence), beyond) if beyond else (losses, 0)
