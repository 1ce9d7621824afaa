"""``orch sweep``: from a name or a file to a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from orchestrator.cli import news, options, tracking
from orchestrator.cli.given import changes_of, spec_of, sweep_options, try_again
from orchestrator.cli.view.words import LABEL, block, wrap


@click.command(cls=tracking.TrackingCommand)
@sweep_options
@options.cluster
@options.down
@tracking.options
@options.runs_folder
@click.option("--no-check", is_flag=True, help="Start without a check; see: orch check --help.")
@click.option("--dry-run", is_flag=True, help="Print plan and spec as a sweep file; run nothing.")
@news.option
@options.as_json
def sweep(
    name: str,
    *,
    settings: tuple[str, ...],
    cluster: str,
    down: bool,
    runs: Path,
    no_check: bool,
    dry_run: bool,
    notify: tuple[str, ...],
    as_json: bool,
    **given: Any,
) -> int:
    """Run a sweep.

    NAME is an architecture and a strategy, such as gru-bohb; see: orch list sweeps.
    FILE is a YAML file, such as orch sweep gru-bohb --dry-run prints. Before anything is
    spent, a few batches are tried, as orch check does.
    """
    told_to = tracking.changes_of(given)
    spec = _spec(name, changes_of(settings, given), told_to)
    if dry_run:
        from orchestrator.several import check_metrics

        check_metrics(spec)
        if spec.warm_start:
            from orchestrator.runs.warm_start import named

            named(spec, runs)  # what they tried is looked at when the sweep begins
        click.echo(_dry(spec, as_json=as_json), nl=False)
        return 0

    from orchestrator.cli.driving import drive
    from orchestrator.cli.view.outline import DEFAULT_RUNS
    from orchestrator.preflight.batches import has_batches
    from orchestrator.runs.storage import tried
    from orchestrator.sweep import Sweep
    from orchestrator.tracking.sinks import ready

    options.refuse_pointless(cluster, down=down)
    if not options.is_cluster_file(cluster):  # else it is for the head to have, and to reach
        ready(spec.tracking)
        tried(spec.storage)
    made, report = Sweep(spec), None
    for line in made.warm_start(runs):
        click.echo(f"warm start: {line}", err=as_json)
    with news.News(notify, spec.title) as told:
        if not no_check and has_batches(spec):
            from orchestrator.cli.check import checked, say_warnings

            typed = try_again(name, given, settings)
            report = checked(made, again=typed, meanwhile=_warm_up)
            say_warnings(report)
        if options.is_cluster_file(cluster):
            from orchestrator.cli.remote import begin

            return begin(
                made,
                Path(cluster),
                report=report,
                runs=runs,
                as_json=as_json,
                down=down,
                news=told,
            )
        return drive(
            lambda watch, inbox: made.run(runs, watch=watch, inbox=inbox, cluster=cluster),
            checked=report,
            as_json=as_json,
            elsewhere=bool(cluster),
            latest=runs.resolve() == Path(DEFAULT_RUNS).resolve(),
            news=told,
            facts=lambda: made.data.facts if made.data else None,
        )


def _spec(name: str, changes: dict[str, Any], told_to: dict[str, Any]) -> Any:
    """The spec, with where it is told about: the line says it, the file, or the environment."""
    from orchestrator.declared import merge

    def with_(tracked: dict[str, Any]) -> dict[str, Any]:
        return merge({"tracking": tracked}, changes) if tracked else changes

    spec = spec_of(name, with_(told_to))
    default = tracking.default_of(spec)
    return spec_of(name, with_(merge(default, told_to))) if default else spec


def _warm_up() -> None:
    """Import what the sweep will need while another process tries configs."""
    from orchestrator.engine.machines import quiet_ray

    quiet_ray()
    import ray  # noqa: F401  # what importing it costs is what this is for

    import orchestrator.engine.controller  # noqa: F401  # as above


def _dry(spec: Any, *, as_json: bool) -> str:
    """The plan as comments on top of the spec, which is a sweep file."""
    from orchestrator.cli.view.outline import outline_of
    from orchestrator.spec_file import to_yaml

    outline = outline_of(spec)
    if as_json:
        plan = {
            "trials": outline.trials,
            "epochs": outline.epochs,
            "at_most": outline.most,
            "exact": outline.exact,
            "rungs": [{"epochs": rung.epochs, "trials": rung.trials} for rung in outline.rungs],
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
    if len(outline.brackets) > 1:
        lines += block("rungs", wrap(outline.reaches, 78 - LABEL))
    about = "" if outline.exact else "about "
    alike: list[tuple[str, list[int]]] = []
    for index, bracket in enumerate(outline.brackets):
        words = ", then ".join(
            f"{rung.trials:,} to epoch {rung.epochs}" if rung is bracket[0]
            else f"{about}{rung.trials:,} to {rung.epochs}"
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
