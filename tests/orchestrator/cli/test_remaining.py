"""How many epochs are left, held against what a sweep then took."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from orchestrator.cli.main import cli
from orchestrator.cli.view.closing import closing
from orchestrator.cli.view.plain import PlainView
from orchestrator.cli.view.table import header, table
from orchestrator.engine.inbox import StopRun
from orchestrator.engine.journal import Journal
from orchestrator.engine.records import Closed, Commanded, EpochReported, Opened


def left_and_true(teller, name, at, **changes):
    """What is said to be left once so many epochs are done, and what was."""
    spec = teller.spec(name, **changes)
    records = teller.told(spec, workers=4)
    total = sum(isinstance(record, EpochReported) for record in records)
    progress = teller.followed(spec, [])
    said = {}
    for record in records:
        progress.note(record)
        said[progress.epochs] = progress.epochs_left
    outline = progress.outline
    assert total <= outline.most
    epochs = round(at * total)
    assert said[total] == 0
    return said[epochs], total - epochs


@pytest.mark.parametrize("name", ["gru-bohb", "gru-asha-promotion", "gru-random", "gru-hyperband"])
@pytest.mark.parametrize("at", [0.1, 0.5, 0.9])
def test_where_the_plan_is_exact_the_rest_is(teller, name, at):
    said, true = left_and_true(teller, name, at)
    assert said == pytest.approx(true)


UNCAPPED = {"kind": "asha", "form": "promotion"}


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("gru-asha", {}),
        ("gru-asha", {"scheduler": UNCAPPED}),
        ("gru-async-hyperband", {}),
        ("gru-median", {}),
    ],
)
@pytest.mark.parametrize("at", [0.25, 0.5, 0.75, 0.9])
def test_where_it_depends_on_results_those_before_tell_of_those_to_come(teller, name, changes, at):
    said, true = left_and_true(teller, name, at, trials=200, **changes)
    assert said == pytest.approx(true, rel=0.25)


def test_a_trial_that_failed_takes_no_more_epochs(teller):
    spec = teller.spec(trials=3, epochs=10, scheduler="fifo")
    progress = teller.followed(spec, teller.told(spec, epochs=5, failing={0: 3}))
    # Trial 0 had 2 epochs; trials 1 and 2 have 17 of their 20 to go.
    assert progress.epochs_left == 17


def test_the_rest_is_no_more_than_the_limit_of_epochs_leaves(teller):
    spec = teller.spec(trials=2, epochs=10, scheduler="fifo", max_epochs_total=7)
    progress = teller.followed(spec, teller.told(spec, epochs=4))
    assert progress.epochs_left == 3
    assert progress.left(8.0) == 6.0


def test_the_time_left_is_no_more_than_the_sweep_has(teller):
    spec = teller.spec(trials=2, epochs=10, scheduler="fifo", max_time=20.0)
    told = teller.told(spec, epochs=4)
    progress = teller.followed(spec, told, began=100.0)
    assert progress.left(108.0) == 12.0
    progress.note(Commanded("set", progress.created + 9, values={"max_time": 60.0}))
    assert progress.left(109.0) == pytest.approx(36.0, abs=0.1)  # 16 epochs of 2.25 s
    progress.note(Commanded("set", progress.created + 10, values={"max_time": 5.0}))
    assert progress.left(112.0) == pytest.approx(3.0, abs=0.1)
    progress.note(Commanded("pause", progress.created + 12))
    progress.note(Commanded("go-on", progress.created + 20))
    assert progress.left(121.0) == pytest.approx(2.0, abs=0.1)


def test_the_plan_says_how_many_reach_each_rung_and_how_many_epochs_it_is_at_most(teller):
    exact = teller.outline(teller.spec())
    assert exact.reaches == "46 trials to epoch 1, 28 to 3, 16 to 9, 8 to 27"
    assert exact.plan == "46 trials, 342 epochs, 4 brackets, 2 at a time"
    # 46 + 28 * 2 + 16 * 6 + 8 * 18: what is told by rungs is what is told in all.
    below = [0, 1, 3, 9]
    assert exact.epochs == sum(
        rung.trials * (rung.epochs - under) for rung, under in zip(exact.rungs, below, strict=True)
    )
    asha = teller.outline(teller.spec("gru-asha"))
    assert asha.plan == "46 trials, about 142 epochs (at most 1,242), 2 at a time"
    assert asha.reaches == "46 trials to epoch 1, about 15 to 3, about 5 to 9, about 2 to 27"
    capped = {"kind": "asha", "cap": True}
    outline = teller.outline(teller.spec("gru-asha", scheduler=capped))
    assert outline.plan == "46 trials, 124 epochs, 2 at a time"
    assert teller.outline(teller.spec("gru-median")).plan.startswith("46 trials, about")
    assert (
        teller.outline(teller.spec("gru-pbt", trials=4)).plan == "4 trials, 108 epochs, 2 at a time"
    )


def test_what_stops_a_sweep_is_said_before_it_starts(teller):
    spec = teller.spec(
        max_time=600.0, max_epochs_total=100, target=0.1, plateau=0.001, trials=3, epochs=3
    )
    assert header(teller.outline(spec), 80)[2:] == [
        "stops  after 10:00, or after 100 epochs in all, or at valid_loss 0.1 or less, or",
        "       when 20 more trials are not expected to gain 0.001 in valid_loss",
    ]
    more = teller.spec(metric="accuracy", target=0.9, plateau="auto")
    assert teller.outline(more).stops == (
        "at accuracy 0.9 or more, or when 20 more trials are not expected to gain what matters"
    )
    assert teller.outline(teller.spec()).stops == ""


def test_what_is_set_while_it_runs_stops_it_from_there_on(teller):
    spec = teller.spec(target=0.1, max_time=600.0)
    progress = teller.followed(spec, teller.told(spec))
    at = progress.created + 200
    values = {"target": 0.05, "max_epochs_total": 10_000, "max_time": None}
    progress.note(Commanded("set", at, values=values))
    assert progress.deadline is None
    assert progress.outline.stops == "after 10,000 epochs in all, or at valid_loss 0.05 or less"
    progress.note(Commanded("set", at, values={"target": None}, refused="why"))
    assert "0.05" in progress.outline.stops


def test_time_that_is_set_in_a_pause_begins_there(teller):
    spec = teller.spec(max_time=600.0)
    progress = teller.followed(spec, teller.told(spec))
    progress.go_live(progress.created)
    at = progress.created
    before = progress.deadline
    progress.note(Commanded("pause", at + 10))
    progress.note(Commanded("go-on", at + 30))
    assert progress.deadline == pytest.approx(before + 20)
    progress.note(Commanded("pause", at + 40))
    progress.note(Commanded("set", at + 1040, values={"max_time": 60.0}))
    progress.note(Commanded("go-on", at + 1041))
    assert progress.deadline == pytest.approx(progress.at(at + 1041) + 60)


def test_a_run_that_goes_on_with_what_was_set_before_says_so(teller):
    spec, lines = teller.spec(target=0.1), []
    view = PlainView(teller.outline(spec), lines.append)
    assert any("at valid_loss 0.1 or less" in line for line in lines)
    view.note(Opened(1.0, "here", 1, {}))
    view.note(Commanded("set", 2.0, values={"target": None}))
    view.note(Closed(3.0, "stopped by you"))
    view.note(Opened(4.0, "here", 2, {}))
    view.tick()
    assert lines[-1] == "stops  when its trials are through"


def test_what_more_trials_would_gain_is_said_while_it_runs_and_at_the_end(teller):
    spec = teller.spec("gru-random", trials=40)
    progress = teller.followed(spec, teller.told(spec))
    words = "more   20 more trials are expected to gain at most about "
    lines = table(progress, width=80, height=40, now=112.0)
    assert [line.rpartition(" about ")[0] + " about " for line in lines if line[:4] == "more"] == [
        words
    ]
    assert any(line.startswith(words) for line in closing(progress, None, width=80, now=1.0))
    few = teller.followed(spec, teller.told(spec, epochs=200))
    assert not any(line[:4] == "more" for line in table(few, width=80, height=40, now=112.0))


def test_a_sweep_that_came_to_its_target_says_what_came_out_and_how_to_go_further(teller):
    spec = teller.spec()
    progress = teller.followed(spec, teller.told(spec, epochs=96))
    reason = "target 0.3 is reached (trial 0, epoch 9: valid_loss 0.2811)"
    lines = closing(progress, StopRun(reason, limit="target"), width=80, now=112.0)
    assert lines == [
        "target 0.3 is reached (trial 0, epoch 9: valid_loss 0.2811) after 96 of 342",
        "epochs; everything reported is kept",
        "best   trial 0  valid_loss 0.2132  accuracy 0.893  epoch 21",
        "       num_layers 1  hidden_size 16  learning_rate 0.0001  batch_size 64",
        "run    runs/1121-gru-bohb-7f3a",
        "next   orch analyze 7f3a    orch show 7f3a    orch resume 7f3a --target none",
    ]
    study = replace(progress.outline, go_on="Study.resume('1121')")
    progress.outline = study
    lines = closing(progress, StopRun(reason, limit="target"), width=80, now=112.0)
    assert lines[-1].strip() == "Study.resume('1121', target='none')"


def orch(*arguments):
    done = CliRunner().invoke(cli, list(arguments))
    assert (done.exit_code, done.stderr) == (0, "")
    return done.stdout


def test_show_runs_and_watch_say_why_a_run_stopped(make_run):
    reason = "target 0.3 is reached (trial 0, epoch 9: valid_loss 0.2811)"
    run = make_run(reason="", epochs=96)
    journal = Journal(run.journal, lambda record: None)
    journal.append(Closed(1_000_500.0, reason, limit="target"))
    journal.close()
    shown = orch("show").splitlines()
    assert f"stop   {reason}" in shown
    assert any(line.startswith("next   orch resume ") and line.endswith(" --target none")
               for line in shown)  # fmt: skip
    document = json.loads(orch("show", "--json"))
    assert (document["state"], document["stopped"], document["limit"]) == (
        "interrupted", reason, "target",
    )  # fmt: skip
    assert "stopped: target" in orch("runs")
    (row,) = json.loads(orch("runs", "--json"))
    assert (row["state"], row["stopped"], row["limit"]) == ("interrupted", reason, "target")
    watched = json.loads(orch("watch", "--json"))
    assert (watched["stopped"], watched["limit"]) == (reason, "target")
    assert "--target none" in orch("watch", "--once")


def test_show_says_what_more_trials_would_gain(make_run):
    make_run("gru-random", trials=20)
    assert any(line.startswith("more   20 more trials are expected to gain at most about 0.")
               for line in orch("show").splitlines())  # fmt: skip
    more = json.loads(orch("show", "--json"))["more"]
    assert more["trials"] == 20
    assert more["gain"] > 0
    watched = json.loads(orch("watch", "--json"))
    assert watched["more"] == more


def test_options_of_when_to_stop_come_into_the_spec(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    line = ["sweep", "gru-bohb", "--dry-run", "--max-epochs-total", "100", "--target", "0.1"]
    spec = json.loads(orch(*line, "--json", "--plateau"))["spec"]
    assert (spec["max_epochs_total"], spec["target"], spec["plateau"]) == (100, 0.1, "auto")
    Path("my.yaml").write_text(orch(*line, "--plateau", "0.01"))
    again = json.loads(orch("sweep", "my.yaml", "--dry-run", "--json", "--target", "none"))["spec"]
    assert (again["plateau"], again.get("target")) == (0.01, None)
    refused = CliRunner().invoke(cli, ["sweep", "--plateau", "gru-bohb", "--dry-run"])
    assert refused.exit_code == 2


def test_rules_come_back_in_the_line_that_tries_again(teller):
    from orchestrator.cli.given import sweep_again

    given = {"target": 0.1, "plateau": "auto", "max_epochs_total": 100}
    assert sweep_again("gru", given, ()) == "gru --max-epochs-total 100 --target 0.1 --plateau auto"


def test_a_run_that_goes_on_is_not_stopped_any_more(make_run):
    run = make_run(reason="time is up", epochs=5)
    assert json.loads(orch("show", "--json"))["stopped"] == "time is up"
    journal = Journal(run.journal, lambda record: None)
    journal.append(Opened(1_000_600.0, "here", 1, {}))
    journal.close()
    assert json.loads(orch("show", "--json"))["stopped"] is None
