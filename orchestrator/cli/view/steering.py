"""What people told a run, in words, and the plan after it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from orchestrator.cli.view.outline import Outline
from orchestrator.cli.view.words import clock, config_items, plural, scalar
from orchestrator.engine.records import Commanded, Scaled
from searchspaces.config import flattened
from searchspaces.describe import describe, searched
from searchspaces.errors import OrchError


def said(record: Commanded, outline: Outline, started: int) -> str:
    """What came of a command, in a line.

    Args:
        record: of the command.
        outline: of the run, after the command.
        started: trials that were started before it.
    """
    if record.refused:
        return f"refused to {_wish(record, outline)}: {record.refused}"
    match record.command:
        case "stop-trial":
            return f"trial {record.number} stopped"
        case "pause":
            return "paused"
        case "go-on":
            return "goes on after a pause"
        case "enqueue":
            return f"enqueued {_config(record, outline)}"
        case "set":
            return ", ".join(_setting(key, value) for key, value in record.values.items())
        case "edit":
            changes = _domains(record.values, outline) or _leaves(record.values)
            return f"{', '.join(changes)} from trial {started} on"
    return " ".join([record.command, *_leaves(record.values)])


def machines(before: int, now: Scaled) -> str:
    """``a node has joined: 6 trials at a time on 3 nodes``."""
    size = f"{plural(now.workers, 'trial')} at a time on {plural(now.nodes, 'node')}"
    if not before or now.nodes == before:
        return size
    change = abs(now.nodes - before)
    who = "a node has" if change == 1 else f"{change} nodes have"
    return f"{who} {'joined' if now.nodes > before else 'gone'}: {size}"


def outline_set(outline: Outline, values: Mapping[str, Any]) -> Outline:
    """The plan after such settings of it were changed."""
    outline = replace(outline, rules=outline.rules.but(values))
    if "max_time" in values:
        outline = replace(outline, max_time=values["max_time"])
    if values.get("concurrency"):
        outline = replace(outline, workers=min(int(values["concurrency"]), outline.trials))
    return outline


def outline_after(outline: Outline, changes: Mapping[str, Any]) -> Outline:
    """The plan after the space was edited; as it was where the change means nothing to it."""
    from orchestrator.engine.steering import edited

    if outline.joint is None:
        return outline
    with suppress(OrchError):
        before, joint = outline.joint.parameters(), edited(outline.joint, changes)
        now = joint.parameters()
        differ = {name for name in now if now[name] != before[name]}  # from trials that started
        known = outline.searched or frozenset()
        return replace(
            outline,
            joint=joint,
            space=tuple(joint.describe()),
            searched=known | differ | frozenset(searched(now)),
        )
    return outline


def _wish(record: Commanded, outline: Outline) -> str:
    match record.command:
        case "stop-trial":
            return f"stop trial {record.number}"
        case "enqueue":
            return f"enqueue {_config(record, outline)}".rstrip()
        case "set":
            return f"set {', '.join(_leaves(record.values))}"
        case "edit":
            return f"change {', '.join(_leaves(record.values))}"
    return record.command


def _config(record: Commanded, outline: Outline) -> str:
    return ", ".join(config_items(outline.shown(record.values)))


def _setting(key: str, value: Any) -> str:
    if key == "max_time" and isinstance(value, int | float):
        return f"stops itself {clock(value)} from now on"
    if value is None:
        return f"no {key} from now on"
    return f"{key} is {scalar(value)} now"


def _domains(changes: Mapping[str, Any], outline: Outline) -> list[str]:
    """``hidden_size 16..512 log``: what was changed, as the space has it now."""
    if outline.joint is None:
        return []
    parameters = outline.joint.parameters()
    parts = [flattened(part) for part in changes.values() if isinstance(part, Mapping)]
    return [
        describe({name: parameter}, parameters)
        for name, parameter in parameters.items()
        if any(f"{path}.".startswith(f"{name}.") for part in parts for path in part)
    ]


def _leaves(values: Mapping[str, Any], path: str = "") -> list[str]:
    """``space.hidden_size.high 512``: an item a value."""
    found: list[str] = []
    for key, value in values.items():
        if isinstance(value, Mapping):
            found += _leaves(value, f"{path}{key}.")
        else:
            found.append(f"{path}{key} {scalar(value)}")
    return found
