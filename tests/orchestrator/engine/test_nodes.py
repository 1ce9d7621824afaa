"""A run on a cluster of several nodes that come and go: real raylets on one machine."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.engine.helm import LOOK_SECONDS
from orchestrator.engine.inbox import Inbox, StopRun
from orchestrator.engine.journal import read
from orchestrator.engine.machines import Joined, quiet_ray
from orchestrator.engine.objective import Objective
from orchestrator.engine.records import (
    EpochReported,
    Record,
    Scaled,
    TrialEnded,
    TrialResumed,
    TrialStarted,
)
from orchestrator.engine.session import Place, Plan, run
from orchestrator.engine.testing import CurveTrial, curve_space
from orchestrator.runs.checkpoints import FolderStore
from orchestrator.strategies import scheduler_from, searcher_from
from searchspaces import ConfigurationError, OrchError
from searchspaces.errors import UsageError
from tests import waiting
from trainables.outcomes import Outcome

TRIALS, EPOCHS = 90, 9


class Roaming(CurveTrial):
    """Notes which nodes it ran on, and after which epoch it went on there."""

    def prepare(self, *, marks: str = "", **settings: Any) -> None:
        super().prepare(**settings)
        import ray

        self._marks = Path(marks, ray.get_runtime_context().get_node_id())
        self._marks.mkdir(exist_ok=True)

    def thaw(self, state: bytes) -> int:
        epoch = super().thaw(state)
        (self._marks / f"from-{epoch}-{time.monotonic_ns()}").touch()
        return epoch


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head and one node, of 2 logical CPUs each."""
    quiet_ray()
    from ray.cluster_utils import Cluster

    soon = {  # Ray takes 15 s by default to believe that a node is dead
        "health_check_initial_delay_ms": 0,
        "health_check_period_ms": 300,
        "health_check_timeout_ms": 1000,
        "health_check_failure_threshold": 3,
    }
    head = {"num_cpus": 2, "_system_config": soon}
    made = Cluster(initialize_head=True, head_node_args=head)
    made.add_node(num_cpus=2)
    made.wait_for_nodes()
    yield made
    made.shutdown()


class Run:
    """One run on the cluster."""

    def __init__(self, folder: Path, address: str) -> None:
        self.folder = folder
        self.address = address
        self.marks = folder / "marks"
        self.marks.mkdir(parents=True)

    def go(self, seen: Callable[[Record], None] = lambda _: None, **changes: Any) -> StopRun | None:
        class Watch:
            def note(self, record: Record) -> None:
                seen(record)

            def tick(self) -> None: ...

        settings = {"seconds": 0.05, "marks": str(self.marks), **changes.pop("settings", {})}
        plan: dict[str, Any] = {
            "space": curve_space(),
            "searcher": searcher_from("random"),
            "scheduler": scheduler_from("fifo"),
            "objective": Objective("valid_loss", "min"),
            "trials": TRIALS,
            "max_epochs": EPOCHS,
            "seed": 0,
            "trainable": Roaming,
            "settings": settings,
            "data": None,
            "checkpoint_seconds": 0.0,
            "cluster": Joined(self.address),
            **changes,
        }
        return run(
            Plan(**plan),
            Place(
                self.folder / "journal",
                FolderStore(self.folder / "checkpoints"),
                lambda number: f"{number:04d}",
            ),
            inbox=Inbox(self.folder / "inbox"),
            observers=[Watch()],
            flush=lambda _: None,
        )

    @property
    def records(self) -> list[Record]:
        return [entry.record for entry in read(self.folder / "journal")]

    def of(self, kind: type[Any]) -> list[Any]:
        return [record for record in self.records if isinstance(record, kind)]


@pytest.fixture
def made(cluster: Any, tmp_path: Path) -> Run:
    return Run(tmp_path / "run", cluster.address)


def holding(cpus: float) -> Any:
    """Somebody else, who has so many CPUs of a node."""
    import ray

    made = ray.remote(num_cpus=cpus)(type("Holder", (), {"ping": lambda _: 1})).remote()
    assert ray.get(made.ping.remote()) == 1
    return made


