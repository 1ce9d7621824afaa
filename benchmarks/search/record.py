"""Record the learning curves of the problem ``gru``: real trainings by orch's own Trainable.

    python -m benchmarks.search.record --jobs 2          # goes on where it stopped
    python -m benchmarks.search.record --configs 2 --out /tmp/x.parquet    # a look

Each config is trained to the end with two seeds. A training is written down when it is
complete, as a file of its own beside the table; an interruption costs at most one training
per process. These files join the table at the end, and at every start.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.search.problems.table import CONFIGS, EPOCHS, TABLE, columns, gru_space
from searchspaces import Config

DATASET = "spoken-arabic-digits"
METRICS = {"losses": "valid_loss", "accuracies": "accuracy"}
CURVES = (*METRICS, "seconds")
WORST = 2 * math.log(20)
"""What counts as the loss of a training that diverged, in nats: twice that of guessing."""


def configs(count: int) -> list[Config]:
    """The configs to train: an even cover of the space, the first ones of a longer list."""
    from scipy.stats import qmc

    space = gru_space()
    points = qmc.Sobol(space.cube().dimensions, seed=15).random_base2(10)
    return [space.validate(space.cube().from_unit(point)) for point in points[:count]]


@cache
def trial() -> Any:
    """One warm Trainable per process, with the data."""
    import torch

    from trainables.architecture_trial import ArchitectureTrial
    from trainables.data import load_sweep_data

    torch.set_num_threads(1)
    return ArchitectureTrial.bare(
        data=load_sweep_data(DATASET, seed=0),
        architecture="gru",
        space=gru_space(),
        metric="valid_loss",
        mode="min",
        epochs=EPOCHS,
    )


def train(index: int, config: Config, seed: int, file: Path) -> str:
    """Train a config to the end and write its curves down; a line for people."""
    from trainables.outcomes import EpochDone

    begun = time.perf_counter()
    held = trial()
    held.begin(config, seed=2 * index + seed)
    found: dict[str, list[float]] = {name: [] for name in CURVES}
    for _ in range(EPOCHS):
        processor = time.process_time()  # one thread: the time it would take on an idle machine
        outcome = held.run_epoch()
        if not isinstance(outcome, EpochDone):
            break
        for name, metric in METRICS.items():
            found[name].append(float(outcome.metrics[metric]))
        found["seconds"].append(time.process_time() - processor)
    missing = EPOCHS - len(found["losses"])  # it diverged
    found["losses"] += [WORST] * missing
    found["accuracies"] += [0.0] * missing
    found["seconds"] += [float(np.median(found["seconds"] or [1.0]))] * missing
    found["losses"] = [min(loss, WORST) for loss in found["losses"]]
    row = {"index": index, "seed": seed, **columns(config), **found}
    part = file.with_suffix(".part")
    part.write_text(json.dumps(row))
    part.replace(file)
    took = time.perf_counter() - begun
    return f"config {index} seed {seed}: loss {min(found['losses']):.4f} in {took:.0f} s"


def gather(parts: Path, out: Path) -> pl.DataFrame:
    """Let all complete trainings join the table; what it has then."""
    rows = [json.loads(file.read_text()) for file in sorted(parts.glob("*.json"))]
    tables = [pl.read_parquet(out)] if out.is_file() else []
    if rows:
        lists = [pl.col(name).cast(pl.List(pl.Float32)) for name in CURVES]
        tables.append(pl.DataFrame(rows, infer_schema_length=None).with_columns(lists))
    if not tables:
        return pl.DataFrame(schema={"index": pl.Int64, "seed": pl.Int64})
    table = pl.concat(tables, how="diagonal_relaxed").unique(["index", "seed"])
    part = out.with_suffix(".part")
    table.sort("index", "seed").write_parquet(part, compression="zstd")
    part.replace(out)
    return table


def todo(count: int, parts: Path, table: pl.DataFrame) -> Iterator[tuple[int, Config, int, Path]]:
    """Trainings that are not there yet, both seeds of a config together."""
    there = set(table.select("index", "seed").iter_rows())
    for index, config in enumerate(configs(count)):
        for seed in (0, 1):
            if (index, seed) not in there:
                yield index, config, seed, parts / f"{index:04d}-{seed}.json"


def main() -> None:
    """Train what is missing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--configs", type=int, default=CONFIGS)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, default=TABLE)
    given = parser.parse_args()
    parts = given.out.with_suffix(".trainings")
    parts.mkdir(parents=True, exist_ok=True)
    left = list(todo(given.configs, parts, gather(parts, given.out)))
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # one core a process
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(given.jobs, mp_context=context) as pool:
        for done, future in enumerate(as_completed([pool.submit(train, *job) for job in left]), 1):
            print(f"{done}/{len(left)} {future.result()}", flush=True)
    print(f"{len(gather(parts, given.out))} trainings in {given.out}")


if __name__ == "__main__":
    main()
