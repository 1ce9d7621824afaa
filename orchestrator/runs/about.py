"""What people say about a run: tags and a note, in ``about.yaml``."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from filelock import FileLock

from orchestrator.runs.errors import UnwritableError
from orchestrator.runs.folder import RunFolder
from orchestrator.spec_file import read_mapping, to_yaml
from searchspaces.errors import UsageError

FILE = "about.yaml"
LONGEST_TAG = 40


@dataclass(frozen=True)
class About:
    """Tags and note of a run.

    Attributes:
        tags: in the order in which they were given, none twice.
        note: any text; empty without one.
    """

    tags: tuple[str, ...] = ()
    note: str = ""

    def tagged(self, *tags: str) -> About:
        """With these tags too.

        Raises:
            UsageError: one is no tag.
        """
        return replace(self, tags=tuple(dict.fromkeys([*self.tags, *map(checked, tags)])))

    def noted(self, text: str) -> About:
        """With this note in place of the one before; an empty one takes it away.

        Raises:
            UsageError: it is no text.
        """
        if any("\ud800" <= sign <= "\udfff" for sign in text):
            raise UsageError("the note is not UTF-8 text. Write it again.")
        return replace(self, note=text.strip())

    def untagged(self, *tags: str) -> About:
        """Without these tags; one that was not there is no error."""
        return replace(self, tags=tuple(tag for tag in self.tags if tag not in tags))


def checked(tag: str) -> str:
    """A tag that is one.

    Raises:
        UsageError: it is empty, too long, or holds a space or a comma.
    """
    if not tag or len(tag) > LONGEST_TAG or any(sign.isspace() or sign == "," for sign in tag):
        raise UsageError(
            f"{tag!r} is no tag. Give one word of at most {LONGEST_TAG} characters, "
            f"without spaces and commas."
        )
    return tag


def read_about(run: RunFolder) -> About:
    """What is said about a run; nothing where there is no file.

    Raises:
        FileError: the file is damaged.
    """
    return _about(_values(run))


def change_about(run: RunFolder, change: Callable[[About], About]) -> About:
    """Change what is said about a run, whole or not at all; returns what is said now.

    Two processes that do so at once both count. Other keys in the file stay.

    Raises:
        FileError: the file is damaged.
        UnwritableError: the folder cannot be written.
    """
    path = run.path / FILE
    part = run.path / f".{FILE}.{os.getpid()}.part"
    try:
        with FileLock(run.path / ".about.lock"):
            values = _values(run)
            before = _about(values)
            after = change(before)
            said = {**values, "tags": list(after.tags), "note": after.note}
            kept = {key: value for key, value in said.items() if value not in ([], "")}
            if kept:
                part.write_text(to_yaml(kept), encoding="utf-8")
                part.replace(path)
            else:
                path.unlink(missing_ok=True)
    except OSError as error:
        raise UnwritableError(path, error) from error
    return after


def _values(run: RunFolder) -> dict[str, Any]:
    path = run.path / FILE
    return read_mapping(path)[0] if path.is_file() else {}


def _about(values: Mapping[str, Any]) -> About:
    """Whatever a person wrote by hand is taken as text."""
    tags, note = values.get("tags"), values.get("note")
    several = tags if isinstance(tags, list) else [] if tags is None else [tags]
    return About(
        tags=tuple(dict.fromkeys(_plain(tag) for tag in several)),
        note="" if note is None else _plain(note),
    )


def _plain(value: object) -> str:
    """Text without what would steer a terminal."""
    return "".join(sign for sign in str(value) if sign.isprintable() or sign in "\n\t")
