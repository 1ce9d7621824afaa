"""``orch show``: a run's state and its best trials."""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli import options

if TYPE_CHECKING:
    from orchestrator.cli.reading import Reading


@click.command()
@options.run_argument
@click.option(
    "--top",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    metavar="N",
    help="How many of the best trials.",
)
@options.runs_folder
@options.as_json
def show(run: str, *, top: int, runs: Path, as_json: bool) -> None:
    """Show a run: its state, its best trials, its settings.

    RUN is any unique part of its id, or its path; the latest run by default.
    """
    from orchestrator.cli.reading import NoResultsError, read
    from orchestrator.runs.folder import find_run

    reading = read(find_run(runs, run))
    if not reading.counts:
        raise NoResultsError(reading)
    if as_json:
        click.echo(json.dumps(_document(reading, top), indent=2, default=str))
        return
    from orchestrator.cli.view.choose import columns

    width = columns(sys.stdout) if sys.stdout.isatty() else None
    for line in [*_head(reading, width or 80), "", *_table(reading, top, width)]:
        click.echo(line)


def _head(reading: Reading, width: int) -> list[str]:
    """Which run, how far, how it was made, what to type next."""
    from orchestrator.cli.prospects import go_further, outlook_of, why
    from orchestrator.cli.view.closing import states
    from orchestrator.cli.view.outline import shown_path
    from orchestrator.cli.view.table import data_lines
    from orchestrator.cli.view.words import LABEL, block, clock, plural, wrap
    from orchestrator.runs.about import read_about

    meta, trials, about = reading.meta, reading.trials, read_about(reading.run)
    seconds = 0.0 if trials is None else float(trials["seconds"].sum())
    epochs = 0 if trials is None else int(trials["epochs"].sum())
    done = f"{reading.done:,} of {plural(meta['trials'], 'trial')} done"
    state = f"{reading.state}, {done}: {states(reading.counts)}"
    imported = meta.get("imported")
    if imported:
        how = f"imported from {imported['from']}"
    else:
        how = (f"searcher {meta['searcher']['kind']}, scheduler {meta['scheduler']['kind']}, "
               f"seed {meta['seed']}")  # fmt: skip
    made = f"{meta['metric']} {meta['mode']}, {how}"
    unknown = trials is None or trials["seconds"].null_count() == len(trials)
    took = "unknown, " if imported and unknown else f"{clock(seconds)} in "
    room = width - LABEL
    lines = [
        *_planned(reading, width),
        *data_lines(meta.get("split", ""), meta.get("warning", ""), width),
        *block("made", wrap(made, room)),
        *block("state", wrap(state, room)),
        *block("time", wrap(f"{took}{plural(epochs, 'epoch')}", room)),
        *_front(reading, room),
        *block("run", [shown_path(reading.run.path)]),
        *(block("tags", wrap(", ".join(about.tags), room)) if about.tags else []),
        *(
            block("note", [line for part in about.note.splitlines() for line in wrap(part, room)])
            if about.note
            else []
        ),
    ]
    outlook, stopped = outlook_of(reading), why(reading.meta)
    if outlook is not None:
        lines += block("more", wrap(str(outlook), room))
    if reading.state == "interrupted" and stopped:
        lines += block("stop", wrap(stopped, room))
    if reading.state in {"interrupted", "paused"}:
        lines += block("next", [go_further(reading)])
    return lines


def _front(reading: Reading, room: int) -> list[str]:
    """How large the front of several objectives is; or that no trial keeps the limits."""
    from orchestrator.cli.reading import NoneKeepsError
    from orchestrator.cli.view.outline import short_name
    from orchestrator.cli.view.words import block, plural, wrap

    if reading.nearest is not None:
        said = NoneKeepsError(reading, reading.nearest)
        return block(
            "best", wrap(f"no trial keeps {said.limits}; the nearest: {said.broken}", room)
        )
    if not reading.meta.get("objectives"):
        return []
    compared = 0 if reading.trials is None else int(reading.trials["front"].is_not_null().sum())
    text = (f"{len(reading.front):,} of {plural(compared, 'completed trial')}: "
            f"orch best {short_name(reading.run)}")  # fmt: skip
    return block("front", wrap(text, room))


def _planned(reading: Reading, width: int) -> list[str]:
    """Which run, its plan and its space; these two need what it trains, which may be absent."""
    from orchestrator.cli.reading import absent
    from orchestrator.cli.view.outline import outline_of
    from orchestrator.cli.view.steering import outline_set
    from orchestrator.cli.view.table import header, space_lines, title_lines
    from orchestrator.cli.view.words import LABEL, block, wrap
    from orchestrator.engine.journal import read
    from orchestrator.engine.records import Commanded

    meta = reading.meta
    if meta.get("imported"):
        return [
            *title_lines(meta["sweep"], reading.run.id, width),
            *block("from", [meta["imported"]["source"]]),
            *block("space", wrap(meta["imported"]["space"], width - LABEL)),
        ]
    reason = absent(reading.run)
    if not reason:
        outline = outline_of(reading.run.spec(), reading.run)
        for record in (entry.record for entry in read(reading.run.journal)):
            if isinstance(record, Commanded) and record.command == "set" and not record.refused:
                outline = outline_set(outline, record.values)
        return [*header(outline, width), *space_lines(outline, width), *_edits(meta, width)]
    title = f"{meta['sweep']} on {meta['dataset']}" if meta["dataset"] else meta["sweep"]
    note = wrap(f"plan and space are left out: {reason}", width - LABEL)
    return [*title_lines(title, reading.run.id, width), *block("note", note)]


