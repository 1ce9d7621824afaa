"""What must not be written down: passwords in URIs, and URLs that are secrets as a whole."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

HIDDEN = "***"
_USER = re.compile(r"(\b[A-Za-z][\w+.-]*://)[^/\s'\"]*@")
_SECRET_OPTIONS = ("--notify",)
"""Options whose values are secrets; a shortened option is no option of ours."""


def masked(text: str) -> str:
    """A text in which no URI names a user or a password: ``https://***@host/path``."""
    return _USER.sub(rf"\1{HIDDEN}@", text)


def command_line(words: Iterable[str]) -> str:
    """The words of a command line as they may be kept.

    Args:
        words: the program's name first.
    """
    return " ".join(_kept(words))


def _kept(words: Iterable[str]) -> Iterator[str]:
    value = False
    for word in words:
        option, equals, _ = word.partition("=")
        if value:
            yield HIDDEN
        elif equals and option in _SECRET_OPTIONS:
            yield f"{option}={HIDDEN}"
        else:
            yield masked(word)
        value = not value and word in _SECRET_OPTIONS
