"""What can be wrong with a data set: not here, damaged, not to be had."""

from __future__ import annotations

from pathlib import Path

from searchspaces.errors import ConfigurationError, OrchError, UsageError
from trainables.data.folder import shown


class MissingDataError(UsageError):
    """A data set that was not fetched yet; exit code 2.

    Attributes:
        name: the data set.
        folder: where its files were looked for.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder
        super().__init__(f"no data for {name!r} in {shown(folder)}. Run: orch data fetch {name}")


class DamagedDataError(ConfigurationError):
    """A data file that is not as its source publishes it; exit code 2.

    Attributes:
        file: the file, or ``archive/member``.
        reason: what is wrong, without the place and the way out.
        line: the line, from 1; None where the whole file is meant.
        way_out: what to do about it; may be empty.
    """

    def __init__(
        self, file: Path, reason: str, *, line: int | None = None, way_out: str = ""
    ) -> None:
        self.file = file
        self.reason = reason
        self.line = line
        self.way_out = way_out
        place = shown(file) if line is None else f"{shown(file)}:{line}"
        super().__init__(f"{reason}. {way_out}" if way_out else f"{reason}.", place=place)

    def told(self, way_out: str, *, file: Path | None = None) -> DamagedDataError:
        """The same damage with a way out, and the file under the name its owner knows."""
        return DamagedDataError(file or self.file, self.reason, line=self.line, way_out=way_out)


class DownloadError(OrchError):
    """A source that cannot be reached or that stopped half-way; exit code 1.

    Attributes:
        name: the data set.
        url: the address.
        reason: why, in words.
    """

    def __init__(self, name: str, url: str, reason: str) -> None:
        self.name = name
        self.url = url
        self.reason = reason
        super().__init__(
            f"cannot download {url}: {reason}. "
            f"Get the file by other means and run: orch data fetch {name} --from FILE"
        )
