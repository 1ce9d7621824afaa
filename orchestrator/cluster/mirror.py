"""A run folder here that grows as the one on a cluster's head does.

Whatever reads run folders works on it: the live table, the dashboard, ``orch analyze``.
Letters that are left in it are carried to the other end.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from orchestrator.cluster import wire
from orchestrator.cluster.copying import Copy
from orchestrator.cluster.fetching import JOURNAL, Fetcher, NoRunError
from orchestrator.cluster.link import FarError, Link
from orchestrator.cluster.wanted import Wanted
from orchestrator.runs.errors import RunBusyError, UnwritableError
from orchestrator.runs.folder import RunFolder

LETTER_SECONDS = 0.1
"""Between two looks at the local inbox while nothing comes from the other end."""
BULK_SECONDS = 0.2
"""Checkpoints are fetched so long at a time: the journal and letters do not wait for them."""
LIST_SECONDS = 5.0
"""Between two lists of all checkpoints, where all are wanted while the run goes on."""
LOOKERS = 3
"""So often the local folder is asked for: whoever asks whether it is owned has it for a moment."""
ROUNDS = 5
"""So often a folder that still changes is fetched again at the end."""
CHECKPOINTS = "checkpoints/"
TABLES = ("trials.parquet", "epochs.parquet")


@dataclass(frozen=True)
class News:
    """What a call of :meth:`Mirror.sync` found and brought.

    Attributes:
        exists: there is such a run at the other end.
        alive: a process owns it there.
        free: bytes left on its disk.
        journal: bytes of journal that came.
        files: other files that came.
        letters: names of the letters that were carried.
        more: checkpoints are still to be fetched.
    """

    exists: bool
    alive: bool
    free: int
    journal: int = 0
    files: tuple[str, ...] = ()
    letters: tuple[str, ...] = ()
    more: bool = False


@dataclass(frozen=True)
class Home:
    """A run that has been fetched whole.

    Attributes:
        files: how many, each with the same SHA-256 at both ends.
        size: bytes of all of them.
    """

    files: int
    size: int


class Mirror:
    """Keeps a local run folder like one at the other end of a connection.

    It owns the local folder from the first call of :meth:`sync` that finds the run until it is
    closed, so that nobody else takes the run for one that was interrupted. A client that is
    killed goes on where it was: what it has is in the folder and nowhere else.

    Args:
        argv: the local command that leads to :mod:`orchestrator.cluster.far`.
        far_run: id of the run there.
        folder: of the run here; need not exist.
        checkpoints: fetch those of trials that are over while the run goes on, and of others
            what is small enough (see :mod:`orchestrator.cluster.wanted`); or all there are.
        where: what a message calls the other end.
        patience: seconds without a sign of life after which the connection counts as lost.
    """

    def __init__(
        self,
        argv: Sequence[str],
        far_run: str,
        folder: Path,
        *,
        checkpoints: Literal["kept", "all"] = "kept",
        where: str = "the cluster",
        patience: float = 30.0,
    ) -> None:
        self._argv = list(argv)
        self._run = far_run
        self._where = where
        self._patience = patience
        self._folder = folder
        self._copy = Copy(folder, where)
        self._all = checkpoints == "all"
        self._listed = 0.0
        self._wanted = Wanted(folder)
        self._lent: wire.File | None = None
        self._far: Fetcher | None = None
        self._token = ""
        self._owned = ExitStack()
        self._owning = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection and let the local folder go; a later ``sync`` begins anew."""
        self._drop()
        self._owned.close()
        self._owning = False

    def sync(self, wait: float = 0.0) -> News:
        """Carry letters there and bring what is new.

        Args:
            wait: seconds to wait at most for something new; letters do not wait for it.

        Raises:
            ConnectionLost: the next call connects again.
            FarError: what is there cannot be had, in one line.
            UnwritableError: the local disk is full or gone.
            RunBusyError: another process follows the run.
        """
        with self._connected() as far:
            return self._sync(far, wait)

    def finish(self) -> Home:
        """Bring everything, and hold every file against its checksum at the other end.

        Nobody should run it any more. May be called again after a :class:`ConnectionLost`.

        Raises:
            FarError: the run is not there, or files still change, in one line. Else as ``sync``.
        """
        with self._connected() as far:
            for left in reversed(range(ROUNDS)):
                if not self._sync(far, 0.0).exists:
                    raise NoRunError(self._where, f"there is no run {self._run}.")
                seen: wire.Seen = far.one(wire.Everything(self._run))
                far.journal(seen)
                late = [file.path for file in self._others(seen) if not far.file(file)]
                self._forget_checkpoints(seen)
                differing = late or far.differing(seen)
                if not differing:
                    self._copy.settle()
                    return Home(len(seen.files), sum(file.size for file in seen.files))
                if left:
                    time.sleep(LETTER_SECONDS)
        some = f"{differing[0]} differs"
        if differing[1:]:
            some = f"{differing[0]} and {len(differing) - 1} more files differ"
        raise FarError(
            self._where,
            f"{some} from what {self._folder} has. Fetch the run again when nothing changes it.",
        )

    def salvage(self) -> tuple[str, ...]:
        """Bring the checkpoints alone, of a run whose journal there is behind; names of them.

        Raises:
            ConnectionLost, FarError, UnwritableError, RunBusyError: as ``sync``.
        """
        with self._connected(behind=True) as far:
            self._own()
            seen: wire.Seen = far.one(wire.Everything(self._run))
            others = self._others(seen) if seen.exists else []
            wanted = [file for file in others if file.path.startswith(CHECKPOINTS)]
            return tuple(file.path for file in wanted if far.file(file))

    def runs(self) -> list[str]:
        """Ids of the runs that are there."""
        with self._connected() as far:
            names: wire.Names = far.one(wire.Runs())
        return names.names

    @contextmanager
    def _connected(self, *, behind: bool = False) -> Iterator[Fetcher]:
        """A connection, dropped when the block ends within an answer; ``behind`` is no error."""
        try:
            if self._far is None:
                link = Link(self._argv, self._where, self._patience)
                self._far = Fetcher(link, self._run, self._copy, self._where)
                self._token = ""
                self._own_if_there()
                if not behind:
                    self._far.hold_against()
            yield self._far
        except BaseException:
            self._drop()
            raise

    def _drop(self) -> None:
        far, self._far = self._far, None
        if far is not None:
            far.link.close()

    def _own_if_there(self) -> None:
        if self._folder.is_dir():
            self._own()

    def _own(self) -> None:
        """Make the local folder, and own it."""
        if self._owning:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UnwritableError(self._folder, error) from error
        for left in reversed(range(LOOKERS)):
            try:
                self._owned.enter_context(RunFolder(self._folder).owned(follows=True))
                break
            except RunBusyError:
                if not left:
                    raise
                time.sleep(LETTER_SECONDS)
        self._owning = True
        self._wanted = Wanted(self._folder)
        self._wanted.read()

    def _sync(self, far: Fetcher, wait: float) -> News:
        letters = self._carry(far)
        seen, late = self._look(far, 0.0 if self._wanted.files else wait)
        if not seen.exists:
            return News(exists=False, alive=seen.alive, free=seen.free, letters=letters)
        self._own()
        letters += late
        journal = far.journal(seen)
        files = [file.path for file in self._others(seen) if far.file(file)]
        if set(TABLES) & set(files):  # the journal here is never behind the tables
            seen, late = self._look(far, 0.0)
            letters += late
            journal += far.journal(seen)
        self._token = seen.token
        if journal:
            self._wanted.read()
        files += self._fetch_wanted(far)
        more = bool(self._wanted.files)
        if not more:
            files += self._borrow(far)
        return News(
            exists=True,
            alive=seen.alive,
            free=seen.free,
            journal=journal,
            files=tuple(files),
            letters=letters,
            more=more,
        )

    def _look(self, far: Fetcher, wait: float) -> tuple[wire.Seen, tuple[str, ...]]:
        """What there is, once it is new; and letters that were carried meanwhile."""
        far.link.ask(wire.Look(self._run, self._token, wait))
        until = time.monotonic() + wait
        while time.monotonic() < until:
            found = far.link.heard(LETTER_SECONDS)
            if found is not None:
                return found[0], ()
            if self._letters():
                far.link.ask(wire.Runs())  # any request ends the waiting
                seen = far.link.answer()[0]
                far.link.answer()
                return seen, self._carry(far)
        return far.link.answer()[0], ()

    def _letters(self) -> list[Path]:
        inbox = self._folder / "inbox"
        return sorted(path for path in inbox.glob("*.json") if wire.is_letter(path.stem))

    def _carry(self, far: Fetcher) -> tuple[str, ...]:
        """Take letters there; each goes from here once it is there."""
        carried = []
        for path in self._letters():
            with suppress(FileNotFoundError):
                content = path.read_bytes()
                far.one(wire.Letter(self._run, path.stem), content)
                path.unlink(missing_ok=True)
                carried.append(path.stem)
        return tuple(carried)

    def _others(self, seen: wire.Seen) -> list[wire.File]:
        """Files that are not as they are here, but for the journal."""
        others = (file for file in seen.files if not file.path.startswith(JOURNAL))
        return [file for file in others if not self._copy.has(file)]

    def _fetch_wanted(self, far: Fetcher) -> list[str]:
        """Go on with the checkpoints for a while; those that are here now."""
        until = time.monotonic() + BULK_SECONDS
        if self._all and until - self._listed > LIST_SECONDS:
            self._listed = until
            seen: wire.Seen = far.one(wire.Everything(self._run))
            self._forget_checkpoints(seen)
            self._wanted.files = deque(
                file for file in self._others(seen) if file.path.startswith(CHECKPOINTS)
            )
        found = []
        while self._wanted.files and (left := until - time.monotonic()) > 0:
            file = self._wanted.files[0]
            here = far.file(file, left)
            if here is not False:
                self._wanted.files.popleft()
            if here:
                found.append(file.path)
        return found

    def _borrow(self, far: Fetcher) -> list[str]:
        """Bring a checkpoint that its trial will go on from, and drop those that are superseded."""
        while self._wanted.useless:
            name = self._wanted.useless.pop()
            if self._lent is not None and self._lent.path == name:
                self._copy.part(self._lent).unlink(missing_ok=True)
                self._lent = None
            self._copy.forget(name)
        file = self._lent = self._lent or self._wanted.lent()
        here = file is not None and far.file(file, BULK_SECONDS)
        if here is not False:
            self._lent = None
        return [file.path] if here and file is not None else []

    def _forget_checkpoints(self, seen: wire.Seen) -> None:
        there = {file.path for file in seen.files}
        for name in self._copy.under("checkpoints"):
            if name not in there:
                self._copy.forget(name)
