"""What people changed about a space while it was searched: which trial saw which space."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.parameters import parse_parameters, plain

Entries = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class SpaceEdit:
    """A change of the space.

    Attributes:
        version: of the space from here on, as ``space_version`` of a trial; the first is 2.
        from_trial: number of the first trial that is from it.
        changes: range or value before and after, in words, by parameter.
    """

    version: int
    from_trial: int
    changes: Mapping[str, tuple[str, str]]

    def words(self) -> str:
        """``from trial 16 on hidden_size is 16..512, not 16..256``."""
        said = [f"{name} is {now}, not {was}" for name, (was, now) in self.changes.items()]
        return f"from trial {self.from_trial} on {'; '.join(said) or 'the space is another'}"

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        changes = {name: list(words) for name, words in self.changes.items()}
        return {"version": self.version, "from_trial": self.from_trial, "changes": changes}


def parse_edits(spaces: Sequence[Mapping[str, Any]]) -> tuple[SpaceEdit, ...]:
    """The edits between the versions of a space, as the tables' metadata list them.

    Raises:
        ConfigurationError: a domain of an unknown kind, or one that is invalid.
    """
    return tuple(
        SpaceEdit(
            version,
            int(after["from_trial"]),
            {
                name: (_words(before["parameters"], name), _words(after["parameters"], name))
                for name in after["parameters"]
                if before["parameters"].get(name) != after["parameters"][name]
            },
        )
        for version, (before, after) in enumerate(itertools.pairwise(spaces), start=2)
    )


def _words(entries: Entries, name: str) -> str:
    if name not in entries or entries[name].get("value", name) is None:
        return "absent"  # or its condition never holds
    found = parse_parameters({name: entries[name]})
    if found:
        prior = entries[name].get("prior")
        around = "" if prior is None else f" around {plain(prior)}"
        return found[0].range_words() + (" log" if found[0].log else "") + around
    return plain(entries[name].get("value"))
