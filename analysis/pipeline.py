"""``analyze``: from a run folder to words, numbers, figures and a report."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.figures import Picture, check_names, write_figures
from analysis.findings import Findings, find
from analysis.load import Run, load_run
from analysis.locate import short_name
from analysis.objective import judged_by
from analysis.summary import block, look_out, summary
from searchspaces.errors import ConfigurationError, UsageError

_TOLD = ("importance", "marginals", "local_importance", "correlations", "ablation",
         "failure_causes", "pruning", "overfitting", "ties", "winners_drop", "idle", "coverage",
         "cost_front", "history", "tuning_curve")  # fmt: skip
"""Properties of Findings that JSON has under their names."""


@dataclass(frozen=True)
class Analysis:
    """What an analysis found and where its figures lie.

    Attributes:
        findings: everything, typed.
        pictures: the figures, drawn or withheld.
        folder: where they were written.
        report: the page, where one was asked for.
        again: what to type after ``orch analyze`` for the same.
    """

    findings: Findings
    pictures: tuple[Picture, ...]
    folder: Path
    report: Path | None = None
    again: str = ""

    def __repr__(self) -> str:
        return f"<Analysis of {self.findings.run.meta.run}: {len(self.figures)} figures>"

    @property
    def figures(self) -> dict[str, tuple[Path, ...]]:
        """Files by figure, those drawn only."""
        return {picture.name: picture.paths for picture in self.pictures if picture.drawn}

    @property
    def lines(self) -> tuple[str, ...]:
        """The words for a terminal, one line each."""
        return (*summary(self.findings), *_written(self))

    def _repr_html_(self) -> str:
        """The words and the figures, for a notebook."""
        from analysis.notebook_html import analysis_html

        return analysis_html(self.lines, self.pictures)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        found = self.findings
        best = found.best
        return {
            "run": found.run.meta.run,
            "metric": found.run.meta.metric,
            "mode": found.run.meta.mode,
            "split": found.run.meta.split,
            "warning": found.run.meta.warning,
            "trials": len(found.run.trials),
            "space_edits": [edit.as_dict() for edit in found.run.meta.edits],
            "best": None if best is None else {
                "trial_id": best.trial_id,
                "number": best.number,
                "epoch": best.epoch,
                "of_epochs": best.of,
                "metrics": {name: value if math.isfinite(value) else None
                            for name, value in best.metrics.items()},
                "config": best.config,
            },
            "epochs": found.optimum.as_dict(),
            "failures": found.failures,
            "at_bounds": [warning.as_dict() for warning in found.at_bounds],
            **{name: getattr(found, name).as_dict() for name in _TOLD},
            **({"pareto": found.pareto.as_dict()} if len(found.run.meta.goals) > 1 else {}),
            "look_out": list(look_out(found)),
            "figures": [picture.as_dict() for picture in self.pictures],
            "report": None if self.report is None else str(self.report),
        }  # fmt: skip


def analyze(
    run_folder: str | Path | Run,
    *,
    formats: str | Sequence[str] = ("png", "svg"),
    only: str | Sequence[str] | None = None,
    top: int = 5,
    metric: str | None = None,
    html: bool = False,
) -> Analysis:
    """Analyze a run and write its figures to ``figures/`` in its folder.

    Args:
        run_folder: where the run lies, a unique part of its id, or the run.
        formats: of the figures: png, svg, pdf.
        only: names of the figures to draw; all by default, none if empty.
        top: how many of the best full trials the epoch optimum rests on.
        metric: what trials are judged by; the objective of the sweep by default.
        html: also write ``report.html`` into the run's folder.

    Raises:
        UsageError: no results, a damaged table, no format, a folder that cannot be written to.
        UnknownNameError: no such figure, format or metric.
        ConfigurationError: ``top`` is below 1.
    """
    formats, only = as_names(formats), None if only is None else as_names(only)
    _check_alone(only or ())
    check(formats, only, top)
    run = run_folder if isinstance(run_folder, Run) else load_run(run_folder)
    findings = find(judged_by(run, metric), top=top)
    folder = run.folder / "figures"
    pictures: tuple[Picture, ...] = ()
    if only is None or only:
        pictures = write_figures(findings, folder, formats=formats, only=only)
    report = None
    if html:
        from analysis.report import write_report

        report = write_report(findings, run.folder / "report.html", figures=pictures)
    return Analysis(findings, pictures, folder, report, typed([run], metric))


def as_names(names: str | Sequence[str]) -> tuple[str, ...]:
    """Names, of which there may be one."""
    return (names,) if isinstance(names, str) else tuple(names)


def check(formats: Sequence[str], only: Sequence[str] | None, top: int) -> None:
    """Check what every analysis is asked for.

    Raises:
        UsageError: no format, though there is something to draw.
        UnknownNameError: no such figure or format.
        ConfigurationError: ``top`` is below 1.
    """
    check_names(formats, only)
    if not formats and (only is None or only):
        raise UsageError("no format to draw figures in. Give png, svg or pdf, or draw none.")
    if top < 1:
        raise ConfigurationError(f"{top} is below 1. Give the number of best trials to look at.",
                                 place="top")  # fmt: skip


def _check_alone(only: Sequence[str]) -> None:
    from analysis.comparison.figures import NAMES

    for name in only:
        if name in NAMES:
            raise UsageError(f"figure {name!r} compares runs. Give two or more of them.")


def typed(runs: Sequence[Run], metric: str | None) -> str:
    """What to type after ``orch analyze`` to look at these runs by this metric."""
    judged = [] if metric is None else ["--metric", shlex.quote(metric)]
    return " ".join([*(short_name(run.folder) for run in runs), *judged])


def _written(analysis: Analysis) -> list[str]:
    """Where the figures and the report lie, and which figures would mislead."""
    lines = []
    if analysis.pictures:
        hint = "" if analysis.report else f"    orch analyze {analysis.again} --html"
        lines.append(f"figures   {analysis.folder} ({len(analysis.figures)}){hint}")
    withheld: dict[str, list[str]] = {}
    for picture in analysis.pictures:
        if not picture.drawn:
            withheld.setdefault(picture.reading, []).append(picture.name)
    for reason, names in withheld.items():
        lines += block("", [f"not drawn: {', '.join(names)}: {reason}"])
    if analysis.report is not None:
        lines.append(f"report    {analysis.report}")
    return lines
