"""Random spaces to try searchers on: every kind of domain, conditions, groups, constraints.

A space is a function of a number alone, so that another process has the same ones::

    @pytest.mark.parametrize("number", range(100))
    def test_my_searcher_stays_in_the_space(number):
        check_in_random_space(MySearcher(), number)
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from orchestrator.searchers.base import Observation, Searcher
from orchestrator.searchers.testing import FACTS
from searchspaces import (
    Choice,
    ChoiceParam,
    Config,
    DataFacts,
    Float,
    FloatParam,
    Int,
    IntParam,
    JointSpace,
    SearchSpace,
    constraint,
)
from searchspaces.conditions import is_active
from searchspaces.config import nested
from searchspaces.domains import Domain, Parameter

SEEN = 24
"""Observations before the suggestions that are checked: enough for every model."""

_TEXTS = ("adam", "sgd", "[64, 32]", "", "ünïcode 'quoted'", "None", "1e-3")
_CHOICES: tuple[tuple[Any, ...], ...] = (
    (False, True),
    ("only",),
    (0.1, 0.5, 0.9),
    (-1, 0, 1, 2, 3),
    (1, "1", 1.5, True),
    _TEXTS,
    tuple(range(0, 80, 2)),
    ((3, 3), (5, 3), (7, 5, 3)),
    ("auto", (), (64, 32), (64.0, True, "x")),
)


class AnyDeep(SearchSpace):
    """A group in a group, whose parameters are called as those around it are."""

    i0: IntParam = 1
    f0: FloatParam = 0.5


class AnyGroup(SearchSpace):
    """A group with a constraint of its own."""

    c0: ChoiceParam = "constant"
    i0: IntParam = 1
    deep: AnyDeep = AnyDeep()
    rule: IntParam = 0

    @constraint
    def allowed(self, config: Config, facts: DataFacts | None) -> bool:  # noqa: ARG002  # no facts needed
        """What is allowed in the group is said by the names in it."""
        return config["rule"] == 0 or bool(config.get("i0", 0) % 3 < 2)


class AnySpace(SearchSpace):
    """Up to three parameters of each kind; those not searched are constants."""

    c0: ChoiceParam = "constant"
    i0: IntParam = 1
    f0: FloatParam = 0.5
    c1: ChoiceParam = "constant"
    i1: IntParam = 1
    f1: FloatParam = 0.5
    i2: IntParam = 1
    group: AnyGroup = AnyGroup()
    rule: IntParam = 0

    @constraint
    def allowed(self, config: Config, facts: DataFacts | None) -> bool:
        """What is allowed depends on several parameters at once, and on the data."""
        match config["rule"]:
            case 1:
                return bool(config.get("i0", 0) % (abs(config.get("i1", 1)) or 1) == 0)
            case 2:  # a random-looking part, about a third
                return sum(map(ord, repr(sorted(config.items(), key=str)))) % 3 == 0
            case 3:
                return bool(config.get("i0", 0) >= config.get("i2", 0))
            case 4:
                return facts is None or len(config) % 2 == facts.features % 2
            case 5:
                group = config.get("group", {})
                return bool(group.get("i0", 0) <= config.get("i0", 1) + 20)
            case _:
                return True


class AnyTraining(SearchSpace):
    """Two more parameters, one of which may hang on a parameter of the other space."""

    outside: ClassVar[frozenset[str]] = frozenset({"c0", "i0"})

    g0: FloatParam = 0.5
    g1: IntParam = 1


_NAMES = ("c0", "i0", "f0", "group.c0", "group.i0", "group.deep.i0", "group.deep.f0", "c1", "i1",
          "f1", "i2", "g0", "g1")  # fmt: skip


@lru_cache(maxsize=1024)
def random_space(number: int) -> JointSpace:
    """A space of one to seven searched parameters; the same for the same number."""
    rng = np.random.default_rng([number, 0x5BACE])
    chosen = sorted(rng.choice(len(_NAMES), size=rng.integers(1, 8), replace=False).tolist())
    found: dict[str, Any] = {}
    for name in (_NAMES[index] for index in chosen):
        found[name] = _domain(name, found, rng)
    training = AnyTraining(**{name: found.pop(name) for name in ("g0", "g1") if name in found})
    outer: dict[str, Any] = {name: found[name] for name in ("c0", "i0") if name in found}
    when = _parents(outer, rng) if any("." in name for name in found) else {}
    rules = int(rng.integers(7)), int(rng.integers(2))
    made = JointSpace(_any_space(found, when, *rules), training)
    allowed = 0
    for _ in range(300):  # a constraint that leaves next to nothing is dropped
        allowed += made.permits(made.cube().from_unit(rng.random(made.cube().dimensions)), FACTS)
        if allowed == 2:
            return made
    return JointSpace(_any_space(found, when, 0, 0), training)


def _any_space(found: dict[str, Any], when: dict[str, Any], rule: int, inner: int) -> AnySpace:
    """The space of domains by dotted name; ``when`` is the condition of its group."""
    values = nested(found)
    group = {"rule": inner, **values.get("group", {}), **({"when": when} if when else {})}
    return AnySpace.model_validate({**values, "rule": rule, "group": group})


def check_in_random_space(searcher: Searcher, number: int, *, suggestions: int = 2) -> list[Config]:
    """Check the suggestions of a searcher in a random space, after some observations.

    Checked, without the code that makes configs: each parameter that its conditions make
    active has a value, and no other; the value lies inside the bounds and on the grid; the
    constraints hold.

    Args:
        searcher: is begun here.
        number: of the space.
        suggestions: how many to take.

    Returns:
        the suggestions.

    Raises:
        AssertionError: a suggestion is no config of the space; the message says which.
    """
    space = random_space(number)
    searcher.begin(space, seed=number, facts=FACTS)
    limit = searcher.limit(space)
    for observation in _observations(number):
        searcher.observe(observation)
    trials = [0, *range(SEEN, SEEN + suggestions - 1)]
    if limit is not None:
        trials = list(range(min(limit, suggestions)))
    found = [searcher.suggest(trial) for trial in trials]
    for config in found:
        wrong = what_is_wrong(space, config)
        if wrong:
            raise AssertionError(f"space {number}, {searcher.kind}: {config!r}: {wrong}")
    return found


def what_is_wrong(space: JointSpace, config: Config) -> str:
    """Why a config is none of the space; empty if it is one."""
    parameters = space.parameters()
    if not config.keys() <= parameters.keys():
        return "a name is unknown"
    for name in space.order():
        parameter, active = parameters[name], is_active(parameters[name], config)
        if active != (name in config):
            return f"{name} is {'missing' if active else 'not active'}"
        if active and not _is_member(parameter, config[name]):
            return f"{name} is none of {parameter!r}"
    if not all(rule.holds(config, FACTS) for rule in space.constraints()):
        return "a constraint does not hold"
    return ""


def _is_member(parameter: Parameter, value: Any) -> bool:
    """Whether a domain has the value, by its declaration."""
    if not isinstance(parameter, Domain):
        return type(value) is type(parameter) and bool(value == parameter)
    if isinstance(parameter, Choice):
        return any(type(value) is type(one) and value == one for one in parameter.values)
    whole = isinstance(parameter, Int)
    if type(value) is not (int if whole else float):
        return False
    if not parameter.low <= value <= parameter.high:
        return False
    if isinstance(parameter, Int) and parameter.powers_of is not None:
        return any(value == parameter.powers_of**power for power in range(64))
    if parameter.step is None:
        return True
    steps = (value - parameter.low) / parameter.step
    return abs(steps - round(steps)) < 1e-6


@lru_cache(maxsize=1024)
def _observations(number: int) -> tuple[Observation, ...]:
    """What was seen so far: random configs, some failed, some further on, losses with ties."""
    space, rng = random_space(number), np.random.default_rng([number, 0x5EE2])
    found: list[Observation] = []
    for trial in range(SEEN):
        config = space.sample(rng, FACTS)
        loss = math.inf if trial % 7 == 5 else float(rng.integers(10)) / 10
        epochs = (1, 3) if trial % 4 == 0 else (1,)
        found += [Observation(trial, config, epoch, loss + 1 / epoch) for epoch in epochs]
    return tuple(found[index] for index in rng.permutation(len(found)))


def _domain(name: str, before: dict[str, Any], rng: np.random.Generator) -> Domain:
    """A domain of the kind that the name asks for, with up to two parents among those before.

    In a group, parents are of the same group; elsewhere they may lie in one.
    """
    head, dot, last = name.rpartition(".")
    known = {"c0", "i0", "g0"} if name in {"g0", "g1"} else before.keys()
    among = {parent: domain for parent, domain in before.items() if parent in known}
    if dot:
        within = {one.rpartition("."): domain for one, domain in before.items()}
        among = {inner: domain for (group, _, inner), domain in within.items() if group == head}
    condition = _parents(among, rng) or None
    if last.startswith("c"):
        values = _CHOICES[rng.integers(len(_CHOICES))]
        return Choice(values, ordered=bool(rng.random() < 0.4), when=condition)
    if last.startswith("i") or last == "g1":
        return _int(rng, condition)
    return _float(rng, condition)


def _parents(among: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Up to two parents with the values that they need; none of a group."""
    when: dict[str, Any] = {}
    for parent, domain in among.items():
        if domain.size > 200 or rng.random() > 0.35 or len(when) == 2:
            continue
        members = [domain.value_at(index) for index in range(int(domain.size))]
        take = int(rng.integers(1, len(members) + 1))
        when[parent] = tuple(members[i] for i in rng.choice(len(members), take, replace=False))
    return when


