"""One figure as an object: to look at in a notebook, to change, to save."""

from __future__ import annotations

import importlib
import uuid
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.figures.style import Drawing, Withheld, placeholder, style
from searchspaces.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from analysis.findings import Findings
    from analysis.load import Run

FORMATS = ("png", "svg", "pdf")
# Without a date in it the same run gives the same bytes.
_METADATA: dict[str, dict[str, str | None]] = {
    "png": {"Software": None},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
}


@dataclass(frozen=True)
class ShownFigure:
    """A figure of a run; a notebook shows it.

    Attributes:
        name: of the figure.
        title: what kind of figure it is.
        reading: one sentence that says what it shows in this run, or why it is not drawn.
        drawn: False if it would mislead; ``figure`` then says why.
        figure: of matplotlib, yours to change; it belongs to no pyplot state.
    """

    name: str
    title: str
    reading: str
    drawn: bool
    figure: Figure

    def save(self, path: str | Path) -> Path:
        """Write it to a file whose name ends with its format: png, svg or pdf.

        Raises:
            UnknownNameError: another format.
            UsageError: the file cannot be written.
        """
        path = Path(path)
        suffix = path.suffix.removeprefix(".").lower()
        if suffix not in FORMATS:
            raise UnknownNameError("figure format", suffix, FORMATS)
        try:
            with style():
                return save_figure(self.figure, path, suffix)
        except OSError as error:
            raise UsageError(
                f"cannot write figure to {path}: {error.strerror or error}. Give another path"
            ) from error

    def _repr_png_(self) -> bytes:
        content = BytesIO()
        with style():
            self.figure.savefig(content, format="png", metadata=_METADATA["png"])
        return content.getvalue()

    def _repr_html_(self) -> str:
        return self._html(self._repr_png_() if self.drawn else None)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """Both at once, so that a notebook has it rendered once and not twice."""
        png = self._repr_png_()
        return {"text/html": self._html(png if self.drawn else None), "image/png": png}

    def _html(self, png: bytes | None) -> str:
        from analysis.notebook_html import figure_html

        return figure_html(self.title, self.reading, png)


def figure(name: str, run: Run | Findings | str | Path = "") -> ShownFigure:
    """Draw one figure.

    Args:
        name: one of ``analysis.figures.figure_names()``.
        run: the run, what :func:`analysis.findings.find` found in it, its path, or a
            unique part of its id; the latest run by default.

    Raises:
        UnknownNameError: no such figure.
        UsageError: no such run, or it has no results.
    """
    from analysis.figures import check_names
    from analysis.findings import Findings, find
    from analysis.load import Run, load_run

    check_names((), [name])
    if not isinstance(run, Findings):
        run = find(run if isinstance(run, Run) else load_run(run))
    with style():
        return draw_figure(name, run)


def draw_figure(name: str, findings: Findings) -> ShownFigure:
    """Draw one figure, or what stands in its place; within ``style()``."""
    module = importlib.import_module(f"analysis.figures.{name}")
    return shown(name, module.TITLE, module.draw(findings))


def shown(name: str, title: str, outcome: Drawing | Withheld) -> ShownFigure:
    """What was drawn, or what stands in its place; within ``style()``."""
    if isinstance(outcome, Withheld):
        instead = placeholder(title, outcome.reason)
        return ShownFigure(name, title, outcome.reason, drawn=False, figure=instead)
    return ShownFigure(name, title, outcome.reading, drawn=True, figure=outcome.figure)


def save_figure(figure: Figure, path: Path, suffix: str) -> Path:
    """Write a figure as a whole or not at all; within ``style()``."""
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        figure.savefig(part, format=suffix, metadata=_METADATA[suffix])
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path
