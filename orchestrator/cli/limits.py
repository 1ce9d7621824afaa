"""Options that say when a sweep stops by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from orchestrator.cli.options import all_of, number_or

F = TypeVar("F", bound=Callable[..., Any])

NAMES = ("max_time", "max_epochs_total", "target", "plateau")
"""Of the settings that say when a sweep stops by itself."""


OPTIONS = (
    click.option(
        "--max-epochs-total", callback=number_or(int, "none"), metavar="N",
        help="Stop after so many epochs of all trials together.",
    ),
    click.option(
        "--target", callback=number_or(float, "none"), metavar="VALUE",
        help="Stop when a trial is as good as this by the objective.",
    ),
    click.option(
        "--plateau", callback=number_or(float, "auto", "none"), metavar="[GAIN]", is_flag=False,
        flag_value="auto",
        help="Stop when 20 more trials are not expected to gain as much; alone, as much as "
        "matters in this run. See docs/stopping.md.",
    ),
)  # fmt: skip
"""In the order of the help."""


def options(function: F) -> F:
    """All of them."""
    return all_of(OPTIONS, function)


def changes_of(given: dict[str, Any]) -> dict[str, Any]:
    """What the line says of them; they are taken out of ``given``."""
    said = {name: given.pop(name) for name in NAMES if name in given}
    return {name: value for name, value in said.items() if value is not None}
