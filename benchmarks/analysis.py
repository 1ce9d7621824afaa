"""What an analysis costs: orch's importance and loading, beside Optuna's on the same trials.

    python benchmarks/analysis.py                 # one round of each
    python benchmarks/analysis.py --rounds 3

importance     1,000 trials of 8 parameters, loaded before the clock starts. orch: main
               effects, pairs, noise levels and spreads; Optuna: fANOVA's main effects.
ped-anova      the same trials: what tells the best tenth from the rest, in both.
load           10,000 trials of 100 epochs. orch: both tables of a run folder, read and
               turned into curves; Optuna: ``load_study`` from SQLite and its data frame.

Each measurement is a process of its own and starts its clock after its imports and one
small analysis. The peak is the most memory that process ever held, its imports included.
The SQLite file has Optuna's own schema and is filled in bulk, which Optuna cannot.
"""

from __future__ import annotations

import argparse
import json
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

SIZES = {"small": (60, 1), "importance": (1_000, 1), "load": (10_000, 100)}
COLUMNS = 8
FloatArray = np.ndarray[Any, np.dtype[np.float64]]


def objective(points: FloatArray) -> FloatArray:
    """A valley, a slope, an interaction and five parameters that do nothing, with noise."""
    x = points.T
    noise = np.random.default_rng(1).normal(0, 0.05, len(points))
    return 3 * (x[0] - 0.4) ** 2 + 0.8 * x[1] + (x[2] > 0.5) * x[1] + noise


def made(trials: int, epochs: int) -> tuple[FloatArray, FloatArray]:
    """Points (trials, 8) in the unit cube and losses (trials, epochs), which fall."""
    points = np.random.default_rng(0).random((trials, COLUMNS))
    fall = np.exp(-np.arange(epochs) / 10) if epochs > 1 else np.zeros(1)
    return points, objective(points)[:, None] + fall


def write_run(folder: Path, trials: int, epochs: int) -> None:
    """A run folder as orch writes it."""
    points, losses = made(trials, epochs)
    numbers = np.arange(trials)
    names = [f"t{number:05d}" for number in numbers]
    meta = {
        "schema": 1, "run": folder.name, "metric": "valid_loss", "mode": "min",
        "max_epochs": epochs, "trials": trials, "rungs": [epochs], "finished": True,
        "parameters": {f"p{k}": {"group": "space", "kind": "float", "low": 0.0, "high": 1.0}
                       for k in range(COLUMNS)},
    }  # fmt: skip
    table = pl.DataFrame({
        "trial_id": names, "number": numbers, "state": ["completed"] * trials,
        "epochs": np.full(trials, epochs), "objective": losses.min(axis=1),
        **{f"config.p{k}": points[:, k] for k in range(COLUMNS)},
    })  # fmt: skip
    each = pl.DataFrame({
        "trial_id": np.repeat(names, epochs), "number": np.repeat(numbers, epochs),
        "attempt": np.ones(trials * epochs, dtype=np.int64),
        "epoch": np.tile(np.arange(1, epochs + 1), trials),
        "epoch_seconds": np.full(trials * epochs, 0.1),
        "total_seconds": 0.1 * np.tile(np.arange(1, epochs + 1), trials),
        "metric.valid_loss": losses.ravel(),
    })  # fmt: skip
    folder.mkdir(parents=True)
    for name, frame in (("trials", table), ("epochs", each)):
        frame.write_parquet(folder / f"{name}.parquet", metadata={"orch": json.dumps(meta)})


def write_study(path: Path, trials: int, epochs: int) -> None:
    """The same as a study in SQLite, in the schema that Optuna itself made."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    optuna.create_study(storage=f"sqlite:///{path}", study_name="s")
    points, losses = made(trials, epochs)
    domain = optuna.distributions.distribution_to_json(
        optuna.distributions.FloatDistribution(0.0, 1.0)
    )
    when = "2026-11-21 09:00:00.000000"
    base = sqlite3.connect(path)
    with base:
        base.executemany(
            "insert into trials (trial_id, number, study_id, state, datetime_start, "
            "datetime_complete) values (?, ?, 1, 'COMPLETE', ?, ?)",
            ((number + 1, number, when, when) for number in range(trials)),
        )
        base.executemany(
            "insert into trial_values (trial_id, objective, value, value_type) "
            "values (?, 0, ?, 'FINITE')",
            ((number + 1, float(value)) for number, value in enumerate(losses[:, -1])),
        )
        base.executemany(
            "insert into trial_params (trial_id, param_name, param_value, distribution_json) "
            "values (?, ?, ?, ?)",
            ((number + 1, f"p{k}", float(points[number, k]), domain)
             for number in range(trials) for k in range(COLUMNS)),
        )  # fmt: skip
        base.executemany(
            "insert into trial_intermediate_values (trial_id, step, intermediate_value, "
            "intermediate_value_type) values (?, ?, ?, 'FINITE')",
            ((number + 1, step + 1, float(losses[number, step]))
             for number in range(trials) for step in range(epochs)),
        )  # fmt: skip
    base.close()


def read_study(folder: Path, size: str) -> Any:
    """The study that holds the same trials."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    return optuna.load_study(storage=f"sqlite:///{folder / size}.db", study_name="s")


