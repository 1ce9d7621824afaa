"""Tasks of folds: the batches of a plain split, from series that are there once."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

from trainables.batches import TrainingBatches
from trainables.data import load_folded_data
from trainables.data.folds import Fold, FoldedData
from trainables.data.scale import Scale
from trainables.devices import compute_of
from trainables.fold_tasks import tasks_of
from trainables.learner import Task
from trainables.testing import made_up_data


@pytest.fixture(scope="module")
def data() -> FoldedData:
    """Series of all lengths in four folds."""
    plain = made_up_data(train=90)
    whole = plain.train
    dealt = [np.flatnonzero(np.arange(90) % 4 == fold) for fold in range(4)]
    folds = tuple(
        Fold(rest, rows, Scale.of(whole.take(rest)))
        for rows in dealt
        for rest in [np.setdiff1d(np.arange(90), rows)]
    )
    return FoldedData(whole, folds, plain.facts, "made-up", "none", plain.labels)


def tasks(data: FoldedData) -> tuple[Task, ...]:
    compute = compute_of("cpu", "float32")
    return tasks_of(data, metric="valid_loss", mode="min", compute=compute, epochs=None)


def test_batches_of_a_fold_are_those_of_its_own_split_bit_for_bit(data: FoldedData) -> None:
    for index, task in enumerate(tasks(data)):
        plain = data.fold(index)
        expected = TrainingBatches(plain.train)
        assert len(task.train) == len(expected)
        for epoch in (1, 2):
            pairs = zip(
                task.train.epoch(16, seed=3, epoch=epoch),
                expected.epoch(16, seed=3, epoch=epoch),
                strict=True,
            )
            for found, wanted in pairs:
                assert all(torch.equal(*each) for each in zip(found, wanted, strict=True))
        valid = torch.cat([batch.values.sum((1, 2)) for batch in task.valid]).sort().values
        wanted = torch.from_numpy(plain.valid.values).sum((1, 2)).sort().values
        assert torch.allclose(valid, wanted, atol=1e-4)


def test_the_series_of_all_folds_are_there_once_and_never_written(data: FoldedData) -> None:
    before = data.whole.values.copy()
    found = tasks(data)
    assert len({id(task.train.series) for task in found}) == 1  # also on a GPU
    addresses = {task.train.series.values.data_ptr() for task in found}
    assert addresses == {data.whole.values.ctypes.data}
    for task in found:
        list(task.train.epoch(16, seed=0, epoch=1))
    assert np.array_equal(before, data.whole.values)


def test_folds_of_images_normalise_too() -> None:
    data = load_folded_data("digits", folds=3)
    batch = next(tasks(data)[0].train.epoch(400, seed=0, epoch=1)).values
    assert abs(float(batch.mean())) < 0.02


def test_rows_that_are_shared_memory_are_taken_without_a_warning(data: FoldedData) -> None:
    for fold in data.folds:
        fold.train.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(tasks(data)) == 4
