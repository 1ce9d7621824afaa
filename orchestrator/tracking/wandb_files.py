"""Reading back what W&B has written: its transaction logs, fragment by fragment.

A ``run-ID.wandb`` file is a LevelDB log of protobuf messages: a header of 7 bytes, then
blocks of 32 KiB that hold pieces, each with CRC, length and kind in front. A message lies in
one whole piece, or in a first, some middle and a last one; no piece crosses a block.
A W&B run that went on after an interruption has several such files, its fragments.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

MAGIC = b":W&B\xe1\xbe\x00"
BLOCK = 32 * 1024
_HEAD = struct.Struct("<IHB")
_WHOLE, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
_SEEDS = {kind: zlib.crc32(bytes([kind])) for kind in (_WHOLE, _FIRST, _MIDDLE, _LAST)}


class Message(NamedTuple):
    """A whole message.

    Attributes:
        data: protobuf, of the type ``wandb_internal.Record``.
        end: offset in the file behind it.
    """

    data: bytes
    end: int


def messages(content: bytes) -> Iterator[Message]:
    """The whole messages of a file, up to where it is torn or damaged."""
    if not content.startswith(MAGIC):
        return
    parts: list[bytes] = []
    for kind, piece, end in _pieces(content):
        if (kind in {_WHOLE, _FIRST}) == bool(parts):  # it begins inside another, or outside any
            return
        parts.append(piece)
        if kind in {_WHOLE, _LAST}:
            yield Message(b"".join(parts), end)
            parts = []


def _pieces(content: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Kind, bytes and end of each piece that is as it was written."""
    offset = len(MAGIC)
    while True:
        left = BLOCK - offset % BLOCK
        if left < _HEAD.size:  # too little for a head: the block's end is filled with zeros
            offset += left
        head = content[offset : offset + _HEAD.size]
        if len(head) < _HEAD.size:
            return
        crc, length, kind = _HEAD.unpack(head)
        end = offset + _HEAD.size + length
        piece = content[offset + _HEAD.size : end]
        if kind not in _SEEDS or zlib.crc32(piece, _SEEDS[kind]) != crc:
            return
        yield kind, piece, end
        offset = end


@dataclass(frozen=True)
class Fragment:
    """A W&B run, as far as one file has it.

    Attributes:
        path: of the file.
        run_id: W&B's id of the run; empty in a file that was torn before it was said.
        project: of the run.
        entity: of the run; empty for the account's own.
        group: of the run.
        job_type: of the run.
        name: that people see.
        tags: of the run, as they were last.
        config: of the run.
        rows: what was logged, by step; what W&B adds to a row begins with ``_``.
        summary: of the run; nested keys with dots.
        metrics: how a metric is to be shown: its name, or ``*``, and what is its x axis.
        exit_code: of the run; None where it was not finished.
        end: offset behind the last whole message.
        torn: more bytes follow, which are no message.
    """

    path: Path
    run_id: str = ""
    project: str = ""
    entity: str = ""
    group: str = ""
    job_type: str = ""
    name: str = ""
    tags: tuple[str, ...] = ()
    config: dict[str, Any] = field(default_factory=dict)
    rows: dict[int, dict[str, Any]] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, str] = field(default_factory=dict)
    exit_code: int | None = None
    end: int = 0
    torn: bool = False


def read_fragment(path: Path) -> Fragment:
    """All that a file says.

    Raises:
        OSError: it cannot be read.
    """
    proto: Any = import_module("wandb.proto.wandb_internal_pb2")
    content = path.read_bytes()
    said: dict[str, Any] = {"rows": {}, "config": {}, "summary": {}, "metrics": {}}
    end = len(MAGIC) if content.startswith(MAGIC) else 0
    for message in messages(content):
        end = message.end
        record = proto.Record.FromString(message.data)
        match record.WhichOneof("record_type"):
            case "run":
                run = record.run
                said |= {"run_id": run.run_id, "project": run.project, "entity": run.entity,
                         "group": run.run_group,
                         "job_type": run.job_type, "name": run.display_name,
                         "tags": tuple(run.tags)}  # fmt: skip
                said["config"].update(_items(run.config.update))
            case "config":
                said["config"].update(_items(record.config.update))
            case "history":
                said["rows"][record.history.step.num] = _items(record.history.item)
            case "summary":
                said["summary"].update(_items(record.summary.update))
            case "metric":
                metric = record.metric
                said["metrics"][metric.name or metric.glob_name] = metric.step_metric
            case "exit":
                said["exit_code"] = record.exit.exit_code
            case _:
                pass
    said["config"].pop("_wandb", None)
    return Fragment(path, **said, end=end, torn=end < len(content))


def mend(path: Path) -> None:
    """Cut off what is no message, at which ``wandb sync`` stops; nobody writes to it any more.

    Raises:
        OSError: the file cannot be read or written.
    """
    content = path.read_bytes()
    end = len(MAGIC)
    for message in messages(content):
        end = message.end
    if content.startswith(MAGIC) and end < len(content):
        with path.open("r+b") as file:
            file.truncate(end)


def _items(items: Any) -> dict[str, Any]:
    """Key and value of protobuf's items; ``json`` takes the NaN that W&B writes."""
    return {
        ".".join(item.nested_key) if item.nested_key else item.key: json.loads(item.value_json)
        for item in items
    }


class Files:
    """The fragments of all W&B runs of a sweep, by W&B's id of the run.

    Args:
        folder: W&B's, in the run's folder; need not exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def _paths(self) -> dict[str, list[Path]]:
        found: dict[str, list[Path]] = {}
        for path in sorted(self.folder.glob("*run-*/run-*.wandb")):
            found.setdefault(path.stem.removeprefix("run-"), []).append(path)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._paths))

    def paths(self, run_id: str) -> list[Path]:
        """Files of a W&B run that were there when this object was first asked."""
        return self._paths.get(run_id, [])

    def forget(self, run_id: str) -> None:
        """Let go of what is known of a run that is over."""
        self._paths.pop(run_id, None)


def is_offline(path: Path) -> bool:
    """Whether a file was written without a server."""
    return path.parent.name.startswith("offline-")


def marker(path: Path) -> Path:
    """The file beside it with which W&B says that the server has it all."""
    return path.with_name(f"{path.name}.synced")


def begun(path: Path) -> bool:
    """Whether an upload of it was begun, and nothing says that it was finished."""
    return path.with_name(f"{path.name}.syncstate").exists() and not marker(path).exists()