def _int(rng: np.random.Generator, when: Any) -> Int:
    low = int(rng.integers(1, 40))
    high = low + int(rng.choice([0, 1, 5, 60, 100_000]))
    match rng.integers(6):
        case 0:
            return Int(-low, high, when=when)
        case 1:
            return Int(low, high, log=True, when=when)
        case 2:
            return Int(low, low + 7 * int(rng.integers(1, 30)) + 3, step=7, when=when)
        case 3:
            return Int(low, low + 50, step=int(rng.integers(1, 9)), log=True, when=when)
        case 4:
            return Int(1, 10 * low, powers_of=int(rng.choice([2, 3, 10])), when=when)
        case _:
            return Int(low, high, when=when)


def _float(rng: np.random.Generator, when: Any) -> Float:
    low = float(10.0 ** rng.uniform(-8, 3))
    match rng.integers(6):
        case 0:
            return Float(low, low * float(rng.choice([1.0, 1.0 + 1e-12, 10.0, 1e6])), when=when)
        case 1:
            return Float(low, low * float(rng.choice([2.0, 1e4])), log=True, when=when)
        case 2:
            return Float(-low, low, when=when)
        case 3:
            return Float(0.0, 1.0, step=float(rng.choice([0.1, 0.25, 0.3, 1.0])), when=when)
        case 4:
            return Float(1e-4, 0.1, log=True, step=float(rng.choice([1e-4, 0.02])), when=when)
        case _:
            return Float(-1e9, 1e9, when=when)
