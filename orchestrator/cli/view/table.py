"""The live table: lines for a terminal of any size, from where a run stands."""

from __future__ import annotations

import math

from orchestrator.cli.view.outline import Outline
from orchestrator.cli.view.progress import Progress
from orchestrator.cli.view.rungs import BRACKETS, rungs
from orchestrator.cli.view.trials import Best, Live
from orchestrator.cli.view.words import (
    LABEL,
    about,
    block,
    clock,
    config_items,
    cut,
    ends,
    fold,
    give_or_take,
    metric,
    numbers,
    plural,
    sparkline,
    wrap,
)
from trainables.outcomes import spread

SPARK = 32
"""Bars at most."""
WIDE = 10
"""Values that differ by more than this factor are drawn on a log scale."""
REASON = 2
"""Lines of a failure's reason."""
NOTE_SECONDS = 60.0
"""For so long a command that arrived is shown."""
STOPPING = "stopping, with everything kept; Ctrl-C again ends it at once"


def table(
    progress: Progress,
    *,
    width: int,
    height: int,
    now: float,
    stopping: bool = False,
    machine: str = "",
    footer: str = "",
) -> list[str]:
    """Everything about a run that is under way.

    Args:
        progress: where it stands.
        width: columns of the terminal.
        height: its lines; the least important lines go where it is too low.
        now: by the monotonic clock.
        stopping: somebody has asked for the end.
        machine: what the machine does, in a line.
        footer: what else there is to know, in a line.
    """
    left = progress.left(now)
    whole = progress.outline.estimate if left is None else progress.elapsed(now) + left
    head = header(progress.outline, width, whole)
    data = data_lines(progress.split, progress.warning, width)
    space = space_lines(progress.outline, width)
    best = best_lines(progress, width, sparks=True)
    short = best_lines(progress, width, sparks=False)
    doing = block("now", [STOPPING]) if stopping else now_lines(progress, width, now)
    doing += done_lines(progress, width, now, left)
    small = [*doing, *trouble_lines(progress, width, now, brief=True)]
    whole_tail = [
        *doing,
        *more_lines(progress, width),
        *block("busy", [machine] if machine else []),
        *trouble_lines(progress, width, now),
        *block("keys", [footer] if footer else []),
    ]
    brackets = len(progress.outline.brackets)
    enough = min(brackets, BRACKETS)
    sections: list[list[str]] = []
    for above, below, least, apart in (
        ([*head, *data, *space], [*best, *whole_tail], enough, 1),
        ([*head, *space], [*best, *whole_tail], enough, 1),
        (head, [*best, *whole_tail], enough, 1),
        (head, [*short, *whole_tail], enough, 1),
        (head, [*best, *small], enough, 1),
        (head, [*short, *small], min(2, enough), 1),
        (head, [*short, *small], 1, 0),
        (head, [*short[:1], *small], 0, 1),
        (head, [*short[:1], *small], 0, 0),
        ([], small, 0, 0),
    ):
        sections = [above, below]
        if least:
            room = height - 2 - len(above) - len(below) - 2 * apart
            most = min(BRACKETS, room if room >= brackets else room - 1)  # a line counts the rest
            sections.insert(1, rungs(progress, width, most=max(least, most)))
        if not apart:
            sections = [[line for section in sections for line in section]]
        if _height(sections) < height:
            break
    return [cut(line, width) for line in _joined(sections)]


def standing(progress: Progress, width: int) -> list[str]:
    """What stays true of a run: the plan, and how far its trials came."""
    outline = progress.outline
    data = data_lines(progress.split, progress.warning, width)
    lines = [*header(outline, width), *data, *space_lines(outline, width)]
    return [*lines, "", *rungs(progress, width)] if progress.epochs else lines


def header(outline: Outline, width: int, whole: float | None = None) -> list[str]:
    """What runs, under which id, as planned; ``whole`` is the estimate of its seconds."""
    lines = title_lines(outline.title, outline.run, width)
    plan = block("plan", wrap(outline.plan, width - LABEL))
    if whole is not None:
        plan[-1] = ends(plan[-1], about(whole), width)
    check = block("check", wrap(outline.check, width - LABEL)) if outline.check else []
    stops = block("stops", wrap(outline.stops, width - LABEL)) if outline.stops else []
    objective = outline.objective
    aims = wrap(objective.aims, width - LABEL) if objective.several or objective.limits else []
    return [*lines, *plan, *block("seeks", aims), *stops, *check]


