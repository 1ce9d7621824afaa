"""Real sweeps side by side: what each strategy has found after so many epochs and seconds.

    python benchmarks/real.py                              # auto and bohb, three seeds each
    python benchmarks/real.py --strategies auto,asha --seeds 1 --out /tmp/real

Small GRUs on spoken Arabic digits, ``orch sweep`` as a person calls it, one sweep after the
other; every sweep may train the same number of epochs. A sweep that is complete is not run
again, one that was interrupted goes on. The table has the least validation loss so far and
the accuracy of that epoch: median of the seeds, and each of them. Seconds are since the first
trial began; they mean something only if nothing else ran on the machine.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import polars as pl

SPACE = ("hidden_size.low=8", "hidden_size.high=64", "num_layers.high=2")
"""What is searched less widely than by default: nets of which one trains in two minutes."""
EPOCHS = (43, 86, 171, 257, 342)
SECONDS = (30, 60, 120, 180, 240)


@dataclass(frozen=True)
class Curve:
    """One sweep's best trial so far, by what it took.

    Attributes:
        epochs: trained by all trials together, ascending, shape (n,).
        seconds: since the first trial began, shape (n,).
        losses: the least validation loss so far, in nats, shape (n,).
        accuracies: of the epoch with that loss, shape (n,).
    """

    epochs: list[int]
    seconds: list[float]
    losses: list[float]
    accuracies: list[float]

    @classmethod
    def of(cls, folder: Path) -> Curve:
        """From a run's table of epochs; what was trained twice counts once."""
        trials = pl.read_parquet(folder / "trials.parquet", columns=["started_at"])
        epochs = pl.read_parquet(folder / "epochs.parquet").sort("reported_at", "number", "epoch")
        times = (epochs["reported_at"] - trials["started_at"].min()).dt.total_microseconds()
        loss, accuracy = epochs["metric.valid_loss"], epochs["metric.accuracy"]
        losses: list[float] = []
        accuracies: list[float] = []
        for now, right in zip(loss, accuracy, strict=True):
            better = not losses or now < losses[-1]
            losses.append(now if better else losses[-1])
            accuracies.append(right if better else accuracies[-1])
        return cls(
            list(range(1, len(epochs) + 1)), [time / 1e6 for time in times], losses, accuracies
        )

    def at(self, spent: float, *, by: str) -> tuple[float, float] | None:
        """Loss and accuracy after so many epochs or seconds; None before the first epoch."""
        taken = self.epochs if by == "epochs" else self.seconds
        done = [index for index, one in enumerate(taken) if one <= spent]
        return (self.losses[done[-1]], self.accuracies[done[-1]]) if done else None


def sweep(strategy: str, seed: int, out: Path) -> Path:
    """The folder of a complete sweep; a new one, or the one there, resumed if need be.

    Raises:
        SystemExit: orch could not do it; it has said why.
    """
    name = f"{strategy}-{seed}"
    begun = sorted(out.glob(f"*-{name}-????"))
    if begun:
        command = ["resume", begun[-1].name]
    else:
        settings = [word for part in SPACE for word in ("--set", f"space.{part}")]
        command = ["sweep", f"gru-{strategy}", "--dataset", "spoken-arabic-digits", *settings]
        command += ["--max-epochs-total", str(EPOCHS[-1])]
        command += ["--seed", str(seed), "--name", name, "--no-check"]
    called = [sys.executable, "-m", "orchestrator", *command, "--runs", str(out)]
    if subprocess.run(called, check=False).returncode:
        raise SystemExit(f"{name}: orch failed, see above.")
    return max(out.glob(f"*-{name}-????"))


def table(curves: dict[str, list[Curve]], budgets: tuple[int, ...], by: str) -> str:
    """As markdown: a row for each strategy, a column for each budget."""
    lines = [
        f"| best so far after {by} | " + " | ".join(map(str, budgets)) + " |",
        "| --- |" + " ---: |" * len(budgets),
    ]
    for strategy, some in curves.items():
        for what, name in enumerate(("valid_loss", "accuracy")):
            cells = []
            for spent in budgets:
                there = [one.at(spent, by=by) for one in some]
                found = [both[what] for both in there if both is not None]
                each = ", ".join(f"{value:.3f}" for value in found)
                cells.append(f"**{median(found):.3f}** ({each})" if found else "")
            lines.append(f"| {strategy}, {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Run what is missing, print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--strategies", default="auto,bohb")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("build/real"))
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    names = given.strategies.split(",")
    jobs = [(name, seed) for seed in range(given.seeds) for name in names]
    curves: dict[str, list[Curve]] = {name: [] for name in names}
    for name, seed in jobs:
        curves[name].append(Curve.of(sweep(name, seed, given.out)))
    print(table(curves, EPOCHS, "epochs"), end="\n\n")
    print(table(curves, SECONDS, "seconds"), end="\n\n")
    for name, some in curves.items():
        each = ", ".join(f"{one.epochs[-1]} epochs in {one.seconds[-1]:.0f} s" for one in some)
        print(f"{name}: {each}")


if __name__ == "__main__":
    main()
