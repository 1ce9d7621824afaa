"""Halving by several losses: non-dominated sorting of those that have come to a rung."""

from __future__ import annotations

import random

import pytest

from orchestrator.schedulers import Continue, Pause, Prune, Resume, Start, Stop
from orchestrator.schedulers.asha import Asha
from orchestrator.schedulers.async_hyperband import AsyncHyperBand
from orchestrator.schedulers.hyperband import HyperBand
from orchestrator.schedulers.places import Places, placed
from searchspaces.dominance import layers, ranked


def losses_of(number, epoch):
    """Two losses in conflict and some noise; falls with the epochs."""
    random_ = random.Random(number * 1000 + epoch)
    x = (number * 37 % 101) / 101
    return (round(x / epoch + 0.2 * random_.random(), 2), round((1 - x) ** 2 / epoch, 2))


@pytest.mark.parametrize("cap", [False, True])
def test_the_stopping_form_lets_go_on_who_is_among_the_best_of_those_that_came(cap):
    scheduler, came, sent = Asha(eta=3, cap=cap), {1: {}, 3: {}}, {1: 0, 3: 0}
    scheduler.begin(trials=60, max_epochs=9)
    for number in range(60):
        scheduler.started(number)
        for epoch in (1, 3, 9):
            losses = losses_of(number, epoch)
            scheduler.weighed(number, losses)
            decision = scheduler.report(number, epoch, losses[0])
            if epoch == 9:
                assert decision == Stop()
                break
            came[epoch][number] = losses
            quota = max(1, len(came[epoch]) // 3)
            order = [list(came[epoch])[k] for k in ranked(list(came[epoch].values()))]
            good = order.index(number) < quota and not (cap and sent[epoch] >= quota)
            assert decision == (Continue(3 * epoch) if good else Stop()), (number, epoch)
            if not good:
                break
            sent[epoch] += 1
    assert scheduler.finished


def drive(scheduler, trials, max_epochs):
    """Run a sweep of trials one at a time; who reported where, and who was resumed from there."""
    scheduler.begin(trials=trials, max_epochs=max_epochs)
    came, gone, started = {}, {}, 0
    while not scheduler.finished:
        match scheduler.propose():
            case Start(until=until):
                number, started = started, started + 1
                scheduler.started(number)
            case Resume(number, until):
                scheduler.resumed(number)
                below = max(epoch for epoch, there in came.items() if number in there)
                gone.setdefault(below, []).append(number)
            case Prune(number):
                scheduler.pruned(number)
                continue
        losses = losses_of(number, until)
        came.setdefault(until, {})[number] = losses
        scheduler.weighed(number, losses)
        decision = scheduler.report(number, until, losses[0])
        assert decision == (Stop() if until == max_epochs else Pause())
    return came, gone


def test_places_are_those_of_all_that_are_there_also_when_some_were_taken_out():
    random_, places, there = random.Random(3), Places(), {}
    for number in random_.sample(range(200), 120):
        there[number] = losses_of(number, 1)
        entries = places.add(number, there[number])
        assert entries == placed([(0.0, one) for one in there], there)
        if random_.random() < 0.2:
            gone = random_.choice(list(there))
            del there[gone]
            places.remove(gone)


def test_hyperband_promotes_the_best_third_of_a_rung():
    """A bracket of 9 at 1, 3 at 3, 1 at 9 epochs."""
    came, gone = drive(HyperBand(), 9, 9)
    for epoch, count in ((1, 3), (3, 1)):
        numbers = sorted(came[epoch])
        order = ranked([came[epoch][number] for number in numbers])
        assert sorted(gone[epoch]) == sorted(numbers[k] for k in order[:count])


def test_the_promotion_form_sends_on_better_fronts_than_it_keeps_with_a_cap():
    came, gone = drive(Asha(form="promotion", cap=True), 81, 9)
    numbers = sorted(came[1])
    found = dict(zip(numbers, layers([came[1][n] for n in numbers]), strict=True))
    sent, kept = gone[1], [n for n in numbers if n not in gone[1]]
    assert len(sent) == 27
    mean = lambda some: sum(found[n] for n in some) / len(some)  # noqa: E731  # for this line
    assert mean(sent) < mean(kept) - 1
    assert any(losses[0] > 0.5 for n in sent for losses in [came[1][n]])  # not the first alone


@pytest.mark.parametrize(
    "made", [HyperBand, lambda: Asha(form="promotion"), lambda: AsyncHyperBand(form="promotion")]
)
def test_the_same_losses_give_the_same_decisions(made):
    assert drive(made(), 40, 27) == drive(made(), 40, 27)
