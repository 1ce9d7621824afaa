"""Options that several commands share, and the values they take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from searchspaces.errors import ConfigurationError, UsageError

F = TypeVar("F", bound=Callable[..., Any])

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
runs_folder = click.option(
    "--runs",
    "runs",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    default=Path("runs"),
    show_default=True,
    help="Where run folders lie.",
)


cluster = click.option(
    "--cluster", default="", metavar="FILE|auto|ADDRESS",
    help="Run on the Ray cluster of a cluster-launcher file, which is started; or on one that this "
    "machine belongs to: at ADDRESS, as host:port, or auto for the one that runs here.",
)  # fmt: skip
down = click.option("--down", is_flag=True, help="End the cluster when the run has ended.")


def is_cluster_file(cluster: str) -> bool:
    """Whether ``--cluster`` names a file."""
    return cluster.endswith((".yaml", ".yml")) or Path(cluster).is_file()


def refuse_pointless(cluster: str, *, down: bool) -> None:
    """Options that would do nothing.

    Raises:
        UsageError: one of them was given.
    """
    if down and not is_cluster_file(cluster):
        raise UsageError(
            "--down: nothing was started that could be ended. Give --cluster FILE too."
        )


def run_argument(function: F) -> F:
    """RUN: any unique part of a run's id, or its path; the latest run by default."""
    return click.argument("run", default="", metavar="[RUN]")(function)


def all_of(decorators: Sequence[Callable[[F], F]], function: F) -> F:
    """A command with all these options, in their order in the help."""
    for decorate in reversed(decorators):
        function = decorate(function)
    return function


def number_or(
    kind: type[int] | type[float], *words: str
) -> Callable[[click.Context, click.Parameter, str | None], int | float | str | None]:
    """A callback for an option that takes a number or one of these words, and nothing else."""

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


def several(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> list[str] | None:
    """All that an option was given, None if it was not; a callback for one that may be repeated."""
    del ctx, param
    return list(value) or None


def duration_or_none(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> float | str | None:
    """As :func:`duration`, or ``none``."""
    return value if value == "none" else duration(ctx, param, value)


def duration(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """Seconds of ``90s``, ``10m``, ``2h`` or ``90``; a callback for an option.

    Raises:
        ConfigurationError: it is none of these, or no time at all.
    """
    del ctx
    if value is None:
        return None
    from orchestrator.durations import HOW, seconds_of

    seconds = seconds_of(value)
    if not seconds:
        raise ConfigurationError(f"{value!r} is no time. {HOW}", place=param.opts[0])
    return seconds
