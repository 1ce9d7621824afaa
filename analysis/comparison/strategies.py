"""Which runs repeat one strategy, and which are strategies apart."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.load import Run
from analysis.parameters import parse_parameters, plain


@dataclass(frozen=True)
class Strategy:
    """Runs made in the same way with different seeds.

    Attributes:
        name: of the sweep, and what sets it apart from others of that name.
        runs: its repeats, by seed.
    """

    name: str
    runs: tuple[Run, ...]

    @property
    def seeds(self) -> tuple[Any, ...]:
        """Of its repeats; None where the tables do not say."""
        return tuple(run.meta.raw.get("seed") for run in self.runs)


def strategies(runs: Sequence[Run]) -> tuple[Strategy, ...]:
    """Runs by strategy, in the order given.

    Runs repeat one strategy if they share the sweep's name, architecture, searcher,
    scheduler, space and epochs of a full trial. The number of trials is a budget, which
    a comparison cuts to what all have spent.
    """
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(json.dumps(_traits(run), sort_keys=True, default=str), []).append(run)
    traits = [_traits(group[0]) for group in groups.values()]
    names = [_name(mine, [other for other in traits if other is not mine]) for mine in traits]
    for index, name in enumerate(names):
        if name in names[:index]:  # different in something that has no short name
            names[index] = f"{name} #{names[: index + 1].count(name)}"
    return tuple(
        Strategy(name, tuple(sorted(group, key=_seed)))
        for name, group in zip(names, groups.values(), strict=True)
    )


def _seed(run: Run) -> tuple[bool, int]:
    seed = run.meta.raw.get("seed")
    return (seed is None, seed if isinstance(seed, int) else 0)


def _traits(run: Run) -> dict[str, Any]:
    """What makes two runs the same strategy, flat."""
    raw = run.meta.raw
    traits: dict[str, Any] = {"sweep": raw.get("sweep") or _by_parts(raw) or run.meta.run}
    traits["architecture"] = raw.get("architecture")
    traits["epochs"] = run.meta.max_epochs
    for part in ("searcher", "scheduler"):
        given = raw.get(part)
        for key, value in (given if isinstance(given, Mapping) else {}).items():
            traits[f"{part}.{key}"] = value
    for name, entry in raw["parameters"].items():
        words = [parameter.range_words() for parameter in parse_parameters({name: entry})]
        traits[f"space.{name}"] = {
            "entry": {key: value for key, value in entry.items() if value is not None},
            "words": words[0] if words else plain(entry.get("value")),
        }
    return traits


def _by_parts(raw: Mapping[str, Any]) -> str:
    kinds = [
        str(part["kind"])
        for part in (raw.get("searcher"), raw.get("scheduler"))
        if isinstance(part, Mapping) and part.get("kind")
    ]
    return "-".join(kinds)


def _name(mine: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> str:
    """The sweep's name, with the first difference to others of that name."""
    name = str(mine["sweep"])
    alike = [other for other in others if other["sweep"] == mine["sweep"]]
    different = [
        key for key, value in mine.items() if any(other.get(key) != value for other in alike)
    ]
    for other in alike:
        different += [key for key in other if key not in mine and key not in different]
    # Without the part that names the searcher, its settings say nothing.
    different.sort(key=lambda key: not key.endswith(".kind"))
    said = [f"{key.rpartition('.')[2]} {_shown(mine.get(key))}" for key in different[:2]]
    return f"{name} ({', '.join(said)})" if said else name


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return str(value["words"])
    return "none" if value is None else plain(value)
