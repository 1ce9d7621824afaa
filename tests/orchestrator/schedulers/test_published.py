"""Every scheduler decides as the published algorithm does, event by event, in random sweeps."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

from orchestrator.schedulers.asha import Asha
from orchestrator.schedulers.async_hyperband import AsyncHyperBand
from orchestrator.schedulers.hyperband import HyperBand
from orchestrator.schedulers.median import Median
from orchestrator.schedulers.pbt import Pbt
from tests.orchestrator.schedulers import published, published_rounds
from tests.orchestrator.schedulers.published import Curves, Ours, play, resources

FORMS = [("stopping", False), ("stopping", True), ("promotion", False), ("promotion", True)]


@cache
def falling() -> np.ndarray:
    """1 / epoch, for 243 epochs."""
    return 1 / np.arange(1, 244)


def curves(seed: int, trials: int, epochs: int, *, improving: bool = False) -> Curves:
    """Falling curves that cross, with ties; some trials have nothing but infinite losses."""
    rng = np.random.default_rng(seed)
    ends, starts = rng.integers(0, 12, trials), rng.integers(0, 12, trials)
    lost = rng.random(trials) < 0.07
    if improving:
        ends = starts = -np.arange(trials)
        lost &= False
    found = ends[:, None] + (starts - ends)[:, None] * falling()[:epochs]
    found[lost] = math.inf
    return found.tolist()


def sweeps(count: int, most: int = 60):
    """Random sweeps: (index, trials, epochs, eta, workers, trouble)."""
    for index in range(count):
        rng = np.random.default_rng([7, index])
        eta = int(rng.integers(2, 6))
        max_epochs = int(rng.choice([eta, eta**2, eta**3, 27, 50, 81, 100, 243]))
        yield (
            index,
            int(rng.integers(1, most)),
            max(eta, max_epochs),
            eta,
            int(rng.choice([1, 2, 3, 5, 8, 16])),
            float(rng.choice([0.0, 0.0, 0.03, 0.2])),
        )


def check_same(ours: Ours, theirs: published.Algorithm, **how) -> list[tuple]:
    log = play(ours, **how)
    assert log == play(theirs, **how)
    assert ours.scheduler.finished
    return log


@pytest.mark.parametrize(("form", "cap"), FORMS)
def test_asha_decides_as_published_in_random_sweeps(form, cap):
    for index, trials, max_epochs, eta, workers, trouble in sweeps(250):
        least = min(1 + index % 3, max_epochs)
        ours = Ours(Asha(eta=eta, form=form, cap=cap, min_epochs=least), trials, max_epochs)
        epochs = resources(max_epochs, eta, least)
        theirs = published.Asha(epochs, trials, eta, form == "promotion", cap)
        table = curves(index, trials, max_epochs, improving=index % 5 == 0)
        how = {"trials": trials, "workers": workers, "seed": index, "trouble": trouble}
        log = check_same(ours, theirs, curves=table, **how)
        if trouble == 0 and any(curve[0] < math.inf for curve in table):
            assert any(event[0] == "result" and event[2] == max_epochs for event in log)


@pytest.mark.parametrize(("form", "cap"), FORMS)
def test_async_hyperband_decides_as_published_in_random_sweeps(form, cap):
    for index, trials, max_epochs, eta, workers, trouble in sweeps(150):
        turns = index % 3 or None
        ours = Ours(AsyncHyperBand(eta=eta, form=form, cap=cap, turns=turns), trials, max_epochs)
        theirs = published.Brackets.of(
            trials, max_epochs, eta, promotes=form == "promotion", cap=cap, most=turns or trials
        )
        how = {"trials": trials, "workers": workers, "seed": index, "trouble": trouble}
        check_same(ours, theirs, curves=curves(index, trials, max_epochs), **how)


def test_hyperband_decides_as_published_in_random_sweeps():
    for index, trials, max_epochs, eta, workers, trouble in sweeps(400):
        theirs = published_rounds.HyperBand(trials, max_epochs, eta)
        how = {"trials": trials, "workers": workers, "seed": index, "trouble": trouble}
        table = curves(index, trials, max_epochs)
        check_same(Ours(HyperBand(eta=eta), trials, max_epochs), theirs, curves=table, **how)


def test_population_based_training_decides_as_published_in_random_sweeps():
    for index, trials, most, _, workers, trouble in sweeps(400):
        max_epochs, every, quantile = min(27, most), 1 + index % 5, (0.1, 0.2, 0.5)[index % 3]
        scheduler = Pbt(every=every, quantile=quantile)
        theirs = published_rounds.Population(trials, max_epochs, every, round(100 * quantile))
        how = {"trials": trials, "workers": workers, "seed": index, "trouble": trouble / 5}
        table = curves(index, trials, max_epochs)
        check_same(Ours(scheduler, trials, max_epochs), theirs, curves=table, **how)


def test_the_median_rule_decides_as_published_in_random_sweeps():
    for index, trials, most, _, workers, trouble in sweeps(300):
        max_epochs = min(50, most)
        first, every, least = 1 + index % max_epochs, 1 + index % 4, 1 + index % 7
        scheduler = Median(min_epochs=first, every=every, min_trials=least)
        theirs = published.MedianRule(trials, max_epochs, first, least, every)
        how = {"trials": trials, "workers": workers, "seed": index, "trouble": trouble / 10}
        ours = Ours(scheduler, trials, max_epochs)
        check_same(ours, theirs, curves=curves(index, trials, max_epochs), **how)


@pytest.mark.parametrize(("form", "cap"), FORMS)
def test_243_epochs_with_eta_3_have_six_brackets_that_decide_as_published(form, cap):
    trials = 243 + 81 + 27 + 18 + 9 + 6
    scheduler = AsyncHyperBand(form=form, cap=cap)
    ours = Ours(scheduler, trials, 243)
    theirs = published.Brackets.of(trials, 243, 3, promotes=form == "promotion", cap=cap)
    assert [bracket[0] for bracket in scheduler.plan()] == [
        (1, 243), (3, 81), (9, 27), (27, 18), (81, 9), (243, 6),
    ]  # fmt: skip
    check_same(ours, theirs, trials=trials, workers=7, seed=1, curves=curves(1, trials, 243))


def test_after_its_turns_every_trial_runs_to_the_end():
    once = AsyncHyperBand(turns=1, form="promotion", cap=True)
    once.begin(trials=100, max_epochs=27)
    assert [bracket[0] for bracket in once.plan()] == [(1, 27), (3, 9), (9, 6), (27, 58)]
    assert once.most_epochs() == once.total_epochs() == 342 + 54 * 27
    short = AsyncHyperBand(turns=1)
    short.begin(trials=5, max_epochs=2)  # nothing to halve
    assert short.plan() == [[(2, 5)]]


@pytest.mark.parametrize("kind", [Asha, AsyncHyperBand])
def test_with_a_cap_a_promoting_rung_sends_its_share_and_never_more(kind):
    for index, trials, max_epochs, eta, workers, _ in sweeps(60, most=200):
        scheduler = kind(eta=eta, form="promotion", cap=True)
        ours = Ours(scheduler, trials, max_epochs)
        table = curves(index, trials, max_epochs, improving=True)
        log = play(ours, trials=trials, workers=workers, seed=index, curves=table)
        came = [(event[1], event[2]) for event in log if event[0] == "result"]
        bracket = {event[3]: event[1] for event in log if event[0] == "start"}
        for number, rungs in enumerate(scheduler.plan()):
            for rung in rungs:
                there = [n for n, epoch in came if epoch == rung.epochs and bracket[n] == number]
                assert len(there) == rung.trials


def test_without_a_cap_a_searcher_that_improves_promotes_nearly_everything():
    reached = {}
    for cap in (False, True):
        ours = Ours(Asha(form="promotion", cap=cap), 81, 9)
        table = curves(0, 81, 9, improving=True)
        log = play(ours, trials=81, workers=1, seed=0, curves=table)
        reached[cap] = sum(event[0] == "result" and event[2] == 9 for event in log)
    assert reached[True] == 9
    assert reached[False] > 60


def test_the_plan_of_plain_promotion_is_what_random_losses_lead_to():
    for eta in (2, 3, 4):
        reached: dict[int, float] = {}
        scheduler = Asha(eta=eta, form="promotion")
        for seed in range(4):
            ours = Ours(scheduler.model_copy(), 900, eta**3)
            order = np.random.default_rng(seed).permutation(900)
            table = [[float(place)] * eta**3 for place in order]
            log = play(ours, trials=900, workers=4, seed=seed, curves=table)
            for event in log:
                if event[0] == "result":
                    reached[event[2]] = reached.get(event[2], 0) + 1 / 4
        scheduler.begin(trials=900, max_epochs=eta**3)
        assert reached == pytest.approx(dict(scheduler.plan()[0]), rel=0.15)
