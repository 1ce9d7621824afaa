"""What every searcher must do, as a check that an implementer imports.

The check runs a searcher on small, awkward spaces, at both bounds, with failed trials and
with observations in any order, and complains at once where it breaks a promise::

    @pytest.mark.parametrize("space", SPACES)
    def test_my_searcher_keeps_the_promises_of_searchers(space):
        check_searcher(MySearcher, SPACES[space])
"""

from __future__ import annotations

import json
import math
import os
import random
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from itertools import count

import numpy as np

from orchestrator.searchers.base import Observation, Searcher
from searchspaces import (
    Choice,
    ChoiceParam,
    Config,
    ConfigurationError,
    DataFacts,
    Float,
    FloatParam,
    GruSpace,
    Int,
    IntParam,
    JointSpace,
    SearchSpace,
    Training,
    constraint,
)

FACTS = DataFacts(features=8, classes=10, steps=8)
"""The facts the check gives; a constraint of the awkward space looks at them."""


EARLIER, AFTER = 24, 4
"""Trials of an earlier run, and those that are suggested after them."""


class AwkwardSpace(SearchSpace):
    """Every kind of domain, conditions in a chain, constraints, a constant."""

    cell: ChoiceParam = Choice(("gru", "lstm", "rnn"))
    width: IntParam = Int(4, 32, log=True, step=4)
    heads: IntParam = Int(1, 8, powers_of=2)
    attention: ChoiceParam = Choice((False, True))
    gate: FloatParam = Float(0.0, 1.0, step=0.25, when={"attention": (True,)})
    warmth: FloatParam = Float(1e-3, 10.0, log=True, when={"gate": (0.5, 0.75), "cell": ("gru",)})
    grade: ChoiceParam = Choice(("small", "medium", "large"), ordered=True)
    layers: IntParam = 2

    @constraint
    def heads_divide_width(self, config: Config, facts: DataFacts | None) -> bool:  # noqa: ARG002
        """The number of heads must divide the width."""
        return bool(config["width"] % config["heads"] == 0)

    @constraint
    def width_fits_the_data(self, config: Config, facts: DataFacts | None) -> bool:
        """The width must not be below the number of features."""
        return facts is None or bool(config["width"] >= facts.features)


class LineSpace(SearchSpace):
    """One parameter, most of whose range is refused."""

    x: FloatParam = Float(0.0, 1.0)

    @constraint
    def x_is_small(self, config: Config, facts: DataFacts | None) -> bool:  # noqa: ARG002
        """Only a twentieth of the range is valid."""
        return bool(config["x"] <= 0.05)


class NoSpace(SearchSpace):
    """Nothing to search."""

    x: FloatParam = 0.5


class NoTraining(SearchSpace):
    """Nothing to search in training either."""


SPACES: dict[str, JointSpace] = {
    "gru": JointSpace(GruSpace(), Training()),
    "awkward": JointSpace(AwkwardSpace(), NoTraining()),
    "line": JointSpace(LineSpace(), NoTraining()),
    "constant": JointSpace(NoSpace(), NoTraining()),
}
"""The spaces to check a searcher on, by name."""


