"""The extension point of data sets: what a new one declares, and how it parses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from searchspaces.errors import ConfigurationError
from trainables.data.part import Part
from trainables.data.split import Split, deal, hold_out

PartName = Literal["train", "test"]


@dataclass(frozen=True)
class DataFile:
    """A file that a source publishes, alone or inside its archive.

    Attributes:
        name: plain file name, without a folder; under it the file lies in the data folder.
        sha256: checksum of its content in hex; None where the source has no fixed content.
        part: the published part it belongs to; None where it serves both.
        max_bytes: a larger file is refused, so that no archive fills the disk.
        url: where this file alone is downloaded; empty where the data set's ``url`` has it.
        also: other names it goes by, such as ``NAME.gz``.
        members: of a zip that is kept as it is and parsed in place: pattern of the end of the
            wanted paths in it, such as ``U0[1-8]/[0-9]+/[0-9]+[.]txt``; empty for other files.
    """

    name: str
    sha256: str | None = None
    part: PartName | None = None
    max_bytes: int = 1 << 30
    url: str = ""
    also: tuple[str, ...] = ()
    members: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Every name it goes by, its own first."""
        return (self.name, *self.also)


class DatasetSource(ABC):
    """A data set: where it comes from and how its files become padded series.

    A subclass is one module in ``trainables/data/sources``, or a plug-in in the
    entry-point group ``orch.datasets``. It sets the attributes, most often on the
    class, and ``parse``.

    Attributes:
        name: as in ``--dataset NAME``; also its folder below the data folder.
        summary: one line for ``orch data list``.
        homepage: page that describes the data.
        classes: class names; a label is an index into them.
        channels: of images, whose rows are the steps; 0 for series.
        feature_names: names of the values at each step; may be empty.
        url: address of the archive, or of the only file; empty where it must be given.
        files: what ``parse`` reads; empty for a data set that a library carries.
        group_noun: what a group is, in the plural, such as ``speakers``.
        valid_fraction: share of the published training part that is held out.
        reported: what the reports about it validate on, in words, for the split ``published``;
            empty where there is nothing of the kind.
        published_series: how many series its source publishes in each part, where the files
            at hand may be cut: whatever is told of a part then says so.
        caution: what a person must know before believing a score; may be empty.
        version: raise it when ``parse`` changes its result, so that caches are made anew.
        cached: whether what ``parse`` returns is kept on disk.
    """

    name: str
    summary: str
    homepage: str = ""
    classes: tuple[str, ...]
    channels: int = 0
    feature_names: tuple[str, ...] = ()
    url: str = ""
    files: tuple[DataFile, ...] = ()
    group_noun: str = "groups"
    valid_fraction: float = 0.2
    reported: str = "the test part as published validates"
    published_series: Mapping[PartName, int] = MappingProxyType({})
    caution: str = ""
    version: int = 1
    cached: bool = True

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

    def place(self, folder: Path) -> Path:
        """Where it lies, given the folder of all data sets."""
        return folder / self.name

    def split(self, train: Part, seed: int) -> Split:
        """Hold out a validation part of the published training part.

        By default whole groups, in proportion to the classes they have; single series,
        stratified by class, where there are no groups.
        """
        return hold_out(train, fraction=self.valid_fraction, seed=seed, noun=self.group_noun)

    def folds(self, train: Part, count: int, seed: int) -> tuple[Split, ...]:
        """Deal the published training part into folds, each of which validates once.

        By default by the rule of :meth:`split`. A data set that overrides that one, because of
        an order in time for example, has no folds unless it overrides this one too.

        Raises:
            ConfigurationError: there are no such folds.
        """
        if type(self).split is not DatasetSource.split:
            raise ConfigurationError(
                f"data set {self.known_as or self.name!r} holds out its validation part in a way "
                f"of its own, which has no folds. Leave folds out.",
                place="folds",
            )
        return deal(train, folds=count, seed=seed, noun=self.group_noun)

    def published(self, train: Part, test: Part, seed: int) -> tuple[Part, Part]:  # noqa: ARG002  # for splits that are drawn
        """What the reports trained and validated on, for the split ``published``.

        By default the published training part trains and the test part as published
        validates. Override it, and ``reported``, where the reports did otherwise.

        Args:
            train: the part that ``parse`` calls ``train``, unnormalised.
            test: the part that ``parse`` calls ``test``.
            seed: of the sweep, where the reports drew by chance.
        """
        return train, test

    def files_of(self, part: PartName) -> tuple[DataFile, ...]:
        """The files that ``part`` is parsed from."""
        return tuple(file for file in self.files if file.part in {None, part})
