"""The findings in words, as ``orch analyze`` prints them."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Sequence

from analysis.advice import advised
from analysis.findings import Best, Findings
from analysis.metrics import deviation, number, plural
from analysis.parameters import plain

_INDENT = 10
_COLUMNS = 80


_WARNINGS = ("failure_causes", "pruning", "overfitting", "ties", "winners_drop", "idle", "coverage")
"""Properties of Findings whose words are warnings, most pressing first."""


def summary(findings: Findings) -> tuple[str, ...]:
    """The blocks as lines for a terminal of 80 columns."""
    return tuple(line for head, lines in blocks(findings) for line in block(head, lines))


def blocks(findings: Findings) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Heads and their lines: best config, epochs, what matters, what to look out for, more.

    Lines are as long as they are; a block without lines is left out.
    """
    meta = findings.run.meta
    given = (
        ("best", _best(findings)),
        ("split", (meta.split,) if meta.split else ()),
        ("care", (meta.warning,) if meta.warning else ()),
        ("epochs", _epochs(findings)),
        ("matters", _matters(findings)),
        ("look out", look_out(findings)),
        ("cheaper", findings.cost_front.words()),
        ("front", findings.pareto.words()),
        ("more", findings.tuning_curve.words()),
    )
    return tuple((head, advised(findings.run, lines)) for head, lines in given if lines)


def look_out(findings: Findings) -> tuple[str, ...]:
    """Warnings, each a line and what to do about it below; then what was left out."""
    lines = [line for warning in warnings_of(findings) for line in _indented(warning)]
    if findings.importance.cut:
        cut = findings.importance.cut
        lines.append(
            f"{plural(cut, 'trial')} far worse than the rest; importance cuts "
            f"{'it' if cut == 1 else 'them'} at its fence"
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
            f"the best trial itself (trial {winner.number}) was best at epoch {winner.epoch}, "
            f"its curve smoothed"
        )
    return (*advised(findings.run, lines), *findings.run.notes)


def warnings_of(findings: Findings) -> tuple[tuple[str, ...], ...]:
    """Each warning that this run gives: what was seen, then lines on what to do."""
    given = [warning.words() for warning in findings.at_bounds]
    given += [getattr(findings, name).words() for name in _WARNINGS]
    return tuple(words for words in given if words)


def best_words(best: Best) -> str:
    """``trial 17  valid_loss 0.171  accuracy 0.957``; of several trainings ``0.171 ± 0.02``."""
    shown = [next(iter(best.metrics)), *(name for name in ("accuracy",) if name in best.metrics)]
    values = [f"{name} {number(best.metrics[name], name)}" for name in dict.fromkeys(shown)]
    apart = best.metrics.get(deviation(shown[0]), math.nan)
    if math.isfinite(apart):
        values[0] += f" ± {apart:.2g}"
    return "  ".join([f"trial {best.number}", *values])


def _best(findings: Findings) -> tuple[str, ...]:
    best = findings.best
    if best is None:
        return ("none: no trial has a result",)
    searched = {parameter.name for parameter in findings.run.meta.parameters}
    config = [f"{name} {plain(value)}" for name, value in best.config.items() if name in searched]
    words = f"{best_words(best)}  {best.where(findings.run.meta.max_epochs)}"
    return (words, "  ".join(config)) if config else (words,)


def _matters(findings: Findings) -> tuple[str, ...]:
    """Importance; where there is any, what sets the best apart and which way is better."""
    found = findings.importance
    if found.withheld:
        return found.words()
    further = [part for part in (findings.correlations, findings.local_importance)
               if not part.withheld]  # fmt: skip
    return (*found.words(), *(line for part in further for line in part.words()))


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


def _indented(lines: Sequence[str]) -> list[str]:
    return [lines[0], *(f"  {line}" for line in lines[1:])]


def block(head: str, lines: Sequence[str]) -> list[str]:
    """Lines under a head of at most 9 characters, folded to a terminal of 80 columns."""
    short = [part for line in lines for part in _folded(line)]
    return [f"{'' if place else head:<{_INDENT}}{line}" for place, line in enumerate(short)]


def _folded(line: str) -> list[str]:
    width = _COLUMNS - _INDENT
    if len(line) <= width:
        return [line]
    tied = line.replace(" ± ", "\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}")
    # What is to be typed stays on one line.
    typed = r"orch [a-z]+ \S+|--[a-z]+ ('[^']*'|\S+)"
    tied = re.sub(typed, lambda found: found[0].replace(" ", "\N{NO-BREAK SPACE}"), tied)
    if "  " in line.strip():  # facts side by side: each stays whole
        tied = re.sub("(?<! ) (?! )", "\N{NO-BREAK SPACE}", tied)
    indent = " " * (len(line) - len(line.lstrip()))
    parts = textwrap.wrap(tied, width, subsequent_indent=indent, break_long_words=False,
                          break_on_hyphens=False)  # fmt: skip
    return [part.replace("\N{NO-BREAK SPACE}", " ") for part in parts]
