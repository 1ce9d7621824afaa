"""A person's own data as a data set like any other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from trainables.data.own.content import Content, Raw, content_of
from trainables.data.own.files import KINDS, existing, raw_of_file
from trainables.data.own.function import raw_of_function
from trainables.data.part import Part
from trainables.data.source import DatasetSource, PartName


class OwnData(DatasetSource):
    """Series that lie in a file of a person's own, or that their function returns.

    Read once, when it is made, and kept nowhere. The test part is what the column ``part``
    says, otherwise a fifth that is the same for every sweep.
    """

    cached = False

    def __init__(self, name: str, raw: Raw, path: Path | None) -> None:
        self._content: Content = content_of(raw)
        self.name = name
        self._path = path
        self.summary = "data of your own"
        self.classes = self._content.classes
        self.channels = self._content.channels
        self.feature_names = self._content.features
        self.caution = self._content.caution
        if not self._content.test_given:
            self.reported = ""
            self.valid_fraction = 0.25  # of what is left of it when a fifth is held back

    def place(self, folder: Path) -> Path:  # noqa: ARG002  # it lies where its owner put it
        """The file, or the function in the place of one."""
        return self._path or Path(self.name)

    def parse(self, folder: Path, part: PartName) -> Part:  # noqa: ARG002  # it is read already
        """One part, as it was read."""
        return self._content.train if part == "train" else self._content.test


def own_kind(name: str) -> str:
    """``npz``, ``csv`` or ``parquet`` for ``npz:FILE`` and so on; empty for other names."""
    kind, colon, _ = name.partition(":")
    return kind if colon and kind in KINDS else ""


def check_own_file(name: str) -> None:
    """Raise where a name such as ``npz:FILE`` stands for no file; read nothing.

    Raises:
        UsageError: there is no such file.
    """
    kind, _, given = name.partition(":")
    existing(kind, given)


def own_file(name: str) -> OwnData:
    """The data set of a name such as ``npz:FILE``.

    Raises:
        UsageError: there is no such file.
        ConfigurationError: it holds something else than series.
    """
    kind, _, given = name.partition(":")
    return OwnData(name, raw_of_file(kind, given), existing(kind, given))


def own_function(name: str, function: Callable[[], Any]) -> OwnData:
    """The data set that ``function``, known as ``module:function``, returns.

    Raises:
        ConfigurationError: it fails, or returns something else than series.
    """
    return OwnData(name, raw_of_function(function, name), None)
