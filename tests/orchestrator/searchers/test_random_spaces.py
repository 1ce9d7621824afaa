"""Spaces reach every searcher whole: a thousand random ones, through all that are registered."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections import Counter

import pytest

from orchestrator.searchers import Searcher, searchers
from orchestrator.searchers.grid import grid_values
from orchestrator.searchers.random_spaces import (
    AnySpace,
    check_in_random_space,
    random_space,
    what_is_wrong,
)
from orchestrator.searchers.testing import FACTS
from searchspaces import Choice, Config, ConfigurationError, Float, Int
from searchspaces.describe import searched
from searchspaces.domains import has_lists

SPACES = 1000
EVERY = {"auto": 100, "bohb": 4, "cmaes": 10, "hyperopt": 25, "optuna-tpe": 12, "sobol": 10}
"""Slow ones see one space in so many, all of them in the extended tests: they take 10 to 170 ms
a space, and the test some 2 s of a core for each."""
LARGEST_GRID = 200
ELSEWHERE = range(7, SPACES, 97)
"""The spaces that another process sees too."""


def made(name: str) -> Searcher:
    """The searcher, with a model after the few observations that there are."""
    searcher = searchers.get(name)
    soon = {"n_startup_jobs": 4, "n_startup_trials": 4, "random_fraction": 0.0, "points": 2}
    return searcher(**{key: soon[key] for key in soon.keys() & searcher.model_fields.keys()})


def fits(name: str, number: int) -> bool:
    """A grid lists all of a space: it sees the small ones, and those with a config on it."""
    if name != "grid":
        return True
    space = random_space(number)
    values = (grid_values(one, 2) for one in space.parameters().values())
    if math.prod(map(len, values)) > LARGEST_GRID:
        return False
    try:
        made(name).begin(space, seed=0, facts=FACTS)
    except ConfigurationError as error:
        return "constraints refuse every config of the grid" not in str(error)
    return True


def answers(name: str, numbers: range) -> list[list[dict[str, object]]]:
    """The suggestions in the spaces of those numbers."""
    searcher = made(name)
    return [
        [dict(config) for config in check_in_random_space(searcher, number)]
        for number in numbers
        if fits(name, number)
    ]


@pytest.mark.parametrize("name", searchers.names())
def test_every_suggestion_in_a_random_space_is_a_config_of_it(name):
    assert answers(name, range(0, SPACES, EVERY.get(name, 1)))


@pytest.mark.extended
@pytest.mark.parametrize("name", sorted(EVERY))
def test_every_suggestion_in_all_the_random_spaces_is_a_config_of_it(name):
    assert len(answers(name, range(SPACES))) == SPACES


def test_another_process_suggests_the_same_in_random_spaces():
    code = (
        f"import sys, json; sys.path.insert(0, {os.path.dirname(__file__)!r}); "  # noqa: PTH120
        "from test_random_spaces import *; "
        "print(json.dumps({name: answers(name, ELSEWHERE) for name in searchers.names()}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": "2", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    here = {name: answers(name, ELSEWHERE) for name in searchers.names()}
    assert json.loads(done.stdout) == json.loads(json.dumps(here))  # in JSON a tuple is a list


def test_the_random_spaces_have_something_of_everything():
    spaces = [random_space(number) for number in range(300)]
    domains = [one for space in spaces for one in space.parameters().values()]
    domains = [one for one in domains if isinstance(one, Float | Int | Choice)]
    seen = Counter(
        f"{one.kind}{' log' if getattr(one, 'log', False) else ''}"
        f"{' step' if getattr(one, 'step', None) else ''}"
        f"{' powers' if getattr(one, 'powers_of', None) else ''}"
        f"{' ordered' if getattr(one, 'ordered', False) else ''}"
        f"{' lists' if has_lists(one) else ''}"
        for one in domains
    )
    kinds = {"float", "float log", "float step", "float log step", "int", "int log", "int step"}
    kinds |= {"int log step", "int powers", "choice", "choice ordered", "choice lists"}
    kinds |= {"choice ordered lists"}
    assert seen.keys() == kinds
    assert min(seen.values()) > 15
    parents = [space.parameters() for space in spaces]
    chained = sum(
        any(one.when and any(getattr(among[parent], "when", None) for parent in one.when)
            for one in among.values() if isinstance(one, Float | Int | Choice))
        for among in parents
    )  # fmt: skip
    assert chained > 30
    refusing = Counter(space.parameters()["rule"] for space in spaces)
    assert all(refusing[rule] > 10 for rule in (1, 2, 3, 4, 5))
    on_lists = [one for one in domains if one.when and any(map(_lists, one.when.values()))]
    assert len(on_lists) > 15
    grouped = [space.space.group for space in spaces if isinstance(space.space, AnySpace)]
    assert sum(group.when is not None for group in grouped) > 20
    assert sum(group.rule == 1 and searched(group.parameters()) != () for group in grouped) > 50
    inward = [
        one
        for among in parents
        for name, one in among.items()
        if "." not in name and any("." in parent for parent in getattr(one, "when", 0) or ())
    ]
    assert len(inward) > 50
    across = [one for one in domains if one.when and "c0" in one.when]
    assert across


def _lists(values):
    return any(isinstance(value, tuple) for value in values)


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"i0": 7}, "i0 is none of Int(4, 32, step=4)"),
        ({"i0": 36}, "i0 is none of Int(4, 32, step=4)"),
        ({"i0": 8.0}, "i0 is none of Int(4, 32, step=4)"),
        ({"c1": "b", "f0": 0.5}, "f0 is not active"),
        ({"f0": None}, "f0 is missing"),
        ({"i0": 4, "i2": 5}, "a constraint does not hold"),
        ({"x": 1}, "a name is unknown"),
        ({}, ""),
    ],
)
def test_the_check_sees_what_is_wrong(change, wrong):
    from orchestrator.searchers.testing import NoTraining
    from searchspaces import JointSpace
    from searchspaces.config import seal

    space = JointSpace(
        AnySpace(
            i0=Int(4, 32, step=4),
            i2=Int(1, 8),
            c1=Choice(("a", "b")),
            f0=Float(0.1, 1.0, log=True, when={"c1": ("a",)}),
            rule=3,
        ),
        NoTraining(),
    )
    config: Config = space.validate({"i0": 8, "i2": 8, "c1": "a", "f0": 0.5}, FACTS)
    values = {name: value for name, value in {**config, **change}.items() if value is not None}
    assert what_is_wrong(space, seal(values)) == wrong
