"""Download a data set from the address its source gives."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote_plus, urlsplit

from searchspaces.errors import UsageError
from trainables.data.errors import DownloadError
from trainables.data.source import DatasetSource


def address(source: DatasetSource) -> str:
    """Where a data set is downloaded: its archive, or the first of its files; may be empty."""
    return source.url or next((file.url for file in source.files), "")


def downloaded(source: DatasetSource, work: Path, *, progress: bool) -> Path:
    """The archive of ``source``, or a folder with its files where each has its own address.

    Raises:
        UsageError: it has no address.
        DownloadError: an address cannot be reached.
    """
    if not address(source):
        raise UsageError(
            f"{source.name!r} has no address to download from. "
            f"Run: orch data fetch {source.known_as or source.name} --from FILE"
        )
    into = work / "download"
    if source.url:
        name = Path(unquote_plus(urlsplit(source.url).path)).name or "download"
        return _retrieved(source, source.url, into / name, progress=progress)
    for file in source.files:
        _retrieved(source, file.url, into / file.name, progress=progress)
    return into


def _retrieved(source: DatasetSource, url: str, target: Path, *, progress: bool) -> Path:
    import pooch
    import requests

    pooch.get_logger().setLevel("WARNING")  # it would announce the address and the checksum
    try:
        # No checksum of the archive: sources pack the same files anew; the files are checked.
        # An archive under way lies in our work folder, so nothing of it counts as present.
        found = pooch.retrieve(
            url,
            known_hash=None,
            fname=target.name,
            path=target.parent,
            downloader=pooch.HTTPDownloader(progressbar=progress, chunk_size=1 << 16, timeout=30),
        )
    except requests.exceptions.RequestException as error:
        raise DownloadError(source.known_as or source.name, url, _reason(error)) from error
    return Path(found)


def _reason(error: Exception) -> str:
    import requests.exceptions as known

    if isinstance(error, known.HTTPError) and error.response is not None:
        return f"the server answered {error.response.status_code}"
    if isinstance(error, known.Timeout):
        return "no answer within 30 s"
    if isinstance(error, known.ConnectionError):
        return "no connection"
    if isinstance(error, known.ChunkedEncodingError):
        return "the connection broke half-way"
    return " ".join(str(error).split())
