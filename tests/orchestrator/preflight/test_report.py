"""What follows from a check: estimates and lines."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.cli.view.checked import check_lines, failure_lines, in_short, outlook
from orchestrator.preflight import CheckError, CheckReport, Tried

REPORT = CheckReport(
    tried=(
        Tried("smallest", {"width": 4}, 0.0123, 900_000, weights=86),
        Tried("largest", {"width": 64}, 2.14, 310_000_000, weights=1_391_114),
        Tried("sample 1", {"width": 9, "deep": True}, 1.0, 40_000_000, weights=500),
        Tried("sample 2", {"width": 20}, 3.0, 60_000_000, weights=900),
    ),
    epochs=342,
    max_epochs=27,
    at_a_time=2,
    epoch_seconds=2.0,
    data="1,078 series to train, 360 to validate",
    device="cpu",
)


def test_the_estimate_is_the_mean_epoch_shared_by_the_cores():
    assert REPORT.sweep_seconds == 5 + 342 * 2.0 / 2
    assert replace(REPORT, epoch_seconds=None).sweep_seconds is None
    assert REPORT.memory == 310_000_000


def test_more_trials_at_a_time_than_cores_are_no_faster():
    many = replace(REPORT, at_a_time=16, cores=2)
    assert many.sweep_seconds == REPORT.sweep_seconds
    assert outlook(many) == "the sweep takes about 6 min on 2 cores"
    assert replace(many, device="cuda").sweep_seconds == 5 + 27 * 2.0


def test_a_sweep_takes_no_less_than_its_longest_trial():
    assert replace(REPORT, at_a_time=100).sweep_seconds == 5 + 27 * 2.0


def test_the_lines_say_configs_times_memory_and_the_whole():
    assert in_short(REPORT) == "4 configs, 0.012-3 s an epoch, up to 310 MB a trial"
    assert outlook(REPORT) == "the sweep takes about 6 min on 2 cores"
    assert outlook(replace(REPORT, max_time=120.0)) == (
        "the sweep takes about 6 min on 2 cores, and stops itself after 2:00"
    )
    assert check_lines(REPORT, 80) == [
        "check  4 configs, 0.012-3 s an epoch, up to 310 MB a trial; the sweep takes",
        "       about 6 min on 2 cores",
        "       smallest  0.012 s    1 MB         86 weights",
        "                 width 4",
        "       largest     2.1 s  310 MB  1,391,114 weights",
        "                 width 64",
        "       sample 1      1 s   40 MB        500 weights",
        "                 width 9  deep true",
        "       sample 2      3 s   60 MB        900 weights",
        "                 width 20",
        "data   1,078 series to train, 360 to validate",
    ]


def test_what_depends_on_results_takes_no_longer_than_all_trials_to_the_end():
    report = replace(REPORT, most=10 * REPORT.epochs)
    assert outlook(report) == (
        "the sweep takes about 6 min on 2 cores, at most about 57 min where all trials go far"
    )
    # A limit on the epochs of all trials is one on the time.
    few = replace(REPORT, epochs=1, most=1)
    assert few.sweep_seconds == 5 + 2.0


def test_a_gpu_is_named_with_its_memory():
    tried = tuple(replace(one, gpu=2_400_000_000) for one in REPORT.tried)
    report = replace(REPORT, tried=tried, device="cuda")
    assert in_short(report).endswith("up to 310 MB a trial, 2.4 GB of GPU memory")
    assert outlook(report) == "the sweep takes about 6 min with 2 trials at a time on cuda"


def test_configs_that_failed_are_counted_and_told():
    bad = Tried("largest", {"width": 64, "rate": 0.0031623}, None, 10, failure="loss became nan")
    report = replace(REPORT, tried=(REPORT.tried[0], bad))
    assert in_short(report) == "2 configs, 0.012 s an epoch, up to 1 MB a trial, 1 failed"
    assert failure_lines(report) == ["largest config: loss became nan with width 64, rate 0.00316"]
    assert "       largest         -  1 MB              loss became nan" in check_lines(report, 80)


def test_nothing_tried_says_why():
    report = replace(REPORT, tried=(), unchecked="none was run", epoch_seconds=None)
    assert (in_short(report), outlook(report)) == ("none was run", "")
    assert check_lines(report, 80) == [
        "check  none was run",
        "data   1,078 series to train, 360 to validate",
    ]


def test_an_error_holds_the_line_that_tries_its_config_again():
    error = CheckError(
        "ValueError: no.", {"width": 64, "deep": False, "how": "a b"}, sweep="my:Net"
    )
    assert str(error) == (
        "check: ValueError: no. Look closer: "
        "orch try my:Net --set width=64 --set deep=false --set how='a b'"
    )
    assert error.exit_code == 1
