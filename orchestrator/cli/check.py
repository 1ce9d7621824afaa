"""``orch check``: a few batches at the corners of the space, before anything is spent."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli import options
from orchestrator.cli.failures import say
from orchestrator.cli.given import changes_of, spec_of, sweep_again, sweep_options, try_again

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestrator.preflight import CheckReport
    from orchestrator.sweep import Sweep


@click.command()
@sweep_options
@options.as_json
def check(name: str, *, settings: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Check a sweep: does it run, what does it cost?

    Tries a few batches of the smallest, the largest and the slowest config, of both ends of
    other ranges, of every choice and of some configs in between, in a process of its own:
    shapes, finite losses and gradients, memory, seconds an epoch; and looks into the data for
    groups that train and validate. Nothing is written. orch sweep does the same before it
    starts, and takes the same options.
    """
    from orchestrator.sweep import Sweep

    made = Sweep(spec_of(name, changes_of(settings, given)))
    report = checked(made, again=try_again(name, given, settings))
    if as_json:
        document = {**dataclasses.asdict(report), "sweep_seconds": report.sweep_seconds}
        click.echo(json.dumps(document, indent=2))
        return
    from orchestrator.cli.view.checked import check_lines
    from orchestrator.cli.view.choose import columns
    from orchestrator.cli.view.outline import outline_of
    from orchestrator.cli.view.table import header, space_lines
    from orchestrator.cli.view.words import block

    facts = made.data.facts if made.data else None
    width, outline = columns(sys.stdout), outline_of(made.spec, facts=facts)
    lines = [
        *header(outline, width),
        *space_lines(outline, width),
        *check_lines(report, width),
        *block("next", [f"orch sweep {sweep_again(name, given, settings)}"]),
    ]
    click.echo("\n".join(lines))


def checked(
    made: Sweep, *, again: str, meanwhile: Callable[[], None] = lambda: None
) -> CheckReport:
    """Check a sweep in front of a person: on a terminal, a line says what is being tried.

    Args:
        made: the sweep.
        again: what to type after ``orch try`` for it.
        meanwhile: is called while the process that tries things starts.

    Raises:
        CheckError: a config raises, kills its process or never ends.
    """
    with _passing_line() as tell:
        return made.check(sweep=again, tell=tell, meanwhile=meanwhile)


def say_warnings(report: CheckReport) -> None:
    """What to look out for, on stderr."""
    from orchestrator.cli.view.checked import failure_lines

    for warning in [*report.warnings, *failure_lines(report)]:
        say(f"warning: {warning}")


@contextmanager
def _passing_line() -> Iterator[Callable[[str], None]]:
    """Writes over one line of a terminal, which is empty again afterwards."""
    from orchestrator.cli.view.choose import is_terminal

    if not is_terminal(sys.stderr):
        yield lambda _: None
        return
    try:
        yield lambda text: click.echo(f"\r{text}\x1b[K", nl=False, err=True)
    finally:
        click.echo("\r\x1b[K", nl=False, err=True)
