"""Command lines with ``{names}`` in them: taken apart first, filled in afterwards.

No shell sees a command line, so a value is one argument or a part of one, whatever it holds.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from searchspaces.conditions import condition
from searchspaces.config import nested
from searchspaces.domains import Domain, Parameter
from searchspaces.errors import ConfigurationError, did_you_mean

GENERAL = ("config", "epochs", "seed", "trial")
"""What every command may ask for beside its parameters; ``config`` is all of it as JSON, in
which a group is an object."""

_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_OPERATORS = frozenset({"|", "||", "&", "&&", ";", "<", ">", ">>", "2>", "2>&1", "&>"})
_NAME = re.compile(r"\{\{|\}\}|\{([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\}")


def arguments_of(command: str) -> list[str]:
    """A command line as the list of its arguments, as a POSIX shell would quote them.

    Raises:
        ConfigurationError: a quote is never closed, or there is nothing.
    """
    try:
        found = shlex.split(command)
    except ValueError as error:
        raise ConfigurationError(
            f"{command!r}: {str(error).lower()}. Close it.", place="command"
        ) from error
    if not found:
        raise ConfigurationError(
            'it is empty. Give one, such as "python train.py --lr {learning_rate}".',
            place="command",
        )
    return found


def check(command: str, parameters: Mapping[str, Parameter]) -> None:
    """Refuse a command that cannot be filled in from every config of a space.

    Raises:
        ConfigurationError: it asks for what is not there, or for what is not always there,
            or does not ask for what is searched.
    """
    arguments = arguments_of(command)
    _refuse_shell(arguments)
    used = {match[1] for argument in arguments for match in _NAME.finditer(argument) if match[1]}
    known = [*parameters, *GENERAL]
    for name in sorted(used):
        if name not in known:
            close = did_you_mean(name, known)
            hint = f" Did you mean {{{close}}}?" if close else ""
            raise ConfigurationError(
                f"{{{name}}} is no parameter of the space.{hint} Known: {', '.join(known)}.",
                place="command",
            )
        if name in parameters and condition(parameters[name]):
            raise ConfigurationError(
                f"{{{name}}} is not there in every trial: it has a condition. Write {{config}}, "
                f"which is JSON of what is there.",
                place="command",
            )
    if "config" in used:
        return
    for name, parameter in parameters.items():
        if isinstance(parameter, Domain) and parameter.size > 1 and name not in used:
            raise ConfigurationError(
                f"it is searched, and the command does not use it. Write {{{name}}} or {{config}} "
                f"where it belongs, or make it a constant.",
                place=f"space.{name}",
            )


def _refuse_shell(arguments: list[str]) -> None:
    """Refuse what only a shell would understand: a program would take it for an argument."""
    first = next(iter(arguments))
    if _ASSIGNMENT.match(first):
        raise ConfigurationError(
            f"{first!r} is for a shell, and none reads this line. Write: env {first} ...",
            place="command",
        )
    for argument in arguments:
        if argument in _OPERATORS:
            raise ConfigurationError(
                f"{argument!r} is for a shell, and none reads this line. Give a program and its "
                f"arguments, or: sh -c '...'",
                place="command",
            )


def filled(command: str, config: Mapping[str, Any], **general: Any) -> list[str]:
    """The arguments of a trial.

    Args:
        command: checked.
        config: of the trial.
        general: values of ``epochs``, ``seed`` and ``trial``.
    """
    values = {**general, "config": json.dumps(nested(config)), **config}

    def value(match: re.Match[str]) -> str:
        return _text(values[match[1]]) if match[1] else match[0][0]

    return [_NAME.sub(value, argument) for argument in arguments_of(command)]


def _text(value: Any) -> str:
    """A value as programs read it: floats to the last digit, booleans and lists as JSON."""
    return json.dumps(value) if isinstance(value, bool | list | tuple) else str(value)


def refuse_missing(command: str) -> None:
    """Refuse a command whose program is not installed.

    Raises:
        ConfigurationError: it is not found.
    """
    program = arguments_of(command)[0]
    if "{" not in program and shutil.which(program, path=environment()["PATH"]) is None:
        raise ConfigurationError(
            f"no program {program!r} is found. Give its path, or put it on PATH.", place="command"
        )


def environment() -> dict[str, str]:
    """What programs find around them: Python prints at once, and there is one at the least."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), str(Path(sys.executable).parent)])
    return {**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1"}
