"""What commands show of runs with limits and with several objectives."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from orchestrator import Sweep
from orchestrator.cli.given import sweep_again
from orchestrator.cli.main import cli
from orchestrator.cli.view.closing import closing
from orchestrator.cli.view.document import document
from orchestrator.cli.view.plain import far_line, over_line
from orchestrator.cli.view.table import best_lines
from orchestrator.dashboard.facts import _counted
from orchestrator.engine.records import EpochReported, TrialStarted, Verdict
from orchestrator.schedulers import Continue
from searchspaces import UsageError

SPACE = {"depth": {"low": 1, "high": 9}}
TOLD = [(0.5, 30.0), (0.3, 50.0), (0.4, 50.0), (0.2, 61000.0), (0.5, 30.0), (0.9, 20.0)]
"""Loss and weights by trial; 0 and 4 are equal, 2 is beaten by 1."""


@pytest.fixture
def study(tmp_path, monkeypatch):
    """Makes a finished run of six trials that told these, at all of three epochs."""
    monkeypatch.chdir(tmp_path)

    def make(**changes):
        sweep = Sweep("ask-grid", space=SPACE, trials=6, epochs=3, **changes)
        with sweep.ask_tell() as made:
            while (trial := made.ask()) is not None:
                loss, weights = TOLD[trial.number]
                for epoch in (1, 2, 3):
                    metrics = {"valid_loss": loss + (3 - epoch) / 10, "weights": weights}
                    if not isinstance(made.tell(trial, metrics), Continue):
                        break
        return made.run

    return make


def output(*arguments, code=0):
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == code, done.output
    return done.stdout if code == 0 else done.stderr


def test_best_prints_the_front_as_a_table_with_ties(study):
    run = study(objectives="weights", scheduler={"kind": "fifo"}, searcher={"kind": "random"})
    head, empty, *table = output("best").splitlines()
    assert head == (
        f"5 trials of run {run.id} that no completed trial beats in valid_loss min, weights min"
    )
    assert empty == ""
    assert table[0].split() == ["trial", "valid_loss", "weights", "epoch", "depth"]
    assert [line.split()[:4] for line in table[1:]] == [
        ["3", "0.2000", "61000", "3"],
        ["1", "0.3000", "50.00", "3"],
        ["0", "0.5000", "30.00", "3"],
        ["4", "0.5000", "30.00", "3"],
        ["5", "0.9000", "20.00", "3"],
    ]


def test_best_gives_programs_the_front_and_a_file_the_best_by_the_first_objective(study):
    run = study(objectives="weights", outcomes="weights < 100", searcher={"kind": "random"})
    said = json.loads(output("best", "--json"))
    assert said["run"] == run.id
    assert said["objectives"] == [
        {"metric": "valid_loss", "mode": "min"}, {"metric": "weights", "mode": "min"},
    ]  # fmt: skip
    assert said["outcomes"] == ["weights < 100"]
    assert [each["trial"] for each in said["best"]] == [1, 0, 4, 5]
    assert said["best"][0]["metrics"] == {"valid_loss": pytest.approx(0.3), "weights": 50.0}
    assert "# run" in output("best", "--format", "yaml")
    assert output("best", "--format", "yaml").splitlines()[0].endswith("trial 1, completed")


def test_show_names_the_front_and_says_which_trials_keep_the_limits(study):
    run = study(objectives="weights", outcomes="weights < 100", searcher={"kind": "random"})
    lines = output("show").splitlines()
    assert "seeks  valid_loss min, weights min; keeps weights < 100" in lines
    assert f"front  4 of 5 completed trials: orch best {run.suffix}" in lines
    head, *rows = (line.split() for line in lines[-7:])
    assert head[:6] == ["trial", "state", "valid_loss", "weights", "keeps", "front"]
    assert [row[:6] for row in rows] == [
        ["1", "completed", "0.3000", "50.00", "yes", "yes"],
        ["2", "completed", "0.4000", "50.00", "yes", "no"],
        ["0", "completed", "0.5000", "30.00", "yes", "yes"],
        ["4", "completed", "0.5000", "30.00", "yes", "yes"],
        ["5", "completed", "0.9000", "20.00", "yes", "yes"],
        ["3", "completed", "0.4000", "61000", "no", "-"],  # all its epochs are as bad: the first
    ]
    said = json.loads(output("show", "--json"))
    assert (said["front"], said["outcomes"]) == ([1, 0, 4, 5], ["weights < 100"])


def test_nobody_calls_a_trial_the_best_that_breaks_a_limit(study):
    run = study(outcomes=["weights < 10"], searcher={"kind": "random"})
    line = (f"error: no trial of run {run.id} keeps weights < 10. The nearest is trial 5: "
            f"weights 20, not < 10. See: orch show {run.suffix}")  # fmt: skip
    for command in ("best", "analyze"):
        assert " ".join(output(command, code=2).split()) == line
    lines = output("show").splitlines()
    assert "best   no trial keeps weights < 10; the nearest: trial 5: weights 20, not < 10" in lines
    (row,) = json.loads(output("runs", "--json"))
    assert row["best"] is None


def test_a_run_without_limits_shows_nothing_of_them(study):
    study(searcher={"kind": "random"})
    shown = output("show")
    assert "seeks" not in shown
    assert "front" not in shown
    assert "keeps" not in shown
    said = json.loads(output("best", "--json"))
    assert [each["trial"] for each in said["best"]] == [3]
    assert said["outcomes"] == []


def started(number):
    return TrialStarted(number, {"hidden_size": 16 + number}, 0, 0, 3, at=float(number))


def epoch(number, epoch, loss, weights, kind=None):
    metrics = {"valid_loss": loss, "weights": weights}
    verdict = Verdict(kind) if kind else None
    return EpochReported(number, 1, epoch, metrics, 1.0, "here", at=10.0, verdict=verdict)


def test_while_it_runs_the_best_keeps_the_limits_even_if_another_is_completed(teller):
    spec = teller.spec(trials=3, epochs=3, scheduler="fifo", outcomes=["weights < 100"])
    progress = teller.followed(spec, [started(0), started(1), started(2)])
    progress.note(epoch(0, 1, 0.1, 150.0))
    assert best_lines(progress, 80, sparks=True)[:2] == [
        "best   no trial keeps weights < 100; the nearest (weights 150, not < 100):",
        "       trial 0  valid_loss 0.1000  epoch 1",
    ]
    assert "no trial keeps weights < 100" in far_line(progress, 0.0)
    progress.note(epoch(1, 1, 0.9, 50.0))
    assert (progress.best.number, progress.best.broken) == (1, "")
    progress.note(epoch(0, 2, 0.1, 120.0))
    progress.note(epoch(0, 3, 0.1, 110.0, "stop"))
    assert progress.best.number == 1
    progress.note(epoch(2, 1, 0.8, 99.0))
    assert progress.best.number == 2
    progress.note(epoch(1, 2, 0.9, 50.0))
    progress.note(epoch(1, 3, 0.9, 50.0, "stop"))
    assert progress.best.number == 1  # the only one that is completed and keeps them
    assert [value for _, value in progress.incumbents] == [0.9, 0.8, 0.9]


def test_at_the_end_a_sweep_says_that_no_trial_keeps_the_limits(teller):
    spec = teller.spec(trials=1, epochs=1, scheduler="fifo", outcomes=["weights < 100"])
    progress = teller.followed(spec, [started(0), epoch(0, 1, 0.1, 150.0, "stop")])
    lines = closing(progress, None, width=80, now=1.0)
    assert "best   no trial keeps weights < 100; the nearest (weights 150, not < 100):" in lines
    assert not any("orch best" in line for line in lines)


def test_the_line_takes_limits_and_objectives_several_times(tmp_path):
    typed = ["sweep", "gru", "--dataset", "digits", "--dry-run", "--json",
             "--outcome", "weights < 50000", "--outcome", "accuracy>=.9",
             "--objective", "weights", "--objective", "epoch_seconds min"]  # fmt: skip
    spec = json.loads(output(*typed))["spec"]
    assert spec["outcomes"] == ["weights < 50000", "accuracy >= 0.9"]
    assert spec["objectives"] == ["weights min", "epoch_seconds min"]
    line = output(*typed[:4], "--outcome", "weights", code=2)
    assert " ".join(line.split()) == (
        "error: outcomes.0: 'weights' is no limit. Write a metric, one of < <= > >=, and a number, "
        "such as 'weights < 50000'."
    )
    given = {"outcomes": ["weights < 50000", "accuracy >= 0.9"], "objectives": ["weights"]}
    assert sweep_again("gru", given, ()) == (
        "gru --objective weights --outcome 'weights < 50000' --outcome 'accuracy >= 0.9'"
    )


def test_a_file_of_a_sweep_may_say_one_limit_as_a_text(tmp_path):
    path = tmp_path / "my.yaml"
    path.write_text("architecture: gru\noutcomes: weights < 5e4\nobjectives: [weights]\n")
    spec = Sweep(path).spec
    assert (spec.outcomes, spec.objectives) == (("weights < 50000",), ("weights min",))
    path.write_text("architecture: gru\nmetric: valid_loss\noutcomes:\n  - weights\n")
    with pytest.raises(UsageError) as caught:
        Sweep(path)
    assert str(caught.value).startswith(f"{path}:")


def test_a_line_of_a_trial_says_which_limit_it_breaks(teller):
    spec = teller.spec(trials=1, epochs=1, scheduler="fifo", outcomes=["weights < 100"])
    progress = teller.followed(spec, [started(0)])
    over = progress.note(epoch(0, 1, 0.1, 150.0, "stop"))
    assert "  (weights 150, not < 100)  " in over_line(over, progress)
    assert "orch best 7f3a" not in " ".join(closing(progress, None, width=80, now=1.0))


def test_a_sweep_of_several_objectives_ends_with_how_to_see_its_front(teller):
    spec = teller.spec(trials=1, epochs=1, scheduler="fifo", objectives=["weights"])
    progress = teller.followed(spec, [started(0), epoch(0, 1, 0.1, 150.0, "stop")])
    (line,) = [each for each in closing(progress, None, width=80, now=1.0, latest=False)
               if "orch best" in each]  # fmt: skip
    assert line.endswith("orch best 7f3a")


def test_a_sweep_of_several_objectives_tells_of_all_of_them_and_of_the_front(teller):
    spec = teller.spec(trials=7, epochs=1, scheduler="fifo", objectives=["weights"],
                       outcomes=["weights < 60000"])  # fmt: skip
    progress = teller.followed(spec, [])
    lines = []
    for number, (loss, weights) in enumerate([*TOLD, (0.1, float("inf"))]):
        progress.note(started(number))
        over = progress.note(epoch(number, 1, loss, weights, "stop"))
        lines.append(over_line(over, progress))
    assert "  valid_loss 0.3000  weights 50.00  " in lines[1]
    front = "front  trials 1, 0, 4 and 5 of 5 completed trials"  # 3 and 6 break the limit
    best = "best   trial 1  valid_loss 0.3000  weights 50.00  epoch 1"
    assert best_lines(progress, 80, sparks=False)[:2] == [front, best]
    assert closing(progress, None, width=80, now=1.0)[1:3] == [front, f"{best} of 1"]
    assert document(progress, None, path="runs/x", now=1.0)["front"] == [1, 0, 4, 5]


def test_programs_are_told_of_no_best_trial_where_none_keeps_the_limits(teller):
    spec = teller.spec(trials=2, epochs=1, scheduler="fifo", outcomes=["weights < 100"])
    progress = teller.followed(spec, [started(0), epoch(0, 1, 0.1, 150.0, "stop")])
    said = document(progress, None, path="runs/x", now=1.0)
    assert said["best"] is None
    assert (said["nearest"]["trial"], said["nearest"]["objective"]) == (0, 0.1)
    progress.note(started(1))
    progress.note(epoch(1, 1, 0.7, 50.0, "stop"))
    said = document(progress, None, path="runs/x", now=1.0)
    assert said["best"]["objective"] == 0.7
    assert "nearest" not in said


def test_the_dashboard_knows_no_best_trial_where_none_keeps_the_limits(study):
    run = study(outcomes=["weights < 10"], searcher={"kind": "random"})
    assert _counted(run.path)["best"] is None
    run = study(outcomes=["weights < 40"], searcher={"kind": "random"})
    assert _counted(run.path)["best"]["number"] == 0
