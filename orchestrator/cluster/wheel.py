"""Orch itself as a wheel, made of what is installed here: no network, no build backend."""

from __future__ import annotations

import base64
import csv
import hashlib
import importlib.metadata
import importlib.util
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from searchspaces.errors import OrchError

DISTRIBUTION = "orch-sweep"
PACKAGES = ("analysis", "orchestrator", "searchspaces", "trainables")
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The first moment that a zip file knows: the same files make the same wheel."""
_TAG = "Wheel-Version: 1.0\nGenerator: orch\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_KEPT = ("METADATA", "entry_points.txt")


@dataclass(frozen=True)
class Wheel:
    """A wheel in memory.

    Attributes:
        name: its file name.
        version: of orch.
        content: its bytes, the same for the same files.
    """

    name: str
    version: str
    content: bytes

    @property
    def sha256(self) -> str:
        """Of its bytes."""
        return hashlib.sha256(self.content).hexdigest()


def made_wheel() -> Wheel:
    """The wheel of the orch that runs, from the source tree where that is what is installed.

    Raises:
        OrchError: orch is not installed, or a part of it cannot be read.
    """
    try:
        distribution = importlib.metadata.distribution(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError as error:
        raise OrchError(
            f"{DISTRIBUTION} is not installed here, so it cannot be sent. Run: pip install -e ."
        ) from error
    version = distribution.version
    stem = f"{DISTRIBUTION.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    try:
        files = dict(_packages())
    except OSError as error:
        raise OrchError(
            f"{error.filename}: cannot be read: {error.strerror}. Install orch anew."
        ) from error
    for file in distribution.files or ():
        folder, *inside = file.parts
        wanted = inside and (inside[0] == "licenses" or inside[-1] in _KEPT)
        if folder.endswith(".dist-info") and wanted:
            files["/".join((info, *inside))] = file.read_binary()
    files[f"{info}/WHEEL"] = _TAG.encode()
    files[f"{info}/RECORD"] = _record(files, f"{info}/RECORD")
    return Wheel(f"{stem}-py3-none-any.whl", version, _zip(files))


def _packages() -> Iterator[tuple[str, bytes]]:
    """Every file of the four packages but what Python compiles, by its name in the wheel."""
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        if spec is None or not spec.origin:
            raise OrchError(f"package {package} is not there. Install orch anew.")
        folder = Path(spec.origin).parent
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder.parent)
            if "__pycache__" not in name.parts and path.is_file():
                yield name.as_posix(), path.read_bytes()


def _record(files: dict[str, bytes], own: str) -> bytes:
    """The wheel's list of its files, with their checksums as the format wants them."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for name, content in sorted(files.items()):
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")
        writer.writerow((name, f"sha256={digest.decode()}", len(content)))
    writer.writerow((own, "", ""))
    return text.getvalue().encode()


def _zip(files: dict[str, bytes]) -> bytes:
    """A zip of files that depends on nothing but them; the list of files comes last."""
    made = io.BytesIO()
    last = next(reversed(files))
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in (*sorted(files.keys() - {last}), last):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = 0o644 << 16
            entry.create_system = 3  # as made on POSIX, wherever this is
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[name])
    return made.getvalue()
