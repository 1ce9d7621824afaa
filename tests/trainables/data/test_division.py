"""Splits by name: what they hold out, what they say of it, and when they are refused."""

from __future__ import annotations

import numpy as np
import pytest

from searchspaces.errors import ConfigurationError, UnknownNameError
from trainables.data import load_sweep_data, load_test_part
from trainables.data.fingerprint import fingerprint
from trainables.data.load import published_part, sweep_data
from trainables.data.part import Part
from trainables.data.testing import check_dataset


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("ORCH_DATA", str(tmp_path / "data"))


def test_whole_speakers_are_held_out_unless_told_otherwise(little, placed):
    data = sweep_data(little, placed, seed=0)
    assert data.split == "group: 1 of 6 speakers held out"
    assert data.warning == ""
    assert data.split == sweep_data(little, placed, seed=0, split="group").split


def test_a_stratified_split_draws_series_and_warns_that_speakers_are_shared(little, placed):
    data = sweep_data(little, placed, seed=0, split="stratified")
    assert data.split == "stratified: 24 of 120 series held out, speakers shared"
    assert data.warning == "scores are optimistic: the same speakers train and validate"
    train = published_part(little, placed, "train")
    held, of = np.bincount(data.valid.labels), np.bincount(train.labels)
    assert (np.abs(held - 0.2 * of) < 1).all()


def test_the_published_split_validates_on_the_test_part_and_warns(little, placed):
    data = sweep_data(little, placed, seed=0, split="published")
    train = published_part(little, placed, "train")
    test = published_part(little, placed, "test")
    np.testing.assert_array_equal(data.train.labels, train.labels)
    np.testing.assert_array_equal(data.valid.groups, test.groups)
    assert data.split == "published: the test part as published validates; its score is optimistic"
    assert data.warning == (
        "scores are optimistic: configs are chosen on what reports test on, "
        "and no test part is left"
    )


def test_facts_count_the_steps_of_both_parts(little, placed):
    data = sweep_data(little, placed, seed=0, split="published")
    assert data.facts.steps == max(data.train.values.shape[1], data.valid.values.shape[1])


def test_a_split_that_a_data_set_has_not_is_refused_in_one_line():
    for split, what in (
        ("group", "has no groups to hold out"),
        ("published", "has no published split"),
    ):
        with pytest.raises(ConfigurationError) as caught:
            load_sweep_data("digits", split=split)
        assert str(caught.value) == f"split: data set 'digits' {what}. Give stratified."
    with pytest.raises(UnknownNameError, match=r"unknown split 'groups'\. Did you mean 'group'"):
        load_sweep_data("digits", split="groups")


def test_nothing_is_left_to_test_on_after_the_published_split(monkeypatch, little, placed):
    monkeypatch.setattr("trainables.data.load.source_of", lambda name: little)
    monkeypatch.setenv("ORCH_DATA", str(placed))
    with pytest.raises(ConfigurationError) as caught:
        load_test_part("little", split="published")
    assert str(caught.value) == (
        "split: with split published the sweep has seen the test part of 'little', so nothing is "
        "left to test on. Sweep with split group."
    )
    assert len(load_test_part("little", split="stratified")) == 40


def test_the_test_part_is_opened_for_the_published_split_only(little, placed, monkeypatch):
    (placed / "little" / "Test_Arabic_Digit.txt").unlink()
    for split in ("group", "stratified"):
        sweep_data(little, placed, seed=0, split=split)
    with pytest.raises(Exception, match="no data for 'little'"):
        sweep_data(little, placed, seed=0, split="published")


def test_a_fingerprint_tells_any_change_and_no_difference_of_memory():
    part = Part.from_series([np.ones((2, 1)), np.ones((3, 1))], [0, 1], [4, 5])
    known = fingerprint(part, part)
    assert known == fingerprint(part.take(np.array([0, 1])), part)
    assert len(known) == 16
    for name in ("values", "lengths", "labels", "groups"):
        other = part.take(np.array([0, 1]))
        getattr(other, name).flat[0] += 1
        assert fingerprint(other, part) != known
        assert fingerprint(part, other) != known


def test_seeds_and_splits_have_fingerprints_of_their_own(little, placed):
    found = {
        sweep_data(little, placed, seed=seed, split=split).fingerprint
        for seed in (0, 1)
        for split in ("group", "stratified", "published")
    }
    assert len(found) == 5  # published knows no seed


def test_the_check_finds_a_published_split_that_hides_what_it_shares(
    little, little_files, monkeypatch
):
    monkeypatch.setattr(type(little), "published", lambda self, train, test, seed: (train, train))
    with pytest.raises(
        AssertionError, match="no series twice and none made up with split published"
    ):
        check_dataset(little, little_files)


def test_the_check_finds_a_published_split_that_is_promised_and_fails(
    little, little_files, monkeypatch
):
    def failing(self, train, test, seed):
        raise ConfigurationError("not today")

    monkeypatch.setattr(type(little), "published", failing)
    with pytest.raises(AssertionError, match="a data set promises the split published"):
        check_dataset(little, little_files)


def test_joined_parts_keep_their_series_and_pad_to_the_longest():
    one = Part.from_series([np.full((2, 1), 1.0)], [0], [0])
    other = Part.from_series([np.full((3, 1), 2.0)], [1], [1])
    both = one.joined(other)
    assert both.values[..., 0].tolist() == [[1, 1, 0], [2, 2, 2]]
    assert (both.lengths.tolist(), both.labels.tolist()) == ([2, 3], [0, 1])
    assert both.groups.tolist() == [0, 1]
