"""``orch best``: the winning config, as a file for another program."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from orchestrator.cli import options


@click.command()
@options.run_argument
@click.option(
    "--format",
    "form",
    type=click.Choice(["yaml", "json", "toml"]),
    default="yaml",
    show_default=True,
    help="What to write it as.",
)
@options.runs_folder
def best(run: str, *, form: str, runs: Path) -> None:
    """Print the winning config of a run: its parameters and nothing else.

    RUN is any unique part of its id, or its path; the latest run by default.
    """
    from orchestrator.cli.reading import config_of, read_results
    from orchestrator.cli.view.words import metric

    reading = read_results(runs, run)
    row = reading.best or {}
    config = config_of(row)
    if form == "json":
        click.echo(json.dumps(config, indent=2))
        return
    name = str(reading.meta.get("metric", "objective"))
    of = reading.meta.get("max_epochs", row["epochs"])
    comments = [
        f"# run {reading.run.id}, trial {row['number']}, {row['state']}",
        f"# {name} {metric(row['objective'], name)} at epoch {row['best_epoch']} of {of}",
    ]
    if form == "toml":
        import tomli_w

        text = tomli_w.dumps(config)
    else:
        text = _yaml(config)
    click.echo("\n".join([*comments, text.rstrip()]))


def _yaml(config: Mapping[str, Any]) -> str:
    """A line a parameter, in the order of the space."""
    from ruamel.yaml import YAML

    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # ruamel says None
    text = io.StringIO()
    yaml.dump(dict(config), text)
    return text.getvalue()
