"""``analyze_runs``: from several run folders to words, numbers and figures."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from analysis.comparison.compare import Comparison, compare_runs
from analysis.comparison.figures import NAMES, write_comparison
from analysis.comparison.merge import merge_runs
from analysis.figures import Picture, figure_names
from analysis.load import Run, load_run
from analysis.objective import judged_by
from analysis.pipeline import Analysis, analyze, as_names, check, typed
from analysis.summary import block
from searchspaces.errors import UnknownNameError, UsageError


@dataclass(frozen=True)
class SeveralAnalysis:
    """What an analysis of several runs found and where its figures lie.

    Attributes:
        comparison: the strategies against each other.
        pictures: of the comparison.
        merged: all runs as one, where they searched one space; else None.
        apart: why they were not looked at as one, else empty.
        folder: where everything was written.
    """

    comparison: Comparison
    pictures: tuple[Picture, ...]
    merged: Analysis | None
    apart: str
    folder: Path

    def __repr__(self) -> str:
        names = ", ".join(standing.name for standing in self.comparison.standings)
        return f"<SeveralAnalysis of {names}: {len(self.figures)} figures>"

    def _repr_html_(self) -> str:
        """The words and the figures, for a notebook."""
        from analysis.notebook_html import analysis_html

        merged = () if self.merged is None else self.merged.pictures
        return analysis_html(self.lines, (*self.pictures, *merged))

    @property
    def figures(self) -> dict[str, tuple[Path, ...]]:
        """Files of the comparison by figure, those drawn only."""
        return {picture.name: picture.paths for picture in self.pictures if picture.drawn}

    @property
    def lines(self) -> tuple[str, ...]:
        """The words for a terminal, one line each."""
        lines = block("compare", self.comparison.words())
        if self.comparison.data:
            lines += block("data", [self.comparison.data])
        if self.pictures:
            lines.append(f"figures   {self.folder} ({len(self.figures)})")
        for picture in self.pictures:
            if not picture.drawn:
                lines += block("", [f"not drawn: {picture.name}: {picture.reading}"])
        if self.merged is None:
            return (*lines, *block("apart", [self.apart]))
        runs = len(self.merged.findings.run.meta.raw["runs"])
        trials = len(self.merged.findings.run.trials)
        return (*lines, "", *block("together", [f"{trials} trials of {runs} runs as one"]),
                *self.merged.lines)  # fmt: skip

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "comparison": self.comparison.as_dict(),
            "figures": [picture.as_dict() for picture in self.pictures],
            "merged": None if self.merged is None else self.merged.as_dict(),
            "apart": self.apart,
            "folder": str(self.folder),
        }


def analyze_runs(
    folders: Sequence[str | Path | Run],
    *,
    formats: str | Sequence[str] = ("png", "svg"),
    only: str | Sequence[str] | None = None,
    top: int = 5,
    metric: str | None = None,
    html: bool = False,
    folder: Path | None = None,
) -> SeveralAnalysis:
    """Compare runs and, where they searched one space, look at all their trials as one run.

    Args:
        folders: the runs, or where they lie; at least two.
        formats: of the figures: png, svg, pdf.
        only: names of the figures to draw, of the comparison or of one run; all by default.
        top: how many of the best full trials the epoch optimum rests on.
        metric: what trials are judged by; by default the objective, which must be the same.
        html: also write the report of the runs as one.
        folder: where to write; by default ``compare-`` and four digits that belong to these
            runs, beside the first of them. Figures of the runs as one lie in ``figures`` there.

    Raises:
        UsageError: the runs cannot be compared, a damaged table, no results, or a folder
            that cannot be written to.
        UnknownNameError: no such figure, format or metric.
        ConfigurationError: ``top`` is below 1.
    """
    formats, only = as_names(formats), None if only is None else as_names(only)
    own = None if only is None else [name for name in only if name in NAMES]
    single = None if only is None else [name for name in only if name in figure_names()]
    for name in only or ():
        if name not in (known := (*NAMES, *figure_names())):
            raise UnknownNameError("figure", name, sorted(set(known)))
    check(formats, None if own else single, top)
    runs = [given if isinstance(given, Run) else load_run(given) for given in folders]
    runs = _judged(runs, metric)
    comparison = compare_runs(runs)
    folder = folder or runs[0].folder.parent / f"compare-{_digits(runs)}"
    pictures: tuple[Picture, ...] = ()
    if own is None or own:
        pictures = write_comparison(comparison, folder, formats, only=own)
    merged, apart = None, ""
    try:
        together = merge_runs(runs, folder)
    except UsageError as error:
        apart = str(error)
    else:
        if html:
            folder.mkdir(parents=True, exist_ok=True)
        merged = analyze(together, formats=formats, only=single, top=top, html=html)
        merged = replace(merged, again=typed(runs, metric))
    return SeveralAnalysis(comparison, pictures, merged, apart, folder)


def _judged(runs: Sequence[Run], metric: str | None) -> list[Run]:
    """The runs as judged by a metric that all of them have."""
    if metric is not None and any(metric in run.metrics for run in runs):
        for run in runs:
            if metric not in run.metrics:
                raise UsageError(f"run {run.meta.run} has no metric {metric!r}. "
                                 f"It has: {', '.join(sorted(run.metrics))}.")  # fmt: skip
    return [judged_by(run, metric) for run in runs]


def _digits(runs: Sequence[Run]) -> str:
    """Four hexadecimal digits that belong to these runs, in whatever order they are given."""
    names = "\n".join(sorted(run.meta.run for run in runs))
    return hashlib.sha256(names.encode()).hexdigest()[:4]
