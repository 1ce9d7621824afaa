"""A small data set of the published form, and the published one where it is at hand."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from trainables.data import DataFile
from trainables.data.sources.spoken_arabic_digits import SpokenArabicDigits

TRAIN, TEST = "Train_Arabic_Digit.txt", "Test_Arabic_Digit.txt"
SHARED_ZIP = Path(__file__).parents[4] / "shared" / "data" / "spoken_arabic_digit.zip"


def block_text(series):
    """Blocks as UCI writes them: a line of spaces before each."""
    lines = []
    for one in series:
        lines.append(" " * 12)
        lines += [" ".join(repr(float(value)) for value in step) for step in one]
    return "\n".join(lines) + "\n"


def little_series(speakers, utterances, seed):
    draw = np.random.default_rng(seed)
    count = 10 * speakers * utterances
    return [draw.normal(size=(draw.integers(1, 6), 13)).astype(np.float32) for _ in range(count)]


@pytest.fixture
def as_blocks():
    """The function that writes series as a block file."""
    return block_text


@pytest.fixture
def little_files(tmp_path):
    """Folder with both text files: 6 speakers to train (3 male), 2 to test, 2 utterances."""
    folder = tmp_path / "published"
    folder.mkdir()
    (folder / TRAIN).write_text(block_text(little_series(6, 2, seed=1)))
    (folder / TEST).write_text(block_text(little_series(2, 2, seed=2)))
    return folder


@pytest.fixture
def make_source():
    """A function from a folder to a source whose checksums are those of the files there."""

    def make(folder, *, url="", checked=True, max_bytes=1 << 20):
        def declared(name, part):
            found = hashlib.sha256((folder / name).read_bytes()).hexdigest()
            return DataFile(name, sha256=found if checked else None, part=part, max_bytes=max_bytes)

        address = url

        class Little(SpokenArabicDigits):
            name = "little"
            speakers: ClassVar = {"train": 6, "test": 2}
            utterances = 2
            files = (declared(TRAIN, "train"), declared(TEST, "test"))
            url = address

        return Little()

    return make


@pytest.fixture
def little(little_files, make_source):
    """The source of ``little_files``."""
    return make_source(little_files)


@pytest.fixture
def placed(tmp_path, little_files, little):
    """A data folder in which ``little`` is present, not yet parsed."""
    folder = tmp_path / "data"
    own = folder / "little"
    own.mkdir(parents=True)
    for file in little_files.iterdir():
        (own / file.name).write_bytes(file.read_bytes())
    return folder


@pytest.fixture(scope="session")
def shared_zip():
    """UCI's zip; tests that need the published data are skipped where it is absent."""
    if not SHARED_ZIP.is_file():
        pytest.skip("the published zip of spoken-arabic-digits is not beside the repository")
    return SHARED_ZIP
