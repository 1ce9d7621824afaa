"""Weights & Biases: a W&B run a trial, all of them in a group, and one more for the sweep."""

from __future__ import annotations

import logging
import os
from typing import Any

from orchestrator.engine.records import EpochReported
from orchestrator.engine.trial import FAILED, State
from orchestrator.runs.folder import SPEC
from orchestrator.tracking import wandb_layout as layout
from orchestrator.tracking.feed import SinkGone
from orchestrator.tracking.settings import PROJECT
from orchestrator.tracking.sink import Ending, TrackedRun, TrackedTrial
from orchestrator.tracking.wandb_files import Files, read_fragment
from orchestrator.tracking.wandb_runs import Held, Runs, gone_with_its_service
from orchestrator.tracking.wandb_sdk import Outage, Sdk

_log = logging.getLogger(__name__)


class WandbSink:
    """Tells W&B of a run: its server, or files for ``wandb sync``.

    What the files of an earlier process hold, or what the server says it has, is not told
    again. A server that is away costs a few seconds; what follows goes to files.

    Args:
        run: the run that is told about.
        sdk: of W&B.
        outage: what is known of the server; None to tell it nothing.
        files_first: what files can hold goes there, to be uploaded at once.
    """

    def __init__(
        self, run: TrackedRun, sdk: Sdk, outage: Outage | None, *, files_first: bool = False
    ) -> None:
        sdk.restart()
        sdk.settle()
        self._run = run
        self._sdk = sdk
        self._outage = outage
        self._trials: dict[str, tuple[TrackedTrial, Held]] = {}
        self._begun: set[str] = set()
        common = {"group": run.folder.id, **_place(run, Files(sdk.folder))}
        self._runs = Runs(sdk, outage, common, self._sum_up, files_first=files_first)

    @property
    def standing(self) -> dict[str, str]:
        """For people: whether it is online, why not, and where it is to be seen."""
        if self._outage is None:
            return {"mode": "offline"}
        if self._outage.why:
            return {"mode": "offline", "why": self._outage.why}
        return {"mode": "online", **({"url": self._runs.url} if self._runs.url else {})}

    def begin(self, trial: TrackedTrial) -> None:
        """Look up what W&B has of the trial."""
        run_id = self._id(trial)
        if run_id not in self._trials:
            self._trials[run_id] = (trial, self._runs.look_up(run_id))
        self._begun.add(run_id)

    def epoch(self, trial: TrackedTrial, record: EpochReported) -> None:
        """Log the epoch, unless W&B has it."""
        _, held = self._trials[self._id(trial)]
        if record.epoch not in held.steps:
            with gone_with_its_service(self._sdk):
                run = self._opened(trial, held)
                if record.epoch not in held.steps:  # so the server says that it has it not
                    run.log(layout.row_of(record), step=record.epoch, commit=True)
                    held.steps.add(record.epoch)
        held.idle = trial.state is State.PAUSED

    def end(self, trial: TrackedTrial) -> None:
        """Say how it ended, and close its W&B run."""
        _, held = self._trials[self._id(trial)]
        if not self._runs.over(held):
            failed = trial.state in FAILED
            with gone_with_its_service(self._sdk):
                run = self._opened(trial, held)
                run.tags = (*(run.tags or ()), trial.state.value)
                self._sum_up(held)
                self._runs.finish(held, exit_code=int(failed))
        del self._trials[held.id]
        self._begun.discard(held.id)

    def tick(self) -> None:
        """Open the runs of trials that have begun, so that they are seen before they report."""
        begun, self._begun = self._begun, set()
        for run_id in begun:
            trial, held = self._trials[run_id]
            if trial.state is State.RUNNING:
                held.idle = False
                try:
                    with gone_with_its_service(self._sdk):
                        self._opened(trial, held)
                except SinkGone:
                    raise
                except Exception as error:  # noqa: BLE001  # its first epoch will meet it again
                    _log.info("W&B: %s is not open yet: %s", held.id, error)

    def close(self, ending: Ending) -> None:
        """Close what is open, and tell of the sweep if it is finished."""
        with gone_with_its_service(self._sdk):
            for held in self._runs.open:
                held.run.mark_preempting()  # W&B's word for what will go on
                self._sum_up(held)
                self._runs.finish(held, exit_code=1)
            if ending.finished:
                self._sweep(ending)

    def _id(self, trial: TrackedTrial) -> str:
        """W&B's id of the trial's run, which no other sweep in the project has."""
        return f"{self._run.folder.id}-{trial.number:04d}"

    def _opened(self, trial: TrackedTrial, held: Held) -> Any:
        fresh = held.run is None
        run = self._runs.opened(held, lambda: layout.trial_about(self._run, trial))
        if fresh:
            objective = self._run.spec.objective
            key = layout.key_of(objective.metric)
            run.define_metric("epoch")
            run.define_metric(key, step_metric="epoch", summary=objective.mode)
            run.define_metric("*", step_metric="epoch")
        return run

    def _sum_up(self, held: Held) -> None:
        trial, _ = self._trials[held.id]
        held.run.summary.update(layout.summary_of(trial, self._run.spec.objective))

    def _sweep(self, ending: Ending) -> None:
        """Tell of the sweep as a whole, with its spec and its figures, unless W&B has it."""
        held = self._runs.look_up(self._run.folder.id)
        summary = layout.sweep_summary(ending)
        if not held.known.unsure and held.known.summary.get("trials") == summary["trials"]:
            return
        import wandb

        run = self._runs.opened(held, lambda: layout.sweep_about(self._run))
        run.summary.update(summary)
        folder = self._run.folder
        artifact = wandb.Artifact(f"sweep-{folder.id}", type="sweep")
        artifact.add_file(str(folder.path / SPEC))
        if folder.figures.is_dir():
            artifact.add_dir(str(folder.figures), name="figures")
        run.log_artifact(artifact)
        self._runs.finish(held, exit_code=0)


def _place(run: TrackedRun, files: Files) -> dict[str, str | None]:
    """W&B's project and entity: as the spec says, as the run's files have it, or as W&B would."""
    said = run.spec.tracking.wandb
    first = next((read_fragment(files.paths(run_id)[0]) for run_id in files), None)
    has = {"project": first.project, "entity": first.entity} if first else {}
    environ = os.environ.get
    project = said.project or has.get("project") or environ("WANDB_PROJECT") or PROJECT
    entity = said.entity or has.get("entity") or environ("WANDB_ENTITY") or None
    return {"project": project, "entity": entity}
