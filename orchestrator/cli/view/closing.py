"""The last lines: what came out, where it lies, and what to type next."""

from __future__ import annotations

from collections.abc import Sequence
from shlex import quote

from orchestrator.cli.prospects import enough, past
from orchestrator.cli.view.progress import Progress
from orchestrator.cli.view.table import (
    best_lines,
    data_lines,
    front_lines,
    more_lines,
    nearest_lines,
    trial_lines,
)
from orchestrator.cli.view.words import LABEL, block, clock, cut, fold, numbers, plural, wrap
from orchestrator.engine.inbox import StopRun
from orchestrator.engine.trial import State

_GAP = "    "
Told = Sequence[tuple[str, Sequence[str]]]


def closing(
    progress: Progress,
    stopped: StopRun | None,
    *,
    width: int,
    now: float,
    latest: bool = True,
    told: Told = (),
) -> list[str]:
    """The lines that stay when a sweep has ended, in whatever way.

    Args:
        progress: where it stands.
        stopped: who ended it early; None when it is finished.
        width: columns.
        now: by the monotonic clock.
        latest: commands find the run without being told which.
        told: of each place that was told of the run a label, and items.
    """
    if stopped is not None:
        return _interrupted(progress, stopped, width, told)
    lines = _outcome(progress, width, now)
    if progress.best is None:
        lines += block("best", ["none: no trial has a result"])
    elif progress.best.broken:
        lines += block("best", nearest_lines(progress.best, progress, width))
    else:
        of = f" of {progress.outline.max_epochs}"
        lines += front_lines(progress, width)
        lines += block("best", trial_lines(progress.best, progress, width, of=of))
    lines += more_lines(progress, width)
    lines += data_lines(progress.split, progress.warning, width)
    lines += work_lines(progress)
    lines += [*block("run", [progress.outline.path]), *_told(told, width)]
    which = "" if latest else f" {progress.outline.short}"
    if progress.best is None or progress.best.broken:
        commands = [f"orch show{which}", f"orch try {quote(progress.outline.path)}/spec.yaml"]
    else:
        commands = [
            f"orch analyze{which}",
            f"orch show{which}",
            f"orch best{which}"
            if progress.outline.objective.several
            else f"orch best{which} --format yaml > winner.yaml",
        ]
    return [*lines, *block("next", fold(commands, width - LABEL, gap=_GAP))]


def states(counts: dict[State, int] | Progress) -> str:
    """``8 completed, 37 pruned, 1 failed``."""
    found = counts.counts if isinstance(counts, Progress) else counts
    order = (State.COMPLETED, State.PRUNED, State.FAILED, State.INFEASIBLE, State.PAUSED,
             State.RUNNING, State.INTERRUPTED, State.PENDING)  # fmt: skip
    return ", ".join(f"{found[state]:,} {state.value}" for state in order if found.get(state))


def work_lines(progress: Progress) -> list[str]:
    """The share of the workers' time that went into epochs."""
    closed = progress.closed
    if closed is None or closed.worker_seconds <= 0:
        return []
    share = min(1.0, closed.epoch_seconds / closed.worker_seconds)
    return block("work", [f"{share:.1%} of the workers' time went into epochs"])


def _outcome(progress: Progress, width: int, now: float) -> list[str]:
    took = clock(progress.elapsed(now))
    sessions = progress.sessions + progress.now_live
    if sessions > 1:
        took += f" over {sessions} sessions"
    text = f"{plural(progress.done, 'trial')} in {took}: {states(progress)}"
    groups = [
        [f"{reason}: {numbers(failed, most=3)}", progress.raised.get(reason, "")]
        for reason, failed in progress.failures.items()
    ]
    more = [f"and {len(groups) - 2:,} other reasons"] if len(groups) > 3 else []
    shown = groups[:2] if more else groups
    if not groups:
        return wrap(text, width)
    if len(groups) == 1 and not groups[0][1] and len(f"{text} ({groups[0][0]})") <= width:
        return [f"{text} ({groups[0][0]})"]
    room = width - LABEL
    lines = []
    for reason, where in shown:
        lines += wrap(reason, room)
        lines += [cut(f"  at {where}", room)] if where else []
    return [*wrap(text, width), *block("failed", [*lines, *more])]


def _told(told: Told, width: int) -> list[str]:
    """Where else it is to be seen."""
    blocks = (block(label, fold(items, width - LABEL, gap=_GAP)) for label, items in told)
    return [line for lines in blocks for line in lines]


def _interrupted(progress: Progress, stopped: StopRun, width: int, told: Told) -> list[str]:
    outline = progress.outline
    of = f"{'' if outline.exact else 'about '}{plural(outline.epochs, 'epoch')}"
    text = f"{stopped.reason} after {progress.epochs:,} of {of}; everything reported is kept"
    commands = [outline.resume, f"orch show {outline.short}"]
    found: list[str] = []
    if enough(stopped.limit):
        found = [*best_lines(progress, width, sparks=False), *more_lines(progress, width)]
        commands = [
            f"orch analyze {outline.short}",
            *commands[1:],
            past(outline.resume, stopped.limit),
        ]
    return [
        *wrap(text, width),
        *found,
        *work_lines(progress),
        *block("run", [outline.path]),
        *_told(told, width),
        *block("next", fold(commands, width - LABEL, gap=_GAP)),
    ]
