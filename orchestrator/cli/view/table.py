"""The live table: lines for a terminal of any size, from where a run stands."""

from __future__ import annotations

from orchestrator.cli.view.outline import Outline
from orchestrator.cli.view.progress import Progress
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
    metric,
    numbers,
    plural,
    sparkline,
    wrap,
)

BRACKETS = 6
"""Brackets that are shown at a time, if the terminal is high enough."""
SPARK = 32
"""Bars at most."""
STOPPING = "stopping, with everything kept; Ctrl-C again ends it at once"


def table(
    progress: Progress, *, width: int, height: int, now: float, stopping: bool = False
) -> list[str]:
    """Everything about a run that is under way.

    Args:
        progress: where it stands.
        width: columns of the terminal.
        height: its lines; the least important lines go where it is too low.
        now: by the monotonic clock.
        stopping: somebody has asked for the end.
    """
    left = progress.left(now)
    whole = progress.outline.estimate if left is None else progress.elapsed(now) + left
    head = header(progress.outline, width, whole)
    space = space_lines(progress.outline, width)
    best = best_lines(progress, width, sparks=True)
    doing = block("now", [STOPPING]) if stopping else now_lines(progress, width, now)
    tail = [*doing, *done_lines(progress, width, now)]
    room = height - 1 - len(tail)
    rung_lines = rungs(progress, width, most=max(1, min(BRACKETS, room - 8)))
    data = data_lines(progress.split, progress.warning, width)
    sections = [[*head, *data, *space], rung_lines, [*best, *tail]]
    for smaller in (
        [[*head, *space], rung_lines, [*best, *tail]],
        [head, rung_lines, [*best, *tail]],
        [head, rung_lines, [*best_lines(progress, width, sparks=False), *tail]],
        [head, best_lines(progress, width, sparks=False)[:1], tail],
        [tail],
    ):
        if _height(sections) < height:
            break
        sections = smaller
    return [cut(line, width) for line in _joined(sections)]


def header(outline: Outline, width: int, whole: float | None = None) -> list[str]:
    """What runs, under which id, as planned; ``whole`` is the estimate of its seconds."""
    lines = title_lines(outline.title, outline.run, width)
    plan = block("plan", wrap(outline.plan, width - LABEL))
    if whole is not None:
        plan[-1] = ends(plan[-1], about(whole), width)
    check = block("check", wrap(outline.check, width - LABEL)) if outline.check else []
    return [*lines, *plan, *check]


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


def rungs(progress: Progress, width: int, *, most: int = BRACKETS) -> list[str]:
    """How many of the planned trials reached each rung, a line a bracket."""
    outline = progress.outline
    levels = outline.levels
    shown, before, after = _window(progress, most)
    alone = len(outline.brackets) == 1
    names = ["trials" if alone else f"bracket {index}" for index in shown]
    label = max(len(name) for name in ["epochs", *names]) + 2
    cells = [[_cell(progress, index, level) for level in levels] for index in shown]
    full = [[_full(outline, index, level) for level in levels] for index in shown]
    columns = [
        max(len(text) for text in (str(level), *(row[i] for row in [*cells, *full]))) + 2
        for i, level in enumerate(levels)
    ]
    room = (width - label - sum(columns)) // max(1, len(columns))
    columns = [column + max(0, min(4, room)) for column in columns]
    lines = [_row("epochs", [str(level) for level in levels], label, columns)]
    lines += [_row(name, row, label, columns) for name, row in zip(names, cells, strict=True)]
    rest = [f"{before:,} finished"] * bool(before) + [f"{after:,} to come"] * bool(after)
    if rest:
        more = "brackets " if len(shown) == 0 else "more     "
        lines.append(f"{more:<{label}}{', '.join(rest)}")
    return lines


def best_lines(progress: Progress, width: int, *, sparks: bool) -> list[str]:
    """The best trial so far, its config, and how it came about."""
    best = progress.best
    if best is None:
        return block("best", ["no result yet"])
    lines = trial_lines(best, progress, width)
    if sparks and len(progress.incumbents) > 1:
        lines.append(_spark(progress, width - LABEL))
    return block("best", lines)


