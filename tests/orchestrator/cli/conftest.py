"""Runs told record by record: the real scheduler, made-up losses, a clock that stands."""

from __future__ import annotations

import os
import platform
import time
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest

from orchestrator.cli.view.outline import Outline, outline_of
from orchestrator.cli.view.progress import Progress
from orchestrator.engine.journal import Journal
from orchestrator.engine.records import (
    Closed,
    EpochReported,
    Opened,
    TrialEnded,
    TrialPruned,
    TrialResumed,
    TrialStarted,
    Verdict,
)
from orchestrator.names import compose
from orchestrator.runs.folder import RunFolder
from orchestrator.schedulers import Pause, Prune, Resume, Start
from orchestrator.spec import spec_from

BEGAN = 1_000_000.0


def loss_of(number: int, epoch: int) -> float:
    """Falls with the epochs, by trial in another order than the numbers; never equal."""
    return (1.0 + (number * 17 % 46) / 46) / (1 + epoch) ** 0.5


def config_of(number: int) -> dict[str, float]:
    """Every third trial has one layer, and so no dropout."""
    layers = 1 + number % 3
    config = {"num_layers": layers, "hidden_size": 16 + 5 * number}
    if layers > 1:
        config["dropout"] = 0.25
    return {**config, "learning_rate": 0.0001 * (number + 1), "batch_size": 64}


def told(spec, *, epochs=10**9, workers=2, failing=None):
    """The records of a sweep until so many epochs are reported, in the order of a journal.

    Args:
        spec: the sweep.
        epochs: after which the story stops.
        workers: trials at a time; they report in turn.
        failing: the epoch at which a trial fails, by number.
    """
    failing = failing or {}
    scheduler = spec.scheduler.model_copy()
    scheduler.begin(trials=spec.planned_trials, max_epochs=spec.epochs)
    records = []
    running: dict[int, list[int]] = {}
    place: dict[int, int] = {}
    count = started = 0

    def at() -> float:
        return BEGAN + len(records)

    while count < epochs and not scheduler.finished:
        while len(running) < workers:
            match scheduler.propose():
                case Prune(number):
                    records.append(TrialPruned(number, at()))
                    scheduler.pruned(number)
                case Resume(number, until):
                    records.append(TrialResumed(number, 1, until, promoted=True, at=at()))
                    scheduler.resumed(number)
                    running[number] = [place[number], until]
                case Start(bracket, until):
                    number, started = started, started + 1
                    records.append(TrialStarted(number, config_of(number), 7, bracket, until, at()))
                    scheduler.started(number)
                    running[number] = [0, until]
                case _:
                    break
        for number in list(running):
            if count == epochs:
                break
            epoch, until = running[number][0] + 1, running[number][1]
            if failing.get(number) == epoch:
                records.append(TrialEnded(number, "failed", "valid_loss is not finite", at()))
                scheduler.ended(number)
                del running[number]
                continue
            running[number][0] = place[number] = epoch
            loss = loss_of(number, epoch)
            verdict = None
            scheduler.measured(number, epoch, loss)
            if epoch == until:
                decision = scheduler.report(number, epoch, loss)
                match decision:
                    case Start():
                        raise AssertionError
                    case Pause():
                        verdict = Verdict("pause")
                    case _ if hasattr(decision, "until"):
                        verdict = Verdict("continue", decision.until)
                        running[number][1] = decision.until
                    case _:
                        verdict = Verdict("stop")
            metrics = {"train_loss": loss, "valid_loss": loss, "accuracy": 1 - loss / 2}
            records.append(
                EpochReported(number, 1, epoch, metrics, 0.5, "here", at(), verdict=verdict)
            )
            count += 1
            if verdict is not None and verdict.kind != "continue":
                del running[number]
    return records


def spec_of(name="gru-bohb", **changes):
    return spec_from(compose(name), changes)


def outline(spec, **changes) -> Outline:
    """The outline of a run that is called 7f3a, with two workers."""
    from dataclasses import replace

    run = f"1121-{spec.name}-7f3a"
    said = {"run": run, "short": "7f3a", "path": f"runs/{run}", "workers": 2, **changes}
    return replace(outline_of(spec), **said)


def followed(spec, records, *, live=True, began=0.0, **changes) -> Progress:
    """A progress that has been told these records."""
    progress = Progress(outline(spec, **changes), began=began)
    if live:
        progress.go_live(began)
    for record in records:
        progress.note(record)
    return progress


class Teller:
    """What tests need to tell a story; one object, since conftest cannot be imported."""

    told = staticmethod(told)
    spec = staticmethod(spec_of)
    outline = staticmethod(outline)
    followed = staticmethod(followed)
    loss_of = staticmethod(loss_of)
    config_of = staticmethod(config_of)
    began = BEGAN


@pytest.fixture
def teller():
    return Teller


@pytest.fixture
def make_run(tmp_path, monkeypatch):
    """Makes a run folder with a journal, as a sweep that has ended leaves it."""
    monkeypatch.chdir(tmp_path)

    def make(name="gru-bohb", *, reason="finished", epochs=10**9, failing=None, **changes):
        spec = spec_of(name, **changes)
        created = "2026-11-21T10:00:00+00:00"
        run = RunFolder.create(Path("runs"), spec, {"created": created})
        journal = Journal(run.journal, lambda record: None)
        journal.append(Opened(BEGAN, "here", 1, {}, "stratified: 360 of 1438 series held out"))
        for record in told(spec, epochs=epochs, failing=failing):
            journal.append(record)
        if reason:
            journal.append(Closed(BEGAN + 1000, reason, 97.0, 100.0))
        journal.close()
        return run

    return make


class Growing:
    """A run of this process whose journal grows as a test goes on, in real time.

    Attributes:
        run: its folder.
        journal: to append to.
        records: what is still to be told.
    """

    def __init__(self, run, records):
        self.run = run
        self.records = records
        self._owned = ExitStack()
        self._owned.enter_context(run.owned())
        self.journal = Journal(run.journal, lambda record: None)

    def open(self, at=None, **changes):
        """A process takes the run."""
        opened = Opened(
            time.time() if at is None else at, platform.node(), os.getpid(), {},
            "stratified: 360 of 1438 series held out",
        )  # fmt: skip
        self.note(msgspec.structs.replace(opened, **changes))

    def note(self, *records):
        for record in records:
            self.journal.append(record)

    def tell(self, count):
        """The next records of the story, at the present time."""
        told, self.records = self.records[:count], self.records[count:]
        self.note(*(msgspec.structs.replace(record, at=time.time()) for record in told))

    def close(self, reason="finished"):
        """The process lets the run go."""
        self.note(Closed(time.time(), reason, 97.0, 100.0))
        self.die()

    def die(self):
        """The process is killed."""
        self.journal.close()
        self._owned.close()


@pytest.fixture
def growing(tmp_path, monkeypatch):
    """Makes a run below the present folder that this process owns, with an empty journal."""
    monkeypatch.chdir(tmp_path)
    made = []

    def make(name="gru-bohb", *, failing=None, **changes):
        spec = spec_of(name, **changes)
        run = RunFolder.create(Path("runs"), spec, {})
        made.append(Growing(run, told(spec, failing=failing)))
        return made[-1]

    yield make
    for one in made:
        one.die()