def title_lines(title: str, run: str, width: int) -> list[str]:
    """``gru-bohb on digits`` and, if there is one, the run's id at the end or below."""
    if not run:
        return [title]
    first = ends(title, f"run {run}", width)
    return [first, f"run {run}"] if first == title else [first]


def data_lines(split: str, warning: str, width: int) -> list[str]:
    """How validation data were held out, and why that makes scores optimistic if it does."""
    lines = block("split", wrap(split, width - LABEL)) if split else []
    return [*lines, *block("care", wrap(warning, width - LABEL))] if warning else lines


def space_lines(outline: Outline, width: int) -> list[str]:
    """The search space in words."""
    lines: list[str] = []
    for part in outline.space:
        items = [f"{item}," for item in part.split(", ")]
        lines += fold([*items[:-1], items[-1].rstrip(",")], width - LABEL, gap=" ")
    return block("space", lines)


def best_lines(progress: Progress, width: int, *, sparks: bool) -> list[str]:
    """The best trial so far, its config, and how it came about."""
    best = progress.best
    if best is None:
        return block("best", ["no result yet"])
    if best.broken:
        return block("best", nearest_lines(best, progress, width))
    lines = trial_lines(best, progress, width)
    if sparks and len(progress.incumbents) > 1:
        lines.append(_spark(progress, width - LABEL))
    return [*front_lines(progress, width), *block("best", lines)]


def front_lines(progress: Progress, width: int) -> list[str]:
    """Which trials are on the front of several objectives, once one has completed."""
    front = progress.front
    if not front.members:
        return []
    text = f"{numbers(front.numbers)} of {plural(front.compared, 'completed trial')}"
    return block("front", wrap(text, width - LABEL))


def none_keeps(progress: Progress) -> str:
    """``no trial keeps weights < 50000``."""
    limits = progress.outline.objective.limits
    return f"no trial keeps {', '.join(map(str, limits))}"


def nearest_lines(best: Best, progress: Progress, width: int) -> list[str]:
    """That no trial keeps the limits, and the one that breaks them by the least."""
    said = f"{none_keeps(progress)}; the nearest ({best.broken}):"
    return [*wrap(said, width - LABEL), *trial_lines(best, progress, width)]


def trial_lines(best: Best, progress: Progress, width: int, *, of: str = "") -> list[str]:
    """A trial's best epoch and its config, without a label."""
    objective = progress.outline.objective
    shown = [each.metric for each in objective.goals]
    shown += ["accuracy"] if "accuracy" in best.metrics else []
    values = [f"{name} {metric(best.metrics.get(name), name)}" for name in dict.fromkeys(shown)]
    if progress.outline.several:
        values[0] += give_or_take(best.metrics.get(spread(objective.metric)))
    items = [f"trial {best.number}", *values, f"epoch {best.epoch}{of}"]
    room = width - LABEL
    return [*fold(items, room), *fold(config_items(progress.outline.shown(best.config)), room)]


def now_lines(progress: Progress, width: int, now: float) -> list[str]:
    """What the workers do."""
    if progress.paused:
        return block(
            "now", wrap(f"paused by orch pause; {progress.outline.resume} goes on", width - LABEL)
        )
    if not progress.now_live:
        return block("now", [f"starting workers, {clock(now - progress.began)}"])
    running = progress.running
    workers = max(progress.outline.workers, len(running))
    busy = f"{len(running):,} of {plural(workers, 'worker')} busy"
    items = [_doing(trial) for trial in running]
    if progress.opened is not None and progress.opened.asked:
        busy = f"{len(running):,} asked for"
        items = items or ["no trial is under way"]
    room = width - LABEL
    first, rest = _packed(items, room - len(busy) - 3)
    lines = [ends(first, busy, room) if first else busy]
    if rest:
        second, rest = _packed(rest, room - len("   and 1,000 more"))
        lines.append(f"{second}   and {len(rest):,} more" if rest else second)
    return block("now", lines)


def more_lines(progress: Progress, width: int) -> list[str]:
    """What more trials are expected to gain, once that can be told."""
    outlook = progress.finals.outlook()
    return block("more", wrap(str(outlook), width - LABEL)) if outlook else []


