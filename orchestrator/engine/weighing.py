"""Several objectives: what a scheduler and a searcher are told of a trial.

A scheduler gets all losses and ranks them itself. A searcher gets one number, drawn anew for
each suggestion: an augmented Chebyshev norm of the losses with random weights, so that one
suggestion after the other looks at another part of the front.

Source: Knowles, ParEGO, IEEE Transactions on Evolutionary Computation 10 (2006), section III,
with two changes. Losses are put on one scale by their ranks and not by their range, which one
loss that diverged would fill alone; weights are drawn from the whole simplex and not from a
grid on it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from orchestrator.engine.objective import Objective
from orchestrator.engine.records import Metrics, Verdict
from orchestrator.engine.trial import Trial
from orchestrator.engine.verdicts import verdict_of
from orchestrator.schedulers import Scheduler
from orchestrator.searchers import Observation
from searchspaces.dominance import CEILING

if TYPE_CHECKING:
    import numpy as np

RHO = 0.05
"""Of the sum beside the maximum: what is better in one objective alone counts a little too."""
TOLD = 250
"""Trials that came as far, of which a searcher is told anew for each suggestion."""
Losses = tuple[float, ...]
"""Of a trial at its best epoch, all to be small; empty where there is one objective."""


def decided(
    scheduler: Scheduler, objective: Objective, trial: Trial, epoch: int, metrics: Metrics
) -> Verdict:
    """What the scheduler decides about a trial that has reached its milestone.

    It compares the least loss up to there; of several objectives those of the same epoch.
    """
    loss = objective.loss(metrics)
    if objective.several:
        better = loss < trial.best
        scheduler.weighed(trial.number, objective.losses(metrics) if better else trial.losses)
    return verdict_of(scheduler.report(trial.number, epoch, min(trial.best, loss)))


def take(trial: Trial, objective: Objective, metrics: Metrics) -> None:
    """Note an epoch's loss, if it is the least of the trial so far."""
    loss = objective.loss(metrics)
    if loss < trial.best:
        trial.best = loss
        trial.losses = objective.losses(metrics) if objective.several else ()


def scalarised(
    observations: Sequence[Observation], losses: Sequence[Losses], *, seed: int, number: int
) -> list[Observation]:
    """The observations with one loss each, as the trial of that number is to see them.

    Those that failed stay infinite; those that break a limit stay above all that keep them, in
    their own order.

    Args:
        observations: of one sweep.
        losses: of each, in the same order; empty of those that failed.
        seed: of the sweep.
        number: of the trial that a config is wanted for.
    """
    import numpy as np

    kept = [index for index, each in enumerate(losses) if each and each[0] < CEILING]
    if not kept:
        return list(observations)
    points = np.array([losses[index] for index in kept])
    generator = np.random.default_rng(np.random.SeedSequence([seed, number, 0xC4EB]))
    weights = generator.dirichlet(np.ones(points.shape[1]))
    terms = weights * np.column_stack([_shares(column) for column in points.T])
    norms = terms.max(axis=1) + RHO * terms.sum(axis=1)
    found = list(observations)
    for index, norm in zip(kept, norms.tolist(), strict=True):
        if math.isfinite(found[index].loss):
            found[index] = replace(found[index], loss=norm)
    return found


def thinned(observations: Sequence[Observation], most: int = TOLD) -> list[Observation]:
    """Those of at most so many trials that came as far: best, worst, and evenly between.

    So a suggestion takes about the same time however many trials there were, and what share
    of them is good or has failed stays as it is.
    """
    furthest: dict[int, tuple[int, float]] = {}
    for each in observations:
        here = (each.epoch, each.loss)
        furthest[each.number] = max(here, furthest.get(each.number, here))
    by_epoch: dict[int, list[tuple[float, int]]] = {}
    for number, (epoch, loss) in furthest.items():
        by_epoch.setdefault(epoch, []).append((loss, number))
    kept: set[int] = set()
    for entries in by_epoch.values():
        ranked, last, count = sorted(entries), len(entries) - 1, min(most, len(entries))
        kept.update(ranked[index * last // max(1, count - 1)][1] for index in range(count))
    return [each for each in observations if each.number in kept]


def _shares(values: np.ndarray) -> np.ndarray:
    """From 0 for the least value to 1 for the largest, by rank; equal values are equal."""
    import numpy as np

    distinct, place = np.unique(values, return_inverse=True)
    shares: np.ndarray = place / max(1, len(distinct) - 1)
    return shares
