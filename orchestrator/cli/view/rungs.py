"""How far the trials of each bracket came: the middle of the table."""

from __future__ import annotations

from orchestrator.cli.view.outline import Outline
from orchestrator.cli.view.progress import Progress

BRACKETS = 6
"""Brackets that are shown at a time, if the terminal is high enough."""


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
