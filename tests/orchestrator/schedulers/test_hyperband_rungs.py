"""Bracket sizes and rung sizes of HyperBand against the paper."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.schedulers.hyperband import HyperBand
from orchestrator.schedulers.rungs import levels
from orchestrator.schedulers.testing import Simulation, check_scheduler
from searchspaces import ConfigurationError


def plan(trials: int, max_epochs: int, eta: int = 3) -> list[list[tuple[int, int]]]:
    scheduler = HyperBand(eta=eta)
    scheduler.begin(trials=trials, max_epochs=max_epochs)
    return [[tuple(rung) for rung in bracket] for bracket in scheduler.plan()]


def test_every_bracket_halves_to_the_published_rung_sizes():
    # Li et al., Hyperband, JMLR 18 (2018), table 1: (r_i, n_i) for R = 81 and eta = 3.
    assert plan(128, 81) == [
        [(1, 81), (3, 27), (9, 9), (27, 3), (81, 1)],
        [(3, 27), (9, 9), (27, 3), (81, 1)],
        [(9, 9), (27, 3), (81, 1)],
        [(27, 6), (81, 2)],
        [(81, 5)],
    ]


def test_brackets_are_counted_in_integers():
    # math.log(243, 3) is 4.999...; Optuna's Hyperband counts five brackets here.
    assert math.floor(math.log(243, 3)) == 4
    assert levels(243, 3) == (1, 3, 9, 27, 81, 243)
    assert [bracket[0] for bracket in plan(243 + 81 + 27 + 18 + 9 + 6, 243)] == [
        (1, 243),
        (3, 81),
        (9, 27),
        (27, 18),
        (81, 9),
        (243, 6),
    ]


def test_levels_of_epochs_that_are_no_power_of_eta():
    assert levels(50, 3) == (1, 5, 16, 50)
    assert levels(2, 3) == (2,)
    assert levels(100, 4, min_epochs=7) == (25, 100)


def test_brackets_begin_again_and_the_last_is_cut_short():
    assert plan(46 + 27 + 5, 27)[4:] == [
        [(1, 27), (3, 9), (9, 3), (27, 1)],
        [(3, 5), (9, 1), (27, 1)],
    ]


def test_one_iteration_of_27_epochs_takes_342_epochs():
    # By hand: 27*1 + 9*2 + 3*6 + 18, 9*3 + 3*6 + 18, 6*9 + 2*18, 4*27.
    scheduler = HyperBand()
    scheduler.begin(trials=46, max_epochs=27)
    assert scheduler.total_epochs() == 81 + 63 + 90 + 108


def test_fewer_epochs_than_eta_leave_nothing_to_halve():
    with pytest.raises(ConfigurationError) as error:
        HyperBand().begin(trials=5, max_epochs=2)
    assert str(error.value) == (
        "epochs: 2 epochs leave nothing to halve with scheduler.eta=3. "
        "Give at least 3 epochs, or choose scheduler fifo."
    )


@pytest.mark.parametrize(
    ("trials", "epochs", "line"),
    [(0, 27, "trials: 0 trials: give at least 1."), (1, 0, "epochs: 0 epochs: give at least 1.")],
)
def test_a_sweep_needs_a_trial_and_an_epoch(trials, epochs, line):
    with pytest.raises(ConfigurationError) as error:
        HyperBand().begin(trials=trials, max_epochs=epochs)
    assert str(error.value) == line


@pytest.mark.parametrize("concurrency", [1, 2, 5])
@pytest.mark.parametrize("seed", range(5))
def test_46_trials_of_27_epochs_end_at_1_3_9_and_27(concurrency, seed):
    # By hand: 18 of bracket 3; 6 + 6; 2 + 2 + 4; 1 + 1 + 2 + 4.
    seen = check_scheduler(
        HyperBand,
        trials=46,
        max_epochs=27,
        concurrency=concurrency,
        seed=seed,
        loss=lambda number, epoch: float((number * 7919 + epoch) % 46),
    )
    assert seen.ends_by_epoch == {1: 18, 3: 12, 9: 8, 27: 8}


def halve_by_hand(losses: dict[int, float], rungs: list[tuple[int, int]]) -> dict[int, int]:
    """The epoch at which each trial of one bracket ends, written without any state."""
    ends: dict[int, int] = {}
    alive = sorted(losses)
    for (epochs, size), (_, promoted) in zip(rungs, [*rungs[1:], (0, 0)], strict=True):
        assert len(alive) == size
        ranked = sorted(alive, key=lambda number: (losses[number], number))
        ends.update(dict.fromkeys(alive, epochs))
        alive = ranked[:promoted]
    return ends


def one_bracket(trials: int, losses: list[float], concurrency: int, seed: int) -> Simulation:
    return check_scheduler(
        HyperBand,
        trials=trials,
        max_epochs=27,
        concurrency=concurrency,
        seed=seed,
        loss=lambda number, _: losses[number],
    )


@settings(deadline=None, max_examples=40)
@given(
    losses=st.lists(st.integers(0, 9).map(float), min_size=1, max_size=27),
    concurrency=st.integers(1, 8),
    seed=st.integers(0, 99),
)
def test_the_best_are_promoted_whatever_the_order(losses, concurrency, seed):
    seen = one_bracket(len(losses), losses, concurrency, seed)
    rungs = plan(len(losses), 27)[0]
    assert seen.ends == halve_by_hand(dict(enumerate(losses)), rungs)


def test_ties_go_to_the_lower_number():
    seen = one_bracket(9, [1.0] * 9, concurrency=3, seed=1)
    assert seen.ends == {0: 27, 1: 3, 2: 3} | dict.fromkeys(range(3, 9), 1)
