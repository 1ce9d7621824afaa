"""A run as its journal tells it, to a process that does not run it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from time import monotonic
from typing import Any

from orchestrator.cli.view.document import present
from orchestrator.cli.view.outline import Outline, outline_of
from orchestrator.cli.view.progress import Progress
from orchestrator.engine.follow import Follower
from orchestrator.engine.inbox import StopRun
from orchestrator.engine.records import FINISHED, Record
from orchestrator.engine.segments import JournalError
from orchestrator.runs.alive import is_alive
from orchestrator.runs.folder import SPEC, RunBusyError, RunFolder, UnwritableError
from orchestrator.spec import SweepSpec
from orchestrator.spec_file import read_mapping
from searchspaces.errors import OrchError
from trainables.programs import ASK, program_of

QUIET_SECONDS = 5.0
"""Without news for so long, ask whether a process has the run; then again as often."""
FREE = 2
"""So many times in a row nobody had it: its process is gone."""
READS = 3
"""A journal that looks damaged is read so often: a network's file system may be catching up."""
_WORDS = {"failed": "ended by an error", "stopped by you": "stopped by Ctrl-C"}


class Onlooker:
    """Follows a run by its journal alone; nothing in its folder is changed.

    Args:
        run: its folder.
        clock: seconds that only grow.
        elsewhere: it runs on a cluster.
        nobody: says whether no process has it there; None where its folder tells.

    Attributes:
        run: its folder.
        progress: where it stands, as far as the journal has been read.
        gone: nothing runs it, though no process said that it let it go.

    Raises:
        FileError: ``spec.yaml`` is damaged, or the run is an imported one.
    """

    def __init__(
        self,
        run: RunFolder,
        clock: Callable[[], float] = monotonic,
        *,
        elsewhere: bool = False,
        nobody: Callable[[], bool] | None = None,
    ) -> None:
        self.run = run
        self._clock = clock
        self._nobody_there = nobody
        self._follower = Follower(run.journal)
        self.progress = Progress(
            outline_from(run, elsewhere=elsewhere), onlooker=True, began=clock()
        )
        self.gone, self._why = False, ""
        self._heard = self._asked = clock()
        self._free = 0

    def news(self) -> list[Record]:
        """The records that came since the last call.

        Raises:
            JournalError: the journal is damaged.
        """
        found: list[Record] = []
        for left in reversed(range(READS)):
            try:
                for entry in self._follower.news():
                    found.append(entry.record)  # noqa: PERF401  # what precedes an error counts
                break
            except JournalError:
                if not left:
                    raise
                time.sleep(0.5)
        if found:
            self._heard, self._free = self._clock(), 0
        return found

    def catch_up(self) -> None:
        """Take in what there is, and whether a process has the run.

        Raises:
            JournalError: the journal is damaged.
        """
        for record in self.news():
            self.progress.note(record)
        if self.progress.opened is None or self.progress.closed is not None or not self._nobody():
            return
        late = self.news()  # it may have ended between the two looks
        for record in late:
            self.progress.note(record)
        if not late:
            self.give_up()

    def over(self) -> bool:
        """Whether the run's process has let it go, or is gone.

        Asked seldom, and only while nothing is heard. The lock comes last: while a look holds
        it, nobody else can take the run.
        """
        if self.gone or self.progress.closed is not None:
            return True
        now = self._clock()
        if now - self._heard < QUIET_SECONDS or now - self._asked < QUIET_SECONDS:
            return False
        self._asked = now
        self._free = self._free + 1 if self._nobody() else 0
        if self._free >= FREE:
            self.give_up()
        return self.gone

    @property
    def state(self) -> str:
        """``running``, ``paused``, ``finished`` or ``interrupted``."""
        closed = self.progress.closed
        if closed is not None:
            return "finished" if closed.reason == FINISHED else "interrupted"
        if self.gone:
            return "interrupted"
        return "paused" if self.progress.paused else "running"

    @property
    def stopped(self) -> StopRun | None:
        """What ended the run early; None if nothing did."""
        closed = self.progress.closed
        if closed is not None:
            reason = _WORDS.get(closed.reason, closed.reason)
            return None if closed.reason == FINISHED else StopRun(reason, limit=closed.limit)
        if not self.gone:
            return None
        if not self.run.path.is_dir():
            return StopRun("its folder was removed")
        begun = self.progress.opened is not None
        return StopRun(self._why if begun else "nothing has begun it")

    def give_up(self, why: str = "its process died") -> None:
        """No process has the run, as somebody knows who does not only look at its folder."""
        self.gone, self._why = True, why
        self.progress.let_go()

    def document(self) -> dict[str, Any]:
        """Where the run stands, for programs."""
        stopped = self.stopped
        return present(
            self.progress,
            self.state,
            stopped=stopped.reason if stopped else None,
            path=str(self.run.path),
            now=self._clock(),
        )

    def _nobody(self) -> bool:
        """Whether no process has the run, as far as can be told from here."""
        if not self.run.path.is_dir():
            return True
        if self._nobody_there is not None:
            return self._nobody_there()
        opened = self.progress.opened
        alive = None if opened is None else is_alive(opened)
        if alive:
            return False
        try:
            with self.run.owned():
                return True
        except RunBusyError:
            return False
        except UnwritableError:  # somebody else's folder
            return alive is False


def outline_from(run: RunFolder, *, elsewhere: bool = False) -> Outline:
    """The outline of a run; what it trains need not be importable here.

    Args:
        run: its folder.
        elsewhere: it runs on a cluster.

    Raises:
        FileError: ``spec.yaml`` is damaged, or the run is an imported one.
    """
    values, _ = read_mapping(run.path / SPEC)
    spec = run.spec() if "imported" in values or _is_here(values) else _spec_alone(values)
    outline = outline_of(spec, run, elsewhere=elsewhere)
    asked = values.get("architecture") == ASK
    return replace(outline, go_on=f"Study.resume({run.known_as!r})") if asked else outline


def _is_here(values: dict[str, Any]) -> bool:
    """Whether what a run trains can be imported."""
    if values.get("command"):
        return True
    try:
        program_of(str(values.get("architecture") or ASK))
    except OrchError:
        return False
    return True


def _spec_alone(values: dict[str, Any]) -> SweepSpec:
    """A spec whose program is only a name; the space stands in it, without its constraints."""
    from orchestrator.declared import declare
    from orchestrator.strategies import scheduler_from, searcher_from
    from searchspaces import Training
    from searchspaces.inline import NoTraining, inline_space

    values.pop("provenance", None)
    training = values.get("training") or {}
    parts = {
        "space": inline_space(values.get("space") or {}),
        "training": declare(Training if training else NoTraining, training, place="training"),
        "searcher": searcher_from(values.get("searcher") or {}),
        "scheduler": scheduler_from(values.get("scheduler") or {}),
    }
    return declare(SweepSpec, {"dataset": "", **values, **parts})
