"""The sweep that a command line means: a name or a file, options, and ``--set``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from orchestrator.cli import limits, options

if TYPE_CHECKING:
    from orchestrator.spec import SweepSpec

_PARTS = {"search": "searcher", "scheduler": "scheduler"}
"""Options that name a part of the sweep by its kind."""

F = TypeVar("F", bound=Callable[..., Any])

name = click.argument("name", metavar="NAME|FILE")
dataset = click.option("--dataset", metavar="NAME", help="What to train on; see: orch data list.")
split = click.option(
    "--split", metavar="NAME", help="group, stratified or published; see: orch data info."
)
seeds = click.option(
    "--seeds", type=int, metavar="N", help="Train every config with N seeds; their mean counts."
)
folds = click.option(
    "--folds", type=int, metavar="K", help="Train every config on K folds; their mean counts."
)
device = click.option("--device", metavar="NAME", help="auto, cpu, cuda or mps.")
settings = click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE",
    help="Change any part, such as space.hidden_size.high=512; may come several times.",
)  # fmt: skip

_SWEEP = (
    name,
    dataset,
    split,
    device,
    click.option("--trials", type=int, metavar="N", help="How many configs to try."),
    click.option("--epochs", type=int, metavar="N", help="Of a trial that is never stopped early."),
    click.option("--search", metavar="NAME", help="Which config comes next; see: orch list."),
    click.option("--scheduler", metavar="NAME", help="How far each runs: docs/search.md."),
    click.option(
        "--concurrency", callback=options.number_or(int, "auto"), metavar="N|auto",
        help="Trials at a time; auto, as many as there is room for, is the default.",
    ),
    click.option("--cpus", type=float, metavar="N", help="A trial takes, and computes with."),
    click.option("--gpus", type=float, metavar="N", help="A trial takes; 0.5 is half of one."),
    click.option(
        "--storage", metavar="URL",
        help="Keep checkpoints in s3://bucket/prefix, gs://bucket/prefix, or a folder that all "
        "machines share.",
    ),
    click.option("--seed", type=int, metavar="N", help="Of the split, the searcher, every trial."),
    seeds,
    folds,
    click.option(
        "--points", metavar="FILE",
        help="Configs to try first: a YAML file with one, or with a list of them.",
    ),
    click.option(
        "--warm-start", multiple=True, callback=options.several, metavar="RUN",
        help="Tell the searcher the results of an earlier run; may come several times.",
    ),
    click.option("--name", "called", metavar="TEXT", help="Of the sweep, as part of the run's id."),
    click.option("--metric", metavar="NAME", help="The objective, as valid_loss or accuracy."),
    click.option("--mode", metavar="min|max", help="Whether it is to be small or large."),
    click.option(
        "--objective", "objectives", multiple=True, callback=options.several, metavar="TEXT",
        help="One more beside the metric, as weights or 'f1 max'; may come several times.",
    ),
    click.option(
        "--outcome", "outcomes", multiple=True, callback=options.several, metavar="TEXT",
        help="A limit that the best trial keeps, as 'weights < 50000'; may come several times.",
    ),
    settings,
    click.option(
        "--max-time", callback=options.duration_or_none, metavar="TIME",
        help="Stop in an orderly way after 90s, 10m, 2h or seconds.",
    ),
    *limits.OPTIONS,
)  # fmt: skip


def sweep_options(function: F) -> F:
    """NAME|FILE and everything that changes the sweep it means."""
    return options.all_of(_SWEEP, function)


def changes_of(settings: tuple[str, ...], given: dict[str, Any]) -> dict[str, Any]:
    """What the line changes: its options, then each ``--set`` on top."""
    from orchestrator.declared import override
    from orchestrator.spec_file import points_in, setting

    named = {("name" if key == "called" else key): value for key, value in given.items()}
    changes = {key: value for key, value in named.items() if value is not None}
    for option, part in _PARTS.items():
        if option in changes:
            changes[part] = {"kind": changes.pop(option)}
    if "points" in changes:
        changes["points"] = points_in(Path(changes["points"]))
    for text in settings:
        changes = override(changes, setting(text))
    return changes


def spec_of(name: str, changes: dict[str, Any]) -> SweepSpec:
    """The spec of a name or a file with changes on top.

    Raises:
        UsageError: the name is unknown, or a value cannot be.
    """
    from orchestrator.names import compose
    from orchestrator.spec import spec_from
    from orchestrator.spec_file import FileError, read_mapping, read_spec
    from orchestrator.sweep import is_file
    from searchspaces.errors import UnknownNameError
    from trainables.data import check_dataset_name

    spec = read_spec(Path(name), changes) if is_file(name) else spec_from(compose(name), changes)
    if not spec.dataset:
        return spec
    try:
        check_dataset_name(spec.dataset)
    except UnknownNameError as error:
        line = read_mapping(Path(name))[1].get("dataset") if is_file(name) else None
        if line is None or "dataset" in changes:
            raise
        raise FileError(Path(name), line, str(error)) from error
    return spec


def sweep_again(name: str, given: dict[str, Any], settings: tuple[str, ...]) -> str:
    """What to type after ``orch sweep`` for the same sweep."""
    return _typed(name, [*_words(given, _OPTIONS), *_set(settings)])


def try_again(name: str, given: dict[str, Any], settings: tuple[str, ...]) -> str:
    """What to type after ``orch try`` for a trial of the same sweep, before its parameters."""
    said = [f"{key}={given[key]}" for key in _OF_TRIAL if given.get(key) is not None]
    return _typed(name, [*_words(given, _TRIED), *_set((*said, *settings))])


_TRIED = ("dataset", "split", "device", "seed", "seeds", "folds")
"""Options that ``orch try`` has too."""
_OF_TRIAL = ("epochs", "metric", "mode")
"""Options that matter to a trial, and that ``orch try`` has not or means otherwise."""
_SPELT = {"called": "name", "objectives": "objective", "outcomes": "outcome"}
_OPTIONS = (*_TRIED, "trials", *_OF_TRIAL, "objectives", "outcomes", "points", "warm_start",
            "search", "scheduler", "concurrency", "cpus", "gpus", "storage", "called",
            *limits.NAMES)  # fmt: skip


def _words(given: dict[str, Any], keys: tuple[str, ...]) -> list[str]:
    words: list[str] = []
    for key in keys:
        if given.get(key) is not None:
            option = _SPELT.get(key, key.replace("_", "-"))
            values = given[key] if isinstance(given[key], list) else [given[key]]
            for value in values:
                words += [f"--{option}", str(value)]
    return words


def _set(settings: tuple[str, ...]) -> list[str]:
    return [word for text in settings for word in ("--set", text)]


def _typed(name: str, words: list[str]) -> str:
    import shlex

    return shlex.join([name, *words])