def check_searcher(make: Callable[[], Searcher], space: JointSpace, *, trials: int = 30) -> None:
    """Check every promise of searchers on one space.

    Checked: each suggestion is a config of the space, constraints and conditions
    included, also when the best configs lie at the bounds, when all trials failed and
    when all are equal; the same seed gives the same sequence, another seed another;
    observations in any order, all at once or one by one, lead to the same suggestion, of
    trials that still run and of those that somebody has stopped too;
    trials of an earlier run, whose numbers are negative, are told like any other;
    a suggestion asked for again is the same; up to ``limit`` all suggestions differ; it looks
    at the same epochs throughout; the global random states are left alone; ``begin`` resets;
    a dumped searcher loads again.

    Args:
        make: gives a fresh searcher.
        space: one of :data:`SPACES`, or another.
        trials: length of the sequences, at most what ``limit`` says.

    Raises:
        AssertionError: a promise is broken; the message says which.
    """
    searcher = make()
    looked = [searcher.looks(epoch) for epoch in range(1, 99)]
    _must(type(searcher).model_validate(searcher.model_dump()) == searcher, "dump differs")
    states = random.getstate(), str(np.random.get_state())  # noqa: NPY002  # it must not change
    searcher.begin(space, seed=7, facts=FACTS)
    limit = searcher.limit(space)
    trials = min(trials, limit or trials)
    live = live_sequence(searcher, space, trials)
    _check_limit(make, space, limit)
    searcher.begin(space, seed=7, facts=FACTS)
    _must(live_sequence(searcher, space, trials) == live, "begun again, another sequence")
    _must([searcher.looks(epoch) for epoch in range(1, 99)] == looked, "it looks elsewhere now")
    _check_order(make, space, live)
    _check_earlier(make, space, trials)
    for best in ("low", "high", "none", "equal"):
        _check_extremes(make, space, best, trials)
    _must(
        states == (random.getstate(), str(np.random.get_state())),  # noqa: NPY002  # it only reads
        "a global random state has changed",
    )
    if limit is None and space.cube().dimensions:
        searcher.begin(space, seed=8, facts=FACTS)
        _must(live_sequence(searcher, space, trials) != live, "another seed, the same sequence")


