"""Parameters that do not matter: fix them, and spend the trials on the others."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, cast

from analysis.fidelity import ranking
from analysis.importance.effects import Importance
from analysis.load import Run
from analysis.metrics import listed
from analysis.parameters import Parameter, plain
from analysis.warnings.settings import option, snippet
from searchspaces import Value
from searchspaces.cells import original

SMALL = 0.05
"""Share of the variance below which a parameter does not matter, its spread included."""
ENOUGH = 30
"""Trials below which a small share is no evidence."""
LEARNED = 0.5
"""Out-of-bag R2 below which the forest may have missed what a parameter does."""
TOGETHER = 0.3
"""Share of interactions above which a parameter may matter through others."""
LATE = 3
"""Importance counts from a third of the epochs on: what matters later may not yet before."""


@dataclass(frozen=True)
class Fixed:
    """A parameter to fix.

    Attributes:
        name: the parameter.
        key: what to set, such as ``space.dropout``; of a list, its choice's values.
        value: the best trial's value of those in which it was active, as ``key`` takes it.
        share: part of the variance that it explains alone.
        spread: standard deviation of the share.
    """

    name: str
    key: str
    value: Value | tuple[Value, ...]
    share: float
    spread: float


@dataclass(frozen=True)
class Idle:
    """The parameters that do not matter in this run.

    Attributes:
        epoch: at which the trials were compared.
        trials: how many were.
        parameters: those to fix, least important last.
        withheld: why nothing can be said, else empty.
    """

    epoch: int
    trials: int
    parameters: tuple[Fixed, ...] = ()
    withheld: str = ""

    @property
    def yaml(self) -> str:
        """Lines for a sweep file that fix them; empty if there are none."""
        return snippet({fixed.key: fixed.value for fixed in self.parameters})

    def words(self) -> tuple[str, ...]:
        """Which do not matter, and what to type to fix them; nothing if all may matter."""
        if not self.parameters:
            return ()
        names, several = listed(fixed.name for fixed in self.parameters), len(self.parameters) > 1
        verb = "do" if several else "does"
        most_of = max(fixed.share + 2 * fixed.spread for fixed in self.parameters)
        top = math.ceil(100 * most_of) / 100
        each = "each " if several else ""
        return (
            f"{names} {verb} not matter here ({each}at most {top:.2f} of the variance); fix "
            f"{'them' if several else 'it'}:",
            *(option(fixed.key, fixed.value) for fixed in self.parameters),
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "epoch": self.epoch,
            "trials": self.trials,
            "parameters": [asdict(fixed) for fixed in self.parameters],
            "yaml": self.yaml,
            "withheld": self.withheld,
            "words": list(self.words()),
        }


def idle(run: Run, importance: Importance) -> Idle:
    """Find the parameters that can be fixed without loss.

    Such a parameter explains no more than shuffled copies do, and its share is below 5 %
    even with twice its spread added, and no pair with it stands out. That is believed from
    30 trials and an out-of-bag R2 of 0.5 on, where interactions explain less than 30 %, and
    from a third of all epochs on.

    Args:
        run: the run.
        importance: its importance.
    """
    group = importance.fidelity
    known = Idle(group.epoch, group.trials, withheld=_withheld(run, importance))
    if known.withheld:
        return known
    coupled = {name for pair in importance.pairs if not pair.noise for name in (pair.a, pair.b)}
    by_name = {parameter.name: parameter for parameter in run.meta.parameters}
    found = []
    for effect in importance.effects:
        parameter = by_name.get(effect.name)
        small = effect.noise and effect.share + 2 * effect.spread < SMALL
        if parameter is None or not small or effect.name in coupled:
            continue
        value = _value(run, parameter)
        if value is not None:
            key = f"{parameter.group}.{parameter.name}"
            listed = isinstance(value, tuple)
            key, said = (f"{key}.values", (value,)) if listed else (key, value)
            found.append(Fixed(parameter.name, key, said, effect.share, effect.spread))
    return Idle(group.epoch, group.trials, tuple(found))


def _withheld(run: Run, importance: Importance) -> str:
    """Why importance does not suffice to call a parameter idle; empty if it does."""
    group = importance.fidelity
    if importance.withheld:
        return importance.withheld
    if importance.r2 is None or not importance.effects:
        return "importance is not known"
    if group.trials < ENOUGH:
        return f"importance rests on {group.trials} trials; it takes {ENOUGH}"
    if importance.r2 < LEARNED:
        return f"the forest explains {importance.r2:.2f} of the variance; it takes {LEARNED:g}"
    together = 1 - sum(effect.share for effect in importance.effects)
    if together > TOGETHER:
        return f"parameters explain {together:.2f} of the variance only together"
    if LATE * group.epoch < run.meta.max_epochs:
        return f"importance is known at epoch {group.epoch} of {run.meta.max_epochs} only"
    return ""


def _value(run: Run, parameter: Parameter) -> Value | None:
    """The value in the best trial in which the parameter was active, as people write it."""
    if parameter.column not in run.trials.columns:
        return None
    values = run.trials[ranking(run).rows][parameter.column].drop_nulls()
    if not len(values):
        return None
    value = original(values[0], parameter.domain.as_mapping())
    if isinstance(value, list):
        return tuple(value)
    return float(plain(value)) if isinstance(value, float) else cast("Value", value)
