"""The report's words: the answer, and for each part what it shows in this run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from analysis.metrics import label, plural, short_label
from analysis.summary import blocks

if TYPE_CHECKING:
    from analysis.figures import Picture
    from analysis.findings import Findings

_PARTS = ("parallel_coordinates", "learning_curves", "importance", "epoch_optimum")


def answer(findings: Findings) -> list[dict[str, Any]]:
    """The blocks of the summary, each a head and its lines."""
    return [{"head": head, "lines": list(lines)} for head, lines in blocks(findings)]


def readings(findings: Findings, figures: Sequence[Picture]) -> dict[str, dict[str, Any]]:
    """For each figure that the report has as well: its sentence, and whether it is drawn.

    Taken from ``figures`` where they hold it; otherwise the figure is drawn for its sentence.
    """
    drawn = {picture.name: (picture.drawn, picture.reading) for picture in figures}
    for name in _PARTS:
        if name not in drawn:
            drawn[name] = _drawn(name, findings)
    return {name: {"drawn": shown, "reading": reading} for name, (shown, reading) in drawn.items()}


def _drawn(name: str, findings: Findings) -> tuple[bool, str]:
    import importlib

    from analysis.figures.style import Drawing, style

    with style():
        outcome = importlib.import_module(f"analysis.figures.{name}").draw(findings)
    return (True, outcome.reading) if isinstance(outcome, Drawing) else (False, outcome.reason)


def intro(findings: Findings) -> dict[str, str]:
    """Headline and the line under it: what was tuned on what, and how it is judged."""
    run, meta = findings.run, findings.run.meta
    sweep = str(meta.raw.get("sweep") or meta.run)
    data = str(meta.raw.get("dataset") or "")
    better = "higher" if meta.mode == "max" else "lower"
    said = [
        plural(len(run.trials), "trial"),
        f"judged by {label(meta.metric)}, {better} is better",
        meta.data,
    ]
    return {
        "run": meta.run,
        "title": f"{sweep} on {data}" if data else sweep,
        "line": "; ".join(part for part in said if part),
    }


def metric_words(findings: Findings) -> dict[str, str]:
    """How the objective is called, and which way it improves."""
    meta = findings.run.meta
    return {
        "name": meta.metric,
        "label": label(meta.metric),
        "short": short_label(meta.metric),
        "mode": meta.mode,
    }
