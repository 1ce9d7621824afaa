"""Lines for the place they go to: nothing that it cannot write, nothing that steers a terminal.

Reasons of failures and values of configs are other people's text.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from typing import IO, TextIO

import click

from orchestrator.cli.view.words import BARS, ELLIPSIS

_PLAIN_BARS = ".:-=+*#@"
_PLAIN = str.maketrans({**dict(zip(BARS, _PLAIN_BARS, strict=True)), ELLIPSIS: "~"})
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -~])")


class Encoding:
    """What can be written to a stream.

    Args:
        stream: that is written to.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._name = getattr(stream, "encoding", None) or "utf-8"
        try:
            f"{BARS}{ELLIPSIS}".encode(self._name)
            self._bars = True
        except (UnicodeEncodeError, LookupError):
            self._bars = False

    def fit(self, line: str) -> str:
        """A line as it can be written there, as long as it was but for control characters."""
        line = harmless(line)
        if not self._bars:
            line = line.translate(_PLAIN)
        if line.isascii():
            return line
        try:
            return line.encode(self._name, "replace").decode(self._name)
        except LookupError:  # an encoding that Python does not know
            return line.encode("ascii", "replace").decode("ascii")


def harmless(line: str) -> str:
    """A line without what would move the cursor, colour what follows or cannot be printed."""
    if line.isprintable():
        return line
    line = _ESCAPES.sub("", line)
    return "".join(char if char.isprintable() else " " if char.isspace() else "?" for char in line)


class Speaker:
    """Writes lines to a stream, until nobody reads it any more.

    Args:
        stream: that is written to.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._encoding = Encoding(stream)

    def __call__(self, line: str) -> bool:
        """Write a line; whether that was possible."""
        try:
            click.echo(self._encoding.fit(line), file=self._stream)
        except OSError:
            mute(self._stream)
            return False
        return True

    def say(self, lines: Iterable[str]) -> None:
        """Write lines."""
        for line in lines:
            self(line)


def mute(stream: IO[str]) -> None:
    """Send what else is written there nowhere: its terminal or the other end of it is gone.

    A sweep goes on without whoever watched it.
    """
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
