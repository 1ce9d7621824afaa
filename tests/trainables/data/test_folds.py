"""K folds inside the training part: whole groups, equal proportions, one array."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from searchspaces.errors import ConfigurationError
from trainables.data import Part, deal, load_folded_data, load_sweep_data
from trainables.data.fingerprint import fingerprint
from trainables.data.folds import folded_data


def part_of(labels, groups):
    count = len(labels)
    return Part(
        values=np.zeros((count, 1, 1), np.float32),
        lengths=np.ones(count, np.int32),
        labels=np.asarray(labels, np.int64),
        groups=np.asarray(groups, np.int64),
    )


@settings(deadline=None, max_examples=60)
@given(
    males=st.integers(1, 12),
    females=st.integers(1, 12),
    folds=st.integers(2, 6),
    seed=st.integers(0, 2**40),
)
def test_no_speaker_is_in_two_folds_and_each_gender_is_dealt_evenly(males, females, folds, seed):
    if males + females < folds:
        return
    speakers = np.repeat(np.arange(males + females), 3)
    part = part_of((speakers >= males).astype(int), speakers)
    dealt = deal(part, folds=folds, seed=seed, noun="speakers")
    held = [set(part.groups[split.valid]) for split in dealt]
    assert sum(map(len, held)) == males + females == len(set.union(*held))
    for split in dealt:
        assert not set(part.groups[split.train]) & set(part.groups[split.valid])
        assert sorted([*split.train, *split.valid]) == list(range(len(part)))
    for counts in (
        [len(one) for one in held],
        [sum(speaker < males for speaker in one) for one in held],
    ):
        assert max(counts) - min(counts) <= 1
    assert dealt[0].description == (
        f"group, {folds} folds: each of {males + females} speakers validates once"
    )


@settings(deadline=None, max_examples=40)
@given(counts=st.lists(st.integers(1, 30), min_size=2, max_size=5), seed=st.integers(0, 2**32))
def test_series_without_owners_are_dealt_evenly_by_class(counts, seed):
    labels = np.repeat(np.arange(len(counts)), counts)
    dealt = deal(part_of(labels, np.full(len(labels), -1)), folds=2, seed=seed)
    for index, count in enumerate(counts):
        held = [int((labels[split.valid] == index).sum()) for split in dealt]
        assert sum(held) == count
        assert abs(held[0] - held[1]) <= 1
    assert dealt[0].description == (
        f"stratified, 2 folds: each of {len(labels)} series validates once"
    )


def test_the_same_seed_deals_alike_and_another_one_does_not():
    part = part_of(np.arange(60) % 3, np.full(60, -1))
    first, again, other = (deal(part, folds=3, seed=seed)[0].valid for seed in (4, 4, 5))
    assert first.tolist() == again.tolist() != other.tolist()


def test_more_folds_than_speakers_are_refused():
    part = part_of([0, 1] * 6, np.repeat(np.arange(3), 4))
    with pytest.raises(ConfigurationError) as error:
        deal(part, folds=5, seed=0, noun="speakers")
    assert str(error.value) == (
        "folds: 5 folds need 5 speakers, and there are 3. Give 3 or fewer, or split stratified."
    )


def test_a_fold_is_what_a_sweep_without_folds_would_see(little, placed):
    data = folded_data(little, placed, folds=3, seed=1)
    one = data.fold(1)
    rows = data.folds[1]
    assert one.train.labels.tolist() == data.whole.labels[rows.train].tolist()
    assert not set(one.train.groups) & set(one.valid.groups)
    valid = np.arange(one.train.values.shape[1]) < one.train.lengths[:, None]
    assert np.allclose(one.train.values[valid].mean(axis=0), 0, atol=1e-5)
    assert np.allclose(one.train.values[valid].std(axis=0), 1, atol=1e-4)
    assert not np.allclose(one.valid.values.mean(), 0, atol=1e-5)
    assert data.split == "group, 3 folds: each of 6 speakers validates once"
    assert data.facts == one.facts


def test_folds_never_touch_the_test_part(little, placed):
    (placed / "little" / "Test_Arabic_Digit.txt").unlink()
    assert len(folded_data(little, placed, folds=2, seed=0).whole) == 120


def test_other_folds_have_another_fingerprint():
    found = {folds: load_folded_data("digits", folds=folds, seed=0).fingerprint for folds in (3, 5)}
    plain = load_sweep_data("digits", seed=0)
    seeded = load_folded_data("digits", folds=3, seed=1).fingerprint
    assert len({*found.values(), plain.fingerprint, seeded}) == 4
    assert found[3] == load_folded_data("digits", folds=3, seed=0).fingerprint


def test_the_fingerprint_of_a_plain_split_is_what_runs_from_before_folds_have():
    series = [np.arange(6.0).reshape(3, 2), np.ones((1, 2))]
    train, valid = Part.from_series(series, [0, 1], [4, 5]), Part.from_series(series[:1], [1])
    assert fingerprint(train, valid) == "9d37b810a352fc76"


def test_folds_of_single_series_share_speakers_and_say_so(little, placed):
    data = folded_data(little, placed, folds=4, seed=0, split="stratified")
    assert data.split == "stratified, 4 folds: each of 120 series validates once, speakers shared"
    assert data.warning == "scores are optimistic: the same speakers train and validate"


@pytest.mark.parametrize(
    ("split", "line"),
    [
        (
            "published",
            "folds: split published has one validation part, that of the reports. Give split "
            "group, or leave folds out.",
        ),
        (
            None,
            "folds: data set 'little' holds out its validation part in a way of its own, which "
            "has no folds. Leave folds out.",
        ),
    ],
)
def test_what_has_no_folds_says_so(little, placed, split, line):
    if split is None:
        little = type("Ordered", (type(little),), {"split": lambda *_: None})()
    with pytest.raises(ConfigurationError) as error:
        folded_data(little, placed, folds=3, seed=0, split=split)
    assert str(error.value) == line
