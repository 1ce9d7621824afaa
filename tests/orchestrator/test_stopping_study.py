"""Studies that stop by themselves, and go on."""

from __future__ import annotations

import math
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from orchestrator import Study, Sweep, ask_tell
from orchestrator.engine.inbox import StopRun
from orchestrator.engine.journal import read
from orchestrator.engine.records import Closed
from orchestrator.engine.stopping import LimitReachedError
from orchestrator.schedulers import Continue, Pause, Stop
from searchspaces import ConfigurationError

SPACE = {"depth": {"low": 0.0, "high": 1.0}}


def made(strategy: str = "random", **changes: Any) -> Sweep:
    return Sweep(f"ask-{strategy}", **{"space": SPACE, "trials": 9, "epochs": 3, **changes})


def go(study: Study, value: Any = None) -> int:
    """Run the study as its user would; the epochs told."""
    count = 0
    value = value or (lambda trial, epoch: 1 - trial.config["depth"] * (1 - math.exp(-epoch)))
    while (trial := study.ask()) is not None:
        for epoch in range(trial.epoch + 1, 100):
            answer = study.tell(trial, {"valid_loss": value(trial, epoch)})
            count += 1
            if not isinstance(answer, Continue):
                break
    return count


def closed(study: Study) -> Closed:
    last = list(read(study.run.journal))[-1].record
    assert isinstance(last, Closed)
    return last


def test_epochs_of_the_whole_run_count_and_a_resumed_one_says_how_to_go_on(tmp_path: Path) -> None:
    with made(max_epochs_total=7).ask_tell(tmp_path) as study:
        assert go(study) == 7
        assert study.stopped is not None
        assert study.result().stopped == study.stopped
    assert closed(study).reason == "the limit of 7 epochs is reached"
    assert closed(study).limit == "max_epochs_total"
    with pytest.raises(LimitReachedError) as caught:
        Study.resume(study.run)
    assert str(caught.value) == (
        f"the limit of 7 epochs is reached already. Go on: "
        f"Study.resume('{study.run.path}', max_epochs_total='none'), or with another value."
    )
    with Study.resume(study.run, max_epochs_total=12) as again:
        # The trial that was under way starts over: one epoch of it is told twice.
        assert go(again) == 6
    assert closed(again).reason == "the limit of 12 epochs is reached"
    with pytest.raises(LimitReachedError, match="the limit of 12 epochs is reached already"):
        Study.resume(study.run)  # what it went on with lasts
    with Study.resume(study.run, max_epochs_total="none") as rest:
        go(rest)
        assert rest.finished
        assert rest.result().epochs.height == 27
    assert (closed(rest).reason, closed(rest).limit) == ("finished", "")


@pytest.mark.parametrize(
    ("metric", "mode", "target"), [("valid_loss", "min", 0.4), ("accuracy", "max", 0.6)]
)
def test_a_target_is_reached_by_a_trial_at_an_epoch(
    tmp_path: Path, metric: str, mode: str, target: float
) -> None:
    losses = iter([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.1])
    sweep = made(metric=metric, mode=mode, target=target)
    with sweep.ask_tell(tmp_path) as study:
        trial = study.ask()
        answers = []
        while trial is not None:
            loss = next(losses)
            answers.append(study.tell(trial, {"valid_loss": loss, "accuracy": 1 - loss}))
            if not isinstance(answers[-1], Continue):
                trial = study.ask()
    assert len(answers) == 6
    assert study.stopped is not None
    assert study.stopped.reason == (
        f"target {target} is reached (trial 1, epoch 3: {metric} {target})"
    )
    with pytest.raises(LimitReachedError, match=r"target 0\.\d is reached"):
        Study.resume(study.run)


def test_whoever_is_in_the_middle_of_a_trial_is_told_to_keep_its_state(tmp_path: Path) -> None:
    with made(target=0.5).ask_tell(tmp_path) as study:
        first, second = study.ask(), study.ask()
        assert study.tell(first, {"valid_loss": 0.5}) == Pause()
        assert study.ask() is None
        assert study.tell(second, {"valid_loss": 0.9}) == Pause()
        assert not study.finished


