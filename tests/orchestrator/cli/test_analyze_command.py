"""``orch analyze`` on runs that a sweep has left behind."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from orchestrator.cli.main import cli


def output(*arguments):
    done = CliRunner().invoke(cli, ["analyze", *arguments])
    assert (done.exit_code, done.stderr) == (0, "")
    return done.stdout


def refused(*arguments):
    done = CliRunner().invoke(cli, ["analyze", *arguments])
    assert (done.exit_code, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    return line.removeprefix("error: ")


@pytest.fixture
def run(make_run):
    return make_run(failing={12: 1})


def test_the_tables_are_brought_up_to_date_first(run):
    assert not run.trials.exists()
    lines = output("--only", "none").splitlines()
    assert run.trials.exists()
    assert lines[0] == "best      trial 0  valid_loss 0.189  accuracy 0.906  epoch 27 of 27"
    assert not (run.path / "figures").exists()


def test_figures_and_formats_are_named_apart_or_together(run):
    output("--only", "epoch_optimum,learning_curves", "--format", "png", "--format", "pdf")
    drawn = sorted(path.name for path in (run.path / "figures").iterdir())
    assert drawn == [
        "epoch_optimum.pdf", "epoch_optimum.png", "learning_curves.pdf", "learning_curves.png",
    ]  # fmt: skip


def test_json_has_the_same_and_where_the_report_lies(run):
    found = json.loads(output(run.suffix, "--json", "--only", "none", "--html"))
    assert (found["run"], found["metric"]) == (run.id, "valid_loss")
    assert found["report"] == str(run.path / "report.html")
    assert (run.path / "report.html").read_text().startswith("<!doctype html>")


def test_another_metric_is_said_and_so_is_its_direction(run):
    said = " ".join(output("--metric", "accuracy", "--only", "none").split())
    assert said.startswith("best trial 0 accuracy 0.906 epoch 27 of 27")
    assert "judged by accuracy, higher is better; the sweep itself sought valid_loss" in said


def test_names_that_do_not_exist_are_refused_before_anything_is_drawn(run):
    assert refused("--only", "importence").startswith(
        "unknown figure 'importence'. Did you mean 'importance'? Known: importance, "
    )
    assert refused("--format", "jpg").startswith("unknown figure format 'jpg'.")
    assert refused("--metric", "acc").startswith("unknown metric 'acc'.")
    assert not (run.path / "figures").exists()
