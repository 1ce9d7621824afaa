"""Batches: every series once, alike in length, following from seed and epoch alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from trainables.batches import (
    EVALUATION_STEPS,
    MIXING,
    Batch,
    TrainingBatches,
    evaluation_batches,
)
from trainables.data.part import Part


def _part(lengths: np.ndarray) -> Part:
    """Series number ``i`` holds the value ``i + 1`` at each valid step and has label ``i``."""
    series = [np.full((length, 2), row + 1.0) for row, length in enumerate(lengths)]
    return Part.from_series(series, np.arange(len(lengths)))


def _lengths(count: int, longest: int) -> np.ndarray:
    return np.random.default_rng(count).integers(1, longest + 1, count)


def _check_contents(batches: list[Batch], part: Part) -> None:
    for batch in batches:
        rows = batch.labels.numpy()
        assert batch.values.shape[1] == batch.lengths.max()
        np.testing.assert_array_equal(batch.lengths.numpy(), part.lengths[rows])
        expected = part.values[rows][:, : batch.values.shape[1]]
        np.testing.assert_array_equal(batch.values.numpy(), expected)


@given(count=st.integers(1, 90), size=st.integers(1, 40), seed=st.integers(0, 2**63 - 1))
@settings(deadline=None, max_examples=30)
def test_an_epoch_holds_every_series_once(count, size, seed):
    part = _part(_lengths(count, 20))
    batches = list(TrainingBatches(part).epoch(size, seed=seed, epoch=1))
    assert sorted(torch.cat([batch.labels for batch in batches]).tolist()) == list(range(count))
    sizes = sorted((len(batch.labels) for batch in batches), reverse=True)
    whole, rest = divmod(count, size)
    if rest == 1 and whole:
        assert sizes == [size + 1] + [size] * (whole - 1)
    else:
        assert sizes == [size] * whole + [rest] * (rest > 0)
    assert len(sizes) == TrainingBatches(part).count(size)
    _check_contents(batches, part)


def test_a_series_left_over_joins_a_batch_since_normalisation_needs_two():
    part = _part(np.full(65, 3))
    network = torch.nn.BatchNorm1d(2)
    batches = TrainingBatches(part)
    assert batches.count(64) == 1
    assert [len(network(batch.values[:, 0])) for batch in batches.epoch(64, seed=0, epoch=1)] == [
        65
    ]
    places = set()
    for epoch in range(1, 30):
        sizes = [len(batch.labels) for batch in batches.epoch(16, seed=0, epoch=epoch)]
        assert sorted(sizes) == [16, 16, 16, 17]
        places.add(sizes.index(17))
    assert places == {0, 1, 2, 3}


def test_batches_of_one_series_stay_where_they_are_asked_for():
    batches = TrainingBatches(_part(np.full(3, 2)))
    assert batches.count(1) == 3
    assert [len(batch.labels) for batch in batches.epoch(1, seed=0, epoch=1)] == [1, 1, 1]


def test_batches_are_what_they_were_where_no_single_series_is_left_over():
    batches = TrainingBatches(_part(_lengths(10, 20)))

    def labels(size: int) -> list[list[int]]:
        return [batch.labels.tolist() for batch in batches.epoch(size, seed=3, epoch=1)]

    # written down before single series were given to other batches
    assert labels(4) == [[4, 8, 5, 1], [7, 3], [2, 6, 9, 0]]
    assert labels(5) == [[0, 4, 8, 5, 1], [7, 3, 2, 6, 9]]


def test_the_same_seed_and_epoch_give_the_same_batches():
    part = _part(_lengths(60, 20))

    def labels(seed: int, epoch: int) -> list[list[int]]:
        batches = TrainingBatches(part).epoch(16, seed=seed, epoch=epoch)
        return [batch.labels.tolist() for batch in batches]

    assert labels(3, 1) == labels(3, 1)
    assert labels(3, 1) != labels(3, 2)
    assert labels(3, 1) != labels(4, 1)


def test_lengths_in_a_batch_lie_close_together():
    part = _part(_lengths(400, 50))
    for batch in TrainingBatches(part).epoch(16, seed=0, epoch=1):
        # sorted by length plus noise of MIXING: neighbours differ by that and the row's density
        assert batch.lengths.max() - batch.lengths.min() <= MIXING * 50 + 50 * 16 / 400 + 2


def test_bucketed_batches_hold_less_padding_than_random_ones():
    lengths = np.clip(np.random.default_rng(0).normal(40, 9, 2000).astype(int), 4, 93)
    part = _part(lengths)
    bucketed = sum(
        batch.values.shape[0] * batch.values.shape[1]
        for batch in TrainingBatches(part).epoch(64, seed=0, epoch=1)
    )
    row = np.random.default_rng(1).permutation(lengths)
    random = sum(64 * row[start : start + 64].max() for start in range(0, 2000, 64))
    assert bucketed < 1.3 * lengths.sum() < 0.9 * random


def test_series_of_equal_length_are_mixed_evenly():
    part = _part(np.full(64, 8))
    together = np.zeros((64, 64))
    for epoch in range(200):
        for batch in TrainingBatches(part).epoch(16, seed=0, epoch=epoch):
            together[np.ix_(batch.labels, batch.labels)] += 1
    pairs = together[~np.eye(64, dtype=bool)]
    # two series share a batch with probability 15/63: 47.6 of 200 epochs, deviation 6
    assert abs(pairs.mean() - 200 * 15 / 63) < 1e-9
    assert pairs.min() > 47.6 - 6 * 5
    assert pairs.max() < 47.6 + 6 * 5


@pytest.mark.parametrize(("count", "longest"), [(1, 1), (7, 9), (3000, 40)])
def test_evaluation_batches_hold_every_series_once_in_order_of_length(count, longest):
    part = _part(_lengths(count, longest))
    batches = evaluation_batches(part)
    lengths = torch.cat([batch.lengths for batch in batches]).tolist()
    assert lengths == sorted(part.lengths.tolist())
    assert sorted(torch.cat([batch.labels for batch in batches]).tolist()) == list(range(count))
    assert all(len(b.labels) * b.values.shape[1] <= EVALUATION_STEPS for b in batches)
    _check_contents(batches, part)


def test_a_series_longer_than_an_evaluation_batch_stands_alone(monkeypatch):
    monkeypatch.setattr("trainables.batches.EVALUATION_STEPS", 5)
    batches = evaluation_batches(_part(np.array([9, 2, 2, 7])))
    assert [batch.labels.tolist() for batch in batches] == [[1, 2], [3], [0]]


def test_read_only_data_is_used_as_it_is_without_a_warning():
    part = _part(_lengths(20, 6))
    for array in (part.values, part.lengths, part.labels):
        array.flags.writeable = False
    assert len(list(TrainingBatches(part).epoch(8, seed=0, epoch=1))) == 3
    assert len(evaluation_batches(part)) == 1
