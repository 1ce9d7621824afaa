"""The tasks of a sweep's trials: one, or one for each fold of the same series."""

from __future__ import annotations

from typing import Literal

from trainables.batches import TrainingBatches, evaluation_batches
from trainables.data.folds import FoldedData
from trainables.data.part import SweepData
from trainables.devices import Compute
from trainables.learner import Task
from trainables.limits import Limit


def tasks_of(
    data: SweepData | FoldedData,
    *,
    metric: str,
    mode: Literal["min", "max"],
    compute: Compute,
    epochs: int | None,
    limits: tuple[Limit, ...] = (),
) -> tuple[Task, ...]:
    """A task for each fold, or the only one; arguments as of :meth:`trainables.learner.Task.of`.

    The folds share the series that they learn from, also on a GPU; the validation parts,
    normalised, take as much again as all series, since each validates in one fold.

    Raises:
        UnknownNameError: no epoch reports such a metric.
    """
    if isinstance(data, SweepData):
        return (
            Task.of(data, metric=metric, mode=mode, compute=compute, epochs=epochs, limits=limits),
        )
    whole, device = TrainingBatches(data.whole, compute.device), compute.device
    return tuple(
        Task(
            TrainingBatches(data.whole, device, fold=fold, like=whole),
            evaluation_batches(fold.scale.applied(data.whole.take(fold.valid)), device),
            data.facts,
            metric,
            mode,
            compute,
            epochs,
            limits,
        )
        for fold in data.folds
    )
