"""``orch diff``: what differs between two runs."""

from __future__ import annotations

import json

from click.testing import CliRunner

from orchestrator.cli.diff import differences
from orchestrator.cli.main import cli

TABLE = "trial,lr,val_loss\n" + "".join(f"{n},{0.001 * 2**n},{1 / (n + 1)}\n" for n in range(6))


def output(*arguments):
    done = CliRunner().invoke(cli, arguments)
    assert (done.exit_code, done.stderr) == (0, "")
    return done.stdout


def test_differences_are_dotted_paths_with_both_values():
    one = {"a": 1, "same": {"x": [1, 2]}, "space": {"units": {"low": 1, "high": 8}, "act": "relu"}}
    other = {"a": 1, "same": {"x": [1, 2]}, "space": {"units": {"low": 1, "high": 9}, "rate": 0.1}}
    assert differences(one, other) == {
        "space.units.high": (8, 9), "space.act": ("relu", None), "space.rate": (None, 0.1),
    }  # fmt: skip


def test_a_domain_against_a_constant_is_one_difference():
    domain = {"kind": "int", "low": 1, "high": 8}
    assert differences({"units": domain}, {"units": 4}) == {"units": (domain, 4)}


def test_true_is_not_one():
    assert differences({"a": True, "b": 1}, {"a": 1, "b": 1.0}) == {"a": (True, 1)}


def test_settings_and_results_stand_side_by_side(make_run):
    one = make_run("gru-random", trials=2)
    other = make_run("gru-random", trials=3, seed=7, space={"hidden_size": 64}, failing={2: 1})
    lines = output("diff", one.suffix, other.suffix).splitlines()
    place = lines.index("")
    assert [line.split() for line in lines[:place]] == [
        [one.id, other.id],
        ["space.hidden_size", "16..256", "log", "64"],
        ["trials", "2", "3"],
        ["seed", "0", "7"],
    ]
    said = {line.split("  ")[0].strip(): line for line in lines[place + 1 :]}
    columns = [lines[0].index(one.id), lines[0].index(other.id)]
    cells = {
        name: [line[columns[0] : columns[1]].strip(), line[columns[1] :].strip()]
        for name, line in said.items()
    }
    assert cells["state"] == ["finished", "finished"]
    assert cells["trials"] == ["2 completed", "2 completed, 1 failed"]
    assert cells["epochs"] == ["54", "54"]
    assert cells["time"] == ["0:27", "0:27"]
    assert cells["best"] == ["valid_loss 0.1890"] * 2
    assert cells["trial"] == ["0, epoch 27"] * 2


def test_versions_and_commit_count_and_when_it_was_made_does_not(make_run):
    runs = [make_run("gru-random", trials=1) for _ in range(2)]
    for place, run in enumerate(runs):
        spec = run.path / "spec.yaml"
        text = spec.read_text()
        made = (
            f"provenance:\n  created: '2026-11-2{place}T10:00:00'\n  git_commit: c{place}\n"
            f"  versions: {{ray: 2.6{place}.0}}\n"
        )
        spec.write_text(text.partition("provenance:")[0] + made)
    document = json.loads(output("diff", *(run.suffix for run in runs), "--json"))
    assert document["runs"] == [run.id for run in runs]
    assert document["settings"] == {
        "provenance.git_commit": ["c0", "c1"],
        "provenance.versions.ray": ["2.60.0", "2.61.0"],
    }
    results = document["results"]
    assert [result["created"] for result in results] == ["2026-11-20T10:00:00",
                                                         "2026-11-21T10:00:00"]  # fmt: skip
    assert [result["trials"] for result in results] == [{"completed": 1}] * 2
    assert results[0]["best"]["config"]["hidden_size"] == 16
    assert results[0]["best"]["metrics"]["accuracy"] is not None


def test_a_run_does_not_differ_from_itself(make_run):
    run = make_run("gru-random", trials=1)
    lines = output("diff", run.suffix, run.suffix).splitlines()
    assert lines[1:3] == ["the settings are the same", ""]


def test_a_run_without_results_can_be_compared(make_run):
    done, begun = make_run("gru-random", trials=1), make_run("gru-random", trials=1, epochs=0)
    document = json.loads(output("diff", done.suffix, begun.suffix, "--json"))
    assert [result["best"] is None for result in document["results"]] == [False, True]
    assert output("diff", begun.suffix, done.suffix)


def test_an_imported_run_can_be_compared(make_run, tmp_path):
    run = make_run("gru-random", trials=1)
    (tmp_path / "sweep.csv").write_text(TABLE)
    output("import", "csv", "sweep.csv", "--metric", "val_loss")
    lines = output("diff", "import", run.suffix).splitlines()
    assert any(line.startswith("time") and " - " in line for line in lines)
    assert any(line.split()[:2] == ["best", "val_loss"] for line in lines)


def test_neither_run_takes_the_others_room_on_a_narrow_terminal(make_run, monkeypatch):
    import os
    import sys

    one = make_run("gru-random", trials=1)
    other = make_run("gru-random", trials=1, space={"hidden_size": {"high": 512}})
    size = os.terminal_size((60, 24))
    monkeypatch.setattr("shutil.get_terminal_size", lambda *_: size)
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda self: True, raising=False)
    from orchestrator.cli.diff import _lines, _results, _settings

    settings = differences(_settings(one), _settings(other))
    lines = _lines([one, other], settings, [_results(one), _results(other)], 60)
    assert max(map(len, lines)) <= 60
    assert lines[0].split()[1].startswith(other.id[:12])
