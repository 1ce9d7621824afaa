"""Rungs with which later ones do not agree are left out."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from orchestrator.schedulers.asha import Asha
from orchestrator.schedulers.decisions import Continue, Pause, Prune, Resume, Start
from orchestrator.schedulers.trust import PROBES, Trust

EPOCHS = 27


def sweep(curve, trials=60, **settings):
    """How far each trial came, in the order of starting, one at a time."""
    made = Asha(form="promotion", cap=True, **settings)
    made.begin(trials=trials, max_epochs=EPOCHS)
    quality = np.random.default_rng(0).random(trials).tolist()
    came, first, started = {}, [], 0
    while (proposal := made.propose()) is not None:
        match proposal:
            case Prune(number):
                made.pruned(number)
                continue
            case Start(_, until):
                number, started = started, started + 1
                made.started(number)
                first.append(until)
            case Resume(number, until):
                made.resumed(number)
        while True:
            came[number] = until
            match made.report(number, until, curve(quality[number], until)):
                case Continue(until):
                    continue
                case Pause():
                    pass
            break
    return [came[number] for number in range(trials)], first, quality


def fair(quality, epoch):
    return quality + 1 / epoch


def unfair(quality, epoch):
    """What is good in the end is bad at first."""
    return quality if epoch >= 9 else -quality


def test_where_rungs_agree_only_a_few_trials_more_come_to_the_end():
    with_doubts, first, _ = sweep(fair, doubts=True)
    without, _, _ = sweep(fair)
    assert set(first) == {1}
    probes = [number - 1 for number in PROBES if number <= 60]
    assert all(with_doubts[number] == EPOCHS for number in probes)
    assert Counter(with_doubts)[EPOCHS] <= Counter(without)[EPOCHS] + 2 * len(probes)


def test_where_they_do_not_the_first_rungs_are_left_out():
    came, first, quality = sweep(unfair, doubts=True)
    assert first[:8] == [1] * 8
    assert {first[number - 1] for number in range(31, 61) if number not in PROBES} == {9}
    best = int(np.argmin(quality))
    assert came[best] == EPOCHS
    plain, first, _ = sweep(unfair)
    assert set(first) == {1}
    assert plain[best] == 1


def test_a_stopping_form_has_no_doubts():
    made = Asha(doubts=True)
    made.begin(trials=3, max_epochs=EPOCHS)
    assert made.propose() == Start(0, 1)
    made.started(0)
    assert made.report(0, 1, 1.0) == Continue(3)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_floor_is_the_first_rung_that_later_ones_bear_out(sign):
    trust = Trust(3)
    for number in range(6):
        trust.note(number, 0, sign * number)
        trust.note(number, 1, number)
    for number in range(3):
        trust.note(number, 2, number)
    assert trust.floor == (0 if sign == 1 else 1)


def test_as_many_trials_as_one_likes_cost_the_same():
    trust = Trust(2)
    for number in range(5_000):
        trust.note(number, 0, number % 7)
        trust.note(number, 1, number % 5)
    assert trust.floor in {0, 1}


@pytest.mark.parametrize("trials", [10, 46, 200])
def test_the_plan_counts_the_trials_that_go_on_whatever_they_are(trials):
    made = Asha(form="promotion", cap=True, doubts=True)
    made.begin(trials=trials, max_epochs=EPOCHS)
    came, _, _ = sweep(fair, trials=trials, doubts=True)
    assert made.total_epochs() == pytest.approx(sum(came), rel=0.25)
