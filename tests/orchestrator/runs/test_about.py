"""Tags and note of a run: nothing of what people say is lost or misread."""

from __future__ import annotations

import threading

import pytest

from orchestrator.runs.about import About, change_about, read_about
from orchestrator.runs.errors import UnwritableError
from orchestrator.spec_file import FileError
from searchspaces.errors import UsageError


def test_a_run_of_which_nobody_said_anything_has_neither(folder):
    assert read_about(folder) == About()


def test_tags_stand_in_the_order_they_came_and_never_twice(folder):
    change_about(folder, lambda known: known.tagged("paper", "baseline"))
    after = change_about(folder, lambda known: known.tagged("baseline", "v2"))
    assert after == read_about(folder) == About(("paper", "baseline", "v2"))
    assert change_about(folder, lambda known: known.untagged("paper", "no")).tags == (
        "baseline", "v2",
    )  # fmt: skip


@pytest.mark.parametrize(
    "text", ["12", "true", "1e3", "null", "- x: [y]", "two\nlines 'q' \"q\" # no comment", "µ ☂"]
)
def test_any_text_comes_back_as_it_was(folder, text):
    change_about(folder, lambda known: known.noted(text))
    assert read_about(folder).note == text
    word = text.split()[0]
    change_about(folder, lambda known: known.tagged(word))
    assert read_about(folder).tags == (word,)


@pytest.mark.parametrize("tag", ["", "two words", "a,b", "x" * 41, "tab\t"])
def test_a_tag_is_one_word(folder, tag):
    with pytest.raises(UsageError) as error:
        change_about(folder, lambda known: known.tagged(tag))
    assert str(error.value) == (
        f"{tag!r} is no tag. Give one word of at most 40 characters, without spaces and commas."
    )
    assert not (folder.path / "about.yaml").exists()


def test_what_a_person_wrote_into_the_file_stays(folder):
    (folder.path / "about.yaml").write_text("tags: one\nnote: 7\nowner: me\n")
    assert read_about(folder) == About(("one",), "7")
    change_about(folder, lambda known: known.tagged("two"))
    text = (folder.path / "about.yaml").read_text()
    assert text == "tags: [one, two]\nnote: '7'\nowner: me\n"


def test_with_the_last_word_the_file_goes(folder):
    change_about(folder, lambda known: known.tagged("x").noted("y"))
    change_about(folder, lambda known: known.untagged("x").noted(""))
    assert not (folder.path / "about.yaml").exists()


def test_two_who_tag_at_once_both_count(folder):
    start = threading.Barrier(8)

    def tag(number):
        start.wait()
        change_about(folder, lambda known: known.tagged(f"t{number}"))

    threads = [threading.Thread(target=tag, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(read_about(folder).tags) == [f"t{number}" for number in range(8)]


def test_what_steers_a_terminal_is_not_read(folder):
    (folder.path / "about.yaml").write_text('note: "a\\e[2Jb"\ntags: ["x\\u202e"]\n')
    assert read_about(folder) == About(("x",), "a[2Jb")


def test_a_damaged_file_is_named(folder):
    path = folder.path / "about.yaml"
    path.write_text("tags: [one\n")
    with pytest.raises(FileError, match=r"about\.yaml:2: not YAML: "):
        read_about(folder)


def test_a_folder_that_cannot_be_written_is_named(folder, monkeypatch):
    (folder.path / "about.yaml").mkdir()
    with pytest.raises(UnwritableError) as error:
        change_about(folder, lambda known: known.tagged("x"))
    assert str(error.value) == f"{folder.path}/about.yaml: cannot be written: Is a directory."
