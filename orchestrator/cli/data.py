"""``orch data``: which data sets there are, getting one, looking at one."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from trainables.data import DatasetInfo, Fetched

_AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


@click.group()
def data() -> None:
    """List, fetch and describe data sets."""


@data.command("list")
@_AS_JSON
def list_(*, as_json: bool) -> None:
    """List the data sets and whether they are on this machine."""
    from trainables.data import listings

    rows = listings()
    if as_json:
        _print_json([dataclasses.asdict(row) for row in rows])
        return
    width = max(len(row.name) for row in rows)
    for row in rows:
        click.echo(f"{row.name:{width}}  {row.status:9}  {row.summary}")
    away = [row.name for row in rows if row.status == "fetchable"]
    if away:
        click.echo(f"\nnext   orch data fetch {away[0]}")


@data.command()
@click.argument("name")
@click.option(
    "--from",
    "given",
    type=click.Path(path_type=Path),
    metavar="FILE_OR_FOLDER",
    help="Take the source's zip, its files or a folder with either, instead of downloading.",
)
@_AS_JSON
def fetch(name: str, given: Path | None, *, as_json: bool) -> None:
    """Download data set NAME, check it and parse it once."""
    from trainables.data import fetch as fetch_data

    bar = sys.stderr.isatty() and not as_json
    fetched = fetch_data(name, given=given, progress=bar)
    if as_json:
        _print_json(dataclasses.asdict(fetched))
        return
    for line in _fetched_lines(fetched):
        click.echo(line)


@data.command("info")
@click.argument("name")
@click.option("--split", metavar="NAME", help="group, stratified or published.")
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the split."
)
@_AS_JSON
def info_(name: str, split: str | None, seed: int, *, as_json: bool) -> None:
    """Describe data set NAME: series, lengths, classes and splits.

    NAME is one of orch data list, or your own: npz:FILE, csv:FILE, parquet:FILE or a folder,
    module:function.
    """
    from trainables.data import info

    described = info(name, seed=seed, split=split)
    if as_json:
        _print_json(dataclasses.asdict(described))
        return
    for line in _info_lines(described, seed):
        click.echo(line)


def _fetched_lines(fetched: Fetched) -> list[str]:
    train, test = fetched.series
    outcome = {
        "embedded": "comes with orch; nothing to fetch",
        "present": "is here already",
        "fetched": "fetched and checked",
    }[fetched.outcome]
    size = f", {_megabytes(fetched.bytes)}" if fetched.bytes else ""
    whole = fetched.published
    cut = f"part    of the published {whole[0]:,} and {whole[1]:,} series"
    return [
        f"{fetched.name} {outcome}",
        f"series  {train:,} to train and validate, {test:,} to test{size}",
        *([cut] if train < whole[0] or test < whole[1] else []),
        f"lies in {_shown(fetched.folder)}, read in {fetched.seconds:.2f} s",
        f"next    orch data info {fetched.name}    orch sweep gru --dataset {fetched.name}",
    ]


def _info_lines(described: DatasetInfo, seed: int) -> list[str]:
    from orchestrator.cli.view.words import plural

    noun = described.group_noun
    grouped = any(part.groups for part in described.parts.values())
    names = f": {', '.join(described.feature_names)}" if described.feature_names else ""
    steps = f"{described.features} features at each{names}"
    if described.channels:
        width = described.features // described.channels
        steps = f"rows of {width} pixels, {plural(described.channels, 'channel')}"
    source = described.homepage or described.url
    lines = [
        f"{described.name}: {described.summary}",
        *([f"source  {source}"] if source else []),
        f"lies in {_shown(described.folder)}, {_megabytes(described.bytes)}, {described.status}",
        *_block("part", described.cut),
        *_block("split", f"{described.split}, seed {seed}"),
        *_block("careful", described.warning),
        *_block("steps", steps),
        "",
        "        series  shortest  median  longest  a class" + (f"  {noun}" if grouped else ""),
    ]
    for name, part in described.parts.items():
        low, middle, high = part.steps
        least, most = min(part.balance), max(part.balance)
        balance = str(least) if least == most else f"{least}-{most}"
        groups = f"  {part.groups:>{len(noun)}}" if grouped else ""
        lines.append(
            f"{name:6}  {part.series:>6,}  {low:>8}  {middle:>6g}  {high:>7}  {balance:>7}{groups}"
        )
    unbroken = [name.replace(" ", "\N{NO-BREAK SPACE}") for name in described.classes]
    names = ", ".join(unbroken)
    return [*lines, "", *_wrapped(f"{len(described.classes)} classes: {names}")]


def _block(label: str, text: str) -> list[str]:
    """``text`` beside a label, in lines of 80 columns; nothing where there is no text."""
    import textwrap

    return textwrap.wrap(text, width=80, initial_indent=f"{label:8}", subsequent_indent=" " * 8)


def _wrapped(text: str) -> list[str]:
    import textwrap

    lines = textwrap.wrap(text, width=80)
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines]


def _shown(folder: Path) -> str:
    from trainables.data.folder import shown

    return shown(folder)


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB"


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, default=str))
