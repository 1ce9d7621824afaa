"""``orch import``: a run folder of a sweep that something else ran."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from orchestrator.cli import options

if TYPE_CHECKING:
    from orchestrator.importing.foreign import Foreign
    from orchestrator.importing.write import Imported

F = TypeVar("F", bound=Callable[..., Any])
_LABEL = 9

_SHARED = (
    click.option("--metric", metavar="NAME", help="The objective, if it is not known or guessed."),
    click.option(
        "--mode", type=click.Choice(["min", "max"]), help="Whether it is to be small or large."
    ),
    click.option(
        "--domain", "domains", multiple=True, metavar="NAME=DOMAIN",
        help="What a parameter was drawn from, as '{low: 1e-4, high: 0.1, log: true}'; "
        "may come several times.",
    ),
    click.option("--dataset", default="", metavar="NAME",
                 help="What was trained on; runs compare on one data set only."),
    click.option("--split", default="", metavar="WORDS",
                 help="How validation data were held out, for every report to say."),
    options.runs_folder,
    options.as_json,
)  # fmt: skip


def _shared(function: F) -> F:
    return options.all_of(_SHARED, function)


@click.group("import")
def import_() -> None:
    """Make a run of a sweep that Ray Tune, Optuna or anything else ran.

    orch analyze, show, best and runs work on it; it cannot be resumed.
    """


@import_.command("ray")
@click.argument("folder", type=click.Path(path_type=Path))
@_shared
def ray(
    folder: Path,
    *,
    metric: str | None,
    mode: str | None,
    domains: tuple[str, ...],
    dataset: str,
    split: str,
    runs: Path,
    as_json: bool,
) -> None:
    """Import the Ray Tune experiment in FOLDER.

    That is storage_path/name of its RunConfig, as ~/ray_results/NAME. Its
    pickles are not opened, so a folder from elsewhere cannot run code.
    """  # fmt: skip
    from orchestrator.importing.ray_tune import read_ray

    read = replace(read_ray(folder, metric=metric, mode=mode), dataset=dataset, split=split)
    _make(read, domains, runs, as_json=as_json)


@import_.command("optuna")
@click.argument("url")
@click.option("--study", metavar="NAME", help="Which study, if the storage holds several.")
@_shared
def optuna(
    url: str,
    *,
    study: str | None,
    metric: str | None,
    mode: str | None,
    domains: tuple[str, ...],
    dataset: str,
    split: str,
    runs: Path,
    as_json: bool,
) -> None:
    """Import an Optuna study from the storage at URL.

    That is an address as sqlite:///study.db, or a file. Of several objectives,
    --metric says which, by number or name.
    """  # fmt: skip
    from orchestrator.importing.optuna_study import read_optuna

    read = read_optuna(url, study=study, metric=metric, mode=mode)
    _make(replace(read, dataset=dataset, split=split), domains, runs, as_json=as_json)


@import_.command("csv")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--epoch", metavar="COLUMN", help="The epoch, where a trial has several rows.")
@click.option("--trial", metavar="COLUMN", help="Whose row it is.")
@click.option("--config", metavar="COLUMN,...", help="The hyperparameters; guessed by default.")
@_shared
def csv(
    file: Path,
    *,
    epoch: str | None,
    trial: str | None,
    config: str | None,
    metric: str | None,
    mode: str | None,
    domains: tuple[str, ...],
    dataset: str,
    split: str,
    runs: Path,
    as_json: bool,
) -> None:
    """Import a table of trials from a CSV FILE.

    It has a row a trial, or a row a trial and epoch, as Weights & Biases and MLflow export it.
    """  # fmt: skip
    from orchestrator.importing.csv_table import read_csv

    named = [name.strip() for name in (config or "").split(",") if name.strip()]
    read = read_csv(file, metric=metric, mode=mode, epoch=epoch, trial=trial, config=named)
    _make(replace(read, dataset=dataset, split=split), domains, runs, as_json=as_json)


def _make(foreign: Foreign, domains: tuple[str, ...], runs: Path, *, as_json: bool) -> None:
    from orchestrator.importing.domains import given
    from orchestrator.importing.write import write

    said = dict(given(text) for text in domains)
    made = write(foreign, runs, said)
    if as_json:
        click.echo(json.dumps(_document(made), indent=2))
        return
    for line in _lines(made):
        click.echo(line)


def _lines(made: Imported) -> list[str]:
    from orchestrator.cli.view.closing import states
    from orchestrator.cli.view.outline import short_name, shown_path
    from orchestrator.cli.view.words import fold, plural, wrap
    from orchestrator.importing.write import space_in_words

    foreign, name = made.foreign, short_name(made.run)
    parts = [
        ("from", [f"{foreign.kind}, {foreign.source}"]),
        ("read", [f"{plural(len(foreign.trials), 'trial')} ({states(foreign.states)}), "
                  f"{plural(len(foreign.epochs), 'epoch')}, at most {foreign.max_epochs:,} each"]),
        ("metric", [f"{foreign.metric} {foreign.mode}: {foreign.chosen}"]),
        ("space", [space_in_words(made.columns) or "nothing differs between trials"]),
        ("guessed", list(foreign.guessed)),
        ("skipped", list(foreign.skipped)),
    ]  # fmt: skip
    commands = [f"orch {command} {name}" for command in ("analyze", "show", "best")]
    lines: list[str] = []
    for label, texts in parts:
        lines += _block(label, [line for text in texts for line in wrap(text, 80 - _LABEL)])
    lines += _block("run", [shown_path(made.run.path)])
    return [*lines, *_block("next", fold(commands, 80 - _LABEL, gap="    "))]


def _block(label: str, lines: list[str]) -> list[str]:
    """Lines with a label before the first."""
    return [f"{label if i == 0 else '':<{_LABEL}}{line}" for i, line in enumerate(lines)]


def _document(made: Imported) -> dict[str, Any]:
    foreign = made.foreign
    return {
        "run": made.run.id,
        "path": str(made.run.path),
        "from": foreign.kind,
        "source": foreign.source,
        "name": foreign.name,
        "trials": len(foreign.trials),
        "states": {state.value: count for state, count in foreign.states.items()},
        "epochs": len(foreign.epochs),
        "max_epochs": foreign.max_epochs,
        "metric": foreign.metric,
        "mode": foreign.mode,
        "chosen": foreign.chosen,
        "metrics": foreign.metrics,
        "parameters": {name: found.as_mapping() for name, found in made.columns.items()
                       if found.parameter is not None},
        "guessed": list(foreign.guessed),
        "skipped": list(foreign.skipped),
    }  # fmt: skip
