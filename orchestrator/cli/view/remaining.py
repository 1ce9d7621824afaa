"""How many epochs are left of a plan, by what has come to its rungs so far.

Trials that did not start yet are expected to go the way of the plan; where that depends on
results, the way of those before them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import pairwise

from orchestrator.cli.view.trials import Live
from orchestrator.engine.trial import State
from orchestrator.schedulers import Rung

WEIGHT = 8
"""The plan's share of trials that go on counts as that of so many that were seen."""


def epochs_left(
    brackets: Iterable[tuple[Rung, ...]],
    live: Iterable[Live],
    *,
    reached: Mapping[tuple[int, int], int],
    lost: Mapping[tuple[int, int], int],
    exact: bool,
) -> float:
    """Epochs that are still to come, if it goes on like this.

    Args:
        brackets: of the plan, each its rungs.
        live: trials that are not over.
        reached: how many trials came to an epoch, by (bracket, epoch).
        lost: how many ended on their way to an epoch, by (bracket, epoch).
        exact: the plan does not depend on results.
    """
    by_bracket: dict[int, list[Live]] = {}
    for trial in live:
        by_bracket.setdefault(trial.bracket, []).append(trial)
    return sum(
        _of_bracket(
            rungs,
            by_bracket.get(index, []),
            came=[reached.get((index, rung.epochs), 0) for rung in rungs],
            gone=[lost.get((index, rung.epochs), 0) for rung in rungs],
            exact=exact,
        )
        for index, rungs in enumerate(brackets)
    )


def _of_bracket(
    rungs: tuple[Rung, ...], live: list[Live], *, came: list[int], gone: list[int], exact: bool
) -> float:
    levels = [rung.epochs for rung in rungs]
    under_way: Counter[int] = Counter()
    waiting: Counter[int] = Counter()
    begun = 0
    for trial in live:
        ahead = bisect_right(levels, trial.epoch)
        if trial.state is State.PAUSED:
            waiting[ahead - 1] += 1
        else:
            under_way[ahead] += 1
        begun += trial.epoch - (levels[ahead - 1] if ahead else 0)
    expected = float(max(rungs[0].trials - gone[0], came[0] + under_way[0]))
    left = levels[0] * (expected - came[0])
    for index, (below, rung) in enumerate(pairwise(rungs), start=1):
        to_come = expected - came[index - 1]
        sure = came[index] + under_way[index]
        planned = rung.trials / below.trials
        if exact:
            more = float(rung.trials - gone[index] - sure)
        else:
            seen = came[index - 1]
            share = (planned * WEIGHT + sure + gone[index]) / (WEIGHT + seen)
            more = min(1.0, share) * to_come  # what waits goes on as others come
        expected = sure + min(max(0.0, more), to_come + waiting[index - 1])
        left += (rung.epochs - below.epochs) * (expected - came[index])
    return max(0.0, left - begun)