def test_a_limit_on_outcomes_keeps_a_trial_from_the_target(tmp_path: Path) -> None:
    with made(target=0.5, outcomes="weights < 10").ask_tell(tmp_path) as study:
        first, second = study.ask(), study.ask()
        study.tell(first, {"valid_loss": 0.1, "weights": 20})
        assert study.stopped is None
        study.tell(second, {"valid_loss": 0.4, "weights": 5})
        assert study.stopped is not None


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The seconds that a study counts by; they pass when a test says so."""
    told = SimpleNamespace(now=1e6)
    fake = SimpleNamespace(monotonic=lambda: told.now, time=time.time)
    monkeypatch.setattr(ask_tell, "time", fake)
    return told


def test_a_study_gives_no_more_trials_when_its_time_is_up(
    tmp_path: Path, clock: SimpleNamespace
) -> None:
    with made(max_time=60).ask_tell(tmp_path) as study:
        clock.now += 59
        first, second = study.ask(), study.ask()
        assert study.tell(first, {"valid_loss": 0.5}) == Continue(3)
        clock.now += 1
        assert study.stopped is None  # nobody has asked or told since
        assert study.tell(first, {"valid_loss": 0.4}) == Pause()
        assert study.ask() is None
        assert study.stopped == StopRun("time is up", limit="max_time")
        assert study.tell(second, {"valid_loss": 0.9}) == Pause()
        assert study.result().stopped == study.stopped
        assert not study.finished
    assert (closed(study).reason, closed(study).limit) == ("time is up", "max_time")


def test_the_time_of_a_study_counts_from_when_it_goes_on(
    tmp_path: Path, clock: SimpleNamespace
) -> None:
    """As that of a run: its own limit counts anew, and another lasts until it is changed."""
    with made(max_time=60).ask_tell(tmp_path) as study:
        clock.now += 60
        assert study.ask() is None

    def gives_after(seconds: float, **rules: Any) -> bool:
        with Study.resume(study.run, **rules) as again:
            clock.now += seconds
            return again.ask() is not None

    assert gives_after(59)
    assert gives_after(99, max_time=100)
    assert not gives_after(100)
    assert gives_after(1e6, max_time="none")
    with Study.resume(study.run) as rest:
        clock.now += 1e6
        go(rest)
        assert rest.finished
        assert rest.stopped is None
    assert (closed(rest).reason, closed(rest).limit) == ("finished", "")


def test_a_study_whose_last_trial_ends_too_late_is_finished(
    tmp_path: Path, clock: SimpleNamespace
) -> None:
    with made(trials=1, epochs=1, max_time=60).ask_tell(tmp_path) as study:
        trial = study.ask()
        clock.now += 100
        assert study.tell(trial, {"valid_loss": 0.5}) == Stop()
        assert study.ask() is None
        assert study.stopped is None
    assert (closed(study).reason, closed(study).limit) == ("finished", "")


def test_a_study_takes_no_rule_for_nothing(tmp_path: Path) -> None:
    with made(max_epochs_total=7).ask_tell(tmp_path) as study:
        go(study)
    with pytest.raises(ConfigurationError, match="min_time: unknown key"):
        Study.resume(study.run, min_time=60)
    with pytest.raises(LimitReachedError, match="the limit of 7 epochs"):
        Study.resume(study.run, max_epochs_total=None)


def test_a_plateau_ends_a_search_that_has_settled(tmp_path: Path) -> None:
    def value(trial: Any, _: int) -> float:
        return max(0.1, 1 - trial.number / 20) + trial.number % 7 / 1e3

    sweep = made(trials=500, epochs=1, plateau=0.01)
    with sweep.ask_tell(tmp_path) as study:
        count = go(study, value)
    assert 40 <= count <= 60
    assert study.stopped is not None
    assert study.stopped.limit == "plateau"
    assert study.stopped.reason.startswith(
        "a plateau is reached (20 more trials are expected to gain at most about 0.00"
    )
    with pytest.raises(LimitReachedError, match="plateau='none'"):
        Study.resume(study.run)
    with Study.resume(study.run, plateau=1e-9) as again:
        assert again.ask() is not None


def test_what_makes_no_rule_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="plateau"):
        made(plateau=0)
    with pytest.raises(ConfigurationError, match="target"):
        made(target=math.nan)
    with pytest.raises(ConfigurationError, match="max_epochs_total"):
        made(max_epochs_total=0)
    with pytest.raises(ConfigurationError) as caught:
        made("asha", plateau="auto", objectives=["weights min"])
    assert str(caught.value) == (
        "plateau: it is told by one objective, and there are 2. Leave it out."
    )


def test_a_spec_that_says_nothing_of_it_has_nothing_of_it() -> None:
    assert not {"target", "plateau", "max_epochs_total"} & set(made().spec.dump())
    said = made(target=0.1, plateau="auto").spec.dump()
    assert (said["target"], said["plateau"]) == (0.1, "auto")
    assert "target" not in Sweep(made(target=0.1).spec, target="none").spec.dump()


def test_a_study_that_comes_to_its_target_and_its_end_at_once_is_finished(tmp_path: Path) -> None:
    with made(trials=1, target=0.5).ask_tell(tmp_path) as study:
        go(study, lambda _, epoch: 1 / epoch if epoch == 3 else 1.0)
        assert study.finished
        assert study.result().stopped is None
    assert (closed(study).reason, closed(study).limit) == ("finished", "")
