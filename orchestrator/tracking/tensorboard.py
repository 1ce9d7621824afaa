"""TensorBoard: a folder of event files a trial, with its config and its best as hparams."""

from __future__ import annotations

from pathlib import Path

from orchestrator.engine.records import EpochReported
from orchestrator.tracking.event_files import EventFile
from orchestrator.tracking.sink import Ending, TrackedRun, TrackedTrial

_PARTS = ("train", "valid", "val", "test")
"""Names of parts of the data that metrics begin with."""


class TensorBoardSink:
    """Writes ``<run>/tensorboard/<trial>/``: scalars at each epoch, hparams at the end.

    A trial that is over is noted as done once the disk has its events, and not looked at
    again; the files of any other are begun anew when the journal is told anew.

    Args:
        run: the run that is told about.
    """

    def __init__(self, run: TrackedRun) -> None:
        self._run = run
        self._folder = run.folder.path / "tensorboard"
        self._done = _Done(self._folder / "done.log")
        self._live: dict[int, tuple[TrackedTrial, EventFile]] = {}

    def begin(self, trial: TrackedTrial) -> None:
        """Start the trial's file anew, unless it is whole or this process did."""
        if trial.name in self._done or trial.number in self._live:
            return
        file = EventFile(self._folder / trial.name)
        file.begin(trial.started_at)
        self._live[trial.number] = (trial, file)

    def epoch(self, trial: TrackedTrial, record: EpochReported) -> None:
        """Write the epoch's metrics, and the best so far where it is the best."""
        if trial.number not in self._live:
            return
        rows = {tag_of(name): value for name, value in record.metrics.items()}
        if trial.best_epoch == record.epoch:
            objective = self._run.spec.metric
            rows[f"best/{objective}"] = trial.best.get(objective)
            rows["best/epoch"] = float(record.epoch)
        self._live[trial.number][1].scalars(rows, step=record.epoch, at=record.at)

    def end(self, trial: TrackedTrial) -> None:
        """Write the trial's hparams; its file is whole then."""
        if trial.number not in self._live:
            return
        _, file = self._live.pop(trial.number)
        file.hparams(trial)
        file.sync()
        self._done.add(trial.name)

    def tick(self) -> None:
        """Everything is in its file already."""

    def close(self, ending: Ending) -> None:
        """Write the hparams of trials that are not over; a resume begins their files anew."""
        del ending
        for trial, file in self._live.values():
            file.hparams(trial)
            file.sync()
        self._live.clear()


def tag_of(metric: str) -> str:
    """``loss/train`` of ``train_loss``, so that TensorBoard shows it beside ``loss/valid``."""
    part, _, rest = metric.partition("_")
    return f"{rest}/{part}" if rest and part in _PARTS else metric


class _Done:
    """Names of the trials whose files are whole, a line each; a torn line does not count.

    Args:
        path: of the file; need not exist.
    """

    _END = " done"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._names: set[str] = set()
        if path.is_file():
            lines = path.read_text(encoding="utf-8").splitlines()
            self._names = {
                line.removesuffix(self._END) for line in lines if line.endswith(self._END)
            }

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def add(self, name: str) -> None:
        self._names.add(name)
        with self._path.open("a", encoding="utf-8") as file:
            # The newline comes first: it ends a line that a killed process left torn.
            file.write(f"\n{name}{self._END}")
