"""Real runs of the engine, on one Ray: every decision in the journal is the published one's."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.engine.inbox import Inbox
from orchestrator.engine.journal import read
from orchestrator.engine.objective import Objective
from orchestrator.engine.records import (
    EpochReported,
    Record,
    TrialCloned,
    TrialEnded,
    TrialPruned,
    TrialResumed,
    TrialStarted,
)
from orchestrator.engine.session import Place, Plan, run
from orchestrator.engine.testing import CurveTrial, curve_space
from orchestrator.runs.checkpoints import FolderStore
from orchestrator.strategies import scheduler_from, searcher_from
from tests.orchestrator.schedulers.published import Algorithm, Asha, Brackets, MedianRule, resources
from tests.orchestrator.schedulers.published_rounds import HyperBand, Population

TRIALS, EPOCHS = 40, 9
PROMOTION = {"form": "promotion"}
CASES: dict[str, tuple[dict[str, Any], Algorithm]] = {
    "stopping": ({"kind": "asha"}, Asha(resources(EPOCHS, 3), TRIALS, 3, False, False)),
    "promotion": (
        {"kind": "asha", **PROMOTION},
        Asha(resources(EPOCHS, 3), TRIALS, 3, promotes=True, cap=False),
    ),
    "capped": (
        {"kind": "asha", **PROMOTION, "cap": True, "eta": 2},
        Asha(resources(EPOCHS, 2), TRIALS, 2, promotes=True, cap=True),
    ),
    "brackets": (
        {"kind": "async-hyperband", **PROMOTION, "cap": True},
        Brackets.of(TRIALS, EPOCHS, 3, promotes=True, cap=True),
    ),
    "hyperband": ({"kind": "hyperband"}, HyperBand(TRIALS, EPOCHS, 3)),
    "median": (
        {"kind": "median", "min_epochs": 2, "every": 3, "min_trials": 4},
        MedianRule(TRIALS, EPOCHS, 2, 4, 3),
    ),
    "population": ({"kind": "pbt", "every": 3}, Population(TRIALS, EPOCHS, 3, 20)),
}


@pytest.fixture(scope="module", autouse=True)
def _ray() -> Iterator[None]:
    """One Ray for all: a session uses the one that is there."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
    import ray

    ray.init(
        "local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR"
    )
    yield
    ray.shutdown()


class Followed:
    """Asks an algorithm about everything that a journal tells."""

    def __init__(self, algorithm: Algorithm) -> None:
        self.algorithm = algorithm
        self.losses: dict[int, list[float]] = {}
        self.objective = Objective("valid_loss", "min")
        self.asked = 0

    def note(self, record: Record) -> None:
        match record:
            case TrialStarted(number=number):
                self.job("start", number, record.bracket, record.until)
                self.losses[number] = []
            case TrialResumed(number=number, promoted=True):
                self.job("resume", number, number, record.until)
            case TrialPruned(number=number):
                self.job("prune", number, number)
            case TrialCloned(number=number):
                job = self.algorithm.job()
                assert job is not None
                assert job[:2] == ("clone", number)
                assert record.source in job[2]
                self.algorithm.follow(job, number)
            case EpochReported(number=number):
                self.losses[number].append(self.objective.loss(record.metrics))
                if record.finished:
                    self.algorithm.gone(number, done=True)
                elif record.verdict is not None:
                    said = self.algorithm.result(number, record.epoch, self.losses[number])
                    until = (record.verdict.until,) if record.verdict.until else ()
                    assert (record.verdict.kind, *until) == said
                    self.asked += 1
            case TrialEnded(number=number):
                self.algorithm.gone(number, done=record.state == "completed")

    def job(self, kind: str, number: int, *rest: int) -> None:
        job = self.algorithm.job()
        assert job == (kind, *rest)
        assert job is not None
        self.algorithm.follow(job, number)


OFTEN = {"capped"}
"""Run each time; all of them before a release."""


@pytest.mark.parametrize(
    "name",
    [name if name in OFTEN else pytest.param(name, marks=pytest.mark.extended) for name in CASES],
)
def test_a_real_sweep_decides_as_published(tmp_path: Path, name: str) -> None:
    scheduler, algorithm = CASES[name]
    plan = Plan(
        space=curve_space(),
        searcher=searcher_from("random"),
        scheduler=scheduler_from(scheduler),
        objective=Objective("valid_loss", "min"),
        trials=TRIALS,
        max_epochs=EPOCHS,
        seed=3,
        trainable=CurveTrial,
        settings={"diverge_below": 0.1, "early_below": 0.3, "done_at": 4},
        data=None,
        workers=3,
        checkpoint_seconds=100.0,
    )
    place = Place(tmp_path / "journal", FolderStore(tmp_path / "checkpoints"), str)
    stop = run(plan, place, inbox=Inbox(tmp_path / "inbox"), observers=[], flush=lambda _: None)
    assert stop is None
    followed = Followed(algorithm)
    records: Iterable[Record] = (entry.record for entry in read(tmp_path / "journal"))
    for record in records:
        followed.note(record)
    assert followed.algorithm.job() is None
    assert len(followed.losses) == TRIALS
    assert followed.asked >= TRIALS - 8
    assert any(len(losses) == EPOCHS for losses in followed.losses.values())
