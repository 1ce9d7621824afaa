"""What a cluster's head does with a parcel before there is an orch: Python's own library alone.

The text of this file is sent with each call, so that nothing of it stays there. The first word
says what to do, the second in which folder; the standard input brings the rest. The last line
that is printed is the answer as JSON, with a line for each problem.

``need``
    A manifest: which files are not there, and how many bytes of each are.
``take``
    Lines ``sha256 offset length``, each followed by so many bytes: parts of files.
``place``
    A manifest: put every file in its place, verify all of them, and keep the manifest.
``check``
    A manifest: verify every file.
``hide``
    Secrets: keep them as files that nobody else can read.
``forget``
    The name under which secrets were hidden: remove them.
``use``
    A run and folders of parcels: it needs them until it has been fetched, when its file in
    ``uses`` goes.
``prune``
    A number of seconds: remove what is older and nobody needs.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import io
import json
import os
import re
import shutil
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

PARTS, WORK = "parts", "work"
ASIDE = re.compile(r".+\.before-(\d+)-\d+")
"""Folders of runs that were put aside, and when."""
BUFFER = 1 << 20
Manifest = dict[str, Any]


class Unpacker:
    """Unpacks parcels in a folder.

    Args:
        root: the folder; made if it is not there.

    Attributes:
        root: where it really is.
        problems: a line each.
    """

    def __init__(self, root: Path) -> None:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.root = Path(os.path.realpath(root))
        self.problems: list[str] = []

    def need(self, manifest: Manifest) -> dict[str, Any]:
        """Bytes that are there of each file that has to be sent, by its checksum."""
        wanted: dict[str, int] = {}
        for item in manifest["items"]:
            if not _is(self.path(item["path"]), item) and not self._whole(item):
                part = self.part(item)
                wanted[item["sha256"]] = part.stat().st_size if part.exists() else 0
        return {"need": wanted, "free": shutil.disk_usage(self.root).free}

    def take(self, source: BinaryIO) -> dict[str, Any]:
        """Append what comes to the parts; what does not fit is left out."""
        while line := source.readline():
            sha256, offset, length = line.decode().split()
            data = source.read(int(length))
            with self.part({"sha256": sha256}).open("ab") as part:
                if part.tell() == int(offset):
                    part.write(data)
        return {}

    def place(self, manifest: Manifest) -> dict[str, Any]:
        """Put every file where it belongs; those that are there and whole stay untouched."""
        for item in manifest["items"]:
            path = self.path(item["path"])
            if _is(path, item):
                path.chmod(item["mode"])
            elif self._whole(item):
                with self.part(item).open("rb") as content:
                    _write(path, content, item["mode"], item["mtime"])
        for wheel in manifest["wheels"]:
            self._unzip(wheel, manifest)
        self.check(manifest)
        if not self.problems:
            for item in manifest["items"]:
                self.part(item).unlink(missing_ok=True)
            text = json.dumps(manifest, sort_keys=True).encode()
            path = self.path(f"parcels/{hashlib.sha256(text).hexdigest()}.json")
            path.parent.mkdir(exist_ok=True)
            part = path.with_suffix(f".{os.getpid()}.part")
            part.write_bytes(text)
            part.replace(path)
        return {}

    def check(self, manifest: Manifest) -> dict[str, Any]:
        """Verify every file, and what was made of it."""
        for item in manifest["items"]:
            path = self.path(item["path"])
            self._complain(item["path"], path, same=_is(path, item))
            if path.is_file() and path.stat().st_mode & 0o777 != item["mode"]:
                self.problems.append(f"{item['path']}: its mode is not {item['mode']:o}")
        for wheel in manifest["wheels"]:
            folder, content = self.path(wheel["folder"]), self._content(wheel, manifest)
            for name, data in content.items():
                path = folder / name
                same = path.is_file() and not path.is_symlink() and path.read_bytes() == data
                self._complain(f"{wheel['folder']}/{name}", path, same=same)
            if content:
                for path in _strangers(folder, content):
                    self.problems.append(f"{path.relative_to(self.root)}: was not sent")
        return {}

    def hide(self, order: dict[str, Any]) -> dict[str, Any]:
        """Keep secrets as files for this account alone."""
        folder = self.path(f"secrets/{order['name']}")
        folder.parent.mkdir(mode=0o700, exist_ok=True)
        folder.parent.chmod(0o700)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        for name, text in order["secrets"].items():
            path = self.path(f"secrets/{order['name']}/{name}")
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(file, "wb") as content:
                content.write(base64.b64decode(text))
        return {"folder": str(folder)}

    def forget(self, order: dict[str, Any]) -> dict[str, Any]:
        """Remove secrets."""
        shutil.rmtree(self.path(f"secrets/{order['name']}"), ignore_errors=True)
        return {}

    def use(self, order: dict[str, Any]) -> dict[str, Any]:
        """Keep folders for a run that has not been fetched."""
        path = self.path(f"uses/{order['run']}.json")
        path.parent.mkdir(exist_ok=True)
        _write(path, io.BytesIO(json.dumps(order["folders"]).encode()), 0o644, 0)
        return {}

    def prune(self, order: dict[str, Any]) -> dict[str, Any]:
        """Remove parcels, half-sent files, secrets and runs put aside that nobody needs."""
        before = time.time() - order["seconds"]
        old = [
            *(path for path in self._in("parts") if path.stat().st_mtime < before),
            *(path for path in self._in("secrets") if path.stat().st_mtime < before),
            *(
                path
                for path in self._in("runs")
                if (found := ASIDE.fullmatch(path.name)) and int(found[1]) < before
            ),
        ]
        running = _running()
        if running is not None:
            kept = self._kept(before)
            for path in (*self._in("lib"), *self._in(WORK)):
                name = f"{path.parent.name}/{path.name.removesuffix('.whl')}"
                is_old = path.stat().st_mtime < before and name not in kept
                if is_old and not any(str(self.root / name).encode() in said for said in running):
                    old.append(path)
        for path in old:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        return {"removed": [str(path.relative_to(self.root)) for path in old]}

    def _kept(self, before: float) -> set[str]:
        """Folders of parcels that came lately, or that runs need."""
        names: set[str] = set()
        for path in self._in("parcels"):
            if path.stat().st_mtime < before:
                path.unlink(missing_ok=True)
                continue
            manifest = json.loads(path.read_bytes())
            names.update(item["path"] for item in manifest["items"])
            names.update(wheel["folder"] for wheel in manifest["wheels"])
        for path in self._in("uses"):
            names.update(json.loads(path.read_bytes()))
        return {"/".join(name.split("/")[:2]).removesuffix(".whl") for name in names}

    def _in(self, folder: str) -> list[Path]:
        found = self.root / folder
        return sorted(found.iterdir()) if found.is_dir() else []

    def path(self, name: str) -> Path:
        """A place in the folder.

        Raises:
            ValueError: it lies outside.
        """
        path = self.root / name
        real = Path(os.path.realpath(path.parent))
        if ".." in path.parts or not real.is_relative_to(self.root) or path == self.root:
            raise ValueError(f"{name!r} lies outside {self.root}")
        return path

    def part(self, item: dict[str, Any]) -> Path:
        """Where a file grows until it is whole."""
        folder = self.root / PARTS
        folder.mkdir(exist_ok=True)
        return folder / f"{int(item['sha256'], 16):064x}"

    def _whole(self, item: dict[str, Any]) -> bool:
        """Whether a file has come, or an earlier parcel has had it."""
        part = self.part(item)
        if not part.exists():
            kin = next(self._kin(item), None)
            if kin is not None:
                shutil.copyfile(kin, part)
            elif not item["size"]:
                part.touch()
        if _is(part, item):
            return True
        if part.exists() and part.stat().st_size >= item["size"]:
            part.unlink()  # damaged
        return False

    def _kin(self, item: dict[str, Any]) -> Iterator[Path]:
        """The same file in earlier parcels: of a project, most files stay as they are."""
        top, _, rest = item["path"].partition("/")
        name = rest.partition("/")[2]
        if top == WORK and name and (self.root / top).is_dir():
            for folder in (self.root / top).iterdir():
                if _is(folder / name, item):
                    yield folder / name

    def _content(self, wheel: dict[str, Any], manifest: Manifest) -> dict[str, bytes]:
        """What a wheel holds, by name; nothing of one that is damaged, as its item says."""
        [item] = [item for item in manifest["items"] if item["path"] == wheel["path"]]
        path = self.path(wheel["path"])
        if not _is(path, item):
            return {}
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in archive.namelist()}

    def _unzip(self, wheel: dict[str, Any], manifest: Manifest) -> None:
        """Write what of a wheel is not in its folder, and remove what is of something else."""
        content = self._content(wheel, manifest)
        for name, data in content.items():
            path = self.path(f"{wheel['folder']}/{name}")
            if path.is_symlink() or not path.is_file() or path.read_bytes() != data:
                _write(path, io.BytesIO(data), 0o644, 0)
        if content:
            for path in _strangers(self.path(wheel["folder"]), content):
                path.unlink()

    def _complain(self, name: str, path: Path, *, same: bool) -> None:
        if path.is_symlink() or not path.is_file():
            self.problems.append(f"{name}: is not there")
        elif not same:
            self.problems.append(f"{name}: its bytes are not those that were sent")


def _is(path: Path, item: dict[str, Any]) -> bool:
    """Whether a file is the one that is meant."""
    if path.is_symlink() or not path.is_file() or path.stat().st_size != item["size"]:
        return False
    with path.open("rb") as file:
        return bool(hashlib.file_digest(file, "sha256").hexdigest() == item["sha256"])


def _write(path: Path, content: BinaryIO, mode: int, mtime: int) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with part.open("wb") as file:
        shutil.copyfileobj(content, file, BUFFER)
    part.chmod(mode)
    if mtime:
        os.utime(part, ns=(mtime, mtime))
    part.replace(path)


def _strangers(folder: Path, known: dict[str, bytes]) -> list[Path]:
    """Files below a folder that nobody sent; what Python compiles is its own."""
    found = (path for path in folder.rglob("*") if path.is_symlink() or path.is_file())
    names = ((path, path.relative_to(folder)) for path in found)
    return [
        path
        for path, name in names
        if name.as_posix() not in known and "__pycache__" not in name.parts
    ]


def _running() -> list[bytes] | None:
    """Command lines and environments of this account's processes; None where nobody can tell."""
    if not Path("/proc/self/environ").exists():
        return None
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        for name in ("cmdline", "environ"):
            try:
                found.append((process / name).read_bytes())
            except OSError:
                continue  # another's, or it has just ended
    return found


def main(words: list[str], source: BinaryIO) -> int:
    """Do what the words say; the exit code."""
    command, root = words
    try:
        unpacker = Unpacker(Path(root).expanduser())
        with (unpacker.root / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            order = source if command == "take" else json.load(source)
            said = getattr(unpacker, command)(order)
    except OSError as error:
        print(f"{error.filename or root}: {error.strerror}", file=sys.stderr)
        return 1
    print()  # whatever a login shell has begun to print ends here
    print(json.dumps({**said, "root": str(unpacker.root), "problems": unpacker.problems}))
    return 1 if unpacker.problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], sys.stdin.buffer))
