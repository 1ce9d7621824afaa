"""``analyze``: from a run folder to words, numbers and figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.figures import Picture, check_names, write_figures
from analysis.findings import Findings, find
from analysis.load import Run, load_run
from analysis.summary import look_out, summary
from searchspaces.errors import ConfigurationError


@dataclass(frozen=True)
class Analysis:
    """What an analysis found and where its figures lie.

    Attributes:
        findings: everything, typed.
        pictures: the figures, drawn or withheld.
        folder: where they were written.
    """

    findings: Findings
    pictures: tuple[Picture, ...]
    folder: Path

    @property
    def figures(self) -> dict[str, tuple[Path, ...]]:
        """Files by figure, those drawn only."""
        return {picture.name: picture.paths for picture in self.pictures if picture.drawn}

    @property
    def lines(self) -> tuple[str, ...]:
        """The words for a terminal, one line each."""
        last = [f"figures   {self.folder} ({len(self.figures)})"] if self.pictures else []
        last += [
            f"{'':10}{picture.name} not drawn: {picture.reading}"
            for picture in self.pictures
            if not picture.drawn
        ]
        return (*summary(self.findings), *last)

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
            "best": None if best is None else {
                "trial_id": best.trial_id,
                "number": best.number,
                "epoch": best.epoch,
                "of_epochs": found.ranking.epoch,
                "metrics": {name: value if math.isfinite(value) else None
                            for name, value in best.metrics.items()},
                "config": best.config,
            },
            "epochs": found.optimum.as_dict(),
            "importance": found.importance.as_dict(),
            "at_bounds": [warning.as_dict() for warning in found.at_bounds],
            "failures": found.failures,
            "look_out": list(look_out(found)),
            "figures": [
                {
                    "name": picture.name,
                    "drawn": picture.drawn,
                    "reading": picture.reading,
                    "paths": [str(path) for path in picture.paths],
                }
                for picture in self.pictures
            ],
        }  # fmt: skip


def analyze(
    run_folder: str | Path | Run,
    *,
    formats: Sequence[str] = ("png", "svg"),
    only: Sequence[str] | None = None,
    top: int = 5,
) -> Analysis:
    """Analyze a run and write its figures to ``figures/`` in its folder.

    Args:
        run_folder: where the run lies, or the run.
        formats: of the figures: png, svg, pdf.
        only: names of the figures to draw; all by default, none if empty.
        top: how many of the best full trials the epoch optimum rests on.

    Raises:
        UsageError: no results, a damaged table, a folder that cannot be written to.
        UnknownNameError: no such figure or format.
        ConfigurationError: ``top`` is below 1.
    """
    check_names(formats, only)
    if top < 1:
        raise ConfigurationError(f"{top} is below 1. Give the number of best trials to look at.",
                                 place="top")  # fmt: skip
    run = run_folder if isinstance(run_folder, Run) else load_run(run_folder)
    findings = find(run, top=top)
    folder = run.folder / "figures"
    if only is not None and not only:
        return Analysis(findings, (), folder)
    return Analysis(findings, write_figures(findings, folder, formats=formats, only=only), folder)
