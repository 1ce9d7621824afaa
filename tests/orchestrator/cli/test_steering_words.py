"""What people told a run, in words, and what the view makes of it."""

from __future__ import annotations

import pytest

from orchestrator.cli.view.plain import PlainView
from orchestrator.cli.view.progress import Progress
from orchestrator.cli.view.table import table
from orchestrator.engine.records import (
    Commanded,
    EpochReported,
    Opened,
    TrialResumed,
    TrialStarted,
)

SPACE = [
    "space  num_layers 1..4, hidden_size 16..256 log, dropout 0..0.5 if num_layers > 1",
    "       learning_rate 1e-4..1e-1 log, batch_size 16..256 powers of 2",
]


@pytest.fixture
def progress(teller):
    """A sweep of two workers that has begun, at 1000 by the clock of the world and 0 by its own."""
    spec = teller.spec(trials=46)
    progress = Progress(teller.outline(spec), began=0.0, created=1000.0)
    progress.go_live(0.0)
    for number in (0, 1):
        progress.note(TrialStarted(number, {"hidden_size": 20}, 7, 0, 3, 1000.0 + number))
    return progress


def lines(progress, now=10.0, **options):
    return table(progress, width=100, height=40, now=now, **options)


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (Commanded("stop-trial", 1010.0, 7), "trial 7 stopped"),
        (Commanded("pause", 1010.0), "paused"),
        (Commanded("go-on", 1010.0), "goes on after a pause"),
        (Commanded("set", 1010.0, values={"concurrency": 4}), "concurrency is 4 now"),
        (
            Commanded("set", 1010.0, values={"concurrency": 4, "max_time": 7200.0}),
            "concurrency is 4 now, stops itself 2:00:00 from now on",
        ),
        (
            Commanded("edit", 1010.0, values={"space": {"hidden_size": {"high": 512}}}),
            "hidden_size 16..512 log from trial 2 on",
        ),
        (
            Commanded("edit", 1010.0, values={"training": {"batch_size": 32}}),
            "batch_size 32 from trial 2 on",
        ),
        (
            Commanded("edit", 1010.0, values={"space": {"dropout": {"prior": 0.2}}}),
            "dropout 0..0.5 around 0.2 if num_layers > 1 from trial 2 on",
        ),
        (
            Commanded("enqueue", 1010.0, values={"num_layers": 2, "hidden_size": 64}),
            "enqueued num_layers 2, hidden_size 64",
        ),
        (
            Commanded("stop-trial", 1010.0, 0, refused="trial 0 is over"),
            "refused to stop trial 0: trial 0 is over",
        ),
        (
            Commanded("set", 1010.0, values={"concurency": 4}, refused="unknown key."),
            "refused to set concurency 4: unknown key.",
        ),
        (
            Commanded(
                "edit", 1010.0, values={"space": {"depth": {"low": 1}}}, refused="unknown key."
            ),
            "refused to change space.depth.low 1: unknown key.",
        ),
        (Commanded("dance", 1010.0, values={"steps": 3}), "dance steps 3"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_command_is_noted_for_a_minute(progress, command, text):
    assert str(progress.note(command)) == text
    assert lines(progress, now=69.0)[-1] == f"note   {text}"
    assert not [line for line in lines(progress, now=71.0) if line.startswith("note")]


def test_a_long_list_is_folded_between_its_items(progress):
    values = {"num_layers": 1, "hidden_size": 400, "learning_rate": 0.04, "batch_size": 128}
    progress.note(Commanded("enqueue", 1010.0, values=values))
    assert table(progress, width=80, height=40, now=20.0)[-2:] == [
        "note   enqueued num_layers 1, hidden_size 400, learning_rate 0.04,",
        "       batch_size 128",
    ]


def test_an_edited_space_is_shown_from_then_on(progress):
    assert lines(progress)[2:4] == SPACE
    progress.note(Commanded("edit", 1010.0, values={"space": {"hidden_size": {"high": 512}}}))
    assert lines(progress)[2] == SPACE[0].replace("256", "512")
    progress.note(Commanded("edit", 1011.0, values={"space": {"num_layers": 2}}))
    assert str(progress.notes[-1]) == "num_layers 2 from trial 2 on"


def test_what_an_edit_fixed_still_tells_trials_apart(progress):
    progress.note(Commanded("edit", 1010.0, values={"space": {"num_layers": 2}}))
    progress.note(Commanded("edit", 1011.0, values={"space": {"hidden_size": {"high": 512}}}))
    config = {"num_layers": 3, "hidden_size": 30, "dropout": 0.1}
    assert progress.outline.shown({**config, "optimizer": "adam"}) == config


def test_a_refused_edit_changes_nothing(progress):
    values = {"space": {"hidden_size": {"high": 8}}}
    progress.note(Commanded("edit", 1010.0, values=values, refused="8 is below low=16."))
    assert lines(progress)[2:4] == SPACE


def test_a_paused_run_says_so_and_how_to_go_on(progress):
    progress.note(Commanded("pause", 1010.0))
    shown = lines(progress, now=20.0)
    assert "now    paused by orch pause; orch resume 7f3a goes on" in shown
    assert "done   0 of 46 trials   0 of 342 epochs   0:20, ? left" in shown
    progress.note(Commanded("go-on", 1030.0))
    assert lines(progress, now=31.0)[-4].startswith("now    0 of 2 workers busy")


def test_trials_of_a_paused_run_go_on_without_a_word(progress):
    progress.note(Commanded("pause", 1010.0))
    # The present epoch of a trial is finished after the command.
    progress.note(EpochReported(0, 1, 1, {"valid_loss": 0.5}, 0.1, "here", 1011.0))
    assert progress.running == []
    progress.note(Commanded("go-on", 1030.0))
    assert progress.note(TrialResumed(0, 1, 3, False, 1031.0, "its worker was let go")) is None
    assert [trial.number for trial in progress.running] == [0]


def test_the_time_of_a_pause_does_not_slow_the_pace(progress):
    for epoch in range(1, 6):
        progress.note(EpochReported(0, 1, epoch, {"valid_loss": 0.5}, 1.0, "here", 1000.0 + epoch))
    # 337 of 342 epochs are left, at one a second.
    assert progress.left(5.0) == pytest.approx(337.0)
    progress.note(Commanded("pause", 1005.0))
    assert progress.left(50.0) is None
    progress.note(Commanded("go-on", 1105.0))
    assert progress.left(105.0) == pytest.approx(337.0)


def test_more_workers_have_a_pace_of_their_own(progress):
    for epoch in range(1, 6):
        progress.note(EpochReported(0, 1, epoch, {"valid_loss": 0.5}, 1.0, "here", 1000.0 + epoch))
    progress.note(Commanded("set", 1005.0, values={"concurrency": 3}))
    assert progress.left(6.0) is None
    for epoch in range(6, 12):
        progress.note(EpochReported(0, 1, epoch, {"valid_loss": 0.5}, 1.0, "here", 1005.0))
    # 331 epochs are left; 6 took 2 seconds.
    assert progress.left(7.0) == pytest.approx(331 / 3)
    shown = lines(progress)
    assert any(line.endswith("2 of 3 workers busy") for line in shown)
    assert shown[1].startswith("plan   46 trials, 342 epochs, 4 brackets, 3 at a time")


def test_another_process_begins_unpaused(progress):
    progress.note(Commanded("pause", 1010.0))
    progress.note(Opened(1500.0, "elsewhere", 1, {}))
    assert not progress.paused


def test_in_a_pipe_each_command_is_a_line(teller):
    said = []
    view = PlainView(teller.outline(teller.spec(trials=3)), said.append)
    view.note(Commanded("set", 1.0, values={"concurrency": 9}))
    view.tick()
    del said[:]
    view.note(Commanded("pause", 1.0))
    view.note(Commanded("stop-trial", 1.0, 7, refused="trial 7 has not started"))
    assert said == ["paused", "refused to stop trial 7: trial 7 has not started"]
