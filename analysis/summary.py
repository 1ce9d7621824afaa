"""The findings in words, as ``orch analyze`` prints them."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from analysis.epoch_optimum import plural
from analysis.findings import Best, Findings
from analysis.metrics import number
from analysis.parameters import plain

_INDENT = 10
_COLUMNS = 80


def summary(findings: Findings) -> tuple[str, ...]:
    """Lines for the terminal: best config, split, epochs, what matters, what to look out for."""
    lines = [
        *_block("best", _best(findings)),
        *_block("split", [findings.run.meta.split] if findings.run.meta.split else []),
        *_block("care", [findings.run.meta.warning] if findings.run.meta.warning else []),
        *_block("epochs", _epochs(findings)),
        *_block("matters", findings.importance.words()),
        *_block("look out", look_out(findings)),
    ]
    return tuple(lines)


def look_out(findings: Findings) -> tuple[str, ...]:
    """Warnings: ranges to widen, failed trials by cause, what was left out."""
    lines = [line for warning in findings.at_bounds for line in _indented(warning.words())]
    if findings.failures:
        total = len(findings.run.trials)
        alone = len(findings.failures) == 1
        causes = ", ".join(
            reason if alone else f"{reason} ({count})"
            for reason, count in findings.failures.items()
        )
        lines.append(
            f"{sum(findings.failures.values())} of {plural(total, 'trial')} failed: {causes}"
        )
    if findings.importance.cut:
        cut = findings.importance.cut
        lines.append(
            f"{plural(cut, 'trial')} far worse than the rest; importance cuts them at its fence"
        )
    winner = next(iter(findings.optimum.trials), None)
    optimum = findings.optimum
    if (
        winner is not None
        and optimum.low is not None
        and optimum.high is not None
        and not optimum.low <= winner.epoch <= optimum.high
    ):
        lines.append(
            f"the best trial itself (trial {winner.number}) was best at epoch {winner.epoch}"
        )
    return (*lines, *findings.run.notes)


def best_words(best: Best) -> str:
    """``trial 17  valid_loss 0.171  accuracy 0.957``."""
    shown = [next(iter(best.metrics)), *(name for name in ("accuracy",) if name in best.metrics)]
    values = [f"{name} {number(best.metrics[name], name)}" for name in dict.fromkeys(shown)]
    return "  ".join([f"trial {best.number}", *values])


def _best(findings: Findings) -> tuple[str, ...]:
    best, order = findings.best, findings.ranking
    if best is None:
        return ("none: no trial has a result",)
    of = findings.run.meta.max_epochs
    short = "" if order.epoch >= of else f" (no trial ran all {of})"
    searched = {parameter.name for parameter in findings.run.meta.parameters}
    config = _wrapped(
        [f"{name} {plain(value)}" for name, value in best.config.items() if name in searched]
    )
    words = f"{best_words(best)}  epoch {best.epoch} of {order.epoch}{short}"
    return (words, *config)


def _epochs(findings: Findings) -> tuple[str, ...]:
    optimum = findings.optimum
    if optimum.epoch is None:
        return (optimum.words(),)
    used = len(optimum.used)
    of = plural(optimum.full_trials, "full trial")
    if optimum.low is None:
        return (optimum.words(), f"from {of}, too few for an interval")
    return (
        optimum.words(),
        f"from the best {used} of {of}" if used < optimum.full_trials else f"from {of}",
    )


def _wrapped(items: Sequence[str]) -> list[str]:
    """Items in lines that fit a terminal of 80 columns."""
    lines: list[str] = []
    for item in items:
        if lines and len(lines[-1]) + 2 + len(item) <= _COLUMNS - _INDENT:
            lines[-1] += f"  {item}"
        else:
            lines.append(item)
    return lines


def _indented(lines: Sequence[str]) -> list[str]:
    return [lines[0], *(f"  {line}" for line in lines[1:])]


def _block(head: str, lines: Sequence[str]) -> list[str]:
    short = [part for line in lines for part in _folded(line)]
    return [f"{'' if place else head:<{_INDENT}}{line}" for place, line in enumerate(short)]


def _folded(line: str) -> list[str]:
    width = _COLUMNS - _INDENT
    if len(line) <= width:
        return [line]
    tied = line.replace(" ± ", "\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}")
    parts = textwrap.wrap(tied, width, break_long_words=False, break_on_hyphens=False)
    return [part.replace("\N{NO-BREAK SPACE}", " ") for part in parts]
