"""W&B runs that are open, few at a time, and what the disk and the server have of them."""

from __future__ import annotations

import logging
import shutil
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator.tracking.feed import SinkGone
from orchestrator.tracking.wandb_files import Files
from orchestrator.tracking.wandb_known import Known, known, mark
from orchestrator.tracking.wandb_sdk import Outage, Sdk

MOST_OPEN = 64
"""W&B runs that are open at a time, unless more trials than that run at a time."""
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Held:
    """A W&B run that is told about.

    Attributes:
        id: W&B's of it.
        known: as its files had it when it was looked up.
        steps: that need not be told.
        run: W&B's object, while it is open.
        online: it is open, and the server is told.
        local: in this process it is told to the disk alone.
        idle: it may be closed to make room; it is opened again when something is to be told.
        paths: of its fragments, those of this process included.
    """

    id: str
    known: Known
    steps: set[int]
    run: Any = None
    online: bool = False
    local: bool = False
    idle: bool = False
    paths: list[Path] = field(default_factory=list)


class Runs:
    """Opens and closes W&B runs, and notes what the server has.

    Args:
        sdk: of W&B.
        outage: what is known of the server; None to tell it nothing.
        about: what all runs have in common: ``group``, ``project``, ``entity``.
        closing: called with a run that is closed to make room, before it is.
        files_first: tell the server nothing that files can hold for ``wandb sync``, which
            sends many of them at a time.

    Attributes:
        url: of the project, once the server has said it.
    """

    def __init__(
        self,
        sdk: Sdk,
        outage: Outage | None,
        about: Mapping[str, Any],
        closing: Callable[[Held], None],
        *,
        files_first: bool = False,
    ) -> None:
        self._sdk = sdk
        self._outage = outage
        self._about = about
        self._closing = closing
        self._files_first = files_first
        self._files = Files(sdk.folder)
        self._open: OrderedDict[str, Held] = OrderedDict()
        self.url = ""

    @property
    def open(self) -> list[Held]:
        """The runs that are open, the longest unused first."""
        return list(self._open.values())

    def look_up(self, run_id: str) -> Held:
        """A run as its files have it.

        Raises:
            OSError: they cannot be read.
        """
        found = known(self._files.paths(run_id))
        self._files.forget(run_id)
        asks = self._outage is not None and found.unsure
        return Held(run_id, found, set() if asks else set(found.steps), paths=list(found.paths))

    def over(self, held: Held) -> bool:
        """Nothing is to be told of it any more."""
        return held.known.over and not (self._outage is not None and held.known.unsure)

    def opened(self, held: Held, about: Callable[[], Mapping[str, Any]]) -> Any:
        """W&B's object of a run; where the server is asked, ``held.steps`` is what it has.

        Args:
            held: the run.
            about: ``name``, ``job_type``, ``tags`` and ``config`` of it.

        Raises:
            SinkGone: the server took a part of it; it is to be told anew, to the disk.
        """
        if held.run is not None:
            self._open.move_to_end(held.id)
            return held.run
        self._make_room()
        online = self._takes(held)
        if not online and self._outage is not None and not held.local:
            held.local, held.steps = True, held.steps | held.known.steps
        said = {**self._about, **about()}
        try:
            again = online or bool(held.paths)
            held.run = self._sdk.open(id=held.id, online=online, again=again, **said)
        except Exception as error:
            if online and self._outage is not None:
                self._outage.note(f"the server failed ({_words(error)})")
                raise SinkGone from error
            raise
        held.online = online
        held.paths.append(Path(held.run.settings.sync_file))
        self._open[held.id] = held
        if online:
            self.url = str(getattr(held.run, "project_url", None) or "")
            if held.run.resumed:
                held.steps |= set(range(1, int(held.run.starting_step)))
        return held.run

    def finish(self, held: Held, *, exit_code: int) -> None:
        """Close a run; what the server has then is noted, and W&B's logs of it go.

        Args:
            held: an open run.
            exit_code: 0 is W&B's ``finished``, any other its ``failed``.

        Raises:
            SinkGone: the server does not take it in time; it is to be told anew, to the disk.
        """
        run, held.run = held.run, None
        del self._open[held.id]
        folder = held.paths[-1].parent
        try:
            run.finish(exit_code=exit_code)
        except TimeoutError as error:
            if self._outage is None:
                raise
            # What else is open would take as long, so all of it is begun anew, on disk.
            self._outage.note("the server was too slow to take the end of a run")
            raise SinkGone from error
        if held.online:
            if _complains(folder):
                held.local = True
                _log.warning("W&B's server refused a part of %s: see %s", held.id, folder / "logs")
                return
            mark(held.paths)
        for name in ("logs", "tmp"):
            shutil.rmtree(folder / name, ignore_errors=True)

    def _make_room(self) -> None:
        """Close the longest unused of those that are idle; what runs stays open."""
        while len(self._open) >= MOST_OPEN:
            spare = next((held for held in self._open.values() if held.idle), None)
            if spare is None:
                return
            self._closing(spare)
            self.finish(spare, exit_code=0)

    def _takes(self, held: Held) -> bool:
        """Whether the server is to be told of a run."""
        if self._outage is None or held.local:
            return False
        if not held.known.unsure and (held.known.waits or self._files_first):
            return False
        return not self._outage.away


@contextmanager
def gone_with_its_service(sdk: Sdk) -> Iterator[None]:
    """Whatever is raised in the block because W&B's service died is :class:`SinkGone`."""
    try:
        yield
    except SinkGone:
        raise
    except Exception as error:
        if sdk.alive:
            raise
        raise SinkGone from error


def _complains(folder: Path) -> bool:
    """W&B's service has logged an error about a run that it finished."""
    try:
        text = (folder / "logs" / "debug-internal.log").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    return '"level":"ERROR+' in text  # above its errors are those after which it gives up


def _words(error: Exception) -> str:
    """The first line of an error."""
    return str(error).strip().split("\n")[0].rstrip(". ") or type(error).__name__