def _edits(meta: dict[str, Any], width: int) -> list[str]:
    """What was edited while the sweep ran: ``from trial 16 on hidden_size 16..512 log``."""
    from orchestrator.cli.view.words import LABEL, block, wrap
    from searchspaces.describe import describe

    lines: list[str] = []
    versions = meta.get("spaces", [])
    for before, after in itertools.pairwise(versions):
        now = {name: _parameter(entry) for name, entry in after["parameters"].items()}
        changed = ", ".join(
            f"{name} absent" if parameter is None else describe({name: parameter}, now)
            for name, parameter in now.items()
            if after["parameters"][name] != before["parameters"].get(name)
        )
        words = f"from trial {after['from_trial']} on {changed}"
        lines += block("edited", wrap(words, width - LABEL))
    return lines


def _parameter(entry: dict[str, Any]) -> Any:
    """A parameter of the tables' metadata; None is a constant that never acts."""
    from searchspaces import Choice, Float, Int

    fields = {key: value for key, value in entry.items() if key not in {"group", "kind"}}
    kinds = {"float": Float, "int": Int, "choice": Choice}
    kind = kinds.get(entry["kind"])
    return entry["value"] if kind is None else kind(**fields)


def _table(reading: Reading, top: int, width: int | None) -> list[str]:
    """The best trials, a line each; the config goes below where there is no room for it."""
    from orchestrator.cli.columns import Column, lay_out
    from orchestrator.cli.judged import judged_columns
    from orchestrator.cli.view.outline import short_name
    from orchestrator.cli.view.words import clock, give_or_take, metric, plural, scalar
    from trainables.outcomes import spread

    if reading.trials is None:
        return []
    name = str(reading.meta.get("metric", "objective"))
    rows = reading.trials.head(top).rows(named=True)
    several = {"seeds", "folds"} & reading.meta.keys()

    def apart(row: dict[str, Any]) -> str:
        return give_or_take(row.get(f"metric.{spread(name)}")) if several else ""

    searched = [
        key
        for key, domain in reading.meta.get("parameters", {}).items()
        if domain.get("kind") != "constant" and f"config.{key}" in reading.trials.columns
    ]
    found = [
        Column("trial", [str(row["number"]) for row in rows]),
        Column("state", [row["state"] for row in rows], right=False),
        Column(name, [metric(row["objective"], name) + apart(row) for row in rows]),
    ]
    if name != "accuracy" and "metric.accuracy" in reading.trials.columns:
        cells = [metric(row["metric.accuracy"], "accuracy") for row in rows]
        found.append(Column("accuracy", cells, rank=2))
    found += judged_columns(reading, rows, shown={name, "accuracy"})
    times = ["-" if row["seconds"] is None else clock(row["seconds"]) for row in rows]
    found += [
        Column("epochs", [str(row["epochs"]) for row in rows]),
        Column("time", times, rank=3),
    ]
    for key in searched:
        cells = ["-" if row[f"config.{key}"] is None else scalar(row[f"config.{key}"])
                 for row in rows]  # fmt: skip
        found.append(Column(key, cells))
    lines = lay_out(found, width)
    failed = reading.trials.filter(reading.trials["error"].is_not_null()).rows(named=True)
    lines += [f"trial {row['number']} {row['state']}: {row['error']}" for row in failed[:top]]
    if len(failed) > top:
        every = f"orch show {short_name(reading.run)} --top {reading.trials.height}"
        lines.append(f"and {plural(len(failed) - top, 'trial')} more that failed; see: {every}")
    return lines


def _document(reading: Reading, top: int) -> dict[str, Any]:
    from orchestrator.cli.prospects import outlook_of, why
    from orchestrator.cli.reading import config_of, metrics_of, settings_of
    from orchestrator.runs.about import read_about

    trials, about = reading.trials, read_about(reading.run)
    outlook = outlook_of(reading)
    rows = [] if trials is None else trials.head(top).rows(named=True)
    plain = ("trial_id", "number", "state", "attempts", "epochs", "objective", "keeps",
             "violation", "front", "best_epoch",
             "seconds", "weights", "error", "note", "seed", "node", "started_at",
             "ended_at")  # fmt: skip
    return {
        "run": reading.run.id,
        "path": str(reading.run.path),
        "state": reading.state,
        "stopped": why(reading.meta) or None,
        "limit": reading.meta.get("limit") or None,
        "more": outlook and outlook.as_dict(),
        "states": {state.value: count for state, count in reading.counts.items()},
        "metric": reading.meta.get("metric"),
        "mode": reading.meta.get("mode"),
        **{key: reading.meta[key] for key in ("objectives", "outcomes") if key in reading.meta},
        **(
            {"front": [row["number"] for row in reading.front]}
            if "objectives" in reading.meta
            else {}
        ),
        "split": reading.meta.get("split"),
        "warning": reading.meta.get("warning", ""),
        "tags": list(about.tags),
        "note": about.note,
        "settings": settings_of(reading.run),
        "trials": [
            {
                **{key: row[key] for key in plain if key in row},
                "metrics": metrics_of(row),
                "config": config_of(row, reading.meta),
            }
            for row in rows
        ],
    }