def check_in_another_process(searcher: Searcher, space: str, *, trials: int = 27) -> None:
    """Check that another process, with another hash seed, gives the same sequence.

    Args:
        searcher: of an importable class, with its settings.
        space: name of one of :data:`SPACES`.
        trials: length of the sequence, at most what ``limit`` says.

    Raises:
        AssertionError: the sequences differ.
    """
    request = [type(searcher).__module__, type(searcher).__qualname__, searcher.model_dump()]
    code = f"from {__name__} import _answer; _answer({json.dumps([*request, space, trials])!r})"
    done = subprocess.run(  # noqa: S603  # this interpreter, and the line above
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    here = [dict(config) for config in _sequence(searcher, space, trials)]
    _must(json.loads(done.stdout) == here, "another process, another sequence")


def live_sequence(searcher: Searcher, space: JointSpace, trials: int) -> list[Config]:
    """The configs of a made-up sweep of one worker, each checked against the space."""
    configs = []
    for number in range(trials):
        config = searcher.suggest(number)
        _check_config(space, config)
        _must(searcher.suggest(number) == config, f"trial {number}: asked again, another config")
        configs.append(config)
        searcher.begun(number, config)
        for observation in observations(space, number, config):
            searcher.observe(observation)
        if stopped(number):
            searcher.ended(number)
    return configs


def observations(space: JointSpace, number: int, config: Config) -> list[Observation]:
    """What is seen of a trial of the made-up sweep.

    One in seven fails, one in three is seen at three epochs, every second one runs still, and
    somebody stops every second of these.
    """
    point = np.nan_to_num(space.cube().to_unit(config), nan=0.5)
    loss = float(((point - 0.3) ** 2).sum())
    if number % 7 == 5:
        return [Observation(number, config, 1, math.inf)]
    epochs = (1, 3, 9) if number % 3 == 0 else (1,)
    return [
        Observation(number, config, epoch, loss + 1 / epoch, running=number % 2 == 0)
        for epoch in epochs
    ]


def stopped(number: int) -> bool:
    """Whether somebody stops that trial of the made-up sweep while it runs."""
    return number % 4 == 0 and number % 7 != 5


def _check_config(space: JointSpace, config: Config) -> None:
    try:
        again = space.validate(dict(config), FACTS)
    except ConfigurationError as error:
        raise AssertionError(f"the space refuses a suggestion: {error}") from error
    _must(again == config and isinstance(config, Config), f"{config!r} was not made by the space")


def _check_limit(make: Callable[[], Searcher], space: JointSpace, limit: int | None) -> None:
    if limit is None:
        return
    searcher = make()
    searcher.begin(space, seed=7, facts=FACTS)
    different = {searcher.suggest(number) for number in range(limit)}
    _must(len(different) == limit, f"{len(different)} different configs, limit says {limit}")


def _check_order(make: Callable[[], Searcher], space: JointSpace, live: list[Config]) -> None:
    """All but the last config observed at once, in three orders, lead to the last one."""
    seen = [
        observation
        for number, config in enumerate(live[:-1])
        for observation in observations(space, number, config)
    ]
    for seed in range(3):
        searcher = make()
        searcher.begin(space, seed=7, facts=FACTS)
        if seed:  # after an interruption it is told of those without an observation only
            for number in reversed(range(len(live) - 1)):
                searcher.begun(number, live[number])
        gone = [partial(searcher.ended, number) for number in filter(stopped, range(len(live) - 1))]
        told = [partial(searcher.observe, observation) for observation in seen] + gone
        for index in np.random.default_rng(seed).permutation(len(told)):
            told[index]()
        suggestion = searcher.suggest(len(live) - 1)
        _must(suggestion == live[-1], "observed in another order, another suggestion")


def _check_earlier(make: Callable[[], Searcher], space: JointSpace, trials: int) -> None:
    """Told of earlier trials first, in two orders: the same sequences, within the space."""
    rng = np.random.default_rng(11)
    seen = [
        observation
        for number in range(-EARLIER, 0)
        for observation in observations(space, number, space.sample(rng, FACTS))
    ]
    sequences = []
    for told in (seen, seen[::-1]):
        searcher = make()
        searcher.begin(space, seed=7, facts=FACTS)
        for observation in told:
            searcher.observe(observation)
        sequences.append(live_sequence(searcher, space, min(trials, AFTER)))
    _must(sequences[0] == sequences[1], "earlier trials in another order, another sequence")


def _check_extremes(
    make: Callable[[], Searcher], space: JointSpace, best: str, trials: int
) -> None:
    """The best configs at a bound, or no best at all: suggestions stay in the space."""
    searcher = make()
    searcher.begin(space, seed=3, facts=FACTS)
    rng = np.random.default_rng(5)
    cube = space.cube()
    numbers = count()
    for _ in range(30):
        corner = np.where(rng.random(cube.dimensions) < 0.5, 0.0, 1.0)
        if best in {"low", "high"}:
            corner = np.full(cube.dimensions, float(best == "high"))
        for point, loss in ((corner, 0.0), (rng.random(cube.dimensions), 1.0)):
            try:
                config = space.validate(cube.from_unit(point), FACTS)
            except ConfigurationError:
                config = space.sample(rng, FACTS)
            seen = math.inf if best == "none" else 1.0 if best == "equal" else loss
            searcher.observe(Observation(next(numbers), config, 1, seen))
    limit = searcher.limit(space)
    for number in range(60, 65):
        if limit is None or number < limit:
            _check_config(space, searcher.suggest(number))
    _must(trials > 0, "limit says that there is nothing to try")


def _sequence(searcher: Searcher, space: str, trials: int) -> list[Config]:
    searcher.begin(SPACES[space], seed=7, facts=FACTS)
    limit = searcher.limit(SPACES[space])
    return live_sequence(searcher, SPACES[space], min(trials, limit or trials))


def _answer(request: str) -> None:
    """Print, in another process, the sequence asked for."""
    module, name, settings, space, trials = json.loads(request)
    __import__(module)
    make = getattr(sys.modules[module], name)
    configs = _sequence(make.model_validate(settings), space, trials)
    sys.stdout.write(json.dumps([dict(config) for config in configs]))


def _must(holds: bool, otherwise: str) -> None:
    if not holds:
        raise AssertionError(otherwise)
