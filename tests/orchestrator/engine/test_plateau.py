"""What more trials would gain, held against searches whose future is known."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.engine.objective import Objective, goal
from orchestrator.engine.plateau import LEAST, MORE, Finals, expected_gain, outlook
from orchestrator.engine.records import EpochReported, TrialEnded, TrialStarted, Verdict
from orchestrator.engine.stopping import HOLD, Stopping, StopRules
from trainables.limits import limit

Draw = Callable[[random.Random, int], float]
LOSS = Objective("valid_loss", "min")
LOSSES = st.lists(st.floats(-1e6, 1e6), min_size=LEAST, max_size=60)


def normal(rng: random.Random, _: int) -> float:
    return rng.gauss(0, 1)


def exponential(rng: random.Random, _: int) -> float:
    return -rng.expovariate(1)


def uniform(rng: random.Random, _: int) -> float:
    return rng.random()


@pytest.mark.parametrize("draw", [normal, exponential, uniform])
@pytest.mark.parametrize("count", [12, 50, 200])
def test_of_independent_draws_no_less_is_expected_than_comes(draw: Draw, count: int) -> None:
    """And of a tail that falls off exponentially, about two to four times as much."""
    said, came = [], []
    for seed in range(150):
        rng = random.Random(seed)
        losses = [draw(rng, number) for number in range(count + MORE)]
        said.append(expected_gain(losses[:count], MORE))
        came.append(min(losses[:count]) - min(losses))
    assert statistics.mean(said) > statistics.mean(came)
    if draw is exponential:
        assert statistics.mean(said) < 4 * statistics.mean(came)


def test_a_search_that_gets_better_steadily_is_expected_to_go_on_so() -> None:
    """Its best falls by 0.01 a trial, so by 0.2 in 20."""
    for seed in range(20):
        rng = random.Random(seed)
        losses = [-0.01 * number + rng.gauss(0, 0.02) for number in range(200)]
        assert expected_gain(losses, 20) == pytest.approx(0.2, rel=0.15)


def test_the_closed_form_is_that_of_the_exponential_tail() -> None:
    """Six values at 0 to 5 and six far above: threshold 4, scale 2.5, p = 4/12 exp(-4/2.5).

    The expected gain of one draw is p times the scale.
    """
    losses = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, *(1e3 for _ in range(6))]
    assert expected_gain(losses, 1) == pytest.approx(4 / 12 * math.exp(-4 / 2.5) * 2.5)


@given(LOSSES, st.integers(1, 50))
def test_a_gain_is_never_negative_and_never_less_for_more_trials(
    losses: list[float], more: int
) -> None:
    gain, longer = expected_gain(losses, more), expected_gain(losses, more + 1)
    assert gain is not None
    assert longer is not None
    assert 0 <= gain <= longer * (1 + 1e-9)


@given(LOSSES, st.floats(0.01, 100), st.floats(-100, 100))
def test_units_and_origin_of_the_metric_change_nothing(
    losses: list[float], scale: float, shift: float
) -> None:
    moved = [scale * loss + shift for loss in losses]
    gain, other = expected_gain(losses, 20), expected_gain(moved, 20)
    assert gain is not None
    assert other == pytest.approx(scale * gain, rel=1e-3, abs=1e-3)


def test_too_few_final_values_tell_nothing_and_infinite_ones_do_not_count() -> None:
    assert expected_gain([1.0] * (LEAST - 1), 20) is None
    assert expected_gain([1.0] * (LEAST - 1) + [math.inf] * 50, 20) is None
    assert expected_gain([1.0] * LEAST, 20) == 0
    assert outlook("valid_loss", [1.0] * (LEAST - 1), 20) is None


def test_as_few_of_the_next_trials_run_to_the_end_as_before() -> None:
    rng = random.Random(1)
    losses = [rng.random() for _ in range(40)]
    few, all_ = outlook("valid_loss", losses, 400), outlook("valid_loss", losses, 40)
    assert few is not None
    assert all_ is not None
    assert few.gain == expected_gain(losses, 2)
    assert all_.gain == expected_gain(losses, 20)
    assert (
        str(few)
        == f"20 more trials are expected to gain at most about {few.gain:.2g} in valid_loss"
    )


def told(losses: list[float], stopping: Stopping) -> int | None:
    """After how many trials of one epoch it stops; None if it never does."""
    for number, loss in enumerate(losses):
        stopping.note(TrialStarted(number, {}, 0, 0, 1, 0.0))
        stopping.note(
            EpochReported(number, 1, 1, {"valid_loss": loss}, 1.0, "", 0.0, verdict=Verdict("stop"))
        )
        if stopping.stop is not None:
            return number + 1
    return None


def rule(plateau: float | str = "auto") -> Stopping:
    return Stopping(StopRules(plateau=plateau), LOSS, 1)  # type: ignore[arg-type]  # float or auto


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(15, 60), st.floats(0.001, 1000.0), st.floats(-1000, 1000))
def test_it_stops_a_search_whose_improvement_has_ended(
    seed: int, end: int, scale: float, shift: float
) -> None:
    """Not before the end, and once about as many trials as before it brought nothing."""
    rng = random.Random(seed)
    losses = [
        shift + scale * (max(0.0, 1 - number / end) + 0.005 * rng.random()) for number in range(400)
    ]
    stopped = told(losses, rule())
    assert stopped is not None
    assert end < stopped <= 2 * end + 20


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.floats(0.001, 1000.0), st.floats(0.0, 3.0))
def test_it_does_not_stop_a_search_that_goes_on_getting_better(
    seed: int, scale: float, noise: float
) -> None:
    """Each trial by a step on average, with noise of up to three steps."""
    rng = random.Random(seed)
    losses = [scale * (-number + noise * rng.gauss(0, 1)) for number in range(300)]
    assert told(losses, rule()) is None


def test_a_search_that_comes_ever_closer_is_stopped_when_the_rest_does_not_matter() -> None:
    """``exp(-n / 20)``: 20 more trials gain less than a hundredth of all after 80."""
    losses = [math.exp(-number / 20) for number in range(600)]
    stopped = told(losses, rule())
    assert stopped is not None
    assert 80 < stopped < 200
    gain = 0.1
    sooner = told(losses, rule(gain))
    assert sooner is not None
    assert sooner < stopped


def test_one_lucky_look_is_no_plateau() -> None:
    """A tie of two good values looks settled for a moment; the next one breaks it."""
    losses = [float(number % 3) for number in range(60)]
    stopped = told(losses, rule(1e-9))
    assert stopped is not None
    assert stopped >= LEAST + HOLD - 1


def curve(stopping: Finals, number: int, losses: list[float]) -> None:
    stopping.note(TrialStarted(number, {}, 0, 0, len(losses), 0.0))
    for epoch, loss in enumerate(losses, start=1):
        verdict = Verdict("stop") if epoch == len(losses) else None
        stopping.note(
            EpochReported(number, 1, epoch, {"valid_loss": loss}, 1.0, "", 0.0, verdict=verdict)
        )


def test_the_noise_is_what_neighbouring_epochs_differ_by_beside_their_trend() -> None:
    finals, rng = Finals(LOSS, 9), random.Random(3)
    for number in range(300):
        curve(finals, number, [2 - epoch / 9 + rng.gauss(0, 0.05) for epoch in range(9)])
    found = finals.outlook()
    assert found is not None
    assert found.noise == pytest.approx(0.05, rel=0.15)
    assert found.matters >= found.noise


def test_only_trials_that_were_trained_to_the_end_are_compared() -> None:
    finals = Finals(LOSS, 9)
    for number in range(20):
        curve(finals, number, [0.001] * 3)  # pruned at epoch 3, and better than all others
    assert finals.losses == []
    for number in range(20, 25):
        curve(finals, number, [0.5] * 9)
    finals.note(TrialStarted(25, {}, 0, 0, 9, 0.0))
    finals.note(EpochReported(25, 1, 1, {"valid_loss": 0.4}, 1.0, "", 0.0))
    finals.note(TrialEnded(25, "completed", "no better for 3 epochs", 0.0))
    assert finals.losses == [0.5] * 5 + [0.4]


def test_a_trial_that_breaks_a_limit_is_none_to_improve_on() -> None:
    finals = Finals(Objective("valid_loss", "min", limits=(limit("weights < 10"),)), 1)
    for number in range(LEAST + 3):
        finals.note(TrialStarted(number, {}, 0, 0, 1, 0.0))
        metrics = {"valid_loss": 0.5, "weights": 20.0 if number < 3 else 5.0}
        verdict = Verdict("stop")
        finals.note(EpochReported(number, 1, 1, metrics, 1.0, "", 0.0, verdict=verdict))
    assert finals.losses == [math.inf] * 3 + [0.5] * LEAST
    found = finals.outlook()
    assert found is not None
    assert (found.gain, found.progress) == (0, 0)
    assert str(found) == "20 more trials are expected to gain nothing"


def ends(stopping: Stopping | Finals, number: int, loss: float, weights: float) -> None:
    """A trial of one epoch."""
    stopping.note(TrialStarted(number, {}, 0, 0, 1, 0.0))
    metrics = {"valid_loss": loss, "weights": weights}
    verdict = Verdict("stop")
    stopping.note(EpochReported(number, 1, 1, metrics, 1.0, "", 0.0, verdict=verdict))


def test_trials_that_break_a_limit_do_not_declare_a_plateau() -> None:
    """They change nothing of what is known; the next that keep it have to say so."""
    objective = Objective("valid_loss", "min", limits=(limit("weights < 10"),))
    stopping = Stopping(StopRules(plateau=0.02), objective, 1)
    for number in range(LEAST + 1):
        ends(stopping, number, 1.0, weights=5.0)
    for number in range(LEAST + 1, LEAST + 101):
        ends(stopping, number, 0.1, weights=20.0)
    assert stopping.stop is None
    for number in range(LEAST + 101, LEAST + 99 + HOLD):
        assert stopping.stop is None
        ends(stopping, number, 1.0, weights=5.0)
    assert stopping.stop is not None
    assert stopping.stop.limit == "plateau"


def test_as_few_of_the_next_trials_keep_the_limits_as_before() -> None:
    """40 of 400 do, so 2 of 20; those that break one have run to the end as well."""
    rng = random.Random(1)
    losses = [rng.random() for _ in range(40)]
    finals = Finals(Objective("valid_loss", "min", limits=(limit("weights < 10"),)), 1)
    for number in range(400):
        kept = number % 10 == 0
        ends(finals, number, losses[number // 10] if kept else 0.0, 5.0 if kept else 20.0)
    found = finals.outlook()
    assert found is not None
    assert found.gain == expected_gain(losses, 2)


def test_of_several_objectives_nothing_is_said() -> None:
    """One of them alone does not tell whether the front can still grow."""
    finals = Finals(Objective("valid_loss", "min", others=(goal("weights"),)), 9)
    for number in range(LEAST + 3):
        curve(finals, number, [0.5] * 9)
    assert finals.outlook() is None
