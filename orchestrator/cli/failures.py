"""Errors and warnings as one line each, and the exit code that goes with them."""

from __future__ import annotations

import contextlib
import re
import warnings
from pathlib import Path
from types import TracebackType
from typing import TextIO

import click

INTERRUPTED = 130
_OURS = ("analysis", "orchestrator", "searchspaces", "trainables")


class Failures:
    """A block in which whatever is raised becomes one line on stderr and an exit code.

    Args:
        debug: print tracebacks, and the warnings of other people's libraries.
        through: let errors that are not ours go on, with their traceback, to whoever debugs.

    Attributes:
        code: the exit code.
    """

    def __init__(self, *, debug: bool, through: bool = False) -> None:
        self.debug = debug
        self.through = through
        self.code = 0
        self._warnings = warnings.catch_warnings()

    def __enter__(self) -> Failures:
        """Take over the printing of warnings."""
        self._warnings.__enter__()
        warnings.showwarning = self._show_warning
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        """Print the error, if there is one; nothing but exits goes further."""
        self._warnings.__exit__(kind, error, trace)
        if error is None:
            return False
        if isinstance(error, SystemExit) or (self.through and not _is_told(error)):
            return False
        if self.debug and not isinstance(error, click.ClickException):
            import traceback

            traceback.print_exception(error)
        line, self.code = describe(error)
        if line:
            say(line)
        return True

    def _show_warning(
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        """Python's hook: a line for a warning of ours, nothing for those of other libraries."""
        del file, line
        if self.debug:
            say(f"warning: {_one_line(str(message))} ({category.__name__}, {filename}:{lineno})")
        elif _is_ours(filename):
            say(f"warning: {_one_line(str(message))}")


def _is_told(error: BaseException) -> bool:
    """Whether a line says all that there is to say."""
    from searchspaces.errors import OrchError

    told = OrchError | click.ClickException | click.Abort | click.exceptions.Exit
    return isinstance(error, told | KeyboardInterrupt)


def describe(error: BaseException) -> tuple[str, int]:
    """The line for a person, and the exit code."""
    if isinstance(error, click.Abort | KeyboardInterrupt):
        return "stopped by you before anything ran", INTERRUPTED
    if isinstance(error, click.UsageError):
        return f"error: {_usage(error)}", 2
    if isinstance(error, click.ClickException):
        return f"error: {_one_line(error.format_message())}", error.exit_code

    from searchspaces.errors import OrchError

    if isinstance(error, OrchError):
        each = getattr(error, "errors", None) or (error,)
        lines = [f"error: {_one_line(str(one))}" for one in each]
        return "\n".join(lines), error.exit_code
    said = f"{type(error).__name__}: {_one_line(str(error))}".rstrip(": ")
    return f"error: {said}. This is a bug of orch or of a plug-in; --debug shows where.", 1


def say(line: str) -> None:
    """Write a line to stderr; a closed stderr is nobody's concern."""
    with contextlib.suppress(OSError):
        click.echo(line, err=True)


def _usage(error: click.UsageError) -> str:
    """What is wrong with the line, and where its help is."""
    text = _one_line(error.format_message())
    if isinstance(error, click.NoSuchOption):
        text = f"unknown option {error.option_name!r}.{_nearest(error)}"
    group = error.ctx.command if error.ctx else None
    if isinstance(error, click.exceptions.NoArgsIsHelpError) and isinstance(group, click.Group):
        text = f"Give a command: {', '.join(sorted(group.commands))}."
    missing = re.match(r"No such command '(.*?)'", text)
    if missing and isinstance(group, click.Group):
        from searchspaces.errors import UnknownNameError

        return str(UnknownNameError("command", missing[1], group.commands))
    text = text if text.endswith((".", "?")) else f"{text}."
    command = error.ctx.command_path if error.ctx else "orch"
    return f"{text} See: {command} --help"


def _nearest(error: click.NoSuchOption) -> str:
    from searchspaces.errors import did_you_mean

    params = error.ctx.command.params if error.ctx else []
    close = did_you_mean(error.option_name, [name for param in params for name in param.opts])
    return f" Did you mean {close!r}?" if close else ""


def _is_ours(filename: str) -> bool:
    root = Path(__file__).parents[2]
    return any(Path(filename).is_relative_to(root / package) for package in _OURS)


def _one_line(text: str) -> str:
    return " ".join(text.split())
