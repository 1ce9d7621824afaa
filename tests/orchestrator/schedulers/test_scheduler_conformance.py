"""Every scheduler keeps the promises of schedulers, and the check sees broken ones."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import PrivateAttr

from orchestrator.schedulers import Decision, Pause, Proposal, Scheduler, Start, schedulers
from orchestrator.schedulers.asha import Asha
from orchestrator.schedulers.async_hyperband import AsyncHyperBand
from orchestrator.schedulers.fifo import Fifo
from orchestrator.schedulers.hyperband import HyperBand
from orchestrator.schedulers.median import Median
from orchestrator.schedulers.pbt import Pbt
from orchestrator.schedulers.testing import check_scheduler

sweeps = {
    "trials": st.integers(1, 200),
    "concurrency": st.integers(1, 16),
    "seed": st.integers(0, 2**31),
    "failure_rate": st.sampled_from([0.0, 0.05, 0.3, 1.0]),
}


@pytest.mark.parametrize("name", schedulers.names())
@pytest.mark.parametrize("failure_rate", [0.0, 0.2])
def test_every_registered_scheduler_keeps_the_promises(name, failure_rate):
    for concurrency in (1, 2, 5):
        check_scheduler(
            schedulers.get(name),
            trials=46,
            max_epochs=27,
            concurrency=concurrency,
            failure_rate=failure_rate,
        )


@settings(deadline=None, max_examples=80)
@given(eta=st.integers(2, 5), max_epochs=st.integers(1, 300), **sweeps)
def test_hyperband_keeps_the_promises(eta, max_epochs, **sweep):
    max_epochs = max(eta, max_epochs)
    seen = check_scheduler(lambda: HyperBand(eta=eta), max_epochs=max_epochs, **sweep)
    levels = {max_epochs // eta**k for k in range(10)} - {0}
    assert set(seen.ends.values()) <= levels


forms = {"form": st.sampled_from(["stopping", "promotion"]), "cap": st.booleans()}


@settings(deadline=None, max_examples=80)
@given(
    eta=st.integers(2, 5),
    max_epochs=st.integers(1, 300),
    grace=st.integers(1, 300),
    form=forms["form"],
    cap=forms["cap"],
    **sweeps,
)
def test_asha_keeps_the_promises(eta, max_epochs, grace, form, cap, **sweep):
    grace = min(grace, max_epochs)
    made = Asha(eta=eta, min_epochs=grace, form=form, cap=cap)
    seen = check_scheduler(made.model_copy, max_epochs=max_epochs, **sweep)
    assert all(end >= grace for end in seen.ends.values())


@settings(deadline=None, max_examples=60)
@given(
    eta=st.integers(2, 5),
    max_epochs=st.integers(1, 300),
    turns=st.none() | st.integers(1, 3),
    **forms,
    **sweeps,
)
def test_async_hyperband_keeps_the_promises(eta, max_epochs, form, cap, turns, **sweep):
    made = AsyncHyperBand(eta=eta, form=form, cap=cap, turns=turns)
    seen = check_scheduler(made.model_copy, max_epochs=max(eta, max_epochs), **sweep)
    levels = {max(eta, max_epochs) // eta**k for k in range(10)} - {0}
    assert set(seen.ends.values()) <= levels


@settings(deadline=None, max_examples=30)
@given(
    max_epochs=st.integers(1, 60),
    first=st.none() | st.integers(1, 60),
    every=st.none() | st.integers(1, 60),
    **sweeps,
)
def test_the_median_rule_keeps_the_promises(max_epochs, first, every, **sweep):
    first = first and min(first, max_epochs)
    made = Median(min_epochs=first, every=every)
    seen = check_scheduler(made.model_copy, max_epochs=max_epochs, **sweep)
    assert all(end >= (first or 1) for end in seen.ends.values())


@settings(deadline=None, max_examples=30)
@given(
    max_epochs=st.integers(1, 60),
    every=st.none() | st.integers(1, 60),
    quantile=st.sampled_from([0.01, 0.2, 0.5]),
    **sweeps,
)
def test_population_based_training_keeps_the_promises(max_epochs, every, quantile, **sweep):
    made = Pbt(every=every, quantile=quantile)
    check_scheduler(made.model_copy, max_epochs=max_epochs, **sweep)


@settings(deadline=None, max_examples=20)
@given(max_epochs=st.integers(1, 300), **sweeps)
def test_fifo_keeps_the_promises(max_epochs, **sweep):
    seen = check_scheduler(Fifo, max_epochs=max_epochs, **sweep)
    assert set(seen.ends.values()) <= {max_epochs}


class Forgetful(Fifo):
    """Pauses trials and never comes back to them."""

    def report(self, number: int, epoch: int, loss: float) -> Decision:
        super().report(number, epoch, loss)
        return Pause()


class Restless(Fifo):
    """Proposing changes it."""

    _asked: int = PrivateAttr(default=0)

    def propose(self) -> Start | None:
        self._asked += 1
        return super().propose()


class Greedy(Fifo):
    """Starts one trial too many."""

    def begin(self, *, trials: int, max_epochs: int) -> None:
        super().begin(trials=trials + 1, max_epochs=max_epochs)


class Early(Fifo):
    """Says that it is finished while trials run."""

    @property
    def finished(self) -> bool:
        return self._started == self._trials


class Lazy(Fifo):
    """Waits for nothing."""

    def propose(self) -> Proposal | None:
        return super().propose() if self._started < 2 else None


class Careless(HyperBand):
    """Promotes trials whose loss is infinite."""

    def report(self, number: int, epoch: int, loss: float) -> Decision:
        return super().report(number, epoch, min(loss, 1e9))


class Sticky(Fifo):
    """Keeps what an earlier sweep left."""

    _ever: list[int] = PrivateAttr(default_factory=list)

    def started(self, number: int) -> None:
        super().started(number)
        self._ever.append(number)


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        (Forgetful, "Pause() at the last epoch"),
        (Restless, "proposing changed the state"),
        (Greedy, "more trials than asked for"),
        (Early, "finished while a trial runs"),
        (Lazy, "2 of 9 trials started"),
        (Careless, "promoted"),
        (Sticky, "begin does not reset the state"),
    ],
)
def test_the_check_sees_a_broken_promise(broken: type[Scheduler], complaint):
    with pytest.raises(AssertionError) as error:
        check_scheduler(
            broken,
            trials=9,
            max_epochs=9,
            loss=lambda number, _: float("inf") if number > 0 else 1.0,
        )
    assert complaint in str(error.value)
