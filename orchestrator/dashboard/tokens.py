"""The token that a dashboard asks for: new, or the one that a person keeps."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.dashboard.security import LEAST_TOKEN, new_token
from searchspaces.errors import UsageError

_CHARACTERS = re.compile(r"[A-Za-z0-9._~-]+")


@dataclass(frozen=True)
class Token:
    """A token.

    Attributes:
        text: itself.
        given: where a person keeps it, in words; empty for a new one. One that is kept is not
            printed: what is printed is logged.
    """

    text: str = field(repr=False)
    given: str = ""


def token_of(file: Path | None, variable: str, name: str) -> Token:
    """The token in a file, else that in a variable, else a new one.

    Args:
        file: with the token; made if there is none.
        variable: its value; empty without one.
        name: of the variable.

    Raises:
        UsageError: the file can be read by others, or the token is easily guessed.
    """
    if file is not None:
        return Token(_checked(_from_file(file), str(file)), f"the one in {file}")
    if variable:
        return Token(_checked(variable, name), f"the one in {name}")
    return Token(new_token())


def _from_file(file: Path) -> str:
    try:
        try:
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return _read(file)
        token = new_token()
        with os.fdopen(descriptor, "w", encoding="utf-8") as made:
            made.write(token + "\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        raise UsageError(f"--token-file {file}: cannot be read: {reason}.") from error
    return token


def _read(file: Path) -> str:
    with file.open(encoding="utf-8") as opened:
        mode = stat.S_IMODE(os.fstat(opened.fileno()).st_mode)
        if mode & 0o077:
            raise UsageError(
                f"--token-file {file}: others can read it (mode {mode:o}). Run: chmod 600 {file}"
            )
        return opened.read().strip()


def _checked(token: str, place: str) -> str:
    """Refuse what can be guessed, or cannot stand in a URL; the token itself is not shown."""
    if len(token) < LEAST_TOKEN or not _CHARACTERS.fullmatch(token):
        raise UsageError(
            f"{place}: the token must be {LEAST_TOKEN} or more letters, digits, '-', '_', '.' or "
            f"'~'. Make one: openssl rand -hex 32"
        )
    return token
