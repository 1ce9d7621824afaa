"""Data that a person's function returns."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import numpy as np
import pytest

from searchspaces.errors import ConfigurationError
from trainables.data import info, load_sweep_data, load_test_part, source_of
from trainables.data.catalog import check_dataset_name

MODULE = textwrap.dedent("""
    import numpy as np

    VALUES = np.random.default_rng(0).normal(size=(30, 5, 3))
    LABEL = np.arange(30) % 3

    def mapping():
        return {"values": VALUES, "label": LABEL, "group": np.arange(30) // 3}

    def pair():
        return VALUES, LABEL

    def uneven():
        return [values[: 1 + row % 5] for row, values in enumerate(VALUES)], LABEL

    def tested():
        return {"train": (VALUES[:20], LABEL[:20]), "test": (VALUES[20:, :2], LABEL[20:])}

    def raising():
        return 1 / 0

    def nothing():
        return None

    def pairless():
        return [1, 2]

    def failing():
        class Rows:
            def __len__(self):
                return 3

            def __getitem__(self, index):
                raise KeyError("lost")

        return Rows()

    class Other:
        pass

    number = 3
""")

TORCH = textwrap.dedent("""
    import torch
    from torch.utils.data import Dataset, IterableDataset

    PIXELS = torch.arange(12 * 3 * 4 * 5, dtype=torch.float32).reshape(12, 3, 4, 5)

    class Pictures(Dataset):
        def __len__(self):
            return 12

        def __getitem__(self, index):
            return PIXELS[index].requires_grad_(), torch.tensor(index % 2)

    class Stream(IterableDataset):
        def __iter__(self):
            for index in range(12):
                yield torch.ones(1 + index % 4, 2, dtype=torch.bfloat16) * index, "ab"[index % 2]

    def pictures():
        return Pictures()

    def parts():
        return {"train": Stream(), "test": Stream()}
""")


@pytest.fixture(autouse=True)
def modules(tmp_path, monkeypatch):
    (tmp_path / "own_arrays.py").write_text(MODULE)
    (tmp_path / "own_torch.py").write_text(TORCH)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("ORCH_DATA", str(tmp_path / "data"))
    yield tmp_path
    for name in ("own_arrays", "own_torch"):
        sys.modules.pop(name, None)


def test_a_mapping_of_arrays_is_split_like_any_other_data():
    data = load_sweep_data("own_arrays:mapping")
    assert data.split == "group: 2 of 8 groups held out"
    assert (len(data.train), len(data.valid)) == (18, 6)
    assert len(load_test_part("own_arrays:mapping")) == 6
    assert info("own_arrays:mapping").status == "own"


def test_a_pair_is_values_and_labels_and_a_list_may_be_of_unequal_lengths():
    data = load_sweep_data("own_arrays:pair")
    assert data.split == "stratified: 6 of 24 series held out"
    uneven = source_of("own_arrays:uneven").parse(None, "train")
    assert sorted(np.unique(uneven.lengths)) == [1, 2, 3, 4, 5]
    assert not uneven.values[np.arange(5) >= uneven.lengths[:, None]].any()


def test_a_function_may_say_what_tests_and_pads_both_parts_alike():
    source = source_of("own_arrays:tested")
    test = source.parse(None, "test")
    assert (len(source.parse(None, "train")), len(test)) == (20, 10)
    assert set(test.lengths) == {2}
    assert test.values.shape == (10, 5, 3)


def test_images_of_a_torch_dataset_get_their_channels_last():
    source = source_of("own_torch:pictures")
    assert source.channels == 3
    pixels = np.arange(12 * 3 * 4 * 5, dtype=np.float32).reshape(12, 3, 4, 5)
    first = source.parse(None, "train").values[0].reshape(4, 5, 3)
    image = int(first[0, 0, 0]) // 60
    for channel in range(3):
        np.testing.assert_array_equal(first[..., channel], pixels[image, channel])


def test_a_torch_stream_in_two_parts_is_iterated():
    source = source_of("own_torch:parts")
    train, test = source.parse(None, "train"), source.parse(None, "test")
    assert source.classes == ("a", "b")
    np.testing.assert_array_equal(train.values, test.values)
    assert train.lengths.tolist() == [1, 2, 3, 4] * 3
    assert train.values[7].tolist() == [[7.0, 7.0]] * 4


def test_arrays_are_taken_without_importing_torch(modules):
    script = (
        "import sys; from trainables.data import load_sweep_data;"
        "load_sweep_data('own_arrays:mapping');"
        "print(sorted({'ray', 'sklearn', 'torch'} & {*sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=modules
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("raising", "own_arrays:raising: the function failed: ZeroDivisionError: "
         "division by zero."),
        ("nothing", "own_arrays:nothing: the function returned NoneType. Return a mapping of "
         "arrays, a pair of values and labels, or a Dataset."),
        ("pairless", "own_arrays:pairless: item 0 of the Dataset is no pair of values and label."),
        ("failing", "own_arrays:failing: the Dataset failed at item 0: KeyError: 'lost'."),
        ("number", "data set 'own_arrays:number' is neither a DatasetSource nor a function that "
         "returns data"),
        ("Other", "data set 'own_arrays:Other' is no subclass of DatasetSource"),
        ("absent", "data set 'own_arrays:absent' does not load: module 'own_arrays' has no "
         "attribute 'absent'"),
    ],
)  # fmt: skip
def test_a_function_that_returns_something_else_is_named(name, message):
    with pytest.raises(ConfigurationError) as caught:
        source_of(f"own_arrays:{name}")
    assert str(caught.value) == message


def test_a_name_is_checked_without_calling_the_function():
    check_dataset_name("own_arrays:raising")
    with pytest.raises(ConfigurationError, match="neither a DatasetSource nor a function"):
        check_dataset_name("own_arrays:number")
