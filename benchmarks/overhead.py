"""What orchestration costs: trials that do nothing, under orch and under Ray Tune.

    python benchmarks/overhead.py                 # 1,000 trials beside Ray Tune
    python benchmarks/overhead.py --long 10000    # and whether the cost stays flat

Every trial is a class Trainable whose epoch takes microseconds, 9 epochs under ASHA
(eta 3, stopping form), two at a time. orch journals every result and writes its tables;
Tune runs with as little as its public settings allow: no checkpoints, no output. Each
system runs in a process and on a Ray of its own, with Ray up before the clock starts.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

EPOCHS = 9
WORKERS = 2


@contextmanager
def ray_up() -> Iterator[None]:
    """A Ray of its own, outside the clock."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"
    import ray

    ray.init(num_cpus=WORKERS, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield
    ray.shutdown()


def orch(trials: int) -> dict[str, object]:
    """Seconds of the whole, of each thousand trials and of the end; the driver's MiB."""
    import psutil

    from orchestrator.engine.inbox import Inbox
    from orchestrator.engine.objective import Objective
    from orchestrator.engine.records import Closed, TrialStarted
    from orchestrator.engine.session import Place, Plan, run
    from orchestrator.engine.testing import Curve, curve_space
    from orchestrator.runs.checkpoints import FolderStore
    from orchestrator.runs.describe import column_types
    from orchestrator.runs.tables import RunTables
    from orchestrator.schedulers.asha import Asha
    from orchestrator.searchers.random_ import RandomSearch

    process = psutil.Process()

    class Clock:
        """Marks every thousandth start and the last result."""

        def __init__(self) -> None:
            self.at: list[float] = []
            self.rss: list[float] = []
            self.latest = 0.0

        def note(self, record: object) -> None:
            if isinstance(record, TrialStarted) and record.number % 1000 == 0:
                self.mark()
            if isinstance(record, Closed):
                self.at.append(self.latest)
            self.latest = time.perf_counter()

        def mark(self) -> None:
            self.at.append(time.perf_counter())
            self.rss.append(process.memory_info().rss / 2**20)

        def tick(self) -> None: ...

    space = curve_space()
    clock = Clock()
    with tempfile.TemporaryDirectory() as name, ray_up():
        folder = Path(name)
        objective = Objective("valid_loss", "min")
        tables = RunTables(
            name=lambda number: f"b-{number:05d}",
            objective=objective,
            max_epochs=EPOCHS,
            parameters=column_types(space),
            meta={},
        )
        begun = time.perf_counter()
        run(
            Plan(
                space=space,
                searcher=RandomSearch(),
                scheduler=Asha(),
                objective=objective,
                trials=trials,
                max_epochs=EPOCHS,
                seed=0,
                trainable=Curve,
                settings={},
                data=None,
                workers=WORKERS,
            ),
            Place(folder / "journal", FolderStore(folder / "checkpoints"), str),
            inbox=Inbox(folder / "inbox"),
            observers=[tables, clock],
            flush=lambda sequence: tables.write(folder, owned=True, sequence=sequence),
        )
        clock.rss.append(process.memory_info().rss / 2**20)
        seconds = time.perf_counter() - begun
        ended, _ = tables.frames(owned=False)
    if len(ended) != trials or ended["objective"].null_count():
        raise SystemExit(f"{len(ended)} of {trials} trials ended")
    return {
        "seconds": seconds,
        "closing": begun + seconds - clock.at[-1],
        "thousands": [b - a for a, b in zip(clock.at, clock.at[1:], strict=False)],
        "rss": clock.rss,
    }


def tune(trials: int, *, reuse: bool) -> dict[str, object]:
    """Seconds of ``Tuner.fit``."""
    import warnings

    warnings.simplefilter("ignore")
    from ray import tune

    from orchestrator.engine.testing import Curve

    with tempfile.TemporaryDirectory() as folder, ray_up():
        tuner = tune.Tuner(
            Curve,
            param_space={"depth": tune.uniform(0.0, 1.0)},
            tune_config=tune.TuneConfig(
                metric="valid_loss",
                mode="min",
                num_samples=trials,
                max_concurrent_trials=WORKERS,
                reuse_actors=reuse,
                scheduler=tune.schedulers.ASHAScheduler(
                    max_t=EPOCHS, grace_period=1, reduction_factor=3
                ),
            ),
            run_config=tune.RunConfig(
                storage_path=folder,
                verbose=0,
                stop={"training_iteration": EPOCHS},
                checkpoint_config=tune.CheckpointConfig(checkpoint_frequency=0),
            ),
        )
        begun = time.perf_counter()
        results = tuner.fit()
        seconds = time.perf_counter() - begun
    if len(results) != trials or results.num_errors:
        raise SystemExit(f"Tune: {len(results)} of {trials}, {results.num_errors} errors")
    return {"seconds": seconds}


SYSTEMS = {
    "orch": orch,
    "tune": lambda trials: tune(trials, reuse=True),
    "tune-fresh": lambda trials: tune(trials, reuse=False),
}


def measure(system: str, trials: int) -> dict[str, object]:
    """Run a system in a process of its own."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).resolve()), "--only", system, "--trials", str(trials)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{system}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--fresh", type=int, default=20, help="trials with a process each")
    parser.add_argument("--long", type=int, default=0, help="also run orch with this many")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", choices=SYSTEMS)
    given = parser.parse_args()
    if given.only:
        print(json.dumps(SYSTEMS[given.only](given.trials)))
        return
    plan = {"orch": given.trials, "tune": given.trials, "tune-fresh": given.fresh}
    print(f"{'system':12}{'trials':>8}{'seconds':>10}{'trials/s':>10}{'orch is':>12}")
    for _ in range(given.rounds):
        rates = {}
        for system, trials in plan.items():
            seconds = float(measure(system, trials)["seconds"])
            rates[system] = trials / seconds
            ratio = f"{rates['orch'] / rates[system]:.1f} x"
            print(
                f"{system:12}{trials:8,}{seconds:10.2f}{rates[system]:10.1f}{ratio:>12}",
                flush=True,
            )
    if given.long:
        found = measure("orch", given.long)
        thousands, rss = found["thousands"], found["rss"]
        print(f"\norch, {given.long:,} trials in {found['seconds']:.1f} s")
        print("seconds per 1,000: " + " ".join(f"{seconds:.2f}" for seconds in thousands))
        print(f"last thousand / second: {thousands[-1] / thousands[1]:.2f}")
        print(f"last result to all tables written: {found['closing']:.2f} s")
        print("driver MiB: " + " ".join(f"{mib:.0f}" for mib in rss))
        print(f"driver growth: {rss[-1] - rss[0]:.0f} MiB")


if __name__ == "__main__":
    main()
