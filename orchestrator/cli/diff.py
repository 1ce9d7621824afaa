"""``orch diff``: what differs between two runs, in settings and in results."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli import options

if TYPE_CHECKING:
    from orchestrator.cli.reading import Reading
    from orchestrator.runs.folder import RunFolder

_ABSENT = "-"
_DOMAINS = ("float", "int", "choice")
_INDENT = "  "
"""Before the parameters of the best trial; those that are the same are left out."""
_OWN = ("provenance.created", "provenance.command")
"""What differs between any two runs and explains nothing."""


@click.command()
@click.argument("first", metavar="RUN")
@click.argument("second", metavar="RUN")
@options.runs_folder
@options.as_json
def diff(first: str, second: str, *, runs: Path, as_json: bool) -> None:
    """Compare two runs: the settings that differ, and what came out, side by side.

    RUN is any unique part of a run's id, or its path. Settings are dotted paths of spec.yaml;
    versions and git commit count too. For statistics: orch analyze RUN RUN
    """
    from orchestrator.runs.folder import find_run

    found = [find_run(runs, part) for part in (first, second)]
    settings = differences(*(_settings(run) for run in found))
    results = [_results(run) for run in found]
    if as_json:
        document = {
            "runs": [run.id for run in found],
            "settings": {key: list(pair) for key, pair in settings.items()},
            "results": results,
        }
        click.echo(json.dumps(document, indent=2, default=str))
        return
    from orchestrator.cli.view.choose import columns

    width = columns(sys.stdout) if sys.stdout.isatty() else None
    for line in _lines(found, settings, results, width):
        click.echo(line)


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Both values of each dotted path at which two nested mappings differ; None where absent.

    Lists are compared as a whole. A domain that is a constant in the other mapping is one
    difference, not one for each of its keys.
    """
    found: dict[str, tuple[Any, Any]] = {}
    for path, left, right in _walk(one, other, ""):
        if left != right or isinstance(left, bool) is not isinstance(right, bool):
            found[path] = (left, right)
    return found


def _walk(
    one: Mapping[str, Any], other: Mapping[str, Any], above: str
) -> Iterator[tuple[str, Any, Any]]:
    for key in dict.fromkeys([*one, *other]):
        path = f"{above}.{key}" if above else str(key)
        left, right = one.get(key), other.get(key)
        if isinstance(left, Mapping) and isinstance(right, Mapping):
            yield from _walk(left, right, path)
        else:
            yield path, left, right


def _settings(run: RunFolder) -> dict[str, Any]:
    """All of ``spec.yaml``, but for what differs between any two runs."""
    from orchestrator.cli.reading import settings_of

    made = {f"provenance.{key}": value for key, value in run.provenance().items()}
    kept = {key: value for key, value in made.items() if key not in _OWN}
    return {**settings_of(run), **kept}


def _results(run: RunFolder) -> dict[str, Any]:
    """How far a run is and what came out."""
    from orchestrator.cli.reading import config_of, metrics_of, read

    reading = read(run)
    best, trials = reading.best, reading.trials
    return {
        "run": run.id,
        "created": run.provenance().get("created"),
        "state": reading.state,
        "trials": {state.value: count for state, count in reading.counts.items()},
        "epochs": 0 if trials is None else int(trials["epochs"].sum()),
        "seconds": _seconds(reading),
        "metric": reading.meta.get("metric"),
        "best": None
        if best is None
        else {
            "trial": best["number"],
            "objective": best["objective"],
            "epoch": best["best_epoch"],
            "metrics": metrics_of(best),
            "config": config_of(best, reading.meta),
        },
    }


def _seconds(reading: Reading) -> float | None:
    """Spent in epochs; None where nobody wrote it down."""
    if reading.trials is None:
        return 0.0
    seconds = reading.trials["seconds"]
    return None if seconds.null_count() == len(seconds) else float(seconds.sum())


def _lines(
    runs: list[RunFolder],
    settings: dict[str, tuple[Any, Any]],
    results: list[dict[str, Any]],
    width: int | None,
) -> list[str]:
    from orchestrator.cli.columns import Column, lay_out
    from orchestrator.cli.view.words import cut

    left, right = (_said(result) for result in results)
    rows = [(path, _shown(one), _shown(other)) for path, (one, other) in settings.items()]
    rows += [
        (name, left.get(name, _ABSENT), right.get(name, _ABSENT))
        for name in sorted({**left, **right}, key=lambda name: name.startswith(_INDENT))
        if not name.startswith(_INDENT) or left.get(name) != right.get(name)
    ]
    # Both runs are to be seen: neither may take the room of the other.
    names = [name for name, _, _ in rows]
    room = max(10, (width - max(map(len, names)) - 4) // 2) if width else sys.maxsize
    columns = [Column("", names, right=False)]
    columns += [
        Column(cut(run.id, room), [cut(row[side], room) for row in rows], right=False)
        for side, run in enumerate(runs, 1)
    ]
    head, *body = lay_out(columns, width, fold=False)
    same = ["the settings are the same"] if not settings else []
    return [head, *body[: len(settings)], *same, "", *body[len(settings) :]]


def _said(result: Mapping[str, Any]) -> dict[str, str]:
    """A run's results in words, by what they are."""
    from orchestrator.cli.view.closing import states
    from orchestrator.cli.view.words import clock, metric, scalar
    from orchestrator.engine.trial import State

    best, name = result["best"], result["metric"] or "objective"
    counts = {State(state): count for state, count in result["trials"].items()}
    said = {
        "state": result["state"],
        "trials": states(counts) or "none",
        "epochs": f"{result['epochs']:,}",
        "time": _ABSENT if result["seconds"] is None else clock(result["seconds"]),
    }
    if best is None:
        return said
    said["best"] = f"{name} {metric(best['objective'], name)}"
    if name != "accuracy" and best["metrics"].get("accuracy") is not None:
        said["accuracy"] = metric(best["metrics"]["accuracy"], "accuracy")
    said["trial"] = f"{best['trial']}, epoch {best['epoch']}"
    return {**said, **{f"{_INDENT}{key}": scalar(value) for key, value in best["config"].items()}}


def _shown(value: Any) -> str:
    """A value of a spec in one line: a domain as ``16..256 log``, the rest nearly as YAML."""
    if value is None:
        return _ABSENT
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(map(_shown, value)) + "]"
    if not isinstance(value, Mapping):
        return str(value)
    if value.get("kind") not in _DOMAINS:
        return "{" + ", ".join(f"{key}: {_shown(inner)}" for key, inner in value.items()) + "}"
    words = ["|".join(map(_shown, value["values"]))] if "values" in value else []
    words += [f"{value['low']}..{value['high']}"] if "low" in value else []
    words += ["log"] if value.get("log") else []
    words += [f"step {value['step']}"] if "step" in value else []
    words += [f"powers of {value['powers_of']}"] if "powers_of" in value else []
    whens = value.get("when", {}).items()
    words += [f"if {name} = {'|'.join(map(_shown, values))}" for name, values in whens]
    return " ".join(words)