def trial_lines(best: Best, progress: Progress, width: int, *, of: str = "") -> list[str]:
    """A trial's best epoch and its config, without a label."""
    objective = progress.outline.objective
    shown = [objective.metric, *(["accuracy"] if "accuracy" in best.metrics else [])]
    values = [f"{name} {metric(best.metrics.get(name), name)}" for name in dict.fromkeys(shown)]
    items = [f"trial {best.number}", *values, f"epoch {best.epoch}{of}"]
    room = width - LABEL
    return [*fold(items, room), *fold(config_items(progress.outline.shown(best.config)), room)]


def now_lines(progress: Progress, width: int, now: float) -> list[str]:
    """What the workers do."""
    if not progress.now_live:
        return block("now", [f"starting workers, {clock(now - progress.began)}"])
    running = progress.running
    busy = f"{len(running):,} of {plural(progress.outline.workers, 'worker')} busy"
    items = [_doing(trial) for trial in running]
    room = width - LABEL
    first, rest = _packed(items, room - len(busy) - 3)
    lines = [ends(first, busy, room) if first else busy]
    if rest:
        second, rest = _packed(rest, room - len("   and 1,000 more"))
        lines.append(f"{second}   and {len(rest):,} more" if rest else second)
    return block("now", lines)


def done_lines(progress: Progress, width: int, now: float) -> list[str]:
    """How much is done, what failed, how long it took and how long it will."""
    outline = progress.outline
    left = progress.left(now)
    items = [
        f"{progress.done:,} of {plural(outline.trials, 'trial')}",
        f"{progress.epochs:,} of {'' if outline.exact else 'about '}"
        f"{plural(max(outline.epochs, progress.epochs), 'epoch')}",
    ]
    if progress.failed:
        items.append(f"{progress.failed:,} failed")
    if progress.now_live:
        items.append(f"{clock(progress.elapsed(now))}, {'?' if left is None else clock(left)} left")
    lines = block("done", fold(items, width - LABEL, gap="   "))
    if progress.failures:
        lines += block("failed", failure_lines(progress, width - LABEL, most=2))
    if progress.again is not None:
        lines += block("note", wrap(str(progress.again), width - LABEL))
    return lines


def failure_lines(progress: Progress, width: int, *, most: int) -> list[str]:
    """Which trials failed, by reason, the latest reason last."""
    groups = list(progress.failures.items())
    lines = [
        line
        for reason, failed in groups[-most:]
        for line in wrap(f"{numbers(failed)}: {reason}", width)
    ]
    if len(groups) > most:
        lines.append(f"and for {plural(len(groups) - most, 'other reason')}")
    return lines


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


def _window(progress: Progress, most: int) -> tuple[list[int], int, int]:
    """Brackets to show: those under way, then those to come; and how many are left out."""
    outline = progress.outline
    count = len(outline.brackets)
    if count <= most:
        return list(range(count)), 0, 0
    over = [index for index in range(count) if _is_over(progress, index)]
    rest = [index for index in range(count) if not _is_over(progress, index)]
    shown = rest[:most] or over[-most:]
    if len(shown) < most:
        shown = sorted([*over[-(most - len(shown)) :], *shown])
    before = sum(index not in shown for index in over)
    return shown, before, count - len(shown) - before


def _is_over(progress: Progress, index: int) -> bool:
    planned = progress.outline.brackets[index][0].trials
    return progress.begun[index] >= planned and not progress.under_way[index]


def _cell(progress: Progress, index: int, level: int) -> str:
    planned = dict(progress.outline.brackets[index])
    if level not in planned:
        return ""
    came = progress.reached[index, level]
    if not came:
        return "-"
    return f"{came:,} of {planned[level]:,}" if came <= planned[level] else f"{came:,}"


def _full(outline: Outline, index: int, level: int) -> str:
    """What a cell will say at the end, so that columns need not move until then."""
    planned = dict(outline.brackets[index]).get(level)
    return "" if planned is None else f"{planned:,} of {planned:,}"


def _row(name: str, cells: list[str], label: int, columns: list[int]) -> str:
    text = "".join(f"{cell:<{column}}" for cell, column in zip(cells, columns, strict=True))
    return f"{name:<{label}}{text}".rstrip()


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
