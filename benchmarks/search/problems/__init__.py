"""The problems of the benchmark, by name."""

from __future__ import annotations

from functools import cache

from benchmarks.search.problems import hartmann, mixed, networks, surrogate, table
from benchmarks.search.problems.base import Problem

_CLASSES: tuple[type[Problem], ...] = (
    *hartmann.PROBLEMS,
    *mixed.PROBLEMS,
    *networks.PROBLEMS,
    *table.PROBLEMS,
    *surrogate.PROBLEMS,
)

NAMES = tuple(sorted(problem.name for problem in _CLASSES))
"""Every problem."""


@cache
def problem(name: str) -> Problem:
    """The problem of that name, made once per process.

    Raises:
        KeyError: no such problem.
    """
    return next((made() for made in _CLASSES if made.name == name), None) or _unknown(name)


def _unknown(name: str) -> Problem:
    raise KeyError(f"no problem {name!r}; known: {', '.join(NAMES)}")


def used_for(use: str) -> list[str]:
    """Names of the problems for ``tuning`` or ``release``."""
    return [found.name for found in _CLASSES if found.use == use]
