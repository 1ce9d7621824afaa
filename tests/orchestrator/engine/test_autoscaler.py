"""A run on a cluster that grows and shrinks: Ray's own autoscalers, both versions."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from orchestrator.engine import session
from orchestrator.engine.inbox import GoOn, Inbox, Pause, send
from orchestrator.engine.journal import read
from orchestrator.engine.machines import Joined
from orchestrator.engine.objective import Objective
from orchestrator.engine.records import EpochReported, Record, Scaled, TrialEnded
from orchestrator.engine.testing import CurveTrial, curve_space
from orchestrator.runs.checkpoints import FolderStore
from orchestrator.strategies import scheduler_from, searcher_from
from tests import waiting
from tests.orchestrator.engine.autoscaling import AutoscaledCluster, without_token

EPOCHS = 9
SECONDS = 120
"""For nodes to come or go."""
ALL = 3
"""Nodes there can be, the head among them."""


class Placed(CurveTrial):
    """Notes on which node a trial began; the first of all waits until it is let go."""

    def prepare(self, *, marks: str = "", waits: bool = False, **settings: Any) -> None:
        super().prepare(**settings)
        import ray

        self._folder, self._waits = Path(marks), waits
        self._id = ray.get_runtime_context().get_node_id()

    def start(self, config: Mapping[str, Any], *, seed: int) -> None:
        super().start(config, seed=seed)
        (self._folder / self._id).touch()
        with suppress(FileExistsError):
            (self._folder.parent / "first").touch(exist_ok=not self._waits)
            while self._waits and not (self._folder.parent / "go").exists():
                time.sleep(0.05)


def drive(folder: Path, address: str, trials: int, settings: dict[str, Any]) -> None:
    """One run, in a process that a test may kill."""
    session.run(
        session.Plan(
            space=curve_space(),
            searcher=searcher_from("random"),
            scheduler=scheduler_from("fifo"),
            objective=Objective("valid_loss", "min"),
            trials=trials,
            max_epochs=EPOCHS,
            seed=0,
            trainable=Placed,
            settings={"marks": str(folder / "marks"), **settings},
            data=None,
            cluster=Joined(address),
        ),
        session.Place(folder / "journal", FolderStore(folder / "checkpoints"), str),
        inbox=Inbox(folder / "inbox"),
        observers=[],
        flush=lambda _: None,
    )


class Driver:
    """A run in a process of its own.

    Attributes:
        process: its.
        folder: of the run.
    """

    def __init__(self, folder: Path, address: str, trials: int, **settings: Any) -> None:
        self.folder = folder
        (folder / "marks").mkdir(parents=True)
        words = [str(folder), address, str(trials), json.dumps(settings)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", __name__, *words], env={**os.environ, **without_token()}
        )

    @property
    def records(self) -> list[Record]:
        return [entry.record for entry in read(self.folder / "journal")]

    def of(self, kind: type[Any]) -> list[Any]:
        return [record for record in self.records if isinstance(record, kind)]

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


@contextmanager
def started(version: int) -> Iterator[AutoscaledCluster]:
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        cluster = AutoscaledCluster(Path(folder), version=version)
        try:
            yield cluster
        finally:
            cluster.shutdown()


@pytest.fixture(scope="module")
def newer() -> Iterator[AutoscaledCluster]:
    with started(2) as cluster:
        yield cluster


Drive = Callable[..., Driver]


@pytest.fixture
def drives(tmp_path: Path) -> Iterator[Drive]:
    made: list[Driver] = []

    def make(cluster: AutoscaledCluster, trials: int, **settings: Any) -> Driver:
        waiting.until(lambda: cluster.nodes == 1, SECONDS)
        made.append(Driver(tmp_path / str(len(made)), cluster.address, trials, **settings))
        return made[-1]

    yield make
    for driver in made:
        driver.close()


def grow_and_shrink(cluster: AutoscaledCluster, drives: Drive) -> None:
    """A sweep whose first trial runs on, on the head, when all others are done."""
    driver = drives(cluster, 60, seconds=0.1, waits=True)
    waiting.until(lambda: cluster.nodes == ALL, SECONDS)
    waiting.until(lambda: cluster.nodes == 1, SECONDS)
    # One trial is left: what it does not need has ended before the sweep has.
    assert driver.process.poll() is None
    (driver.folder / "go").touch()
    assert driver.process.wait(SECONDS) == 0
    epochs = Counter((record.number, record.epoch) for record in driver.of(EpochReported))
    assert epochs == {(number, epoch): 1 for number in range(60) for epoch in range(1, EPOCHS + 1)}
    assert driver.of(TrialEnded) == []
    scaled = driver.of(Scaled)
    assert (scaled[0].workers, scaled[0].nodes) == (1, 1)
    assert max((record.workers, record.nodes) for record in scaled) == (5, 3)
    # Trials ran on every node that joined.
    assert len(list((driver.folder / "marks").iterdir())) == ALL
    waiting.until(lambda: cluster.nodes == 1, SECONDS)


def test_a_cluster_grows_for_a_sweep_and_shrinks_as_trials_are_done(
    newer: AutoscaledCluster, drives: Drive
) -> None:
    grow_and_shrink(newer, drives)


@pytest.mark.extended
def test_the_older_autoscaler_does_so_too(drives: Drive) -> None:
    with started(1) as cluster:
        grow_and_shrink(cluster, drives)


@pytest.mark.extended
def test_a_driver_that_is_killed_leaves_no_demand(newer: AutoscaledCluster, drives: Drive) -> None:
    driver = drives(newer, 1000, seconds=0.5)
    waiting.until(lambda: newer.nodes == ALL, SECONDS)
    os.kill(driver.process.pid, signal.SIGKILL)
    waiting.until(lambda: newer.nodes == 1, SECONDS)


@pytest.mark.extended
def test_a_paused_sweep_asks_for_nothing(newer: AutoscaledCluster, drives: Drive) -> None:
    driver = drives(newer, 1000, seconds=0.5)
    waiting.until(lambda: newer.nodes == ALL, SECONDS)
    send(driver.folder / "inbox", Pause())
    waiting.until(lambda: newer.nodes == 1, SECONDS)
    send(driver.folder / "inbox", GoOn())
    waiting.until(lambda: newer.nodes == ALL, SECONDS)


if __name__ == "__main__":
    folder, address, trials, settings = sys.argv[1:]
    drive(Path(folder), address, int(trials), json.loads(settings))
