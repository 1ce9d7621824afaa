"""A run's table of trials, brought up to date first, for the commands that read it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.cli.view.closing import states
from orchestrator.cli.view.outline import short_name
from orchestrator.engine.trial import FINAL, State
from orchestrator.runs.folder import SPEC, RunFolder, find_run
from orchestrator.runs.refresh import is_study, refresh
from orchestrator.spec_file import FileError, read_mapping
from searchspaces import cells
from searchspaces.errors import OrchError, UsageError
from trainables.limits import broken_words, limit
from trainables.programs import ASK, program_of

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Reading:
    """What the tables say.

    Attributes:
        run: its folder.
        meta: what they say of the run; empty if there are none yet.
        trials: a row a trial, best first; None if there are none yet.
        owned: a process runs the sweep now.
    """

    run: RunFolder
    meta: dict[str, Any]
    trials: pl.DataFrame | None
    owned: bool

    @property
    def state(self) -> str:
        """``running``, ``paused``, ``finished`` or ``interrupted``."""
        if self.owned:
            return "paused" if self.meta.get("paused") else "running"
        return "finished" if self.meta.get("finished") else "interrupted"

    @property
    def counts(self) -> Counter[State]:
        """Trials by state."""
        if self.trials is None:
            return Counter()
        return Counter(State(state) for state in self.trials["state"].to_list())

    @property
    def done(self) -> int:
        """Trials that are over."""
        return sum(count for state, count in self.counts.items() if state in FINAL)

    @property
    def best(self) -> dict[str, Any] | None:
        """The row of the best trial, if any has a result and keeps the limits."""
        from orchestrator.runs.ranking import winner

        return None if self.trials is None else winner(self.trials)

    @property
    def nearest(self) -> dict[str, Any] | None:
        """The row of the trial that breaks the limits by the least, if none keeps them."""
        from orchestrator.runs.ranking import leader

        return None if self.trials is None or self.best else leader(self.trials)

    @property
    def front(self) -> list[dict[str, Any]]:
        """The rows of the Pareto front, best by the first objective first."""
        if self.trials is None or "front" not in self.trials.columns:
            return []
        return self.trials.filter("front").rows(named=True)


class NoResultsError(UsageError):
    """A run in which no trial has reported anything, or none but failed ones.

    Attributes:
        reading: what its tables say.
    """

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        run, failed = reading.run, states(reading.counts)
        if reading.state == "finished":
            line = f"no trial of run {run.id} has a result: {failed}. See: orch show "
            line += short_name(run)
        elif reading.owned:
            line = f"run {run.id} is running and has no results yet. They come every half minute."
        else:
            line = f"run {run.id} has no results yet. Go on: {go_on(run)}"
        super().__init__(line)


class NoneKeepsError(UsageError):
    """A run in which every trial with a result breaks a limit.

    Attributes:
        reading: what its tables say.
        limits: such as ``weights < 50000``.
        broken: which trial breaks them by the least, and how.
    """

    def __init__(self, reading: Reading, nearest: dict[str, Any]) -> None:
        self.reading = reading
        limits = [limit(text) for text in reading.meta.get("outcomes", [])]
        self.limits = ", ".join(map(str, limits))
        self.broken = f"trial {nearest['number']}: {broken_words(limits, metrics_of(nearest))}"
        super().__init__(
            f"no trial of run {reading.run.id} keeps {self.limits}. The nearest is {self.broken}. "
            f"See: orch show {short_name(reading.run)}"
        )


def go_on(run: RunFolder) -> str:
    """What to type to go on with a run."""
    asked = settings_of(run).get("architecture") == ASK or is_study(run)
    return f"Study.resume({run.known_as!r})" if asked else f"orch resume {short_name(run)}"


def settings_of(run: RunFolder) -> dict[str, Any]:
    """The spec of a run as it is written; what it trains is not imported.

    Raises:
        FileError: it is no YAML.
    """
    values, _ = read_mapping(run.path / SPEC)
    values.pop("provenance", None)
    return values


def absent(run: RunFolder) -> str:
    """Why what a run trains cannot be imported here, which is no damage; empty if it can be."""
    try:
        name = settings_of(run).get("architecture")
    except FileError:
        return ""
    try:
        program_of(str(name or ASK))
    except OrchError as error:
        return str(error)
    return ""


def read(run: RunFolder, columns: list[str] | None = None) -> Reading:
    """The tables of a run as they are now.

    Args:
        run: its folder.
        columns: to read; all by default.

    Raises:
        OrchError: the journal or a table is damaged.
    """
    refresh(run)
    owned = run.is_owned()
    if not run.trials.is_file():
        return Reading(run, {}, None, owned)
    import polars as pl
    import pyarrow.parquet as pq

    try:
        found = pq.read_metadata(run.trials).metadata or {}
        meta = json.loads(found.get(b"orch", b"{}"))
        if columns is not None and meta.get("outcomes"):
            columns = [*columns, "keeps"]
        trials = pl.read_parquet(run.trials, columns=columns)
    except (OSError, ValueError, pl.exceptions.PolarsError) as error:
        reason = " ".join(str(error).split())
        mend = "Delete it; orch makes it anew."
        if not run.journal.is_dir():  # an imported run
            mend = f"Delete {run.path} and import it again."
        raise OrchError(f"{run.trials}: cannot be read: {reason}. {mend}") from error
    return Reading(run, meta, trials, owned)


def read_results(runs: Path, part: str) -> Reading:
    """The tables of the run that is meant, in which there is something to read.

    Raises:
        RunNotFoundError: no such run.
        NoResultsError: no trial has reported anything.
        NoneKeepsError: no trial keeps the limits.
    """
    reading = read(find_run(runs, part))
    if reading.nearest is not None:
        raise NoneKeepsError(reading, reading.nearest)
    if reading.best is None:
        raise NoResultsError(reading)
    return reading


def config_of(row: dict[str, Any], meta: dict[str, Any]) -> dict[str, Any]:
    """The config in a row of the table; inactive parameters are absent.

    Args:
        row: of the table of trials.
        meta: what the table says of its run.
    """
    return cells.config_of(row, meta.get("parameters", {}))


def metrics_of(row: dict[str, Any]) -> dict[str, float | None]:
    """The metrics of a row's best epoch."""
    return {
        name.removeprefix("metric."): value
        for name, value in row.items()
        if name.startswith("metric.")
    }
