"""``orch dashboard``: runs as live pages in a browser."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli import options

if TYPE_CHECKING:
    from orchestrator.dashboard.known import Known

PORT = 8777
TOKEN = "ORCH_DASHBOARD_TOKEN"  # noqa: S105  # the name of a variable


@click.command()
@click.argument("parts", nargs=-1, metavar="[RUN]...")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="N",
    help=f"Default: {PORT}, or a free one where that is taken; 0 is any that is free.",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    metavar="HOST",
    help="Address to listen on. It is plain HTTP: stay on this machine, and use ssh -L.",
)
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help=f"Ask for the token in FILE (mode 600; made if there is none), or in ${TOKEN}; "
    "default: a new one at each start.",
)
@click.option("--open", "in_browser", is_flag=True, help="Open the page in a browser.")
@options.runs_folder
@options.as_json
@click.option("--debug", is_flag=True, help="Show where in the code an error was raised.")
def dashboard(
    parts: tuple[str, ...],
    *,
    port: int | None,
    host: str,
    token_file: Path | None,
    in_browser: bool,
    runs: Path,
    as_json: bool,
    debug: bool,
) -> None:
    """Show runs as live pages in a browser, while they run and after.

    RUN is any unique part of its id, or its path; all runs by default. Ctrl-C ends it.
    """
    from orchestrator.dashboard.analyst import Analyst, Pages
    from orchestrator.dashboard.opening import Opening, run_until_told
    from orchestrator.dashboard.server import LOOPBACK
    from orchestrator.dashboard.tokens import token_of

    # Taken out: what a sweep trains may be imported here, and need not know it.
    token = token_of(token_file, os.environ.pop(TOKEN, ""), TOKEN)

    def say(opening: Opening) -> None:
        if as_json:
            click.echo(json.dumps({"url": opening.url, "port": opening.port}))
            return
        click.echo(f"dashboard  {opening.url}")
        if token.given:
            click.echo(f"token      {token.given}")
        if host not in LOOPBACK:
            tunnel = f"ssh -L {opening.port}:127.0.0.1:{opening.port} MACHINE"
            click.echo(
                f"warning: plain HTTP on {host}: whoever listens in on the network can read the "
                f"token. Rather leave out --host, and from elsewhere: {tunnel}",
                err=True,
            )

    run_until_told(
        _known(runs, parts),
        Analyst(warm=ready, report=report_of, curve=curve_of, compare=comparison_of),
        Pages(shell=_shell, asset=_asset),
        token,
        host=host,
        port=PORT if port is None else port,
        or_any=port is None,
        say=say,
        in_browser=in_browser,
        debug=debug,
    )


def _known(runs: Path, parts: Sequence[str]) -> Known:
    """The runs that are meant.

    Raises:
        RunNotFoundError: one of them is not there.
        UsageError: two of them have one id.
    """
    from orchestrator.dashboard.known import Known
    from orchestrator.runs.folder import find_run
    from searchspaces.errors import UsageError

    named: dict[str, Path] = {}
    for part in parts:
        run = find_run(runs, part)
        path = run.path.resolve()
        if named.setdefault(run.id, path) != path:
            raise UsageError(
                f"{named[run.id]} and {path} are both called {run.id}. Give one of them, or "
                f"rename its folder."
            )
    return Known(runs.resolve(), list(named.values()) if parts else None)


def _shell(kind: str, title: str) -> str:
    from analysis.report.served import shell

    return shell(kind, title=title)


def _asset(name: str) -> tuple[str, str] | None:
    from analysis.report.served import asset

    return asset(name)


def ready() -> None:
    """Import what the functions below need."""
    from analysis.report.live import warm

    warm()


def report_of(folder: Path) -> dict[str, Any]:
    """Everything that the page of a run shows; see :class:`orchestrator.dashboard.analyst`."""
    from analysis.report.live import report

    return report(folder)


def curve_of(folder: Path) -> dict[str, Any]:
    """How the best of a run improved."""
    from analysis.report.live import curve

    return curve(folder)


def comparison_of(folders: Sequence[Path]) -> dict[str, Any]:
    """Runs side by side."""
    from analysis.report.live import compare

    return compare(folders)
