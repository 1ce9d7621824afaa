"""Real sweeps side by side: what each strategy has found after so many epochs and seconds.

    python benchmarks/real.py                              # auto and bohb, three seeds each
    python benchmarks/real.py --strategies auto,asha --seeds 1 --out other --figure real.png

Small GRUs on spoken Arabic digits, ``orch sweep`` as a person calls it, one sweep after the
other; every sweep may train the same number of epochs. A sweep that is complete is not run
again, one that was interrupted goes on. The table has the least validation loss so far and
the accuracy of that epoch: median of the seeds, and each of them. A seed holds out speakers of
its own, so losses compare between strategies, seed by seed. Seconds are since the first trial
began; they mean something only if nothing else ran on the machine.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import polars as pl

from orchestrator.engine.journal import read
from orchestrator.engine.records import FINISHED, Closed

SPACE = ("hidden_size.low=8", "hidden_size.high=64", "num_layers.high=2")
"""What is searched less widely than by default: nets of which one trains in two minutes."""
STYLES = ("-", "--", ":", "-.")
"""Of the seeds."""
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
    if begun and _complete(begun[-1]):
        return begun[-1]
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


def _complete(folder: Path) -> bool:
    """It came to its end, or to the number of epochs that it has."""
    last = None
    for entry in read(folder / "journal"):
        last = entry.record
    return isinstance(last, Closed) and (last.reason == FINISHED or last.limit != "")


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


def draw(curves: dict[str, list[Curve]], file: Path) -> None:
    """Loss and accuracy of the best trial so far, over epochs and over seconds, of each seed."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    from benchmarks.search.plot import COLOURS

    plt.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    figure, axes = plt.subplots(2, 2, figsize=(9, 5.4), sharey="row", layout="constrained")
    for row, what in enumerate(("losses", "accuracies")):
        for column, by in enumerate(("epochs", "seconds")):
            axis = axes[row][column]
            for index, (strategy, some) in enumerate(curves.items()):
                for seed, one in enumerate(some):
                    axis.plot(
                        getattr(one, by), getattr(one, what), drawstyle="steps-post",
                        color=COLOURS[index % len(COLOURS)], linestyle=STYLES[seed % len(STYLES)],
                        label=f"{strategy}, seed {seed}", linewidth=1.3,
                    )  # fmt: skip
            axis.set_xlabel(f"{by} of all trials" if by == "epochs" else "seconds")
            axis.set_xlim(left=0)
        axes[row][0].set_ylabel(("valid_loss (log)", "accuracy at that epoch")[row])
    axes[0][0].set_yscale("log")
    axes[0][0].set_ylim(top=1.0)
    for axis in axes[0]:
        axis.yaxis.set_major_formatter("{x:g}")
        axis.yaxis.set_minor_formatter("")
    axes[1][0].set_ylim(bottom=0.7)
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(curves), frameon=False)
    figure.suptitle("Best trial so far of real sweeps, 2 trials at a time", fontsize=10)
    figure.savefig(file, dpi=150)
    plt.close(figure)


def main() -> None:
    """Run what is missing, print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--strategies", default="auto,bohb")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("build/real"))
    parser.add_argument("--figure", type=Path, help="a PNG file to draw")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    names = given.strategies.split(",")
    jobs = [(name, seed) for seed in range(given.seeds) for name in names]
    curves: dict[str, list[Curve]] = {name: [] for name in names}
    for name, seed in jobs:
        curves[name].append(Curve.of(sweep(name, seed, given.out)))
    print(table(curves, EPOCHS, "epochs"), end="\n\n")
    print(table(curves, SECONDS, "seconds"), end="\n\n")
    if given.figure:
        draw(curves, given.figure)
    for name, some in curves.items():
        each = ", ".join(f"{one.epochs[-1]} epochs in {one.seconds[-1]:.0f} s" for one in some)
        print(f"{name}: {each}")


if __name__ == "__main__":
    main()