def done_lines(progress: Progress, width: int, now: float, left: float | None) -> list[str]:
    """How much is done, how much failed, how long it took and how long it will."""
    outline = progress.outline
    items = [
        f"{progress.done:,} of {plural(outline.trials, 'trial')}",
        f"{progress.epochs:,} of {'' if outline.exact else 'about '}"
        f"{plural(max(outline.epochs, progress.epochs), 'epoch')}",
    ]
    if progress.failed:
        items.append(f"{progress.failed:,} failed")
    if progress.now_live:
        items.append(f"{clock(progress.elapsed(now))}, {'?' if left is None else clock(left)} left")
    return block("done", fold(items, width - LABEL, gap="   "))


def trouble_lines(progress: Progress, width: int, now: float, *, brief: bool = False) -> list[str]:
    """What failed, what had to run again, and what people told the run a while ago at most.

    Args:
        progress: where it stands.
        width: columns.
        now: by the monotonic clock.
        brief: a line each.
    """
    room = width - LABEL
    lines = block("failed", failure_lines(progress, room, most=1 if brief else 2, brief=brief))
    notes = [note.text for note in progress.notes if now - note.at < NOTE_SECONDS]
    if progress.again is not None:
        notes.append(str(progress.again))
    said = [line for note in notes for line in _folded(note, room)[: 1 if brief else 3]]
    return [*lines, *block("note", said[-1:] if brief else said)]


def _folded(note: str, width: int) -> list[str]:
    """A note in lines; a list is parted at its commas."""
    items = note.split(", ")
    if max(map(len, items)) > width // 2:
        return wrap(note, width)
    return fold([*(f"{item}," for item in items[:-1]), items[-1]], width, gap=" ")


def failure_lines(progress: Progress, width: int, *, most: int, brief: bool = False) -> list[str]:
    """Which trials failed, by reason, the latest reason last; and where it was raised."""
    groups = list(progress.failures.items())
    lines: list[str] = []
    for reason, failed in groups[-most:]:
        text = wrap(f"{numbers(failed)}: {reason}", width)
        keep = min(len(text), 1 if brief else REASON)
        lines += [*text[: keep - 1], " ".join(text[keep - 1 :])]
        where = progress.raised.get(reason)
        if where and not brief:
            lines.append(f"  at {where}")
    if len(groups) > most and not brief:
        lines.append(f"and for {plural(len(groups) - most, 'other reason')}")
    return [cut(line, width) for line in lines]


def _packed(items: list[str], width: int) -> tuple[str, list[str]]:
    """As many items as fit in a line, and the rest."""
    line = ""
    for index, item in enumerate(items):
        longer = f"{line}   {item}" if line else item
        if len(longer) > width:
            return line, items[index:]
        line = longer
    return line, []


def _doing(trial: Live) -> str:
    return f"trial {trial.number} epoch {min(trial.epoch + 1, trial.until)} of {trial.until}"


def _spark(progress: Progress, room: int) -> str:
    """``0.9012 ▇▅▄▃▃▂▂▁ 0.1820 over 96 epochs``: the best value, epoch by epoch."""
    name = progress.outline.objective.metric
    points = progress.incumbents
    first, last = points[0], points[-1]
    ahead = f"{metric(first[1], name)} "
    behind = f" {metric(last[1], name)} over {plural(progress.epochs, 'epoch')}"
    count = min(SPARK, room - len(ahead) - len(behind), progress.epochs - first[0] + 1)
    values: list[float] = []
    place = 0
    for step in range(count):
        epoch = first[0] + (progress.epochs - first[0]) * step / max(1, count - 1)
        while place + 1 < len(points) and points[place + 1][0] <= epoch:
            place += 1
        values.append(points[place][1])
    if min(values, default=0.0) > 0 and max(values) > WIDE * min(values):
        values = [math.log(value) for value in values]
    return f"{ahead}{sparkline(values, max(0, count))}{behind}"


def _height(sections: list[list[str]]) -> int:
    return len(_joined(sections))


def _joined(sections: list[list[str]]) -> list[str]:
    """Sections with an empty line between them."""
    lines: list[str] = []
    for section in sections:
        if lines and section:
            lines.append("")
        lines += section
    return lines
