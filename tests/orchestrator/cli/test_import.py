"""``orch import``: what it prints, and what the other commands make of the run."""

from __future__ import annotations

import json
import re

import polars as pl
import pytest
from click.testing import CliRunner

from orchestrator.cli.main import cli

TABLE = "trial,epoch,lr,units,act,val_loss\n" + "".join(
    f"{number},{epoch},{0.001 * 2**number},{16 * 2 ** (number % 3)},{'relu' if number % 2 else ''},"
    f"{abs(number - 4) / 10 + 1 / epoch}\n"
    for number in range(10)
    for epoch in range(1, 4)
)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sweep.csv").write_text(TABLE)
    return tmp_path


def printed(*arguments):
    done = CliRunner().invoke(cli, arguments)
    assert (done.exit_code, done.stderr) == (0, "")
    return done.stdout


def refused(*arguments):
    done = CliRunner().invoke(cli, arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    return done.stderr.strip()


def test_an_import_says_what_it_read_what_it_guessed_and_what_to_type(folder):
    text = printed("import", "csv", "sweep.csv")
    digits = re.search(r"import-sweep-(\w{4})", text)[1]
    day = re.search(r"runs/(\d{4})-", text)[1]
    assert text.splitlines() == [
        *_folded("from", f"csv, {folder / 'sweep.csv'}"),
        "read     10 trials (10 completed), 30 epochs, at most 3 each",
        "metric   val_loss min: the only one; min guessed from its name",
        "space    lr 1e-3..0.512 log, units 16..64 powers of 2",
        "guessed  trial: column trial",
        "         epoch: column epoch",
        "         parameters: lr, units, act; --config A,B says better",
        "         all domains: from the values seen; --domain NAME=... says better",
        f"run      runs/{day}-import-sweep-{digits}",
        f"next     orch analyze {digits}    orch show {digits}    orch best {digits}",
    ]


def _folded(label, text):
    from orchestrator.cli.view.words import wrap

    lines = wrap(text, 71)
    return [f"{label if i == 0 else '':<9}{line}" for i, line in enumerate(lines)]


def test_json_holds_the_same(folder):
    found = json.loads(printed("import", "csv", "sweep.csv", "--json"))
    assert found["run"].startswith(found["path"].removeprefix("runs/")[:4])
    assert (found["from"], found["trials"], found["states"]) == ("csv", 10, {"completed": 10})
    assert (found["metric"], found["mode"], found["max_epochs"]) == ("val_loss", "min", 3)
    assert found["parameters"]["units"] == {
        "group": "space", "kind": "int", "low": 16, "high": 64, "powers_of": 2, "inferred": True,
    }  # fmt: skip
    assert found["parameters"]["act"] == {"group": "space", "kind": "constant", "value": "relu"}


def test_the_other_commands_read_the_run(folder):
    printed("import", "csv", "sweep.csv")
    [row] = json.loads(printed("runs", "--json"))
    assert (row["state"], row["done"], row["trials"]) == ("finished", 10, 10)
    assert row["problem"] is None
    assert "units: 32\n" in printed("best")
    shown = printed("show")
    assert "made   val_loss min, imported from csv\n" in shown
    assert "space  lr 1e-3..0.512 log, units 16..64 powers of 2\n" in shown
    assert "state  finished, 10 of 10 trials done: 10 completed\n" in shown
    assert "time   unknown, 30 epochs\n" in shown
    assert "interrupted" not in shown
    assert json.loads(printed("show", "--json"))["settings"]["imported"]["from"] == "csv"
    assert printed("analyze").splitlines()[0].startswith("best      trial 4  val_loss 0.3333")


@pytest.mark.parametrize("command", ["resume", "sweep", "check", "try"])
def test_nothing_runs_it_again(folder, command):
    run = json.loads(printed("import", "csv", "sweep.csv", "--json"))["run"]
    name = run if command == "resume" else f"runs/{run}/spec.yaml"
    assert refused(command, name).endswith(
        f"runs/{run}/spec.yaml: imported from csv: there is no sweep to run or to go on with. "
        f"See: orch analyze {run}"
    )


def test_a_damaged_table_says_to_import_again(folder):
    path = json.loads(printed("import", "csv", "sweep.csv", "--json"))["path"]
    (folder / path / "trials.parquet").write_bytes(b"PAR1 damaged")
    done = CliRunner().invoke(cli, ["show"])
    assert done.exit_code == 1
    assert done.stderr.endswith(f"Delete {path} and import it again.\n")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("ray", "nowhere"),
         "error: no folder nowhere. Give an experiment's: orch import ray ~/ray_results/NAME"),
        (("optuna", "sweep.csv"),
         "error: sweep.csv is no SQLite file, so it holds no Optuna study."),
        (("csv", "nowhere.csv"),
         "error: nowhere.csv: cannot be read: No such file or directory."),
        (("csv", "sweep.csv", "--domain", "units={low: 2}"),
         "error: --domain units.high: Field required."),
        (("csv", "sweep.csv", "--domain", "unit={low: 2, high: 3}"),
         "error: unknown parameter 'unit'. Did you mean 'units'? Known: units, act, lr."),
        (("csv", "sweep.csv", "--mode", "low"),
         "error: Invalid value for '--mode': 'low' is not one of 'min', 'max'. "
         "See: orch import csv --help"),
        (("wandb",), "error: unknown command 'wandb'. Known: ray, optuna, csv."),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_a_line_and_leaves_nothing(folder, arguments, line):
    assert refused("import", *arguments) == line
    assert not (folder / "runs").exists()


def test_the_same_table_is_refused_until_something_differs(folder):
    run = json.loads(printed("import", "csv", "sweep.csv", "--json"))["run"]
    assert refused("import", "csv", "sweep.csv") == (
        f"error: the same results were imported before, as run {run}. Use that one, or delete "
        f"runs/{run} first."
    )
    printed("import", "csv", "sweep.csv", "--domain", "lr={low: 1e-4, high: 1, log: true}")


def test_without_a_command_those_there_are_are_named():
    assert refused("import") == ("error: Give a command: csv, optuna, ray. See: orch import --help")


def test_data_set_and_split_are_said_by_hand(folder):
    split = "group: 3 of 9 held out"
    printed("import", "csv", "sweep.csv", "--dataset", "speech", "--split", split)
    found = json.loads(printed("analyze", "--json", "--only", "none"))
    assert found["split"] == split
    meta = pl.read_parquet_metadata(next(folder.glob("runs/*/trials.parquet")))["orch"]
    assert json.loads(meta)["dataset"] == "speech"
