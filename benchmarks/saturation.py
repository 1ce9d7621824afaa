"""How many results a second the process that runs a sweep takes in, with many trials at a time.

    python benchmarks/saturation.py                          # 8 to 2,000 trials at a time
    python benchmarks/saturation.py --at-a-time 1000 --rates 50 100 200 400 800
    python benchmarks/saturation.py --profile 1000           # where its time goes

What runs the sweep is the real thing: Ray's streams of results, pool, controller, ledger, journal
on disk. The workers are real too, but some hundred of them share a process, as threads: a process
each would not fit on one machine. Trials sleep for as long as gives the rate that is asked for.

Taken is results a second against that rate. CPU time for a result, of the whole process and of
its one Python thread, hardly depends on what else the machine does; rates and delays do, as the
workers' processes compute on the same cores. The thread can be busy for no more than a second
each second: that is the limit. The delay is from a worker's yield to the line in the journal.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles
from typing import Any

EPOCHS, SECONDS, TOGETHER = 9, 8.0, 250


def measure(workers: int, rate: float, seconds: float, profile: bool) -> dict[str, float]:
    """One run with so many trials at a time, which report so many epochs a second in all."""
    from orchestrator.engine.machines import cores, quiet_ray

    quiet_ray()
    import ray

    from orchestrator.engine import pool as pools
    from orchestrator.engine.actors import Started
    from orchestrator.engine.inbox import Inbox, StopRun
    from orchestrator.engine.objective import Objective
    from orchestrator.engine.records import EpochReported, Record
    from orchestrator.engine.session import Place, Plan, run
    from orchestrator.engine.testing import Curve, curve_space
    from orchestrator.engine.worker import Blueprint, Lease, Worker
    from orchestrator.runs.checkpoints import FolderStore
    from orchestrator.schedulers.fifo import Fifo
    from orchestrator.searchers.random_ import RandomSearch
    from trainables.outcomes import EpochDone, Outcome

    class Timed(Curve):
        """Says when it reported."""

        def run_epoch(self) -> Outcome:
            done = super().run_epoch()
            if isinstance(done, EpochDone):
                return EpochDone({**done.metrics, "told_seconds": time.time()})
            return done

    class Bench:
        """A process with many workers."""

        def __init__(self, blueprint: Blueprint) -> None:
            self._blueprint = blueprint
            self._seats: dict[int, Worker] = {}

        def ready(self, seat: int) -> None:
            self._seats[seat] = Worker(self._blueprint, None)
            self._seats[seat].ready()

        def run(self, seat: int, lease: Lease) -> Iterator[Any]:
            yield from self._seats[seat].run(lease)

    class Seat:
        """One of them, for the pool."""

        def __init__(self, bench: Any, number: int) -> None:
            self.bench, self.number = bench, number

        @property
        def run(self) -> Any:
            return self

        def options(self, **options: Any) -> Any:
            self.method = self.bench.run.options(**options)
            return self

        def remote(self, lease: Lease) -> Any:
            return self.method.remote(self.number, lease)

    class Benches:
        """In place of one process per worker."""

        def __init__(self, blueprint: Blueprint, data: Any) -> None:
            del data
            self._blueprint, self._count = blueprint, 0

        def start(self, share: Any) -> Started:
            del share
            if self._count % TOGETHER == 0:
                remote: Any = ray.remote(Bench).options(num_cpus=0, max_concurrency=TOGETHER + 1)
                self._bench = remote.remote(self._blueprint)
            self._count += 1
            ready = self._bench.ready.remote(self._count)
            return Started(Seat(self._bench, self._count), ready, lambda: None)

        def close(self) -> None: ...

    class Watch:
        """What came in while all trials had reported once, and what that cost."""

        def __init__(self) -> None:
            self.first: set[int] = set()
            self.begun: tuple[float, float, float] | None = None
            self.ended = self.begun
            self.delays: list[float] = []

        def note(self, record: Record) -> None:
            if not isinstance(record, EpochReported):
                return
            if self.begun is None:
                self.first.add(record.number)
                if len(self.first) >= workers:
                    self.settled = time.perf_counter() + 1.0
                    self.begun = (0.0, 0.0, 0.0)
                return
            now = time.perf_counter()
            if now < self.settled or self.ended is not None:
                return
            if not self.delays:
                self.begun = (now, time.process_time(), time.thread_time())
                if profile:
                    profiler.enable()
            self.delays.append(time.time() - (record.metrics["told_seconds"] or 0.0))
            if now - self.begun[0] >= seconds:
                profiler.disable()
                self.ended = (now, time.process_time(), time.thread_time())
                inbox.put(StopRun("enough"))

        def tick(self) -> None: ...

    import cProfile
    import pstats

    profiler = cProfile.Profile()
    pools.Actors = Benches  # type: ignore[misc,assignment]  # stands in for it
    watch = Watch()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        inbox = Inbox(folder / "inbox")
        run(
            Plan(
                space=curve_space(),
                searcher=RandomSearch(),
                scheduler=Fifo(),
                objective=Objective("valid_loss", "min"),
                trials=1_000_000,
                max_epochs=EPOCHS,
                seed=0,
                trainable=Timed,
                settings={"seconds": workers / rate},
                data=None,
                workers=workers,
                cpus=cores() / max(workers, cores()),
            ),
            Place(folder / "journal", FolderStore(folder / "checkpoints"), str),
            inbox=inbox,
            observers=[watch],
            flush=lambda _: None,
        )
    if profile:
        pstats.Stats(profiler, stream=sys.stderr).sort_stats("tottime").print_stats(25)
    if watch.begun is None or watch.ended is None:
        raise RuntimeError("the run ended before it was measured")
    wall, process, thread = (b - a for a, b in zip(watch.begun, watch.ended, strict=True))
    count = len(watch.delays)
    return {
        "taken": count / wall,
        "process": process / count,
        "thread": thread / count,
        "busy": thread / wall,
        "delay": median(watch.delays),
        "late": quantiles(watch.delays, n=20)[-1],
    }


def main() -> None:
    """Print the table, as the documentation has it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--at-a-time", type=int, nargs="+", default=[8, 64, 256, 1000, 2000])
    parser.add_argument("--rates", type=float, nargs="+", default=[100.0, 400.0, 1600.0])
    parser.add_argument("--seconds", type=float, default=SECONDS, help="measured of each run")
    parser.add_argument("--profile", type=int, metavar="N", help="of N trials at a time")
    parser.add_argument("--only", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only or given.profile:
        workers, rate = given.only or (given.profile, given.rates[0])
        found = measure(int(workers), float(rate), given.seconds, bool(given.profile))
        print(json.dumps(found))
        return
    print(
        "| trials at a time | an epoch takes | results/s, ideally | taken | CPU a result "
        "| of it Python | so at most | thread busy | delay, median | 95 % |"
    )
    print("| --- " * 10 + "|")
    for workers in given.at_a_time:
        for rate in given.rates:
            command = [sys.executable, str(Path(__file__).resolve())]
            command += ["--only", str(workers), str(rate), "--seconds", str(given.seconds)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise SystemExit(done.stderr[-2000:])
            found = json.loads(done.stdout.splitlines()[-1])
            print(
                f"| {workers:,} | {workers / rate:.3g} s | {rate:,.0f} "
                f"| {found['taken'] / rate:.2f} | {1e3 * found['process']:.2f} ms "
                f"| {1e3 * found['thread']:.2f} ms | {1 / found['thread']:,.0f}/s "
                f"| {found['busy']:.0%} | {1e3 * found['delay']:.0f} ms "
                f"| {1e3 * found['late']:.0f} ms |",
                flush=True,
            )


if __name__ == "__main__":
    main()
