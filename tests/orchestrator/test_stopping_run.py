"""A real sweep that stops by itself, says so, and goes on when it is told to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from orchestrator.cli.main import cli
from orchestrator.engine.journal import read
from orchestrator.engine.records import Closed, EpochReported
from orchestrator.runs.folder import find_run


@pytest.mark.extended
def test_a_sweep_stops_at_its_limit_and_goes_on_to_its_target(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    line = ["sweep", "mlp-random", "--trials", "3", "--epochs", "400", "--concurrency", "1",
            "--set", "training.batch_size=256", "--no-check"]  # fmt: skip
    done = CliRunner().invoke(cli, [*line, "--max-epochs-total", "5"])
    assert done.exit_code == 0, done.output
    said = done.stdout.splitlines()
    assert "stops  after 5 epochs in all" in said
    first = next(line for line in said if "is reached" in line)
    assert first.startswith("the limit of 5 epochs is reached after ")
    assert any(line.startswith("best   trial 0") for line in said)
    assert said[-1].endswith("--max-epochs-total none")
    run = find_run(Path("runs"), "")
    records = [entry.record for entry in read(run.journal)]
    count = sum(isinstance(record, EpochReported) for record in records)
    assert 5 <= count < 100
    assert isinstance(records[-1], Closed)
    assert records[-1].limit == "max_epochs_total"

    refused = CliRunner().invoke(cli, ["resume"], standalone_mode=False)
    assert "is reached already" in f"{refused.exception or refused.stderr}"
    assert len(list(read(run.journal))) == len(records)

    best = min(r.metrics["valid_loss"] for r in records if isinstance(r, EpochReported))
    target = f"{best * 0.95:.6g}"
    done = CliRunner().invoke(
        cli, ["resume", "--max-epochs-total", "none", "--target", target, "--json"]
    )
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["finished"], found["limit"]) == (False, "target")
    assert found["stopped"].startswith("target ")
    assert found["best"]["objective"] <= float(target)
    listed = json.loads(CliRunner().invoke(cli, ["runs", "--json"]).stdout)
    assert [row["stopped"] for row in listed] == [found["stopped"]]
