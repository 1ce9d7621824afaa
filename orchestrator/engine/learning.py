"""The searcher together with all that it was told and all that was tried."""

from __future__ import annotations

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
        self._unseen: dict[int, Config] = {}
        self.space = space
        self.version = 1
        searcher.begin(space, seed=seed, facts=facts)

    def observe(self, number: int, config: Config, epoch: int, loss: float) -> None:
        """A trial's loss at an epoch."""
        observation = Observation(number, config, epoch, loss)
        self._observed.append(observation)
        self._unseen.pop(number, None)
        self._tell(observation)

    def started(self, number: int, config: Config) -> None:
        """A trial was started with the config, whoever chose it."""
        self._tried.add(known(config))
        self._unseen[number] = config
        self._searcher.begun(number, config)

    def suggest(self, number: int) -> Config:
        """The config of the trial: the searcher's first choice that was not tried."""
        return fresh(self._searcher, number, self._tried, self.space, self._facts)

    def search_in(self, space: JointSpace) -> None:
        """Search another space from here on; of what was observed, what lies in it counts."""
        self.space, self.version = space, self.version + 1
        self._searcher.begin(space, seed=self._seed, facts=self._facts)
        for observation in self._observed:
            self._tell(observation)
        for number, config in self._unseen.items():
            if self._is_here(config):
                self._searcher.begun(number, config)

    def _tell(self, observation: Observation) -> None:
        if self.version == 1 or self._is_here(observation.config):
            self._searcher.observe(observation)

    def _is_here(self, config: Config) -> bool:
        """Whether a config lies in the present space, and not in an earlier one only."""
        try:
            self.space.validate(config, self._facts)
        except ConfigurationError:
            return False
        return True
