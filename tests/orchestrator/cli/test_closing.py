"""The lines that stay when a sweep has ended."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.cli.view.closing import closing
from orchestrator.engine.inbox import StopRun
from orchestrator.engine.records import Closed


def test_a_finished_sweep_says_what_came_out_and_what_to_type_next(teller):
    spec = teller.spec()
    progress = teller.followed(spec, teller.told(spec))
    progress.note(Closed(2e9, "finished", 334.0, 341.5))
    assert closing(progress, None, width=80, now=358.0) == [
        "46 trials in 5:58: 8 completed, 38 pruned",
        "best   trial 0  valid_loss 0.1890  accuracy 0.906  epoch 27 of 27",
        "       num_layers 1  hidden_size 16  learning_rate 0.0001  batch_size 64",
        "work   97.8% of the workers' time went into epochs",
        "run    runs/1121-gru-bohb-7f3a",
        "next   orch analyze    orch show    orch best --format yaml > winner.yaml",
    ]


def test_commands_name_the_run_where_they_would_not_find_it(teller):
    spec = teller.spec()
    progress = teller.followed(spec, teller.told(spec))
    assert closing(progress, None, width=80, now=358.0, latest=False)[-2:] == [
        "next   orch analyze 7f3a    orch show 7f3a",
        "       orch best 7f3a --format yaml > winner.yaml",
    ]


def test_failures_are_told_with_their_reason(teller):
    spec = teller.spec(trials=8, epochs=9)
    failing = {2: 1, 5: 1, 6: 1, 7: 1}
    progress = teller.followed(spec, teller.told(spec, failing=failing))
    assert closing(progress, None, width=80, now=61.0)[:2] == [
        "8 trials in 1:01: 1 completed, 3 pruned, 4 failed",
        "failed valid_loss is not finite: trials 2, 5, 6 and 1 more",
    ]
    assert closing(progress, None, width=120, now=61.0)[0] == (
        "8 trials in 1:01: 1 completed, 3 pruned, 4 failed "
        "(valid_loss is not finite: trials 2, 5, 6 and 1 more)"
    )


def test_without_any_result_it_says_so(teller):
    spec = teller.spec(trials=3, epochs=9)
    progress = teller.followed(spec, teller.told(spec, failing={0: 1, 1: 1, 2: 1}))
    assert closing(progress, None, width=100, now=4.0) == [
        "3 trials in 0:04: 3 failed (valid_loss is not finite: trials 0, 1 and 2)",
        "best   none: no trial has a result",
        "run    runs/1121-gru-bohb-7f3a",
        "next   orch show    orch try runs/1121-gru-bohb-7f3a/spec.yaml",
    ]


def test_an_interrupted_sweep_says_how_to_go_on(teller):
    spec = teller.spec()
    progress = teller.followed(spec, teller.told(spec, epochs=96))
    assert closing(progress, StopRun("stopped by you", 2), width=80, now=112.0) == [
        "stopped by you after 96 of 342 epochs; everything reported is kept",
        "run    runs/1121-gru-bohb-7f3a",
        "next   orch resume 7f3a    orch show 7f3a",
    ]


def test_a_sweep_out_of_time_says_the_same(teller):
    spec = teller.spec("gru-asha")
    progress = teller.followed(spec, teller.told(spec, epochs=5))
    assert closing(progress, StopRun("time is up"), width=80, now=112.0)[0] == (
        "time is up after 5 of about 142 epochs; everything reported is kept"
    )


@pytest.mark.parametrize(
    ("go_on", "line"),
    [
        ("", "orch resume 7f3a --target none"),
        ("orch resume 7f3a --cluster FILE", "orch resume 7f3a --cluster FILE --target none"),
        ("Study.resume('7f3a')", "Study.resume('7f3a', target='none')"),
    ],
)
def test_a_run_at_its_target_says_how_to_go_past_it_wherever_it_lives(teller, go_on, line):
    spec = teller.spec(target=0.5)
    progress = teller.followed(spec, teller.told(spec, epochs=96))
    progress.outline = replace(progress.outline, go_on=go_on)
    stopped = StopRun("target 0.5 is reached", limit="target")
    assert closing(progress, stopped, width=120, now=112.0)[-1].endswith(f"    {line}")
