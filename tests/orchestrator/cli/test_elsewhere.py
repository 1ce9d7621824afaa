"""``orch runs`` and ``show`` where the module of what a run trained cannot be imported."""

from __future__ import annotations

import importlib
import json
import sys

import pytest
from click.testing import CliRunner

from orchestrator.cli.main import cli

NETWORK = """\
import torch

from searchspaces.gru import GruSpace


class Net(torch.nn.Module):
    space = GruSpace
"""
REASON = (
    "architecture 'net_of_mine:Net' does not load: no module 'net_of_mine' in this folder or "
    "among installed packages"
)


def output(*arguments):
    done = CliRunner().invoke(cli, arguments)
    assert (done.exit_code, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture
def make_own(make_run, tmp_path, monkeypatch):
    """Makes a run of an own network; its module goes with :meth:`away`."""
    module = tmp_path / "net_of_mine.py"
    module.write_text(NETWORK)
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()

    class Own:
        @staticmethod
        def run(**how):
            return make_run("net_of_mine:Net", **how)

        @staticmethod
        def away():
            module.unlink()
            sys.modules.pop("net_of_mine", None)
            importlib.invalidate_caches()

    yield Own
    sys.modules.pop("net_of_mine", None)


def test_a_run_with_tables_is_listed_as_it_is(make_own):
    make_own.run(failing={12: 1})
    here = output("runs"), output("runs", "--json")
    make_own.away()
    assert (output("runs"), output("runs", "--json")) == here
    (row,) = json.loads(here[1])
    assert (row["state"], row["done"], row["trials"], row["problem"]) == ("finished", 46, 46, None)


def test_a_run_without_tables_is_unreadable_and_not_damaged(make_own):
    run = make_own.run()
    broken = make_own.run()
    (broken.path / "spec.yaml").write_text("a: [1")
    make_own.away()
    rows = {row["run"]: row for row in json.loads(output("runs", "--json"))}
    assert rows[run.id]["state"] == "unreadable"
    assert rows[run.id]["problem"] == f"runs/{run.id}/spec.yaml: {REASON}"
    assert rows[broken.id]["state"] == "damaged"
    lines = output("runs").splitlines()
    assert next(line for line in lines if line.startswith(run.id)).split()[1:4] == [
        "unreadable", "-", "-",
    ]  # fmt: skip
    assert f"unreadable: runs/{run.id}/spec.yaml: {REASON}" in lines
    assert lines[-1].startswith(f"damaged: runs/{broken.id}/spec.yaml:1: not YAML: ")


def test_show_leaves_out_what_only_the_module_knows_and_says_so(make_own):
    run = make_own.run(failing={12: 1})
    here = output("show", "--top", "3").splitlines()
    make_own.away()
    lines = output("show", "--top", "3").splitlines()
    first = here.index("split  stratified: 360 of 1438 series held out")
    rest = lines.index(here[first])
    assert lines[rest:] == here[first:]
    assert lines[0] == here[0]
    assert lines[0].endswith(f"run {run.id}")
    assert " ".join(" ".join(lines[1:rest]).split()) == (
        f"note plan and space are left out: {REASON}"
    )


def test_show_as_json_is_whole(make_own):
    make_own.run(failing={12: 1})
    here = output("show", "--json")
    make_own.away()
    assert output("show", "--json") == here
    assert json.loads(here)["settings"]["architecture"] == "net_of_mine:Net"


def test_an_interrupted_run_says_how_to_go_on(make_own):
    run = make_own.run(epochs=30, reason="stopped by you")
    output("show")
    make_own.away()
    assert output("show").splitlines().count(f"next   orch resume {run.suffix}") == 1


def test_a_run_whose_tables_are_behind_says_what_is_missing(make_own):
    run = make_own.run()
    make_own.away()
    done = CliRunner().invoke(cli, ["show"])
    assert done.exit_code == 2
    assert done.stderr == f"error: runs/{run.id}/spec.yaml: {REASON}\n"
