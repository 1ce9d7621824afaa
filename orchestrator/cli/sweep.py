"""``orch sweep``: from a name or a file to a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from orchestrator.cli import options
from orchestrator.cli.view.words import wrap


@click.command()
@click.argument("name", metavar="NAME|FILE")
@click.option("--dataset", metavar="NAME", help="What to train on; see: orch data list.")
@click.option("--split", metavar="NAME", help="group, stratified or published; see: orch data info.")
@click.option("--device", metavar="NAME", help="auto, cpu, cuda or mps.")
@click.option("--trials", type=int, metavar="N", help="How many configs to try.")
@click.option("--epochs", type=int, metavar="N", help="Of a trial that is never stopped early.")
@click.option("--concurrency", type=int, metavar="N", help="Trials at a time; one a core.")
@click.option("--seed", type=int, metavar="N", help="Of the split, the searcher, every trial.")
@click.option("--name", "called", metavar="TEXT", help="Of the sweep, as part of the run's id.")
@click.option("--metric", metavar="NAME", help="The objective, such as valid_loss or accuracy.")
@click.option("--mode", metavar="min|max", help="Whether it is to be small or large.")
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE",
    help="Change any part, such as space.hidden_size.high=512; may come several times.",
)  # fmt: skip
@click.option(
    "--max-time", callback=options.duration, metavar="TIME",
    help="Stop in an orderly way after 90s, 10m, 2h or seconds.",
)  # fmt: skip
@options.runs_folder
@click.option("--dry-run", is_flag=True, help="Print plan and spec as a sweep file; run nothing.")
@options.as_json
def sweep(
    name: str,
    *,
    settings: tuple[str, ...],
    runs: Path,
    dry_run: bool,
    as_json: bool,
    **given: Any,
) -> int:
    """Run a sweep.

    NAME is an architecture and a strategy, such as gru-bohb; see: orch list sweeps.
    FILE is a YAML file, such as orch sweep gru-bohb --dry-run prints.
    """
    changes = _changes(settings, given)
    spec = _spec(name, changes)
    if dry_run:
        click.echo(_dry(spec, as_json=as_json), nl=False)
        return 0

    from orchestrator.cli.driving import drive
    from orchestrator.cli.view.outline import DEFAULT_RUNS
    from orchestrator.sweep import Sweep

    return drive(
        lambda watch, inbox: Sweep(spec).run(runs, watch=watch, inbox=inbox),
        as_json=as_json,
        latest=runs.resolve() == Path(DEFAULT_RUNS).resolve(),
    )


def _changes(settings: tuple[str, ...], given: dict[str, Any]) -> dict[str, Any]:
    """What the line changes: its options, then each ``--set`` on top."""
    from orchestrator.declared import merge
    from orchestrator.spec_file import setting

    given["name"] = given.pop("called")
    changes = {key: value for key, value in given.items() if value is not None}
    for text in settings:
        changes = merge(changes, setting(text))
    return changes


def _spec(name: str, changes: dict[str, Any]) -> Any:
    from orchestrator.spec import compose, spec_from
    from orchestrator.spec_file import FileError, read_mapping, read_spec
    from orchestrator.sweep import is_file
    from searchspaces.errors import UnknownNameError
    from trainables.data import source_of

    spec = read_spec(Path(name), changes) if is_file(name) else spec_from(compose(name), changes)
    try:
        source_of(spec.dataset)
    except UnknownNameError as error:
        line = read_mapping(Path(name))[1].get("dataset") if is_file(name) else None
        if line is None or "dataset" in changes:
            raise
        raise FileError(Path(name), line, str(error)) from error
    return spec


def _dry(spec: Any, *, as_json: bool) -> str:
    """The plan as comments on top of the spec, which is a sweep file."""
    from orchestrator.cli.view.outline import outline_of
    from orchestrator.spec_file import to_yaml

    outline = outline_of(spec)
    if as_json:
        plan = {
            "trials": outline.trials,
            "epochs": outline.epochs,
            "exact": outline.exact,
            "at_a_time": outline.workers,
            "brackets": [
                [{"epochs": rung.epochs, "trials": rung.trials} for rung in bracket]
                for bracket in outline.brackets
            ],
            "space": list(outline.space),
        }
        return json.dumps({"plan": plan, "spec": spec.dump()}, indent=2) + "\n"
    return "\n".join(
        [*(f"# {line}".rstrip() for line in _plan(outline)), to_yaml(spec.dump()).rstrip(), ""]
    )


def _plan(outline: Any) -> list[str]:
    from orchestrator.cli.view.table import header, space_lines

    lines = [*header(outline, 78), *space_lines(outline, 78)]
    alike: list[tuple[str, list[int]]] = []
    for index, bracket in enumerate(outline.brackets):
        words = ", then ".join(
            f"{rung.trials:,} to epoch {rung.epochs}" if rung is bracket[0]
            else f"{rung.trials:,} to {rung.epochs}"
            for rung in bracket
        )  # fmt: skip
        if alike and alike[-1][0] == words:
            alike[-1][1].append(index)
        else:
            alike.append((words, [index]))
    for words, indices in alike[:12]:
        which = str(indices[0]) if len(indices) == 1 else f"{indices[0]} to {indices[-1]}"
        text = f"bracket{'s' * (len(indices) > 1)} {which}: {words} trials"
        lines += wrap(text.removesuffix(" trials"), 78)
    if len(alike) > 12:
        lines.append(f"and {sum(len(indices) for _, indices in alike[12:]):,} brackets more")
    return lines
