"""Options that say when a sweep stops by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from searchspaces.errors import ConfigurationError

F = TypeVar("F", bound=Callable[..., Any])

NAMES = ("max_epochs_total", "target", "plateau")
"""Of the settings that these options are."""


def _read(kind: type[int] | type[float], *words: str) -> Callable[..., int | float | str | None]:
    """A callback for an option that takes a number or one of these words."""

    def read(
        ctx: click.Context, param: click.Parameter, value: str | None
    ) -> int | float | str | None:
        del ctx
        if value is None or value in words:
            return value
        try:
            return kind(value)
        except ValueError:
            what = "whole number" if kind is int else "number"
            others = ", ".join(f"or {word}" for word in words)
            raise ConfigurationError(
                f"{value!r} is no {what}. Give one, {others}.", place=param.opts[0]
            ) from None

    return read


OPTIONS = (
    click.option(
        "--max-epochs-total", callback=_read(int, "none"), metavar="N",
        help="Stop after so many epochs of all trials together.",
    ),
    click.option(
        "--target", callback=_read(float, "none"), metavar="VALUE",
        help="Stop when a trial is as good as this by the objective.",
    ),
    click.option(
        "--plateau", callback=_read(float, "auto", "none"), metavar="[GAIN]", is_flag=False,
        flag_value="auto",
        help="Stop when 20 more trials are not expected to gain as much; alone, as much as "
        "matters in this run. See docs/stopping.md.",
    ),
)  # fmt: skip
"""In the order of the help."""


def options(function: F) -> F:
    """All of them."""
    for decorate in reversed(OPTIONS):
        function = decorate(function)
    return function


def changes_of(given: dict[str, Any]) -> dict[str, Any]:
    """What the line says of them; they are taken out of ``given``."""
    said = {name: given.pop(name) for name in NAMES if name in given}
    return {name: value for name, value in said.items() if value is not None}
