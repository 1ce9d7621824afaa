"""What tracking costs a sweep: trials that do nothing, with W&B offline and without.

    python benchmarks/tracking.py                 # 200 trials, several rounds
    python benchmarks/tracking.py --long 10000    # and the memory of the tracking process

The trials are those of benchmarks/overhead.py: a class Trainable whose epoch takes
microseconds, 9 epochs under ASHA, two at a time, each result journaled. Each round runs the
sweep once without tracking and once with it, each in a process and on a Ray of its own, with
Ray up before the clock starts; which comes first alternates. The sweep does not wait for its
tracking: how long that goes on is a figure of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import overhead

LIMIT = 1800.0


def sweep(trials: int, *, wandb: bool) -> dict[str, object]:
    """Seconds of the sweep and of all that follows; MiB of the tracking processes."""
    from orchestrator.engine.inbox import Inbox
    from orchestrator.engine.session import Place, Plan, run
    from orchestrator.engine.testing import Curve
    from orchestrator.names import compose
    from orchestrator.runs.checkpoints import FolderStore
    from orchestrator.runs.describe import tables_of
    from orchestrator.runs.folder import RunFolder
    from orchestrator.schedulers.asha import Asha
    from orchestrator.searchers.random_ import RandomSearch
    from orchestrator.spec import spec_from
    from orchestrator.tracking.start import tracked
    from orchestrator.tracking.status import read_status

    spec = spec_from(
        compose("ask-asha"),
        {
            "space": {"depth": {"low": 0.0, "high": 1.0}},
            "trials": trials,
            "epochs": overhead.EPOCHS,
            "tracking": {"wandb": "offline" if wandb else "off"},
        },
    )
    with tempfile.TemporaryDirectory() as name, overhead.ray_up():
        folder = RunFolder.create(Path(name), spec, {})
        folder.figures.mkdir()
        os.utime(folder.figures, (time.time() + 1e6,) * 2)  # drawing them is not what is measured
        tables = tables_of(folder, spec, split="", asked=True)
        begun = time.perf_counter()
        with folder.owned(), tracked(folder, spec):
            run(
                Plan(
                    space=spec.joint,
                    searcher=RandomSearch(),
                    scheduler=Asha(),
                    objective=spec.objective,
                    trials=trials,
                    max_epochs=overhead.EPOCHS,
                    seed=0,
                    trainable=Curve,
                    settings={},
                    data=None,
                    workers=overhead.WORKERS,
                ),
                Place(folder.journal, FolderStore(folder.checkpoints), folder.trial_id),
                inbox=Inbox(folder.inbox),
                observers=[tables],
                flush=lambda sequence: tables.write(folder.path, owned=True, sequence=sequence),
            )
        seconds = time.perf_counter() - begun
        found: dict[str, object] = {"seconds": seconds}
        if not wandb:
            return found
        rss = followed(folder.path)
        found |= {"told": time.perf_counter() - begun, "rss": rss}
        check(folder, tables, read_status(folder.path))
    return found


def followed(path: Path) -> list[tuple[float, float]]:
    """MiB of the tracking process and of W&B's service, as trials are told, until all are."""
    import psutil

    from orchestrator.tracking.status import FILE

    rss, deadline = [], time.monotonic() + LIMIT
    while time.monotonic() < deadline:
        time.sleep(0.1)
        try:
            said = json.loads((path / FILE).read_text())
        except OSError:
            continue
        state = said["sinks"].get("wandb", {})
        if state.get("done"):
            return rss
        try:
            process = psutil.Process(said["pid"])
            cores = process.children()
            rss.append((mib(process), sum(mib(core) for core in cores)))
        except psutil.Error:
            continue
    raise SystemExit("W&B was not told everything in time")


def mib(process: object) -> float:
    """Resident memory."""
    return process.memory_info().rss / 2**20  # type: ignore[attr-defined]


def check(folder: object, tables: object, status: object) -> None:
    """Every row of the tables is in W&B's files, once."""
    from orchestrator.tracking.wandb_files import Files, read_fragment

    _, epochs = tables.frames(owned=False)  # type: ignore[attr-defined]
    files = Files(folder.path / "wandb")  # type: ignore[attr-defined]
    rows = [len(read_fragment(path).rows) for run_id in files for path in files.paths(run_id)]
    if sum(rows) != len(epochs):
        raise SystemExit(f"W&B has {sum(rows)} of {len(epochs)} rows: {status}")


def measure(trials: int, *, wandb: bool) -> dict[str, object]:
    """Run the sweep in a process of its own."""
    command = [sys.executable, str(Path(__file__).resolve()), "--only", "--trials", str(trials)]
    done = subprocess.run(
        [*command, *(["--wandb"] if wandb else [])], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--long", type=int, default=0, help="also track this many, for memory")
    parser.add_argument("--only", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--wandb", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only:
        print(json.dumps(sweep(given.trials, wandb=given.wandb)))
        return
    print(f"{'round':>5}{'without':>10}{'with W&B':>10}{'ratio':>8}{'all told after':>16}")
    ratios = []
    for number in range(given.rounds):
        order = (False, True) if number % 2 == 0 else (True, False)
        found = {wandb: measure(given.trials, wandb=wandb) for wandb in order}
        without, tracked = (float(found[wandb]["seconds"]) for wandb in (False, True))
        ratios.append(tracked / without)
        told = float(found[True]["told"])
        print(
            f"{number + 1:5}{without:9.2f}s{tracked:9.2f}s{ratios[-1]:8.2f}{told:15.1f}s",
            flush=True,
        )
    middle = sorted(ratios)[len(ratios) // 2]
    print(f"{given.trials} trials: the sweep takes {middle:.2f} times as long (middle of rounds)")
    if given.long:
        found = measure(given.long, wandb=True)
        rss = found["rss"]
        picked = [rss[round(i * (len(rss) - 1) / 9)] for i in range(10)]
        print(f"\n{given.long:,} trials: the sweep {found['seconds']:.1f} s, told after "
              f"{found['told']:.1f} s")  # fmt: skip
        print("tracking process, MiB: " + " ".join(f"{own:.0f}" for own, _ in picked))
        print("W&B's service, MiB:    " + " ".join(f"{core:.0f}" for _, core in picked))


if __name__ == "__main__":
    main()
