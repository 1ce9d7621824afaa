"""Gestures: one zip of thousands of recordings, read in place."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import numpy as np
import pytest

from searchspaces.errors import UsageError
from trainables.data import DamagedDataError, DataFile
from trainables.data.archive import read_members
from trainables.data.fetching import fetch_source
from trainables.data.load import published_part, sweep_data
from trainables.data.sources.gestures import Gestures
from trainables.data.testing import check_dataset

PUBLISHED = Path(__file__).parents[4] / "shared" / "data" / "gestures-dataset.zip"


def recording(user, gesture, attempt):
    """Lines as the watch writes them: three clocks, then x, y, z."""
    steps = 2 + (user + gesture + attempt) % 3
    return "".join(
        f"1384186054{step:03} 789525989{step:05} 1452{step} {user}.5 -{gesture}.25 {attempt}.0\n"
        for step in range(steps)
    )


def recordings():
    return {
        f"U{user:02}/{gesture:02}/{attempt:02}.txt": recording(user, gesture, attempt)
        for user in range(1, 9)
        for gesture in range(1, 21)
        for attempt in (1, 2)
    }


def write_zip(path, members, top="gestures-dataset/"):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(f"{top}info.txt", "--- FORMAT ---")
        made.writestr("__MACOSX/gestures-dataset/U01/01/._01.txt", "no recording")
        for name, content in members.items():
            made.writestr(f"{top}{name}", content)
    return path


@pytest.fixture
def small(tmp_path):
    """The source of a zip with two attempts of each, and that zip."""
    members = recordings()
    digest = hashlib.sha256()
    for name in sorted(members):
        digest.update(f"{name} {len(members[name])} ".encode() + members[name].encode())

    class Small(Gestures):
        name = "small"
        content = digest.hexdigest()[:16]

    return Small(), write_zip(tmp_path / "mine.zip", members)


def test_a_zip_of_any_name_is_kept_whole_and_parsed_from(small, tmp_path):
    source, archive = small
    fetched = fetch_source(source, tmp_path / "data", given=archive)
    own = tmp_path / "data" / "small"
    assert sorted(path.name for path in own.iterdir() if path.name[0] != ".") == [
        "gestures-dataset.zip", "parsed"
    ]  # fmt: skip
    assert (own / "gestures-dataset.zip").read_bytes() == archive.read_bytes()
    assert fetched.series == (240, 80)
    part = published_part(source, tmp_path / "data", "train")
    row = int(np.flatnonzero((part.groups == 0) & (part.labels == 4))[1])
    assert part.lengths[row] == 2 + (1 + 5 + 2) % 3
    assert part.values[row, 0].tolist() == [1.5, -5.25, 2.0]
    check_dataset(source, own)


@pytest.mark.parametrize("given", ["folder of zip", "unpacked", "unpacked deeper"])
def test_the_folder_it_unpacks_to_is_taken_as_well(small, tmp_path, given):
    source, archive = small
    below = tmp_path / "below"
    if given == "folder of zip":
        below.mkdir()
        archive.rename(below / "named otherwise.zip")
    else:
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(below)
    folder = below / "gestures-dataset" if given == "unpacked" else below
    found = fetch_source(source, tmp_path / "data", given=folder)
    assert (found.outcome, found.series) == ("fetched", (240, 80))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("U03/07/02.txt", "1 2 3 4 5\n", "/U03/07/02.txt:1: has 5 columns, not 6."),
        ("U03/07/02.txt", "", "/U03/07/02.txt: is empty."),
        ("U03/07/02.txt", "1 2 3 4 5 6\n1 2 3 4 5 nan\n",
         "/U03/07/02.txt:2: column 6: 'nan' is not a finite number."),
        ("U03/07/02.txt", "1 2 3 4 5 6\n", ": the 320 recordings in it are not as published: "),
        ("U03/07/03.txt", "1 2 3 4 5 6\n", ": the 321 recordings in it are not as published: "),
    ],
)  # fmt: skip
def test_a_damaged_recording_is_named_in_the_zip_that_was_given(
    small, tmp_path, name, content, message
):
    source, _ = small
    archive = write_zip(tmp_path / "bad.zip", {**recordings(), name: content})
    with pytest.raises(DamagedDataError) as caught:
        fetch_source(source, tmp_path / "data", given=archive)
    assert str(caught.value).startswith(f"{archive}{message}")
    assert str(caught.value).endswith("Give it as its source publishes it.")
    assert not (tmp_path / "data" / "small" / "gestures-dataset.zip").exists()


def test_what_holds_no_recordings_is_refused(small, tmp_path):
    source, _ = small
    other = tmp_path / "other.zip"
    with zipfile.ZipFile(other, "w") as made:
        made.writestr("readme.txt", "")
    with pytest.raises(DamagedDataError, match="is no zip with files such as gestures-dataset"):
        fetch_source(source, tmp_path / "data", given=other)
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        UsageError, match=r"holds neither gestures-dataset\.zip nor what it unpacks"
    ):
        fetch_source(source, tmp_path / "data", given=tmp_path / "empty")


def test_members_are_read_sorted_counted_and_only_once(tmp_path):
    file = DataFile("a.zip", members="[a-z]/[0-9][.]txt", max_bytes=99)
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as made:
        for name in ("x/b/2.txt", "x/b/1.txt", "x/../../c/1.txt", "xb/1.txt", "b/1.txtz"):
            made.writestr(name, name[-5:])
    assert [(path[0], content) for path, content in read_members(archive, file)][1:] == [
        ("b/2.txt", b"2.txt"), ("c/1.txt", b"1.txt")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"b/1.txt": "x" * 11}, "holds more than 10 bytes."),
        ({"b/1.txt": "x" * 6, "b/2.txt": "x" * 6}, "holds more than 10 bytes."),
        ({"b/1.txt": "", "c/b/1.txt": ""}, "b/1.txt is in the zip twice."),
    ],
)
def test_a_zip_that_is_too_large_or_double_is_refused(tmp_path, members, message):
    file = DataFile("a.zip", members="[a-z]/[0-9][.]txt", max_bytes=10)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(name, content)
    with pytest.raises(DamagedDataError) as caught:
        list(read_members(tmp_path / "a.zip", file))
    assert str(caught.value) == f"{tmp_path / 'a.zip'}: {message}"


@pytest.fixture(scope="module")
def gestures(tmp_path_factory):
    """Data folder with the published recordings."""
    if not PUBLISHED.is_file():
        pytest.skip("the published zip of gestures is not beside the repository")
    folder = tmp_path_factory.mktemp("gestures")
    fetch_source(Gestures(), folder, given=PUBLISHED)
    return folder


def test_the_published_recordings_have_the_counts_of_their_files(gestures):
    train = published_part(Gestures(), gestures, "train")
    test = published_part(Gestures(), gestures, "test")
    both = train.joined(test)
    # counted with unzip -l and wc: files of each user, lines of all
    assert np.bincount(both.groups).tolist() == [401, 417, 429, 400, 402, 401, 400, 401]
    assert int(both.lengths.sum()) == 64_070
    assert (int(both.lengths.min()), int(both.lengths.max())) == (10, 51)
    assert np.unique(test.groups).tolist() == [1, 2]
    # the first line of U01/01/01.txt
    first = train.values[(train.groups == 0) & (train.labels == 0)][0, 0]
    assert first.tolist() == np.float32([1.532289, -0.919373, 10.113108]).tolist()


def test_two_users_validate_and_nobody_is_on_two_sides(gestures):
    for seed in range(4):
        data = sweep_data(Gestures(), gestures, seed=seed)
        assert data.split == "group: 2 of 6 users held out"
        train, valid = set(data.train.groups.tolist()), set(data.valid.groups.tolist())
        assert (len(train), len(valid)) == (4, 2)
        assert not (train | valid) & {1, 2}
        assert (data.facts.features, data.facts.classes, data.facts.steps) == (3, 20, 51)


def test_the_published_split_is_a_fifth_of_all_recordings_and_says_so(gestures):
    data = sweep_data(Gestures(), gestures, seed=0, split="published")
    assert (len(data.train), len(data.valid)) == (2601, 650)
    assert set(data.train.groups.tolist()) == set(data.valid.groups.tolist()) == set(range(8))
    assert data.warning == (
        "scores are optimistic: the same users train and validate, configs are chosen on what "
        "reports test on, and no test part is left"
    )
