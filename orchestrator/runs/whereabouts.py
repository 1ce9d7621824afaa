"""Where a run lives whose folder here is a copy: ``cluster.json`` in that folder."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from orchestrator.runs.errors import UnwritableError
from searchspaces.errors import OrchError

FILE = "cluster.json"


class Whereabouts(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a run lives; holds no secrets.

    Attributes:
        address: of the machine whose disk has the run's folder.
        path: of the run's folder there.
        job: id of the Ray job that runs the sweep; empty without one.
        cluster: path of the cluster file here, which says how to log in.
        name: of the cluster.
        far: words that start the far side of a mirror there.
        home: everything is here and verified, and nothing runs there any more.
        version: of this format.
    """

    address: str
    path: str
    job: str = ""
    cluster: str = ""
    name: str = ""
    far: tuple[str, ...] = ()
    home: bool = False
    version: int = 1


def read_whereabouts(folder: Path) -> Whereabouts | None:
    """Where the run of a folder lives; None for one that lives here.

    Raises:
        OrchError: the file is damaged.
    """
    path = folder / FILE
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Whereabouts)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise OrchError(f"{path}: cannot be read: {error.strerror}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise OrchError(
            f"{path}: does not say where the run lives: {error}. Restore it, or delete it if the "
            f"run is to live here."
        ) from error
    if found.version != 1:
        raise OrchError(f"{path}: version {found.version} is not 1. Use a newer orch.")
    return found


def write_whereabouts(folder: Path, whereabouts: Whereabouts) -> None:
    """Say where the run of a folder lives, whole or not at all.

    Raises:
        UnwritableError: the folder cannot be written.
    """
    path = folder / FILE
    part = folder / f".{FILE}.{os.getpid()}.part"
    try:
        part.write_bytes(msgspec.json.format(msgspec.json.encode(whereabouts)) + b"\n")
        part.replace(path)
    except OSError as error:
        raise UnwritableError(path, error) from error