def test_no_result_is_lost_while_nodes_come_and_go(cluster: Any, made: Run) -> None:
    joined: list[Any] = []
    since: list[int] = []
    told = 0

    def seen(record: Record) -> None:
        nonlocal told
        if not isinstance(record, EpochReported):
            return
        told += 1
        if told == 20:
            joined.append(cluster.add_node(num_cpus=2))
        if joined and told % 10 == 0 and len(list(made.marks.iterdir())) == 3:
            since.append(told)
        if joined and len(since) == 4:  # it has run trials for a while; they go with it
            cluster.remove_node(joined.pop(), allow_graceful=False)

    assert made.go(seen) is None
    scaled = [(record.workers, record.nodes) for record in made.of(Scaled)]
    assert scaled == [(4, 2), (6, 3), (4, 2)]
    epochs = Counter((record.number, record.epoch) for record in made.of(EpochReported))
    assert epochs == {
        (number, epoch): 1 for number in range(TRIALS) for epoch in range(1, EPOCHS + 1)
    }
    assert made.of(TrialEnded) == []
    # Three nodes ran trials; those of the one that went were taken up where they were.
    assert len(list(made.marks.iterdir())) == 3
    again = made.of(TrialResumed)
    assert 1 <= len(again) <= 2
    assert all(record.attempt == 2 and not record.afresh for record in again)
    taken_up = sorted(int(path.name.split("-")[1]) for path in made.marks.glob("*/from-*"))
    first = [record for record in made.of(EpochReported) if record.attempt == 1]
    before = Counter(record.number for record in first)
    assert taken_up == sorted(
        before[one.number] for one in again if before[one.number]
    )  # nothing was trained a second time, nothing began anew
    # Checkpoints of trials on every node have come to the one folder.
    kept = list((made.folder / "checkpoints").glob("*/*.safetensors"))
    assert sorted(path.parent.name for path in kept) == [
        f"{number:04d}" for number in range(TRIALS)
    ]


class Held(Roaming):
    """Waits in its fourth epoch until there is a file."""

    def prepare(self, *, gate: str = "", **settings: Any) -> None:
        super().prepare(**settings)
        self._gate = Path(gate)

    def run_epoch(self) -> Outcome:
        if self._epoch == 3:
            waiting.until(self._gate.exists, 120)
        return super().run_epoch()


def test_a_node_that_goes_takes_no_trial_with_it_that_runs_elsewhere(
    cluster: Any, made: Run
) -> None:
    """Fewer workers fit, and those that are lost anyway are the ones that go."""
    import ray

    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    try:
        elsewhere = [holding(2) for _ in range(2)]
        node = cluster.add_node(num_cpus=2)
        cluster.wait_for_nodes()
        gate = made.folder / "gate"
        begun: set[int] = set()
        reported: set[int] = set()

        def alive() -> bool:
            return any(one["Alive"] and one["NodeID"] == node.node_id for one in ray.nodes())

        def seen(record: Record) -> None:
            if isinstance(record, TrialStarted):
                begun.add(record.number)
            elif isinstance(record, EpochReported):
                reported.add(record.number)
            if len(begun) == 2 and elsewhere:  # what runs longest is on the node that will go
                for _ in range(2):
                    ray.kill(elsewhere.pop())
            if len(reported) == 6 and not gate.exists():
                cluster.remove_node(node, allow_graceful=False)
                waiting.until(lambda: not alive(), 60)
                time.sleep(LOOK_SECONDS)  # the run looks at the cluster before it hears of them
                gate.touch()

        assert made.go(seen, trials=6, trainable=Held, settings={"gate": str(gate)}) is None
    finally:
        ray.shutdown()
    assert [(one.workers, one.nodes) for one in made.of(Scaled)] == [(6, 3), (4, 2)]
    again = [(one.number, one.reason) for one in made.of(TrialResumed)]
    assert sorted(again) == [(0, "its node is gone"), (1, "its node is gone")]


def test_a_run_goes_on_on_another_size_of_cluster(cluster: Any, made: Run) -> None:
    assert made.go(max_seconds=0.5, trials=12) == StopRun("time is up")
    assert made.go(trials=12, cpus=2.0) is None
    scaled = [(record.workers, record.nodes) for record in made.of(Scaled)]
    assert scaled == [(4, 2), (2, 2)]
    epochs = Counter((record.number, record.epoch) for record in made.of(EpochReported))
    assert epochs == {(number, epoch): 1 for number in range(12) for epoch in range(1, EPOCHS + 1)}


