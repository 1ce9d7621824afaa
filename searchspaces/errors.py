"""The one family of errors: a line for the person, data for the program.

Every error that a person can cause or meet derives from :class:`OrchError`. It
holds what it is about as attributes, writes itself as one line (the thing, the
value, the place, the way out) and carries the exit code of the command line.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any


class OrchError(Exception):
    """Something went wrong that is not the caller's input; exit code 1."""

    exit_code = 1

    def __reduce__(self) -> tuple[Any, ...]:
        """Errors cross from workers to the driver, whatever they are made from."""
        return _again, (type(self), self.args, self.__dict__)


def _again(kind: type[OrchError], args: tuple[Any, ...], attributes: dict[str, Any]) -> OrchError:
    """An error with that text and these attributes."""
    error = kind.__new__(kind, *args)
    error.__dict__.update(attributes)
    return error


class UsageError(OrchError):
    """Bad input from a person: a name, a value, a file; exit code 2."""

    exit_code = 2


class ConfigurationError(UsageError):
    """A declared value (space, searcher, scheduler, spec, config) is invalid.

    Attributes:
        place: dotted path of the value, such as ``space.hidden_size.high``; may be empty.
        problem: what is wrong and how to mend it.
    """

    def __init__(self, problem: str, *, place: str = "") -> None:
        self.place = place
        self.problem = problem
        super().__init__(f"{place}: {problem}" if place else problem)


MANY = 30
"""Names that a line lists; of more it lists the nearest half as many."""


class UnknownNameError(UsageError):
    """A name that is not registered; the known names follow, nearest first.

    Attributes:
        kind: what the name should have been, such as ``architecture``.
        name: the name as given.
        known: every known name, nearest first.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind = kind
        self.name = name
        self.known = nearest_first(name, known)
        close = did_you_mean(name, self.known)
        hint = f" Did you mean {close!r}?" if close else ""
        shown = self.known if len(self.known) <= MANY else self.known[: MANY // 2]
        more = len(self.known) - len(shown)
        listed = ", ".join(shown) + (f" and {more:,} more" if more else "")
        super().__init__(f"unknown {kind} {name!r}.{hint} Known: {listed}.")


def raised(error: BaseException) -> str:
    """What was raised, in one line; errors of orch's own say all in their text."""
    text = " ".join(str(error).split())
    return text if isinstance(error, OrchError) else f"{type(error).__name__}: {text}".rstrip(": ")


def nearest_first(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """Sort ``known`` by likeness to ``name``; ties in alphabetical order."""

    def unlikeness(other: str) -> tuple[float, str]:
        return (-difflib.SequenceMatcher(None, name.lower(), other.lower()).ratio(), other)

    return tuple(sorted(known, key=unlikeness))


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """The known name that ``name`` was probably meant to be, if any is close."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return close[0] if close else None
