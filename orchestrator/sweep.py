"""Sweeps from Python: what the command line does, and what it returns."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.engine.inbox import Inbox, forget_stops
from orchestrator.engine.machines import Joined, quiet_ray
from orchestrator.engine.opening import versions
from orchestrator.engine.session import Place
from orchestrator.engine.session import run as run_plan
from orchestrator.masking import command_line
from orchestrator.names import compose
from orchestrator.planning import asked_data, load_data, plan_of
from orchestrator.result import Result
from orchestrator.rules import changes
from orchestrator.runs import warm_start
from orchestrator.runs.describe import tables_of
from orchestrator.runs.folder import RunFolder, find_run
from orchestrator.runs.refresh import is_study, rebuild
from orchestrator.runs.storage import opened, tried
from orchestrator.spec import SweepSpec, spec_from
from orchestrator.spec_file import read_spec
from orchestrator.tracking.settings import changed
from orchestrator.tracking.sinks import ready
from orchestrator.tracking.start import tracked
from searchspaces.errors import OrchError, UsageError
from trainables.programs import Form

if TYPE_CHECKING:
    from orchestrator.ask_tell import Study
    from orchestrator.engine.observer import Observer
    from orchestrator.preflight import CheckReport
    from trainables.data import AnyData

Watch = Callable[[RunFolder, SweepSpec], "Observer"]
"""Makes somebody who is told of every record of the run."""


class Sweep:
    """A sweep that has not started.

    Args:
        sweep: a name such as ``gru-bohb``, a YAML file, or a spec.
        changes: mappings on top, such as ``trials=10`` or ``space={"num_layers": 2}``.

    Attributes:
        spec: resolved and checked.

    Raises:
        UsageError: the name is unknown or a value cannot be.
    """

    def __init__(self, sweep: str | Path | SweepSpec = "gru-bohb", **changes: Any) -> None:
        if isinstance(sweep, SweepSpec):
            self.spec = spec_from(sweep.dump(), changes)
        elif is_file(sweep):
            self.spec = read_spec(Path(sweep), changes)
        else:
            self.spec = spec_from(compose(str(sweep)), changes)

    @cached_property
    def data(self) -> AnyData | None:
        """Training and validation part or folds, loaded once; None for what reads its own.

        Raises:
            UsageError: they are not here, nothing of the space can take them, or the metric
                is none that trials report.
        """
        return load_data(self.spec)

    def warm_start(self, runs: str | Path = "runs") -> list[str]:
        """What the earlier runs bring that the spec names: a line each.

        Args:
            runs: where their folders lie.

        Raises:
            UsageError: one is not there, or cannot be compared with this sweep.
        """
        if not self.spec.warm_start:
            return []
        spec = warm_start.named(self.spec, Path(runs))
        data = asked_data(spec) if spec.program.form is Form.ASK else self.data
        earlier = warm_start.collected(spec, Path(runs), data)
        return warm_start.in_words(spec, earlier, data.facts if data else None)

    def check(self, **how: Any) -> CheckReport:
        """Try a few batches at the corners of the space, in a process of its own.

        Nothing is written; see :func:`orchestrator.preflight.check`.

        Args:
            how: keyword arguments of that function.

        Raises:
            CheckError: a config raises, kills its process or never ends.
        """
        from orchestrator.preflight import check

        return check(self.spec, self.data, **how)

    def run(
        self,
        runs: str | Path = "runs",
        *,
        watch: Watch | None = None,
        inbox: Inbox | None = None,
        check: bool = False,
        cluster: str | Joined = "",
    ) -> Result:
        """Run it in a new folder below ``runs``.

        Everything that can be refused is refused before that folder is made.

        Args:
            runs: where run folders lie.
            watch: makes an observer of the run.
            inbox: commands from within the process; letters in the run folder always count.
            check: call :meth:`check` first, as the command line does; it takes seconds.
            cluster: address of a Ray cluster that this machine belongs to, as ``host:port``,
                or ``auto`` for the one that runs here; empty starts a Ray of its own.

        Raises:
            CheckError: the check found a config that raises.
            OrchError: it cannot start or go on.
        """
        ready(self.spec.tracking)
        tried(self.spec.storage)
        data = self.data
        if check:
            self.check()
        folder = new_run(self.spec, Path(runs), data)
        return _go(folder, self.spec, data, watch, inbox, cluster)

    def ask_tell(self, runs: str | Path = "runs") -> Study:
        """The sweep as something to ask for trials, in a new folder below ``runs``.

        Whatever the spec names to train is not run: only its space counts. ``Sweep("ask",
        space={...})`` names nothing. See :class:`orchestrator.ask_tell.Study`.
        """
        from orchestrator.ask_tell import Study

        ready(self.spec.tracking)
        data = asked_data(self.spec)
        return Study(self.spec, new_run(self.spec, Path(runs), data), data)

    def to_tuner(self, **settings: Any) -> Any:
        """The same sweep as a stock ``ray.tune.Tuner``, for its callbacks and schedulers.

        Args:
            settings: fields of ``ray.tune.TuneConfig`` and ``ray.tune.RunConfig``; without a
                ``scheduler`` every trial runs to the end.
        """
        from orchestrator.tuner import to_tuner

        return to_tuner(self.spec, self.data, **settings)


def run(
    sweep: str | Path | SweepSpec = "gru-bohb", *, runs: str | Path = "runs", **changes: Any
) -> Result:
    """Run a sweep and return what came out; see :class:`Sweep`."""
    return Sweep(sweep, **changes).run(runs)


def resume(
    run: str | RunFolder = "",
    *,
    runs: str | Path = "runs",
    watch: Watch | None = None,
    inbox: Inbox | None = None,
    tracking: Mapping[str, Any] | None = None,
    cluster: str | Joined = "",
    dataset: str = "",
    **rules: Any,
) -> Result:
    """Go on with a run that was interrupted in any way; a finished one stays as it is.

    Args:
        run: its folder, or a part of its id; empty for the latest.
        runs: where run folders lie.
        watch: makes an observer of the run.
        inbox: commands from within the process.
        tracking: what changes in where it is told about, such as ``{"wandb": "offline"}``.
        cluster: as of :meth:`Sweep.run`, whatever the run began on.
        dataset: what the run's data set is called on this machine, if not as in its spec.
        rules: ``max_time``, ``max_epochs_total``, ``target`` or ``plateau`` in place of the
            run's own, from here on; ``none`` is without, None leaves it as it is. Seconds
            count from now, as those of the run's own limit do, epochs from its beginning.

    Raises:
        RunNotFoundError: no such run.
        RunBusyError: it is running.
        JournalError: its journal is damaged.
        LimitReachedError: it has come to one of its limits; give another.
        UsageError: it is a study's.
    """
    folder = run if isinstance(run, RunFolder) else find_run(Path(runs), run)
    spec = folder.spec()
    if spec.program.form is Form.ASK or is_study(folder):
        raise UsageError(
            f"run {folder.id} is asked for its trials. Go on with it from Python: "
            f"Study.resume({folder.known_as!r})."
        )
    asked = changes(spec, rules)
    if dataset:
        spec = spec.model_copy(update={"dataset": dataset})
    if tracking:
        spec = spec.model_copy(update={"tracking": changed(spec.tracking, tracking)})
    ready(spec.tracking)
    return _go(folder, spec, load_data(spec), watch, inbox, cluster, asked)


def is_file(sweep: str | Path) -> bool:
    """Whether a sweep is meant to be read from a file."""
    return isinstance(sweep, Path) or sweep.endswith((".yaml", ".yml")) or Path(sweep).is_file()


def new_run(spec: SweepSpec, runs: Path, data: AnyData | None) -> RunFolder:
    """The folder of a new run, with the results of the earlier runs that it begins with.

    Args:
        spec: of the run.
        runs: where run folders lie, those of the earlier runs too.
        data: of the run.

    Raises:
        UsageError: an earlier run is not there or cannot be compared, or nothing can be written.
    """
    if not spec.warm_start:
        return RunFolder.create(runs, spec, provenance())
    spec = warm_start.named(spec, runs)
    table = warm_start.packed(warm_start.collected(spec, runs, data))
    return RunFolder.create(runs, spec, provenance(), {warm_start.TABLE: table})


def provenance() -> dict[str, Any]:
    """Who made a run: versions, git commit, command, time."""
    found: dict[str, Any] = {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "command": command_line([Path(sys.argv[0]).name, *sys.argv[1:]]),
    }
    commit = _git("rev-parse", "HEAD")
    if commit:
        found["git_commit"] = commit
        found["git_dirty"] = bool(_git("status", "--porcelain", "--untracked-files=no"))
    return found


def _go(
    folder: RunFolder,
    spec: SweepSpec,
    data: AnyData | None,
    watch: Watch | None,
    inbox: Inbox | None,
    cluster: str | Joined,
    changes: Mapping[str, Any] | None = None,
) -> Result:
    """The one path of new and resumed runs; the changes are of when it stops by itself."""
    quiet_ray()
    joined = Joined(cluster) if isinstance(cluster, str) and cluster else cluster or None
    knowledge, changes = warm_start.knowledge_of(folder, spec), changes or {}
    plan = replace(plan_of(spec, data, joined), knowledge=knowledge, changes=changes)
    with folder.owned(), opened(spec.storage, folder) as store, tracked(folder, spec):
        forget_stops(folder.inbox)
        tables = tables_of(folder, spec, split=plan.split, warning=plan.warning, facts=plan.facts)
        observers: list[Observer] = [tables]
        if watch is not None:
            observers.append(watch(folder, spec.model_copy(update=changes)))
        written = 0

        def flush(sequence: int) -> None:
            nonlocal written
            tables.write(folder.path, owned=True, sequence=sequence)
            written = sequence

        try:
            stopped = run_plan(
                plan,
                Place(folder.journal, store, folder.trial_id),
                inbox=inbox or Inbox(folder.inbox),
                observers=observers,
                flush=flush,
            )
        except BaseException:
            # What stopped it may have come between the journal and the tables.
            with suppress(OrchError):
                rebuild(folder)
            raise
        tables.write(folder.path, owned=False, sequence=written)
        trials, epochs = tables.frames(owned=False)
    return Result(folder, trials, epochs, stopped)


def _git(*arguments: str) -> str:
    """What git says about the present folder; empty where there is no git or no repository."""
    try:
        done = subprocess.run(  # noqa: S603  # fixed arguments
            ["git", *arguments],  # noqa: S607  # the user's own git
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