def test_trials_run_where_there_is_room_and_do_not_wait_for_the_rest(
    cluster: Any, made: Run
) -> None:
    """Somebody else has the cores of a node: workers for them never stand."""
    import ray

    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    try:
        taken = holding(2)
        assert made.go(trials=8) is None
        assert [(record.workers, record.nodes) for record in made.of(Scaled)] == [(4, 2)]
        assert len(made.of(EpochReported)) == 8 * EPOCHS
        assert len(list(made.marks.iterdir())) == 1
        del taken
    finally:
        ray.shutdown()


class Picky(Roaming):
    """Cannot be made on a second node, as where that lacks a module."""

    def prepare(self, *, first: str = "", **settings: Any) -> None:
        super().prepare(**settings)
        mine = self._marks.name
        try:
            with Path(first).open("x") as file:
                file.write(mine)
        except FileExistsError:
            time.sleep(0.2)
            if Path(first).read_text() != mine:
                raise ImportError("no module named 'special'") from None


def test_a_node_on_which_no_worker_starts_ends_no_sweep(
    cluster: Any, made: Run, tmp_path: Path
) -> None:
    settings = {"first": str(tmp_path / "first")}
    assert made.go(trials=12, trainable=Picky, settings=settings) is None
    assert len(made.of(EpochReported)) == 12 * EPOCHS
    assert made.of(TrialEnded) == []
    assert made.of(TrialResumed) == []


def test_where_no_worker_starts_the_reason_is_told(cluster: Any, made: Run) -> None:
    with pytest.raises(OrchError, match=r"^no worker could be started: .*no_such_setting"):
        made.go(trials=4, settings={"first": "", "marks": "/nowhere/no_such_setting"})


def test_what_can_never_be_placed_is_refused_at_the_start(cluster: Any, made: Run) -> None:
    with pytest.raises(ConfigurationError) as caught:
        made.go(cpus=4.0)
    assert str(caught.value) == (
        "cpus: a trial takes 4 CPUs, and the largest of 2 nodes has 2: it could never be placed. "
        "Give cpus of 2 or less."
    )


def test_a_cluster_that_is_not_there_is_told_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(OrchError) as caught:
        Run(tmp_path / "run", "127.0.0.1:9").go()
    assert str(caught.value) == (
        "no Ray cluster can be joined at 127.0.0.1:9: Connection refused. See there: ray status"
    )


@pytest.mark.parametrize("address", ["head", "ray://head:10001", "head:x", ":1"])
def test_what_is_no_address_is_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(UsageError, match=r"^--cluster: .* is no address\. Give host:port of "):
        Run(tmp_path / "run", address).go()


@pytest.mark.extended
def test_a_sweep_from_the_command_line_survives_a_node_in_clean_words(
    cluster: Any, tmp_path: Path
) -> None:
    """The same sweep as on a laptop; pages of Ray's do not come between its lines."""
    code = tmp_path / "slow.py"
    code.write_text(
        "import time\n"
        "def train(config, state):\n"
        "    for epoch in range(state.epoch, 6):\n"
        "        time.sleep(0.2)\n"
        "        yield {'valid_loss': config['x'] + 1 / (epoch + 1)}\n"
    )
    node = cluster.add_node(num_cpus=2)
    cluster.wait_for_nodes()
    words = [
        "sweep",
        "slow:train-random",
        "--set",
        "space.x={low: 0.0, high: 1.0}",
        "--trials",
        "24",
    ]
    words += ["--epochs", "6", "--no-check", "--cluster", cluster.address]
    running = subprocess.Popen(
        [sys.executable, "-m", "orchestrator", *words],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    [journal] = waiting.until(lambda: list(tmp_path.glob("runs/*/journal")), 60)
    waiting.until(
        lambda: any(isinstance(entry.record, EpochReported) for entry in read(journal)), 60
    )
    time.sleep(2)
    cluster.remove_node(node, allow_graceful=False)
    said, errors = running.communicate(timeout=300)
    print(said)
    assert (running.returncode, errors) == (0, "")
    assert "6 trials at a time on 3 nodes" in said
    assert "a node has gone: 4 trials at a time on 2 nodes" in said
    assert "starts over: its node is gone" in said  # it had written no checkpoint yet
    assert "raylet" not in said.lower()
    assert "24 trials in" in said
