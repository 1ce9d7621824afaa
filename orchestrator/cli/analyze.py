"""``orch analyze``: what runs found, their figures and a report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from orchestrator.cli import options


def _listed(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    """Names given apart (``--only a --only b``) or together (``--only a,b``)."""
    del ctx, param
    return tuple(name.strip() for names in value for name in names.split(",") if name.strip())


@click.command()
@click.argument("parts", nargs=-1, metavar="[RUN]...")
@click.option(
    "--metric", metavar="NAME", help="Judge trials by this metric; default: the one of the sweep."
)
@click.option(
    "--top",
    type=click.IntRange(min=1),
    default=5,
    show_default=True,
    metavar="N",
    help="How many of the best full trials to look at.",
)
@click.option(
    "--only",
    multiple=True,
    callback=_listed,
    metavar="NAME,...",
    help="Draw these figures only; 'none' for words alone.",
)
@click.option(
    "--format",
    "formats",
    multiple=True,
    callback=_listed,
    default=("png", "svg"),
    show_default=True,
    metavar="NAME,...",
    help="Of the figures: png, svg, pdf.",
)
@click.option("--html", is_flag=True, help="Write report.html too: one file, interactive.")
@options.runs_folder
@options.as_json
def analyze(
    parts: tuple[str, ...],
    *,
    metric: str | None,
    top: int,
    only: tuple[str, ...],
    formats: tuple[str, ...],
    html: bool,
    runs: Path,
    as_json: bool,
) -> None:
    """Say what a run found (best config, epochs, what matters) and draw its figures.

    RUN is any unique part of its id, or its path; the latest run by default. Several
    are compared, and looked at as one where they searched one space.
    """
    from orchestrator.cli.reading import read_results
    from orchestrator.cli.view.outline import shown_path

    folders = [shown_path(read_results(runs, part).run.path) for part in parts or ("",)]

    import analysis

    drawn = None if not only else [name for name in only if name != "none"]
    asked: dict[str, Any] = {
        "formats": formats,
        "only": drawn,
        "top": top,
        "metric": metric,
        "html": html,
    }
    several = len(folders) > 1
    found = (
        analysis.analyze_runs(folders, **asked) if several
        else analysis.analyze(folders[0], **asked)
    )  # fmt: skip
    if as_json:
        click.echo(json.dumps(found.as_dict(), indent=2, default=str))
        return
    for line in found.lines:
        click.echo(line)
