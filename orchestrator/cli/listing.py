"""``orch list``: what a sweep can be made of."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import click

from orchestrator.cli import options

KINDS = ("architectures", "strategies", "datasets", "sweeps")


@click.command("list")
@click.argument("kind", required=False, metavar=f"[{'|'.join(KINDS)}]")
@options.as_json
def list_(kind: str | None, *, as_json: bool) -> None:
    """List architectures, strategies, data sets and sweeps; or one of these kinds."""
    if kind and kind not in KINDS:
        from searchspaces.errors import UnknownNameError

        raise UnknownNameError("list", kind, KINDS)
    kinds = (kind,) if kind else KINDS
    found = {name: _FOUND[name]() for name in kinds}
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for index, (name, rows) in enumerate(found.items()):
        if len(found) > 1:
            click.echo(("\n" if index else "") + name)
        for line in _lines(name, rows, "  " if len(found) > 1 else ""):
            click.echo(line)


def _architectures() -> list[dict[str, Any]]:
    from searchspaces.describe import describe
    from searchspaces.errors import OrchError
    from trainables import architectures
    from trainables.programs import program_of

    rows = []
    for name in architectures.names():
        try:
            space = program_of(name).space
        except OrchError as error:  # a plug-in that does not load hides no other
            rows.append({"name": name, "summary": str(error), "space": ""})
            continue
        parameters = space().parameters() if space else {}
        first, *_ = ((space and space.__doc__) or "").strip().splitlines() or [""]
        rows.append({"name": name, "summary": first, "space": describe(parameters, parameters)})
    return rows


def _strategies() -> list[dict[str, Any]]:
    from orchestrator.strategies import DEFAULT_STRATEGY, STRATEGIES

    return [
        {
            "name": name,
            "summary": found.summary,
            "searcher": found.searcher["kind"],
            "scheduler": found.scheduler["kind"],
            "default": name == DEFAULT_STRATEGY,
        }
        for name, found in STRATEGIES.items()
    ]


def _datasets() -> list[dict[str, Any]]:
    from trainables.data import listings

    return [dataclasses.asdict(row) for row in listings()]


def _sweeps() -> list[dict[str, Any]]:
    from orchestrator.names import sweep_names

    return [{"name": name} for name in sweep_names()]


_FOUND = {
    "architectures": _architectures,
    "strategies": _strategies,
    "datasets": _datasets,
    "sweeps": _sweeps,
}


def _lines(kind: str, rows: list[dict[str, Any]], indent: str) -> list[str]:
    """A kind for people: names, and what they stand for."""
    from orchestrator.cli.view.words import fold

    if kind == "sweeps":
        return [indent + line for line in fold((row["name"] for row in rows), 80 - len(indent))]
    width = max((len(row["name"]) for row in rows), default=0) + 2
    lines = []
    for row in rows:
        folded = [
            line
            for items in _said(kind, row)
            for line in fold(items, 80 - len(indent) - width, gap=" ")
        ]
        lines += [
            f"{indent}{row['name'] if place == 0 else '':<{width}}{text}".rstrip()
            for place, text in enumerate(folded or [""])
        ]
    return lines


def _said(kind: str, row: dict[str, Any]) -> list[list[str]]:
    """What is said of one thing: paragraphs of items that no line breaks."""
    if kind == "architectures":
        parts = [part for part in row["space"].split(", ") if part]
        return [row["summary"].split(), [f"{part}," for part in parts[:-1]] + parts[-1:]]
    if kind == "strategies":
        default = ["(the default)"] if row["default"] else []
        return [[row["summary"], *default]]
    return [[f"{row['status']}, {row['summary']}"]]
