"""Fashion-MNIST: IDX files of any length, and what is said where they are a part."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import numpy as np
import pytest

from trainables.data import DamagedDataError, info
from trainables.data.fetching import fetch_source
from trainables.data.load import published_part, sweep_data
from trainables.data.sources.fashion_mnist import FashionMnist
from trainables.data.testing import check_dataset

PART = Path(__file__).parents[4] / "shared" / "data" / "fashion-mnist-part.zip"
NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte",
         "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")  # fmt: skip


def idx(array):
    header = bytes((0, 0, 8, array.ndim)) + np.array(array.shape, ">u4").tobytes()
    return header + array.astype(np.uint8).tobytes()


def contents(train=40, test=20):
    draw = np.random.default_rng(0)
    found = {}
    for name, count in ((NAMES[0], train), (NAMES[2], test)):
        found[name] = idx(draw.integers(0, 256, (count, 28, 28)))
        found[name.replace("images-idx3", "labels-idx1")] = idx(np.arange(count) % 10)
    return found


@pytest.mark.parametrize("form", ["plain", "gzip", "dotted", "mixed"])
@pytest.mark.parametrize("given", ["folder", "zip", "file"])
def test_files_are_taken_plain_or_packed_from_a_folder_or_a_zip(tmp_path, form, given):
    folder = tmp_path / "given"
    folder.mkdir()
    for at, (name, content) in enumerate(sorted(contents().items())):
        packed = form == "gzip" or (form == "mixed" and at % 2)
        called = name.replace("-idx", ".idx") if form == "dotted" else name
        (folder / f"{called}{'.gz' if packed else ''}").write_bytes(
            gzip.compress(content) if packed else content
        )
    path = {"folder": folder, "file": min(folder.iterdir()), "zip": tmp_path / "a.zip"}[given]
    if given == "zip":
        with zipfile.ZipFile(path, "w") as made:
            for file in folder.iterdir():
                made.write(file, f"some/{file.name}")
    found = fetch_source(FashionMnist(), tmp_path / "data", given=path)
    assert (found.series, found.published) == ((40, 20), (60_000, 10_000))
    check_dataset(FashionMnist(), tmp_path / "data" / "fashion-mnist")


def write_all(folder, changes):
    folder.mkdir()
    for name, content in {**contents(), **changes}.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (NAMES[1], idx(np.zeros(39)), "has 39 labels for 40 images."),
        (NAMES[3], idx(np.arange(20)), "label 10 (from 0) is 10, not 0 to 9."),
        (NAMES[0], idx(np.zeros((40, 9, 9))), "holds 40 x 9 x 9 pixels, not images of 28 x 28."),
        (NAMES[2], idx(np.zeros((0, 28, 28))), "holds 0 x 28 x 28 pixels, not images of 28 x 28."),
        (NAMES[0], contents()[NAMES[0]][:-7], "is cut: 31,353 of 31,360 bytes of its "
         "40 x 28 x 28 array."),
    ],
    ids=["labels", "classes", "side", "none", "cut"],
)  # fmt: skip
def test_counts_that_do_not_agree_are_named(tmp_path, name, content, message):
    folder = write_all(tmp_path / "given", {name: content})
    with pytest.raises(DamagedDataError) as caught:
        fetch_source(FashionMnist(), tmp_path / "data", given=folder)
    assert str(caught.value) == f"{folder / name}: {message} Give it as its source publishes it."


@pytest.fixture(scope="module")
def fashion(tmp_path_factory):
    """Data folder with the part of the published set."""
    if not PART.is_file():
        pytest.skip("the part of fashion-mnist is not beside the repository")
    folder = tmp_path_factory.mktemp("fashion")
    fetch_source(FashionMnist(), folder, given=PART)
    return folder


def test_the_part_has_the_counts_of_its_headers_and_the_labels_as_published(fashion):
    train = published_part(FashionMnist(), fashion, "train")
    test = published_part(FashionMnist(), fashion, "test")
    assert (train.values.shape, test.values.shape) == ((3615, 28, 28), (4443, 28, 28))
    # the first labels of the published files: ankle boot, T-shirt, T-shirt, dress, T-shirt
    assert train.labels[:5].tolist() == [9, 0, 0, 3, 0]
    assert test.labels[:6].tolist() == [9, 2, 1, 1, 6, 1]
    assert (train.values.min(), train.values.max()) == (0, 255)


def test_whatever_is_told_of_the_part_says_that_it_is_a_part(fashion, monkeypatch):
    data = sweep_data(FashionMnist(), fashion, seed=0)
    assert data.split == (
        "stratified: 602 of 3615 series held out; a part, 3,615 of the published 60,000 series"
    )
    assert (data.facts.channels, data.facts.steps, data.facts.features) == (1, 28, 28)
    published = sweep_data(FashionMnist(), fashion, seed=0, split="published")
    assert published.split.endswith("; a part, 8,058 of the published 70,000 series")
    monkeypatch.setenv("ORCH_DATA", str(fashion))
    assert info("fashion-mnist").cut == (
        "3,615 of the published 60,000 train series and 4,443 of the published 10,000 test series"
    )


def test_nothing_is_said_of_a_part_where_all_images_are_there(tmp_path, monkeypatch):
    folder = write_all(tmp_path / "given", {})
    monkeypatch.setattr(FashionMnist, "published_series", {"train": 40, "test": 20})
    fetch_source(FashionMnist(), tmp_path / "data", given=folder)
    data = sweep_data(FashionMnist(), tmp_path / "data", seed=0)
    assert data.split == "stratified: 7 of 40 series held out"
