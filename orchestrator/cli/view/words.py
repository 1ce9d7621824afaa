"""Numbers, times, configs and lists as people read them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

LABEL = 7
"""Width of the column of labels at the left."""
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


def metric(value: float | None, name: str = "") -> str:
    """A metric's value: accuracies with three decimals, others with four significant digits.

    Large whole numbers are whole.
    """
    if value is None or not math.isfinite(value):
        return "-"
    if "accuracy" in name:
        return f"{value:.3f}"
    if value == int(value) and 1e4 <= abs(value) < 1e9:  # a count, such as that of weights
        return f"{value:.0f}"
    return f"{value:#.4g}".rstrip(".") if 1e-3 <= abs(value) < 1e4 else f"{value:.4g}"


def give_or_take(deviation: float | None) -> str:
    """`` ± 0.021``, behind a mean; nothing where there is no deviation."""
    return "" if deviation is None or not math.isfinite(deviation) else f" ± {deviation:.2g}"


def clock(seconds: float) -> str:
    """A time as ``m:ss``, or ``h:mm:ss`` from an hour on."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def about(seconds: float) -> str:
    """A time that is only estimated: ``about 40 s``, ``about 6 min``, ``about 3 h``."""
    if seconds < 90:
        return f"about {max(10, round(seconds / 10) * 10)} s"
    if seconds < 5400:
        return f"about {round(seconds / 60)} min"
    return f"about {seconds / 3600:.1f} h"


def plural(count: int, noun: str) -> str:
    """``1 trial``, ``1,200 trials``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def size(count: float) -> str:
    """Bytes as ``820 B``, ``14 kB``, ``3.2 MB``: two digits at least."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.1f} {unit}" if count < 9.95 and unit != "B" else f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def scalar(value: Any) -> str:
    """A value of a config, short: three significant digits, integers whole."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(scalar, value))}]"
    return str(value)


def config_items(config: Mapping[str, Any]) -> list[str]:
    """``hidden_size 181``, ``learning_rate 0.0031``: an item a parameter."""
    return [f"{name} {scalar(value)}" for name, value in config.items()]


def fold(items: Iterable[str], width: int, *, gap: str = "  ") -> list[str]:
    """Items side by side in lines of at most ``width`` columns; none is torn."""
    lines: list[str] = []
    for item in items:
        if lines and len(lines[-1]) + len(gap) + len(item) <= width:
            lines[-1] += gap + item
        else:
            lines.append(item)
    return lines


def wrap(text: str, width: int) -> list[str]:
    """Words in lines of at most ``width`` columns."""
    return fold(text.split(), width, gap=" ")


def block(label: str, lines: Sequence[str]) -> list[str]:
    """Lines with a label before the first and as much space before the others."""
    return [
        f"{label if index == 0 else '':<{LABEL}}{line}".rstrip() for index, line in enumerate(lines)
    ]


def ends(left: str, right: str, width: int) -> str:
    """``left`` and ``right`` at the two ends of a line; ``right`` goes if there is no room."""
    space = width - len(left) - len(right)
    return f"{left}{' ' * space}{right}" if space >= 2 else left


def cut(line: str, width: int) -> str:
    """A line that is not longer than the terminal."""
    return line if len(line) <= width else line[: max(0, width - 1)] + ELLIPSIS


def numbers(values: Sequence[int], most: int = 5) -> str:
    """``trial 12``, ``trials 3, 5 and 9``, ``trials 1, 2, 3, 4, 5 and 20 more``."""
    if len(values) == 1:
        return f"trial {values[0]}"
    shown = [str(value) for value in values[:most]]
    if len(values) > most:
        return f"trials {', '.join(shown)} and {len(values) - most:,} more"
    return f"trials {', '.join(shown[:-1])} and {shown[-1]}"


BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float], width: int) -> str:
    """Values as bars, the highest and the lowest filling the height; at most ``width`` of them."""
    if not values:
        return ""
    low, high = min(values), max(values)
    if low == high:
        return BARS[0] * min(width, len(values))
    count = min(width, len(values))
    picked = [values[round(i * (len(values) - 1) / max(1, count - 1))] for i in range(count)]
    top = len(BARS) - 1
    return "".join(BARS[round((value - low) / (high - low) * top)] for value in picked)
