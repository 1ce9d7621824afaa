"""The data sets that come with orch, against what their sources say of them."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_digits

from trainables.data import datasets, info, load_sweep_data, load_test_part
from trainables.data.fetching import fetch_source
from trainables.data.load import published_part, sweep_data
from trainables.data.scale import Scale
from trainables.data.sources.digits import Digits
from trainables.data.sources.spoken_arabic_digits import SpokenArabicDigits
from trainables.data.testing import check_dataset


@pytest.fixture
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("ORCH_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture(scope="session")
def spoken(tmp_path_factory, shared_zip):
    """Data folder with the published Spoken Arabic Digits."""
    folder = tmp_path_factory.mktemp("spoken")
    fetch_source(SpokenArabicDigits(), folder, given=shared_zip)
    return folder


def test_every_name_is_the_name_of_its_class():
    assert datasets.names() == ("digits", "fashion-mnist", "gestures", "spoken-arabic-digits")
    for name, member in datasets.members().items():
        assert member.name == name


def test_digits_keep_the_promises_of_data_sets(tmp_path):
    check_dataset(Digits(), tmp_path)


def test_a_small_file_of_the_published_form_keeps_them_too(little, little_files):
    check_dataset(little, little_files)


def test_the_check_finds_a_speaker_in_both_published_parts(little, little_files, monkeypatch):
    parse = little.parse

    def overlapping(folder, part):
        found = parse(folder, part)
        found.groups[:] %= 6
        return found

    monkeypatch.setattr(little, "parse", overlapping)
    with pytest.raises(AssertionError, match="no group in both published parts"):
        check_dataset(little, little_files)


def test_digits_are_the_images_of_scikit_learn_row_by_row(own_folder):
    images = load_digits().images.astype(np.float32)
    parts = [published_part(Digits(), own_folder, part) for part in ("train", "test")]
    got = np.sort(np.concatenate([part.values for part in parts]).reshape(-1, 64), axis=0)
    np.testing.assert_array_equal(got, np.sort(images.reshape(-1, 64), axis=0))
    first = parts[0].values[0] if (parts[0].values[0] == images[0]).all() else parts[1].values[0]
    np.testing.assert_array_equal(first, images[0])


def test_digits_split_60_20_20_by_class_with_a_test_part_that_no_seed_moves(own_folder):
    one, other = load_sweep_data("digits", seed=0), load_sweep_data("digits", seed=1)
    test = published_part(Digits(), own_folder, "test")
    assert (len(one.train), len(one.valid), len(test)) == (1078, 360, 359)
    assert one.split == "stratified: 360 of 1438 series held out"
    assert one.facts.features == 8
    assert (one.facts.steps, one.facts.classes) == (8, 10)
    total = np.bincount(load_digits().target)
    for part, share in ((one.train, 0.6), (one.valid, 0.2), (test, 0.2)):
        assert (np.abs(np.bincount(part.labels) - share * total) < 2).all()
    assert not np.array_equal(one.valid.labels, other.valid.labels)
    # normalised differently, the test part holds the same images for every seed
    np.testing.assert_array_equal(
        load_test_part("digits", seed=0).labels, load_test_part("digits", seed=1).labels
    )


def test_sweep_data_are_normalised_by_the_training_part_alone(own_folder):
    found = load_sweep_data("digits", seed=3)
    values = found.train.values.astype(np.float64)
    np.testing.assert_allclose(values.mean(axis=(0, 1)), 0, atol=1e-5)
    np.testing.assert_allclose(values.std(axis=(0, 1)), 1, atol=1e-5)
    published = published_part(Digits(), own_folder, "train")
    split = Digits().split(published, 3)
    scale = Scale.of(published.take(split.train))
    np.testing.assert_array_equal(
        found.valid.values, scale.applied(published.take(split.valid)).values
    )
    test = published_part(Digits(), own_folder, "test")
    np.testing.assert_array_equal(
        load_test_part("digits", seed=3).values, scale.applied(test).values
    )


def test_a_cached_data_set_loads_neither_scikit_learn_nor_torch_nor_ray(own_folder):
    load_sweep_data("digits")
    script = (
        "import sys; from trainables.data import load_sweep_data; load_sweep_data('digits');"
        "print(sorted({'sklearn', 'scipy', 'torch', 'ray', 'pooch', 'pandas'} & {*sys.modules}))"
    )
    found = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
    assert found.stdout.decode().strip() == "[]"


def test_spoken_arabic_digits_have_the_published_counts(spoken):
    source = SpokenArabicDigits()
    train = published_part(source, spoken, "train")
    test = published_part(source, spoken, "test")
    # UCI: 660 blocks a digit to train, 220 to test; half of each male
    assert np.bincount(train.labels).tolist() == [330] * 20
    assert np.bincount(test.labels).tolist() == [110] * 20
    assert train.values.shape == (6600, 93, 13)
    assert np.bincount(train.groups).tolist() == [100] * 66
    assert np.unique(test.groups).tolist() == list(range(66, 88))
    # steps counted with awk: lines of 13 columns in each file
    assert (int(train.lengths.sum()), int(test.lengths.sum())) == (263256, 87063)
    # the first line of the first block
    assert train.values[0, 0, :3].tolist() == np.float32([-0.81101, -7.2382, 1.5429]).tolist()
    assert test.values[0, 0, :3].tolist() == np.float32([1.2572, -8.2449, 0.8483]).tolist()


def test_labels_and_speakers_follow_the_order_of_the_published_file(spoken):
    train = published_part(SpokenArabicDigits(), spoken, "train")
    names = SpokenArabicDigits.classes
    # block (from 0) -> digit and gender, speaker
    for block, name, speaker in [
        (0, "0 male", 0),
        (9, "0 male", 0),
        (10, "0 male", 1),
        (329, "0 male", 32),
        (330, "0 female", 33),
        (659, "0 female", 65),
        (660, "1 male", 0),
        (6599, "9 female", 65),
    ]:
        assert (names[train.labels[block]], train.groups[block]) == (name, speaker)


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_thirteen_speakers_of_both_genders_validate_in_all_ten_digits(spoken, seed):
    found = sweep_data(SpokenArabicDigits(), spoken, seed=seed)
    assert found.split == "group: 13 of 66 speakers held out"
    held = np.unique(found.valid.groups)
    assert len(held) == 13
    assert sorted([int((held < 33).sum()), int((held >= 33).sum())]) == [6, 7]
    assert not set(held) & set(found.train.groups)
    for digit in range(10):
        of_digit = found.valid.groups[found.valid.labels // 2 == digit]
        assert np.bincount(of_digit, minlength=66)[held].tolist() == [10] * 13
    assert (len(found.train), len(found.valid)) == (5300, 1300)
    padding = np.arange(93) >= found.valid.lengths[:, None]
    assert not found.valid.values[padding].any()
    assert (found.facts.features, found.facts.classes, found.facts.steps) == (13, 20, 93)


def test_info_describes_the_published_data(spoken, monkeypatch):
    monkeypatch.setenv("ORCH_DATA", str(spoken))
    found = info("spoken-arabic-digits")
    assert {name: part.series for name, part in found.parts.items()} == {
        "train": 5300,
        "valid": 1300,
        "test": 2200,
    }
    assert {name: part.groups for name, part in found.parts.items()} == {
        "train": 53,
        "valid": 13,
        "test": 22,
    }
    assert found.parts["test"].balance == (110,) * 20
    assert found.parts["test"].steps == (7, 39.0, 83)
    assert found.classes[:2] == ("0 male", "0 female")
    assert found.folder == spoken / "spoken-arabic-digits"
    assert found.bytes > 37_000_000
