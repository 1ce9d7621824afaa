"""Constants are kept in files and stay out of people's sight."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from orchestrator.cli.main import cli
from orchestrator.cli.view.outline import outline_of
from orchestrator.cli.view.plain import over_line
from orchestrator.cli.view.progress import Progress
from orchestrator.cli.view.table import trial_lines
from orchestrator.cli.view.trials import Best, Live, Over
from orchestrator.engine.trial import State
from orchestrator.names import compose
from orchestrator.runs.describe import metadata
from orchestrator.spec import spec_from

CONFIG = {
    "num_layers": 1, "hidden_size": 16, "learning_rate": 0.01, "batch_size": 64,
    "optimizer": "adam", "clip_norm": 1.0, "patience": 0,
}  # fmt: skip


def test_a_trial_is_shown_by_what_was_searched():
    progress = Progress(outline_of(spec_from(compose("gru-bohb"), {"space": {"num_layers": 1}})))
    best = Best(3, 0.5, 2, {"valid_loss": 0.5}, CONFIG)
    shown = "hidden_size 16  learning_rate 0.01  batch_size 64"
    assert trial_lines(best, progress, 80)[1:] == [shown]
    over = Over(Live(3, CONFIG, 0, 1, epoch=2, best=best), State.COMPLETED)
    assert over_line(over, progress).endswith(shown)
    assert "adam" not in over_line(over, progress)


def test_a_plan_shows_what_is_searched_and_what_was_changed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = [
        "sweep", "gru-bohb", "--dry-run", "--set", "training.optimizer={values: [adam, sgd]}",
        "--set", "training.momentum={low: 0.5, high: 0.99}", "--set", "training.clip_norm=0",
    ]  # fmt: skip
    done = CliRunner().invoke(cli, arguments)
    assert (done.exit_code, done.stderr) == (0, "")
    plan = " ".join(line.strip("# ") for line in done.stdout.splitlines() if line[0] == "#")
    assert "optimizer adam|sgd, momentum 0.5..0.99 if optimizer = sgd, clip_norm 0" in plan
    assert "plateau" not in plan
    (tmp_path / "again.yaml").write_text(done.stdout)
    again = CliRunner().invoke(cli, ["sweep", "again.yaml", "--dry-run"])
    assert again.stdout == done.stdout


def test_a_setting_that_could_never_act_is_told_at_its_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = ["sweep", "gru-bohb", "--dry-run", "--set", "training.momentum=0.5"]
    done = CliRunner().invoke(cli, arguments)
    assert (done.exit_code, done.stderr) == (2, (
        "error: training.momentum: it is set, but optimizer never is sgd or rmsprop. "
        "Leave it out, or set training.optimizer.\n"
    ))  # fmt: skip


def test_a_part_of_a_domain_for_a_constant_is_told_as_such(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("fit.yaml").write_text(
        "command: python fit.py {x} {y}\nmetric: loss\nspace: {x: 2, y: {low: 0, high: 1}}\n"
    )
    for name, constant, value in (
        ("gru", "training.clip_norm", "1.0"),
        ("fit.yaml", "space.x", "2"),
    ):
        done = CliRunner().invoke(cli, ["sweep", name, "--dry-run", "--set", f"{constant}.high=3"])
        assert (done.exit_code, done.stderr) == (2, (
            f"error: {constant}: it is a constant now, {value}, and low is missing for a domain. "
            f"Give all of it: --set '{constant}={{low: ..., high: ...}}'\n"
        ))  # fmt: skip


def test_analysis_takes_a_domain_of_one_value_for_the_constant_it_is():
    spec = spec_from(compose("gru-bohb"), {"training": {"optimizer": {"values": ["adam", "sgd"]}}})
    found = metadata("1", spec, spec.joint, trials=46, split="none", warning="")["parameters"]
    assert found["momentum"] == {"group": "training", "kind": "constant", "value": 0.9}
    assert found["optimizer"]["kind"] == "choice"


def test_analysis_takes_a_domain_that_never_acts_for_the_nothing_it_is():
    spec = spec_from(compose("gru-bohb"), {"space": {"num_layers": 1}})
    found = metadata("1", spec, spec.joint, trials=46, split="none", warning="")["parameters"]
    assert found["dropout"] == {"group": "space", "kind": "constant", "value": None}