def orch_importance(folder: Path, size: str) -> tuple[Callable[[], Any], str]:
    """What to time, and what it says."""
    from analysis import load_run
    from analysis.importance.effects import importance

    run = load_run(folder / size)
    run.curves("valid_loss")
    return lambda: importance(run), "main effects, pairs, noise, spreads"


def optuna_fanova(folder: Path, size: str) -> tuple[Callable[[], Any], str]:
    """What to time, and what it says."""
    import optuna

    study = read_study(folder, size)
    study.get_trials(deepcopy=False)
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    return lambda: evaluator.evaluate(study), "main effects"


def orch_ped_anova(folder: Path, size: str) -> tuple[Callable[[], Any], str]:
    """What to time, and what it says."""
    from analysis import load_run
    from analysis.importance.ped_anova import ped_anova

    run = load_run(folder / size)
    run.curves("valid_loss")
    return lambda: ped_anova(run), "shares, and what chance reaches"


def optuna_ped_anova(folder: Path, size: str) -> tuple[Callable[[], Any], str]:
    """What to time, and what it says."""
    import optuna

    study = read_study(folder, size)
    study.get_trials(deepcopy=False)
    evaluator = optuna.importance.PedAnovaImportanceEvaluator()
    return lambda: evaluator.evaluate(study), "shares"


def orch_load(folder: Path, size: str) -> tuple[Callable[[], Any], str]:
    """What to time, and what it says."""
    from analysis import load_run

    def load() -> int:
        run = load_run(folder / size)
        return int(np.isfinite(run.curves("valid_loss")).sum())

    return load, "rows to curves"


def orch_reduce(folder: Path, size: str) -> tuple[Callable[[], Any], str]:
    """What to time, and what it says."""
    from dataclasses import replace

    from analysis import load_run
    from analysis.fidelity import comparable, ranking

    run = load_run(folder / size)

    def reduce() -> int:
        fresh = replace(run, _curves={})
        return comparable(fresh).trials + ranking(fresh).trials

    return reduce, "rows in memory to curves, compared and ranked"


def optuna_load(folder: Path, size: str) -> tuple[Callable[[], Any], str]:
    """What to time, and what it says."""
    read_study(folder, size)
    return lambda: len(read_study(folder, size).trials_dataframe()), "a row a trial"


TASKS: dict[str, tuple[str, Callable[[Path, str], tuple[Callable[[], Any], str]]]] = {
    "orch importance": ("importance", orch_importance),
    "optuna fanova": ("importance", optuna_fanova),
    "orch ped-anova": ("importance", orch_ped_anova),
    "optuna ped-anova": ("importance", optuna_ped_anova),
    "orch load": ("load", orch_load),
    "optuna load": ("load", optuna_load),
    "orch reduction": ("load", orch_reduce),
}
PAIRS = {
    "orch importance": "optuna fanova",
    "orch ped-anova": "optuna ped-anova",
    "orch load": "optuna load",
    "orch reduction": "",
}


def measure_here(task: str, folder: Path) -> dict[str, float | str]:
    """Seconds of a task, wall and processor, and the process's peak in MiB."""
    size, make = TASKS[task]
    make(folder, "small")[0]()
    timed, what = make(folder, size)
    wall, cpu = time.perf_counter(), time.process_time()
    timed()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if MAC else 2**10)
    return {"wall": wall, "cpu": cpu, "peak": peak, "what": what}


MAC = sys.platform == "darwin"  # there ru_maxrss counts bytes


def measure(task: str, folder: Path) -> dict[str, Any]:
    """Run a task in a process of its own."""
    file = str(Path(__file__).resolve())
    done = subprocess.run(
        # -P: this file must not stand for the package of its name.
        [sys.executable, "-P", file, "--only", task, "--folder", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{task}: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", choices=TASKS)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    if given.only:
        print(json.dumps(measure_here(given.only, given.folder)))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for size, (trials, epochs) in SIZES.items():
            write_run(folder / size, trials, epochs)
            write_study(folder / f"{size}.db", trials, epochs)
        print(f"{'task':18}{'wall s':>9}{'cpu s':>9}{'peak MiB':>10}{'orch is':>12}   what")
        for _ in range(given.rounds):
            for ours, theirs in PAIRS.items():
                one = measure(ours, folder)
                print_row(ours, one, "")
                if theirs:
                    other = measure(theirs, folder)
                    print_row(theirs, other, f"{other['wall'] / one['wall']:.1f} x")


def print_row(task: str, found: dict[str, Any], ratio: str) -> None:
    """One line of the table; the ratio is of wall time."""
    print(
        f"{task:18}{found['wall']:9.3f}{found['cpu']:9.3f}{found['peak']:10.0f}"
        f"{ratio:>12}   {found['what']}",
        flush=True,
    )


if __name__ == "__main__":
    main()
