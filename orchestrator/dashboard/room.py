"""What the second process knows: runs as they are now, and what was worked out about them."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.dashboard.analyst import Analyst
from orchestrator.dashboard.facts import FactReader, nothing_yet
from orchestrator.dashboard.known import Known
from orchestrator.dashboard.sources import Source, Sources
from searchspaces.errors import OrchError, UsageError, raised

Job = tuple[str, ...]
"""A method of the room and its arguments."""
_KEPT = 4
"""Reports of runs that are kept: what changes beside the tables needs no new one."""
_PATIENCE = 0.3
"""Seconds for runs in one answer; those that are missing come with the next."""
_WAITING = {
    "waiting": "The sweep has not begun yet.",
    "running": "No trial has finished an epoch yet.",
    "paused": "The sweep is paused, and no trial has finished an epoch yet.",
    "finished": "No trial has a result.",
    "interrupted": "The sweep was interrupted before any trial had a result.",
}


@dataclass(frozen=True)
class Reply:
    """An answer.

    Attributes:
        version: of what it says.
        body: JSON; None where the version is the one that the other side has.
        more: there is more to be had at once.
    """

    version: str
    body: bytes | None
    more: bool = False


class UnknownRunError(UsageError):
    """No such run is shown."""


class Room:
    """Answers questions about runs, one at a time.

    Args:
        known: the runs.
        shadows: a folder of our own for tables made from journals.
        analyst: what is worked out.
    """

    def __init__(self, known: Known, shadows: Path, analyst: Analyst) -> None:
        self._known = known
        self._analyst = analyst
        self._sources = Sources(shadows)
        self._facts = FactReader()
        self._curves: dict[Path, tuple[str, dict[str, Any] | None]] = {}
        self._reports: dict[Path, tuple[str, dict[str, Any]]] = {}

    def home(self, version: str) -> Reply:
        """All runs, newest first, each with the curve of its best."""
        until, rows = time.monotonic() + _PATIENCE, []
        more = False
        for run in reversed(self._known.all()):
            late = time.monotonic() > until
            if late and run.path not in self._curves:
                rows.append(nothing_yet(run.id))
                more = True
                continue
            source = self._sources.look(run)
            row = self._facts.read(source)
            seen, curve = self._curves.get(run.path, ("", None))
            if seen != source.version and not late:
                curve = self._curve(source, row)
            more |= seen != source.version and late
            rows.append(row | {"curve": curve})
        return _reply({"runs": rows, "more": more}, version, more=more)

    def run(self, version: str, run_id: str) -> Reply:
        """A run's facts and its report; without one, why there is none.

        Raises:
            UnknownRunError: no such run.
        """
        source = self._source(run_id)
        facts = self._facts.read(source)
        seen, found = self._reports.get(source.run.path, ("", {}))
        if seen != source.version:
            found = _attempt(lambda: {"report": self._analyst.report(source.folder)}, facts)
            self._reports.pop(source.run.path, None)
            self._reports[source.run.path] = (source.version, found)
            while len(self._reports) > _KEPT:
                del self._reports[next(iter(self._reports))]
        return _reply({"run": facts, "report": None, "waiting": "", **found}, version)

    def compare(self, version: str, *run_ids: str) -> Reply:
        """Several runs side by side.

        Raises:
            UnknownRunError: no such run.
        """
        sources = [self._source(run_id) for run_id in run_ids]
        rows = [self._facts.read(source) for source in sources]
        begun = [source.folder for source, row in zip(sources, rows, strict=True) if row["best"]]
        try:
            found = self._analyst.compare(begun)
        except OrchError as error:
            found = {"problem": raised(error)}
        return _reply({"runs": rows, **found}, version)

    def _source(self, run_id: str) -> Source:
        run = self._known.find(run_id)
        if run is None:
            raise UnknownRunError(f"no run {run_id!r} is shown here")
        return self._sources.look(run)

    def _curve(self, source: Source, facts: dict[str, Any]) -> dict[str, Any] | None:
        curve = None
        if facts["epochs"]:
            found = _attempt(lambda: {"curve": self._analyst.curve(source.folder)}, facts)
            curve = found.get("curve")
        self._curves[source.run.path] = (source.version, curve)
        return curve


def _attempt(work: Callable[[], dict[str, Any]], facts: dict[str, Any]) -> dict[str, Any]:
    """What was worked out, or why there is nothing.

    Whatever goes wrong concerns one run and is told on its page.
    """
    try:
        return work()
    except UsageError as error:
        waiting = _WAITING.get(facts["state"], "")
        return {"waiting": raised(error) if facts["best"] else waiting}
    except Exception as error:  # noqa: BLE001  # one run that cannot be analyzed hides no other
        return {"waiting": f"This run cannot be analyzed: {raised(error)}"}


def _reply(found: dict[str, Any], version: str, *, more: bool = False) -> Reply:
    """The answer; only its version where that has not changed."""
    body = json.dumps(found, allow_nan=False, separators=(",", ":"), default=str).encode()
    now = hashlib.sha256(body).hexdigest()[:32]
    return Reply(now, None if now == version else body, more)
