"""The searcher together with all that it was told and all that was tried."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from orchestrator.engine.earlier import Earlier, carried
from orchestrator.engine.weighing import Losses, scalarised, thinned
from orchestrator.searchers import Observation, Searcher
from orchestrator.searchers.fresh import fresh, most_trials, untried
from orchestrator.searchers.known import Known, known
from orchestrator.searchers.priors import Believing, Source, source_of
from searchspaces import Config, DataFacts, JointSpace, Value
from searchspaces.errors import ConfigurationError


class Learning:
    """Tells a searcher what was observed, and everything anew when the space changes.

    A config that was tried is not suggested again, unless the searcher is to repeat configs; one
    that an earlier run has tried neither. What people believe of parameters is worked in.

    Args:
        searcher: is begun here.
        space: to search.
        seed: of the sweep.
        facts: of the data, for constraints.
        earlier: trials of other runs; the searcher is told of those that lie in the space.

    Attributes:
        space: that is searched now.
        version: of it: 1, and one more with each change.

    Raises:
        ConfigurationError: the searcher cannot search that space.
    """

    def __init__(
        self,
        searcher: Searcher,
        space: JointSpace,
        seed: int,
        facts: DataFacts | None,
        earlier: Sequence[Earlier] = (),
    ) -> None:
        self._searcher = searcher
        self._source: Source = searcher
        self._seed = seed
        self._facts = facts
        self._observed: list[Observation] = []
        self._losses: list[Losses] = []
        self._several = False
        self._tried: set[Known] = set()
        self._unseen: dict[int, Config] = {}
        self._ended: set[int] = set()
        self._here: dict[int, bool] = {}
        self.space = space
        self.version = 1
        self._earlier = tuple(earlier)
        self._past: list[Observation] = []
        self._past_losses: list[Losses] = []
        self._carry()
        self._tell_anew(self._past)

    def most_trials(self, wanted: int, points: Collection[Mapping[str, Value]] = ()) -> int:
        """How many of the trials wanted can have a config that was not tried, or is a point.

        Raises:
            ConfigurationError: earlier runs have tried all there are.
        """
        return most_trials(
            self._searcher, self.space, wanted, self._facts, tried=self._tried, points=points
        )

    def untried(
        self, space: JointSpace, wanted: int, points: Collection[Mapping[str, Value]]
    ) -> int:
        """How many of the trials wanted could have a config of their own in another space."""
        past = carried(space, self._earlier, seed=self._seed, facts=self._facts)
        tried = self._tried | {known(trial.config) for trial in past if trial.whole}
        return untried(self._searcher, space, wanted, self._facts, tried=tried, points=points)

    def observe(self, observation: Observation, losses: Losses = ()) -> None:
        """A trial's loss at an epoch; of several objectives all losses."""
        self._observed.append(observation)
        self._losses.append(losses)
        self._several = self._several or bool(losses)
        self._unseen.pop(observation.number, None)
        self._tell(observation)

    def looks(self, epoch: int) -> bool:
        """Whether the searcher is told of trials at that epoch where nothing is decided."""
        return self._searcher.looks(epoch)

    def started(self, number: int, config: Config) -> None:
        """A trial was started with the config, whoever chose it."""
        self._tried.add(known(config))
        self._unseen[number] = config
        self._searcher.begun(number, config)

    def ended(self, number: int) -> None:
        """A person has stopped the trial: no more is heard of it, and it was not bad."""
        self._ended.add(number)
        self._searcher.ended(number)

    def suggest(self, number: int) -> Config:
        """The config of the trial: the searcher's first choice that was not tried."""
        if self._several and self._searcher.learns:
            observed = scalarised(
                [*self._past, *self._observed],
                [*self._past_losses, *self._losses],
                seed=self._seed,
                number=number,
            )
            self._tell_anew(thinned(observed))
        return fresh(self._source, number, self._tried, self.space, self._facts)

    def search_in(self, space: JointSpace) -> None:
        """Search another space from here on; of what was observed, what lies in it counts."""
        self.space, self.version, self._here = space, self.version + 1, {}
        self._carry()
        self._tell_anew([*self._past, *self._observed])

    def _carry(self) -> None:
        """Find out what earlier trials are in the present space."""
        self._past, self._past_losses = [], []
        for trial in carried(self.space, self._earlier, seed=self._seed, facts=self._facts):
            if trial.whole:
                self._tried.add(known(trial.config))
            for seen in trial.seen:
                self._past.append(Observation(trial.number, trial.config, seen.epoch, seen.loss))
                self._past_losses.append(seen.losses)
                self._several = self._several or bool(seen.losses)

    def _tell_anew(self, observed: list[Observation]) -> None:
        """Let the searcher forget, and tell it that and which trials have begun."""
        self._searcher.begin(self.space, seed=self._seed, facts=self._facts)
        self._searcher.avoid(self._tried)
        self._source = source_of(self._searcher, self.space, self._facts)
        for observation in observed:
            self._tell(observation)
        for number, config in self._unseen.items():
            if self._is_here(config):
                self._searcher.begun(number, config)
        for number in self._ended:
            self._searcher.ended(number)

    def _tell(self, observation: Observation) -> None:
        number = observation.number
        if self.version > 1 and number not in self._here:
            self._here[number] = self._is_here(observation.config)
        if self.version == 1 or self._here[number]:
            self._searcher.observe(observation)
            if isinstance(self._source, Believing):
                self._source.observed(observation.number)

    def _is_here(self, config: Config) -> bool:
        """Whether a config lies in the present space, and not in an earlier one only."""
        try:
            self.space.validate(config, self._facts)
        except ConfigurationError:
            return False
        return True
