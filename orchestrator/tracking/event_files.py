"""TensorBoard's event files: one a trial, appended to, whole after every call.

The messages and the check sums are tensorboardX's; the file is opened for each line, so that
ten thousand trials hold no file open and a killed process leaves nothing in a buffer.
"""

from __future__ import annotations

import math
import os
import platform
import struct
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.engine.trial import FAILED, State
from searchspaces import Value
from searchspaces.scalars import text

if TYPE_CHECKING:
    from orchestrator.tracking.sink import TrackedTrial

_PREFIX = "events.out.tfevents."
_SESSION = {"session_start_info": "_hparams_/session_start_info",
            "session_end_info": "_hparams_/session_end_info"}  # fmt: skip


class EventFile:
    """The event file of one trial.

    Args:
        folder: of the trial; TensorBoard calls the trial as it is called.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # TensorBoard takes files in the order of their names, and none of the same name twice.
        self._path = folder / f"{_PREFIX}{int(time.time())}.{platform.node()}.{os.getpid()}"

    def begin(self, at: float) -> None:
        """Start anew: whatever an earlier process wrote for the trial is gone.

        Args:
            at: when the trial started, in seconds since the epoch, UTC.
        """
        from tensorboardX.proto.event_pb2 import Event, SessionLog

        self._folder.mkdir(parents=True, exist_ok=True)
        # A TensorBoard that is reading an earlier file is lost without it, finds nothing more in
        # an empty one, goes on to the next, and drops the rows it had where a session starts.
        for path in self._folder.glob(f"{_PREFIX}*"):
            os.truncate(path, 0)
        log = SessionLog(status=SessionLog.START)
        version = Event(wall_time=at, file_version="brain.Event:2")
        self._append(version, Event(wall_time=at, step=0, session_log=log))

    def scalars(self, values: Mapping[str, float | None], *, step: int, at: float) -> None:
        """Add a row.

        Args:
            values: by tag; None stands for what was not finite, which is drawn as a gap.
            step: of all of them.
            at: seconds since the epoch, UTC.
        """
        from tensorboardX.proto.event_pb2 import Event
        from tensorboardX.proto.summary_pb2 import Summary

        rows = [
            Summary.Value(tag=tag, simple_value=math.nan if value is None else value)
            for tag, value in values.items()
        ]
        self._append(Event(wall_time=at, step=step, summary=Summary(value=rows)))

    def hparams(self, trial: TrackedTrial) -> None:
        """Add the trial's row of the HPARAMS tab; a second one would not be read."""
        from tensorboardX.proto.api_pb2 import Status
        from tensorboardX.proto.event_pb2 import Event
        from tensorboardX.proto.plugin_hparams_pb2 import (
            HParamsPluginData,
            SessionEndInfo,
            SessionStartInfo,
        )

        at = trial.ended_at or trial.started_at
        start = SessionStartInfo(start_time_secs=trial.started_at)
        for name, value in {"state": trial.state.value, **trial.config}.items():
            setattr(start.hparams[name], *_field(value))
        end = SessionEndInfo(status=Status.Value(_status(trial.state)), end_time_secs=at)
        self._append(
            *(
                Event(wall_time=at, summary=_session(field, HParamsPluginData(**{field: info})))
                for field, info in {"session_start_info": start, "session_end_info": end}.items()
            )
        )

    def sync(self) -> None:
        """Make the disk have everything."""
        descriptor = os.open(self._path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _append(self, *events: Any) -> None:
        with self._path.open("ab") as file:
            file.write(b"".join(_framed(event.SerializeToString() for event in events)))


def _framed(payloads: Iterable[bytes]) -> Iterable[bytes]:
    """TFRecord: length, its check sum, the bytes, theirs."""
    from tensorboardX.record_writer import masked_crc32c

    for payload in payloads:
        length = struct.pack("<Q", len(payload))
        yield length + struct.pack("<I", masked_crc32c(length))
        yield payload + struct.pack("<I", masked_crc32c(payload))


def _field(value: Value) -> tuple[str, Value]:
    """The field of a protobuf value, and what it takes."""
    if isinstance(value, bool):
        return "bool_value", value
    if isinstance(value, int | float):
        return "number_value", float(value)
    return "string_value", text(value)


def _status(state: State) -> str:
    """TensorBoard's word for how a trial ended."""
    if state in FAILED:
        return "STATUS_FAILURE"
    return "STATUS_SUCCESS" if state in {State.COMPLETED, State.PRUNED} else "STATUS_RUNNING"


def _session(field: str, content: Any) -> Any:
    from tensorboardX.proto.summary_pb2 import Summary, SummaryMetadata

    plugin = SummaryMetadata.PluginData(plugin_name="hparams", content=content.SerializeToString())
    return Summary(
        value=[Summary.Value(tag=_SESSION[field], metadata=SummaryMetadata(plugin_data=plugin))]
    )
