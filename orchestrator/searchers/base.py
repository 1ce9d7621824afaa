"""The extension point of searchers: which config to try next."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict, PrivateAttr

from orchestrator.searchers.known import Known, known
from searchspaces import Config, DataFacts, JointSpace, Value

_EARLIER = 2**64
"""Above all trials; numbers of earlier ones, which are negative, count down from it."""


@dataclass(frozen=True, slots=True)
class Observation:
    """How well a trial's config did, at one epoch.

    Attributes:
        number: the trial; negative for one of an earlier run.
        config: its config.
        epoch: the epoch, counted from 1, at which the loss was measured; of a failed
            trial the last epoch it ran or was to run to; of one that was done early the
            last of the sweep, since its best loss would have been the same there.
        loss: what the sweep minimises, the least up to that epoch; infinity for a failed
            trial; never nan.
        running: the trial goes on from there without a break.
    """

    number: int
    config: Config
    epoch: int
    loss: float
    running: bool = False


class Searcher(BaseModel):
    """Suggests configs, from what was observed so far.

    A subclass is a pydantic class: its fields are its settings, ``kind`` is the
    name it is registered under, and its state lives in private attributes that
    :meth:`begin` resets.

    The suggestion for a trial depends on the sweep's seed, the trial's number, the sets of
    observations and of begun and ended trials and what it is to :meth:`avoid`, not on their
    order nor on earlier suggestions, so that after an interruption these alone restore a searcher.
    ``orchestrator.searchers.testing.check_searcher`` tests all that.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: str
    repeats: bool = False
    """Whether a config may be trained a second time, with another seed."""

    laid_out: ClassVar[bool] = False
    """All its configs are known from the start: no other can be put between them."""

    _space: JointSpace | None = PrivateAttr(default=None)
    _seed: int = PrivateAttr(default=0)
    _facts: DataFacts | None = PrivateAttr(default=None)
    _attempt: int = PrivateAttr(default=0)
    _tried: Container[Known] = PrivateAttr(default=frozenset())

    def begin(self, space: JointSpace, *, seed: int, facts: DataFacts | None) -> None:
        """Take the space to search; called once, before anything else, and resets all state.

        A subclass calls ``super().begin`` first.

        Args:
            space: where configs come from; the searcher never makes one itself.
            seed: the sweep's seed, not negative.
            facts: sizes of the data, for constraints that look at them.

        Raises:
            ConfigurationError: this searcher cannot search that space.
        """
        self._space, self._seed, self._facts = space, seed, facts
        self._tried = frozenset()

    def avoid(self, tried: Container[Known]) -> None:
        """Configs that were tried: a model's next best one is wanted in place of each.

        Args:
            tried: the caller adds to them.
        """
        self._tried = tried

    def config_of(self, values: Mapping[str, Value]) -> Config | None:
        """The config with these values; None if constraints refuse it or it was tried."""
        if not self.space.permits(values, self._facts):
            return None
        config = self.space.validate(values, self._facts)
        return None if not self.repeats and known(config) in self._tried else config

    @abstractmethod
    def suggest(self, number: int) -> Config:
        """The config of trial ``number``, counted from 0.

        Args:
            number: the trial; all draws come from ``self.generator(number, ...)``.

        Returns:
            a valid config, made by the space.
        """

    def suggest_other(self, number: int, attempt: int) -> Config:
        """Another suggestion for the trial, as the first one is known already.

        Args:
            number: the trial.
            attempt: from 1; each has random streams of its own.
        """
        self._attempt = attempt
        try:
            return self.suggest(number)
        finally:
            self._attempt = 0

    def begun(self, number: int, config: Config) -> None:
        """A trial has that config, whoever chose it, and nothing was observed of it yet.

        A searcher of several trials at a time may want to look elsewhere meanwhile.
        """

    def ended(self, number: int) -> None:
        """People have stopped a trial: it will say no more, and its config was not bad.

        It may be one that runs, that waits, or of which nothing was observed. What ends by
        itself, by the scheduler or by a failure is observed and not named here.
        """

    def observe(self, observation: Observation) -> None:
        """Learn from a trial; called where it :meth:`looks`, at each decision and at the end.

        The same trial comes again at a higher epoch. Searchers that do not learn
        leave this as it is.
        """

    def looks(self, epoch: int) -> bool:  # noqa: ARG002  # for those that do
        """Whether it is told of trials at that epoch also where nothing is decided.

        Args:
            epoch: counted from 1; the answer depends on nothing else.
        """
        return False

    @property
    def learns(self) -> bool:
        """Whether it looks at what was observed."""
        return type(self).observe is not Searcher.observe

    def limit(self, space: JointSpace) -> int | None:  # noqa: ARG002  # for those that have one
        """How many trials there are before nothing new is left; None if that never happens."""
        return None

    @property
    def space(self) -> JointSpace:
        """The space given to :meth:`begin`."""
        if self._space is None:
            raise RuntimeError(f"{self.kind}: begin() comes before anything else")
        return self._space

    @property
    def attempt(self) -> int:
        """0, or which other suggestion for the trial :meth:`suggest_other` asks for."""
        return self._attempt

    def generator(self, number: int, purpose: int = 0) -> np.random.Generator:
        """A random stream of its own for each (sweep seed, trial, purpose, attempt)."""
        if not self._attempt:
            return self.lasting_generator(number, purpose)
        words = [self._seed, number % _EARLIER, purpose, self._attempt]
        return np.random.default_rng(np.random.SeedSequence(words))

    def lasting_generator(self, number: int, purpose: int = 0) -> np.random.Generator:
        """The stream of the first attempt, for a state that outlives a suggestion."""
        words = [self._seed, number % _EARLIER, purpose]
        return np.random.default_rng(np.random.SeedSequence(words))

    def __eq__(self, other: object) -> bool:
        """Equal by kind and settings; how far a sweep has come is no part of it."""
        if not isinstance(other, Searcher):
            return NotImplemented
        return type(self) is type(other) and self.model_dump() == other.model_dump()

    def __hash__(self) -> int:
        """Hash of kind and settings."""
        return hash((type(self), self.model_dump_json()))
