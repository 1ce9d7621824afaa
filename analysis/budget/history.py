"""How the best trial improved with the epochs spent, and with time.

Two lines that must not be mixed: the best of the trials that came to the last epoch
compared, each counted when it came there, and the best value seen after any epoch,
which a longer trial may beat only because it is longer.

Where the tables do not say when epochs were over, the order is that of trial numbers,
which is not quite that of the epochs where trials pause.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analysis.budget.timeline import clock
from analysis.budget.times import arrivals, epoch_times, epochs_spent, seconds_taken
from analysis.fidelity import IntArray, ranking
from analysis.load import Run
from analysis.metrics import plural
from analysis.parameters import FloatArray


@dataclass(frozen=True)
class Step:
    """A new best.

    Attributes:
        epochs: spent in the run by then, over all trials.
        seconds: since the first trial started; None without times.
        score: in the objective's own sign.
        number: the trial.
    """

    epochs: int
    seconds: float | None
    score: float
    number: int


@dataclass(frozen=True)
class History:
    """The best so far, step by step.

    Attributes:
        metric: the objective.
        epoch: at which the trials of ``compared`` are compared; 0 if none has a result.
        epochs: spent in the whole run.
        seconds: that the whole run took; None without times.
        compared: improvements among trials that came to ``epoch``, in order.
        arrived: every trial that came there, in order, better than those before it or not.
        any_epoch: improvements of the best value seen after any epoch of any trial.
        timed: whether the order follows times, or trial numbers only.
    """

    metric: str
    epoch: int = 0
    epochs: int = 0
    seconds: float | None = None
    compared: tuple[Step, ...] = ()
    arrived: tuple[Step, ...] = ()
    any_epoch: tuple[Step, ...] = ()
    timed: bool = False

    def words(self) -> tuple[str, ...]:
        """``best found after 108 of 447 epochs (15:11 of 1:01:50)``, and what came of the rest."""
        if len(self.arrived) < 2:
            return ()
        last = self.compared[-1]
        time = ""
        if last.seconds is not None and self.seconds is not None:
            time = f" ({clock(last.seconds)} of {clock(self.seconds)})"
        after = len(self.arrived) - 1 - self.arrived.index(last)
        said = f"best found after {last.epochs} of {self.epochs} epochs{time}"
        if not after:
            return (f"{said}, by the last trial that came so far",)
        return (f"{said}; {plural(after, 'later trial')} came as far and did not beat it",)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; of the trials that arrived their number."""
        steps = {name: [asdict(step) for step in getattr(self, name)]
                 for name in ("compared", "any_epoch")}  # fmt: skip
        return {"metric": self.metric, "epoch": self.epoch, "epochs": self.epochs,
                "seconds": self.seconds, "timed": self.timed, "arrived": len(self.arrived),
                **steps, "words": list(self.words())}  # fmt: skip


def history(run: Run) -> History:
    """Follow the best trial through the run."""
    group, metric, sign = ranking(run), run.meta.metric, run.meta.sign
    if not group.trials:
        return History(metric)
    times = epoch_times(run)
    spent = epochs_spent(run, times)
    numbers = run.epochs["number"].to_numpy()

    def steps(rows: IntArray, losses: FloatArray) -> tuple[Step, ...]:
        at = [None] * len(rows) if times is None else times[rows].tolist()
        return tuple(map(Step, spent[rows].tolist(), at, (sign * losses).tolist(),
                         numbers[rows].tolist()))  # fmt: skip

    every = np.argsort(spent)
    losses = sign * run.epochs[f"metric.{metric}"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    losses = np.where(np.isfinite(losses), losses, np.inf)[every]
    better = _improves(losses)
    rows = arrivals(run, group.epoch)[group.rows]
    order = np.argsort(spent[rows])
    rows, goals = rows[order], sign * group.scores[order]
    arrived = steps(rows, goals)
    return History(
        metric,
        group.epoch,
        len(spent),
        None if times is None else seconds_taken(run, times),
        tuple(arrived[place] for place in np.flatnonzero(_improves(goals)).tolist()),
        arrived,
        steps(every[better], losses[better]),
        timed=times is not None,
    )


def _improves(losses: FloatArray) -> NDArray[np.bool_]:
    """Which losses are below all before them: bool (losses,)."""
    best = np.minimum.accumulate(np.append(np.inf, losses))
    return np.asarray(best[1:] < best[:-1])
