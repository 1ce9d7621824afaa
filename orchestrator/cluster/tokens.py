"""The token of Ray's authentication on this machine: where Ray looks for it, and its file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DEFAULT = Path("~/.ray/auth_token")
MAKE = "Run: (umask 077; ray get-auth-token --generate > /dev/null)"


@dataclass(frozen=True)
class Token:
    """The token that Ray would use here.

    Attributes:
        text: the token; empty if there is none. Never print it.
        origin: where it comes from, in words.
        file: that holds it; None where the environment does.
        problem: why there is none, with the way out; empty if there is one.
    """

    text: str
    origin: str
    file: Path | None
    problem: str = ""

    def __repr__(self) -> str:
        """Without the token."""
        return f"Token(origin={self.origin!r}, file={self.file!r}, problem={self.problem!r})"


def find_token(environment: Mapping[str, str] | None = None) -> Token:
    """Look where Ray looks: RAY_AUTH_TOKEN, the file RAY_AUTH_TOKEN_PATH, ~/.ray/auth_token.

    A RAY_AUTH_TOKEN_PATH that leads nowhere is an error to Ray, and no reason to look further.

    Source: ray 2.60, authentication_token_setup.py and the loader's messages; Ray's
    documentation, "Token authentication", section on precedence.
    """
    env = os.environ if environment is None else environment
    if text := env.get("RAY_AUTH_TOKEN", "").strip():
        return Token(text, "RAY_AUTH_TOKEN", None)
    named = env.get("RAY_AUTH_TOKEN_PATH", "")
    said = Path(named) if named else DEFAULT
    origin = f"RAY_AUTH_TOKEN_PATH ({named})" if named else str(DEFAULT)
    file = said if named else said.expanduser()
    try:
        text = file.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return Token("", origin, file, f"{origin}: no such file. {_way_out(named)}")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        return Token("", origin, file, f"{origin}: cannot be read: {reason}.")
    if not text:
        return Token("", origin, file, f"{origin}: is empty. {_way_out(named)}")
    return Token(text, origin, file)


def _way_out(named: str) -> str:
    return "Write the cluster's token into it." if named else MAKE
