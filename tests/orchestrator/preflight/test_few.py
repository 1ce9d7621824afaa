"""A few series in place of a data set, and the data as a check looks at them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from orchestrator.preflight.data import findings
from orchestrator.preflight.few import Few, few, padded_steps
from searchspaces import DataFacts
from searchspaces.errors import ConfigurationError
from trainables.data import Fold, FoldedData, Part, SweepData
from trainables.data.scale import Scale

FACTS = DataFacts(features=2, classes=3, steps=40)


def part(series, groups=None, seed=0):
    draw = np.random.default_rng(seed)
    lengths = draw.integers(1, 41, series)
    lengths[0] = 40
    return Part.from_series(
        [draw.normal(size=(length, 2)) for length in lengths], np.arange(series) % 3, groups
    )


def data(**changes):
    made = SweepData(part(600), part(90, seed=1), FACTS, "made-up", "none", ("a", "b", "c"))
    return replace(made, **changes)


def test_few_series_stand_for_all_lengths_and_hold_the_longest():
    found = few(data(), 32)
    lengths = found.data.train.lengths
    assert len(lengths) == 8 * 32
    assert lengths.max() == 40
    quantiles = np.linspace(0, 1, 11)
    expected = np.quantile(data().train.lengths, quantiles)
    assert np.abs(np.quantile(lengths, quantiles) - expected).max() <= 1


def test_small_data_are_taken_whole():
    small = data(train=part(20), valid=part(5))
    found = few(small, 256)
    assert sorted(found.data.train.lengths) == sorted(small.train.lengths)
    assert len(found.data.valid) == 5


def test_the_work_of_an_epoch_is_that_of_its_batches():
    # Of equal lengths nothing is padded: 600 and 90 series against 64 and 10, by hand.
    same = np.full(600, 10, dtype=np.int32)
    made = data(
        train=Part.from_series([np.ones((10, 2))] * 600, same % 3),
        valid=Part.from_series([np.ones((10, 2))] * 90, same[:90] % 3),
    )
    found = few(made, 32)
    assert found.share(found.batches(32, 2), 32) == pytest.approx((3 * 600 + 90) / (3 * 64 + 10))
    assert len(found.batches(32, 2).train) == 64
    assert len(found.batches(32, 100).train) == 8 * 32


@pytest.mark.parametrize(("size", "count", "valid"), [(16, 1, 2), (32, 2, 10), (256, 8, 90)])
def test_a_part_of_an_epoch_validates_as_large_a_part(size, count, valid):
    # Otherwise the cost of small batches would vanish beside that of the whole validation.
    assert len(few(data(), 256).batches(size, count).valid) == valid


def test_padding_counts_as_work():
    lengths = np.array([1, 40] * 50, dtype=np.int32)
    assert padded_steps(lengths, 1) == lengths.sum()
    assert padded_steps(lengths, 100) == 100 * 40
    assert padded_steps(lengths, 50) == 50 * 1 + 50 * 40  # sorted, the noise is below 8 steps


def test_what_is_packed_comes_out_the_same():
    made = few(data(), 16)
    words, content = made.packed()
    again = Few.unpacked(words, content)
    for one, other in ((made.data.train, again.data.train), (made.data.valid, again.data.valid)):
        for name in ("values", "lengths", "labels", "groups"):
            assert np.array_equal(getattr(one, name), getattr(other, name))
    assert (again.data.facts, again.data.labels) == (made.data.facts, made.data.labels)
    assert np.array_equal(again.train, made.train)


def test_groups_on_one_side_only_are_told_and_shared_ones_warned_of():
    apart = data(train=part(600, np.arange(600) % 5), valid=part(90, 5 + np.arange(90) % 2))
    line, warnings = findings(apart)
    assert line == "600 series to train, 90 to validate, none of 7 groups in both"
    assert warnings == []
    mixed = data(train=part(600, np.arange(600) % 5), valid=part(90, 3 + np.arange(90) % 3))
    line, warnings = findings(mixed)
    assert line == "600 series to train, 90 to validate"
    assert warnings == [
        "data: 2 of 6 groups (speakers, users) are in training and validation, so scores are too "
        "good for new ones. Hold whole groups out: --split group"
    ]


def test_what_the_split_itself_warns_of_is_not_said_twice():
    both = np.arange(600) % 5
    warned = data(train=part(600, both), valid=part(90, both[:90]), warning="optimistic")
    assert findings(warned) == ("600 series to train, 90 to validate", [])


def test_data_without_groups_are_neither_praised_nor_warned_of():
    assert findings(data()) == ("600 series to train, 90 to validate", [])


def test_a_class_without_a_series_is_named():
    train = part(600)
    train.labels[train.labels == 1] = 0
    assert findings(data(train=train))[1] == [
        "data: no training series of b, so they cannot be learned"
    ]


@pytest.mark.parametrize(
    ("break_", "problem"),
    [
        (lambda train: train.labels.__setitem__(3, 3),
         "dataset: label 3 in the training part is none of the 3 classes, 0 to 2. Mend the data."),
        (lambda train: train.labels.__setitem__(3, -1),
         "dataset: label -1 in the training part is none of the 3 classes, 0 to 2. "
         "Mend the data."),
        (lambda train: train.values.__setitem__((5, 0, 1), np.nan),
         "dataset: the training part has values that are not finite. Mend the data."),
        (lambda train: train.values.__setitem__((5, 0, 1), -np.inf),
         "dataset: the training part has values that are not finite. Mend the data."),
        (lambda train: train.lengths.__setitem__(2, 0),
         "dataset: a series of the training part has no steps. Mend the data."),
    ],
    ids=["label", "negative", "nan", "inf", "steps"],
)  # fmt: skip
def test_data_on_which_nothing_can_be_trained_are_refused(break_, problem):
    broken = data()
    break_(broken.train)
    with pytest.raises(ConfigurationError) as caught:
        findings(broken)
    assert str(caught.value) == problem


def test_of_folds_it_is_said_that_there_are_some_and_which_cannot_learn_a_class():
    whole = part(90)
    whole.labels[:] = 0
    whole.labels[0::9] = 1  # all in the first of three folds
    whole.labels[2::9] = 2  # all in the third
    rows = np.arange(90)
    folds = tuple(
        Fold(rows[rows % 3 != fold], rows[rows % 3 == fold], Scale.of(whole)) for fold in range(3)
    )
    made = FoldedData(whole, folds, FACTS, "made-up", "none", ("a", "b", "c"))
    assert findings(made) == (
        "60 series to train, 30 to validate, in the first of 3 folds",
        [
            "data: no training series of b, so they cannot be learned",
            "data: all series of c validate in fold 3, so there it cannot be learned",
        ],
    )
