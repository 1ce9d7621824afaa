"""The searcher together with all that it was told and all that was tried."""

from __future__ import annotations

from contextlib import suppress

from orchestrator.searchers import Observation, Searcher
from orchestrator.searchers.fresh import Known, fresh, known
from searchspaces import Config, DataFacts, JointSpace
from searchspaces.errors import ConfigurationError


class Learning:
    """Tells a searcher what was observed, and everything anew when the space changes.

    A config that was tried is not suggested again, unless the searcher is to repeat configs.

    Args:
        searcher: is begun here.
        space: to search.
        seed: of the sweep.
        facts: of the data, for constraints.

    Attributes:
        space: that is searched now.
        version: of it: 1, and one more with each change.

    Raises:
        ConfigurationError: the searcher cannot search that space.
    """

    def __init__(
        self, searcher: Searcher, space: JointSpace, *, seed: int, facts: DataFacts | None
    ) -> None:
        self._searcher = searcher
        self._seed = seed
        self._facts = facts
        self._observed: list[Observation] = []
        self._tried: set[Known] = set()
        self.space = space
        self.version = 1
        searcher.begin(space, seed=seed, facts=facts)

    def observe(self, number: int, config: Config, epoch: int, loss: float) -> None:
        """A trial's loss at an epoch."""
        observation = Observation(number, config, epoch, loss)
        self._observed.append(observation)
        self._tell(observation)

    def started(self, config: Config) -> None:
        """A trial was started with the config, whoever chose it."""
        self._tried.add(known(config))

    def suggest(self, number: int) -> Config:
        """The config of the trial: the searcher's first choice that was not tried."""
        return fresh(self._searcher, number, self._tried, self.space, self._facts)

    def search_in(self, space: JointSpace) -> None:
        """Search another space from here on; of what was observed, what lies in it counts."""
        self.space, self.version = space, self.version + 1
        self._searcher.begin(space, seed=self._seed, facts=self._facts)
        for observation in self._observed:
            self._tell(observation)

    def _tell(self, observation: Observation) -> None:
        if self.version == 1:
            self._searcher.observe(observation)
            return
        with suppress(ConfigurationError):  # its config lies in an earlier space only
            self.space.validate(observation.config, self._facts)
            self._searcher.observe(observation)
