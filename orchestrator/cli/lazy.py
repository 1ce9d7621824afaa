"""A group whose commands are imported when they are called."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click

DEBUG_HELP = "Show the whole traceback of an error."


class LazyGroup(click.Group):
    """Commands by name, each ``(module:attribute, one line of help)``.

    Every command below it takes ``--debug``, so that it may stand anywhere in the line.

    Args:
        commands_by_name: in the order in which the help lists them.
    """

    def __init__(
        self, *args: Any, commands_by_name: Mapping[str, tuple[str, str]], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._lazy = dict(commands_by_name)
        _take_debug(self)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names, as they were declared."""
        del ctx
        return list(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        del ctx
        if cmd_name not in self._lazy:
            return None
        module, _, attribute = self._lazy[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}:{attribute} is no command")
        _take_debug(command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the line names, or the nearest in the error."""
        if args and args[0] not in self._lazy and not args[0].startswith("-"):
            from searchspaces.errors import UnknownNameError

            raise UnknownNameError("command", args[0], self._lazy)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self._lazy.items()])


def _take_debug(command: click.Command) -> None:
    """Accept ``--debug`` in a command and all below it; whoever runs the line looks for it."""
    if all(parameter.name != "debug" for parameter in command.params):
        option = click.Option(["--debug"], is_flag=True, expose_value=False, help=DEBUG_HELP)
        command.params.append(option)
    if isinstance(command, click.Group):
        for below in command.commands.values():
            _take_debug(below)
