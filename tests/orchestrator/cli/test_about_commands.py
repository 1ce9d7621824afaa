"""``orch tag`` and ``orch note``, and where else they are seen."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from orchestrator.cli.main import cli

TABLE = "trial,lr,val_loss\n" + "".join(f"{n},{0.001 * 2**n},{1 / (n + 1)}\n" for n in range(6))


def output(*arguments):
    done = CliRunner().invoke(cli, arguments)
    assert (done.exit_code, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture
def run(make_run):
    return make_run("gru-random", trials=2)


def test_tags_come_and_go_and_say_where_they_stand(run):
    assert output("tag", run.suffix, "paper", "v2") == f"run {run.id}: paper, v2\n"
    assert output("tag", run.suffix, "paper") == f"run {run.id}: paper, v2\n"
    assert output("tag", run.suffix) == "paper\nv2\n"
    assert json.loads(output("tag", run.suffix, "--json")) == {
        "run": run.id, "tags": ["paper", "v2"],
    }  # fmt: skip
    assert output("tag", run.suffix, "v2", "--remove") == f"run {run.id}: paper\n"
    assert output("tag", run.suffix, "--remove") == f"run {run.id}: no tags\n"
    assert output("tag", run.suffix) == ""


def test_a_note_takes_the_place_of_the_one_before(run):
    assert output("note", run.suffix) == ""
    assert output("note", run.suffix, "too short") == f"run {run.id}: noted\n"
    output("note", run.suffix, "rate too high?\nask Kim")
    assert output("note", run.suffix) == "rate too high?\nask Kim\n"
    document = json.loads(output("note", run.suffix, "--json"))
    assert document == {"run": run.id, "note": "rate too high?\nask Kim"}
    assert output("note", run.suffix, "") == f"run {run.id}: no note\n"
    assert not (run.path / "about.yaml").exists()


def test_show_says_tags_and_note(run):
    output("tag", run.suffix, "paper", "v2")
    output("note", run.suffix, "rate too high?\nask Kim")
    lines = output("show").splitlines()
    assert "tags   paper, v2" in lines
    place = lines.index("note   rate too high?")
    assert lines[place + 1] == "       ask Kim"
    document = json.loads(output("show", "--json"))
    assert (document["tags"], document["note"]) == (["paper", "v2"], "rate too high?\nask Kim")


def test_runs_has_a_column_for_tags_when_there_are_any_and_lists_by_tag(run, make_run):
    other = make_run("gru-random", trials=1)
    assert "tags" not in output("runs").splitlines()[0]
    output("tag", run.suffix, "paper", "v2")
    output("tag", other.suffix, "v2")
    head, *lines = output("runs").splitlines()
    column = head.index("tags")
    assert {line.split()[0]: line[column:].split("  ")[0] for line in lines} == {
        run.id: "paper, v2", other.id: "v2",
    }  # fmt: skip
    assert [row["run"] for row in json.loads(output("runs", "--tag", "paper", "--json"))] == [
        run.id
    ]
    both = json.loads(output("runs", "--tag", "v2", "--json"))
    assert {row["run"]: row["tags"] for row in both} == {
        run.id: ["paper", "v2"], other.id: ["v2"],
    }  # fmt: skip
    assert output("runs", "--tag", "v2", "--tag", "no") == "no run is tagged v2 and no\n"
    assert json.loads(output("runs", "--tag", "no", "--json")) == []


def test_a_damaged_file_hides_neither_its_run_nor_another(run, make_run):
    make_run("gru-random", trials=1)
    (run.path / "about.yaml").write_text("tags: [one\n")
    _, *lines = output("runs").splitlines()
    assert len(lines) == 3
    assert "about.yaml:2: not YAML" in lines[-1]
    assert lines[-1].startswith("finished: ")


def test_an_imported_run_is_tagged_like_any_other(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sweep.csv").write_text(TABLE)
    output("import", "csv", "sweep.csv", "--metric", "val_loss")
    assert output("tag", "import", "old").endswith(": old\n")
    output("note", "import", "from last year")
    lines = output("show").splitlines()
    assert {"tags   old", "note   from last year"} <= set(lines)


def test_what_is_no_tag_and_what_is_no_run_are_named(run):
    done = CliRunner().invoke(cli, ["tag", run.suffix, "two words"])
    assert (done.exit_code, done.stderr) == (
        2,
        "error: 'two words' is no tag. Give one word of at most 40 characters, without spaces "
        "and commas.\n",
    )
    done = CliRunner().invoke(cli, ["note", "nope", "text"])
    assert (done.exit_code, done.stderr) == (
        2, "error: no run 'nope' in runs. List them: orch runs\n",
    )  # fmt: skip
