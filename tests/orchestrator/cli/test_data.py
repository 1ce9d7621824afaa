"""``orch data`` as a person types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from orchestrator.cli.data import data
from searchspaces.errors import UnknownNameError, UsageError
from trainables.data import MissingDataError

SHARED_ZIP = Path(__file__).parents[4] / "shared" / "data" / "spoken_arabic_digit.zip"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("ORCH_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def output(*arguments):
    return CliRunner().invoke(data, arguments, catch_exceptions=False).output


def test_list_says_what_is_here_and_how_to_get_the_rest(folder):
    lines = output("list").splitlines()
    assert lines[0].split()[:2] == ["digits", "embedded"]
    assert lines[3].split()[:2] == ["spoken-arabic-digits", "fetchable"]
    assert lines[-1] == "next   orch data fetch fashion-mnist"
    rows = json.loads(output("list", "--json"))
    assert [(row["name"], row["status"], row["classes"]) for row in rows] == [
        ("digits", "embedded", 10),
        ("fashion-mnist", "fetchable", 10),
        ("gestures", "fetchable", 20),
        ("spoken-arabic-digits", "fetchable", 20),
    ]


def test_fetch_of_an_embedded_data_set_says_that_nothing_is_to_do(folder):
    lines = output("fetch", "digits").splitlines()
    assert lines[0] == "digits comes with orch; nothing to fetch"
    assert lines[1] == "series  1,438 to train and validate, 359 to test"
    assert json.loads(output("fetch", "digits", "--json"))["outcome"] == "embedded"


def test_info_tells_parts_lengths_and_classes(folder):
    lines = output("info", "digits").splitlines()
    assert lines[0] == "digits: handwritten digits as 8 steps of 8 features, 10 classes"
    assert lines[3] == "split   stratified: 360 of 1438 series held out, seed 0"
    assert lines[4] == "steps   rows of 8 pixels, 1 channel"
    assert lines[7].split() == ["train", "1,078", "8", "8", "8", "104-109"]
    assert lines[9].split()[:5] == ["test", "359", "8", "8", "8"]
    assert lines[-1] == "10 classes: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9"
    found = json.loads(output("info", "digits", "--json"))
    assert found["parts"]["valid"]["series"] == 360
    assert found["folder"] == str(folder / "digits")


def test_missing_and_unknown_data_are_errors_of_the_one_family(folder):
    with pytest.raises(MissingDataError, match=r"Run: orch data fetch spoken-arabic-digits$"):
        output("info", "spoken-arabic-digits")
    with pytest.raises(UnknownNameError, match="Did you mean 'digits'"):
        output("info", "digit")
    with pytest.raises(UsageError, match="no such file or folder: "):
        output("fetch", "spoken-arabic-digits", "--from", str(folder / "nowhere.zip"))


def test_the_published_zip_is_fetched_and_described(folder):
    if not SHARED_ZIP.is_file():
        pytest.skip("the published zip of spoken-arabic-digits is not beside the repository")
    lines = output("fetch", "spoken-arabic-digits", "--from", str(SHARED_ZIP)).splitlines()
    assert lines[0] == "spoken-arabic-digits fetched and checked"
    assert lines[1] == "series  6,600 to train and validate, 2,200 to test, 37.7 MB"
    lines = output("info", "spoken-arabic-digits").splitlines()
    assert lines[3] == "split   group: 13 of 66 speakers held out, seed 0"
    assert lines[7].split() == ["train", "5,300", "4", "40", "93", "260-270", "53"]
    assert lines[8].split() == ["valid", "1,300", "13", "38", "61", "60-70", "13"]
    assert lines[9].split() == ["test", "2,200", "7", "39", "83", "110", "22"]
    assert "3 male, 3 female" in " ".join(lines[11:])
    assert all(len(line) <= 80 for line in lines[6:])


SHARED = SHARED_ZIP.parent


def test_info_tells_the_split_that_was_asked_for_and_warns(folder):
    if not (SHARED / "gestures-dataset.zip").is_file():
        pytest.skip("the published zip of gestures is not beside the repository")
    output("fetch", "gestures", "--from", str(SHARED / "gestures-dataset.zip"))
    lines = output("info", "gestures", "--split", "published").splitlines()
    assert lines[3:7] == [
        "split   published: a fifth of all recordings, drawn from all users, validates;",
        "        its score is optimistic, seed 0",
        "careful scores are optimistic: the same users train and validate, configs are",
        "        chosen on what reports test on, and no test part is left",
    ]
    assert lines[7] == "steps   3 features at each: x, y, z"
    assert [line.split()[0] for line in lines[10:12]] == ["train", "valid"]
    assert not any(line.startswith("test") for line in lines)
    assert output("info", "gestures").splitlines()[3] == (
        "split   group: 2 of 6 users held out, seed 0"
    )


def test_a_part_of_the_published_data_is_called_one(folder):
    if not (SHARED / "fashion-mnist-part.zip").is_file():
        pytest.skip("the part of fashion-mnist is not beside the repository")
    lines = output("fetch", "fashion-mnist", "--from", str(SHARED / "fashion-mnist-part.zip"))
    assert "part    of the published 60,000 and 10,000 series" in lines.splitlines()
    lines = output("info", "fashion-mnist").splitlines()
    assert lines[3].startswith("part    3,615 of the published 60,000 train series and")
    assert "a part, 3,615 of the" in " ".join(lines)


def test_own_data_are_described_like_any_other(tmp_path, folder, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [f"{row},{row % 2},{row // 2},0.5,{row}" for row in range(20)]
    (tmp_path / "own.csv").write_text("\n".join(["series,label,group,x,y", *rows]))
    lines = output("info", "csv:own.csv").splitlines()
    assert lines[:4] == [
        "csv:own.csv: data of your own",
        "lies in own.csv, 0.0 MB, own",
        "split   group: 2 of 8 groups held out, seed 0",
        "steps   2 features at each: x, y",
    ]
    assert lines[-1] == "2 classes: 0, 1"
    found = json.loads(output("info", "csv:own.csv", "--json"))
    assert (found["status"], found["parts"]["test"]["groups"]) == ("own", 2)
    assert len(found["fingerprint"]) == 16
