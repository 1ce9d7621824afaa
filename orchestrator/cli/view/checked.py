"""What a check found, in lines."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.cli.view.words import (
    LABEL,
    about,
    block,
    clock,
    config_items,
    fold,
    plural,
    wrap,
)
from orchestrator.preflight import CheckReport, Tried


def in_short(report: CheckReport) -> str:
    """``12 configs, 0.012-1.2 s an epoch, up to 107 MB a trial``."""
    if not report.tried:
        return report.unchecked
    words = [plural(len(report.tried), "config")]
    seconds = sorted(one.seconds for one in report.tried if one.seconds is not None)
    if seconds:
        low, high = brief(seconds[0]), brief(seconds[-1])
        words.append(f"{low} s an epoch" if low == high else f"{low}-{high} s an epoch")
    words.append(f"up to {size(report.memory)} a trial")
    if report.gpu is not None:
        words.append(f"{size(report.gpu)} of GPU memory")
    if report.failures:
        words.append(f"{len(report.failures)} failed")
    return ", ".join(words)


def outlook(report: CheckReport) -> str:
    """``the sweep takes about 6 min on 2 cores``; empty if nobody can tell."""
    seconds = report.sweep_seconds
    if seconds is None:
        return ""
    where = (
        f"with {plural(report.at_a_time, 'trial')} at a time on {report.device}"
        if report.device not in {"", "cpu"}
        else f"on {plural(report.busy, 'core')}"
    )
    text = f"the sweep takes {about(seconds)} {where}"
    most = report.most_seconds or seconds
    if about(most) != about(seconds):
        text += f", at most {about(most)} where all trials go far"
    if report.max_time is not None and report.max_time < seconds:
        text += f", and stops itself after {clock(report.max_time)}"
    return text


def check_lines(report: CheckReport, width: int) -> list[str]:
    """All that a check found."""
    room = width - LABEL
    text = "; ".join(part for part in (in_short(report), outlook(report)) if part)
    lines = block("check", wrap(text, room))
    if report.tried and report.unchecked:
        lines += block("", wrap(report.unchecked, room))
    lines += [" " * LABEL + line for line in _rows(report.tried, room)]
    if report.data:
        lines += block("data", wrap(report.data, room))
    if report.care:
        lines += block("care", wrap(report.care, room))
    for warning in report.warnings:
        lines += block("note", wrap(warning, room))
    return lines


def _rows(tried: Sequence[Tried], room: int) -> list[str]:
    """What each config costs, in columns; the config itself below."""
    name = max((len(one.name) for one in tried), default=0)
    columns = [
        ["-" if one.seconds is None else f"{brief(one.seconds)} s" for one in tried],
        [size(one.memory) for one in tried],
        ["" if one.gpu is None else f"GPU {size(one.gpu)}" for one in tried],
        ["" if one.weights is None else plural(one.weights, "weight") for one in tried],
    ]
    used = [column for column in columns if any(column)]
    widths = [max(map(len, column)) for column in used]
    lines = []
    for one, cells in zip(tried, zip(*used, strict=True), strict=True):
        figures = [f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True)]
        lines.append("  ".join([f"{one.name:<{name}}", *figures, one.failure]).rstrip())
        indent = " " * (name + 2)
        lines += [indent + line for line in fold(config_items(one.config), room - len(indent))]
    return lines


def failure_lines(report: CheckReport) -> list[str]:
    """Which of the configs failed, a line each."""
    return [
        f"{one.name} config: {one.failure} with {', '.join(config_items(one.config))}"
        for one in report.failures
    ]


def brief(seconds: float) -> str:
    """A time with two significant digits: ``0.012``, ``1.2``, ``130``."""
    return f"{seconds:.0f}" if seconds >= 10 else f"{seconds:.2g}"


def size(count: int) -> str:
    """Bytes as ``107 MB`` or ``2.4 GB``."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{max(1, round(count / 1e6))} MB"
