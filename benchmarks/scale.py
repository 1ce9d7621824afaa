"""How far one sweep scales: simulated nodes of 2 logical CPUs, and trials that sleep.

    python benchmarks/scale.py                     # 1, 2 and 4 nodes
    python benchmarks/scale.py --nodes 1 2 4 8 16  # and more, as long as the machine lasts

Each row is a Ray cluster of so many raylets on this machine and a run of as many trials a
worker. Trials sleep, so that the machine's own cores do not decide; an epoch takes 50 ms, which
is short for training and hard on the driver. Counted is the time in which all workers have work:
how long they take to start, one after the other on few cores, says nothing about a cluster.
Efficiency is trials a second and node, against one node. What the driver computes for a result,
in the process that runs the sweep, tells how many results a second it can take.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SECONDS, EPOCHS, TRIALS = 0.05, 9, 20


def measure(nodes: int, seconds: float) -> dict[str, float]:
    """One run on so many nodes."""
    from orchestrator.engine.machines import Joined, quiet_ray

    quiet_ray()
    from ray.cluster_utils import Cluster

    from orchestrator.engine.inbox import Inbox
    from orchestrator.engine.objective import Objective
    from orchestrator.engine.records import EpochReported, Record, TrialStarted
    from orchestrator.engine.session import Place, Plan, run
    from orchestrator.engine.testing import Curve, curve_space
    from orchestrator.runs.checkpoints import FolderStore
    from orchestrator.schedulers.fifo import Fifo
    from orchestrator.searchers.random_ import RandomSearch

    workers = 2 * nodes

    class Watch:
        """When so many trials were running, and what that cost this process."""

        def __init__(self) -> None:
            self.running = 0
            self.full: list[tuple[float, float]] = []

        def note(self, record: Record) -> None:
            if isinstance(record, TrialStarted):
                self.running += 1
            if not isinstance(record, EpochReported):
                return
            if self.running == workers:
                self.full.append((time.perf_counter(), time.process_time()))
            if record.epoch == EPOCHS:
                self.running -= 1

        def tick(self) -> None: ...

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2})
    for _ in range(nodes - 1):
        cluster.add_node(num_cpus=2)
    cluster.wait_for_nodes()
    watch = Watch()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run(
            Plan(
                space=curve_space(),
                searcher=RandomSearch(),
                scheduler=Fifo(),
                objective=Objective("valid_loss", "min"),
                trials=TRIALS * workers,
                max_epochs=EPOCHS,
                seed=0,
                trainable=Curve,
                settings={"seconds": seconds},
                data=None,
                cluster=Joined(cluster.address),
            ),
            Place(folder / "journal", FolderStore(folder / "checkpoints"), str),
            inbox=Inbox(folder / "inbox"),
            observers=[watch],
            flush=lambda _: None,
        )
    cluster.shutdown()
    (begun, spent), (ended, spent_then) = watch.full[0], watch.full[-1]
    results = len(watch.full) - 1
    return {
        "results": results / (ended - begun),
        "driver": (spent_then - spent) / results,
        "share": (spent_then - spent) / (ended - begun),
        "ideal": workers / seconds,
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nodes", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--seconds", type=float, default=SECONDS, help="an epoch sleeps")
    parser.add_argument("--only", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only:
        print(json.dumps(measure(given.only, given.seconds)))
        return
    print(f"epochs of {1000 * given.seconds:g} ms, {EPOCHS} a trial")
    print(f"{'nodes':>5}{'workers':>9}{'trials/s':>10}{'efficiency':>12}{'of ideal':>10}"
          f"{'driver a result':>17}{'driver busy':>13}")  # fmt: skip
    first = 0.0
    for nodes in given.nodes:
        command = [sys.executable, str(Path(__file__).resolve()), "--only", str(nodes)]
        command += ["--seconds", str(given.seconds)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr[-2000:])
        found = json.loads(done.stdout.splitlines()[-1])
        each = found["results"] / nodes
        first = first or each
        print(
            f"{nodes:5}{2 * nodes:9}{found['results'] / EPOCHS:10.1f}{each / first:12.3f}"
            f"{found['results'] / found['ideal']:10.3f}{1e3 * found['driver']:14.2f} ms"
            f"{found['share']:13.1%}",
            flush=True,
        )


if __name__ == "__main__":
    main()
