"""Judge a run by another of its metrics than the one that its sweep sought."""

from __future__ import annotations

from dataclasses import replace

from analysis.load import Run
from analysis.metrics import Mode, guess_mode
from searchspaces.errors import UnknownNameError


def judged_by(run: Run, metric: str | None, mode: Mode | None = None) -> Run:
    """The same trials with ``metric`` as their objective; a note says so.

    The searcher and scheduler sought the run's own metric all the same: which trials
    came far was decided by that.

    Args:
        run: the run.
        metric: one of ``run.metrics``; None for the run's own.
        mode: which way it improves; by default as its name says.

    Raises:
        UnknownNameError: the run has no such metric.
    """
    own = run.meta
    if metric is None or (metric == own.metric and mode in {None, own.mode}):
        return run
    if metric not in run.metrics:
        raise UnknownNameError("metric", metric, run.metrics)
    way: Mode = mode or (own.mode if metric == own.metric else guess_mode(metric))
    better = "higher" if way == "max" else "lower"
    note = f"judged by {metric}, {better} is better; the sweep itself sought {own.metric}"
    return replace(run, meta=replace(own, metric=metric, mode=way), notes=(note, *run.notes))
