"""The extension point of data sets: what a new one declares, and how it parses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from trainables.data.part import Part
from trainables.data.split import Split, hold_out

PartName = Literal["train", "test"]


@dataclass(frozen=True)
class DataFile:
    """A file that a source publishes, alone or inside its archive.

    Attributes:
        name: plain file name, without a folder.
        sha256: checksum of its content in hex; None where the source has no fixed content.
        part: the published part it belongs to; None where it serves both.
        max_bytes: a larger file is refused, so that no archive fills the disk.
    """

    name: str
    sha256: str | None = None
    part: PartName | None = None
    max_bytes: int = 1 << 30


class DatasetSource(ABC):
    """A data set: where it comes from and how its files become padded series.

    A subclass is one module in ``trainables/data/sources``, or a plug-in in the
    entry-point group ``orch.datasets``. It sets the class attributes and ``parse``.

    Attributes:
        name: as in ``--dataset NAME``; also its folder below the data folder.
        summary: one line for ``orch data list``.
        homepage: page that describes the data.
        classes: class names; a label is an index into them.
        url: address of the archive, or of the only file; empty where it must be given.
        files: what ``parse`` reads; empty for a data set that a library carries.
        group_noun: what a group is, in the plural, such as ``speakers``.
        valid_fraction: share of the published training part that is held out.
        version: raise it when ``parse`` changes its result, so that caches are made anew.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    homepage: ClassVar[str] = ""
    classes: ClassVar[tuple[str, ...]]
    url: ClassVar[str] = ""
    files: ClassVar[tuple[DataFile, ...]] = ()
    group_noun: ClassVar[str] = "groups"
    valid_fraction: ClassVar[float] = 0.2
    version: ClassVar[int] = 1

    known_as: str = ""
    """How the person named it, for messages: a plug-in may go by ``module:attribute``."""

    @abstractmethod
    def parse(self, folder: Path, part: PartName) -> Part:
        """Read one published part, unnormalised. Called once; the result is cached.

        Args:
            folder: holds all of ``files``. Only those of ``part`` may be read.
            part: ``train`` (from which a sweep holds out its validation part) or ``test``.

        Raises:
            DamagedDataError: a file is not as published; names the line and what is there.
        """

    def split(self, train: Part, seed: int) -> Split:
        """Hold out a validation part of the published training part.

        By default whole groups, in proportion to the classes they have; single series,
        stratified by class, where there are no groups.
        """
        return hold_out(train, fraction=self.valid_fraction, seed=seed, noun=self.group_noun)

    def files_of(self, part: PartName) -> tuple[DataFile, ...]:
        """The files that ``part`` is parsed from."""
        return tuple(file for file in self.files if file.part in {None, part})
