"""Every searcher keeps the promises of searchers, and the check sees broken ones."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import PrivateAttr

from orchestrator.searchers import Observation, Searcher, searchers
from orchestrator.searchers.random_ import RandomSearch
from orchestrator.searchers.testing import SPACES, check_in_another_process, check_searcher
from searchspaces import Config


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("name", searchers.names())
def test_every_registered_searcher_keeps_the_promises(name, space):
    check_searcher(searchers.get(name), SPACES[space])


@pytest.mark.parametrize("name", searchers.names())
def test_another_process_gives_the_same_sequence(name):
    check_in_another_process(searchers.get(name)(), "awkward")


def test_the_built_in_searchers_are_known_by_their_names():
    assert set(searchers.names()) >= {
        "bohb", "cmaes", "grid", "hyperopt", "optuna-tpe", "random", "sobol",
    }  # fmt: skip
    for name, searcher in searchers.members().items():
        assert searcher().kind == name


class Lawless(RandomSearch):
    """Tells constraints less than it knows."""

    def suggest(self, number: int) -> Config:
        return self.space.sample(self.generator(number), None)


class Global(RandomSearch):
    """Draws from the global state."""

    def suggest(self, number: int) -> Config:
        np.random.random()  # noqa: NPY002  # the very thing
        return super().suggest(number)


class Counting(RandomSearch):
    """Draws one after the other."""

    _count: int = PrivateAttr(default=0)

    def suggest(self, number: int) -> Config:
        self._count += 1
        return super().suggest(self._count)


class Impressionable(RandomSearch):
    """Follows whatever it saw last."""

    _last: int = PrivateAttr(default=0)

    def begin(self, space, **kwargs) -> None:
        super().begin(space, **kwargs)
        self._last = 0

    def observe(self, observation: Observation) -> None:
        self._last = observation.number

    def suggest(self, number: int) -> Config:
        return self.space.sample(self.generator(number, self._last), self._facts)


class Stubborn(RandomSearch):
    """Ignores the seed."""

    def suggest(self, number: int) -> Config:
        return self.space.sample(np.random.default_rng(number), self._facts)


class Boastful(RandomSearch):
    """Repeats itself before its limit."""

    def limit(self, space: object) -> int:
        return 20

    def suggest(self, number: int) -> Config:
        return super().suggest(number % 10)


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        (Lawless, "the space refuses a suggestion"),
        (Global, "a global random state has changed"),
        (Counting, "asked again, another config"),
        (Impressionable, "observed in another order, another suggestion"),
        (Stubborn, "another seed, the same sequence"),
        (Boastful, "10 different configs, limit says 20"),
    ],
)
def test_the_check_sees_a_broken_promise(broken: type[Searcher], complaint):
    before = np.random.get_state()  # noqa: NPY002  # one of the broken ones changes it
    with pytest.raises(AssertionError) as error:
        check_searcher(broken, SPACES["awkward"])
    np.random.set_state(before)  # noqa: NPY002  # see above
    assert complaint in str(error.value)


def test_a_searcher_without_a_space_says_so():
    with pytest.raises(RuntimeError, match=r"random: begin\(\) comes before anything else"):
        RandomSearch().suggest(0)
