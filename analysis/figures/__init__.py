"""One module per figure: ``TITLE`` and ``draw(findings) -> Drawing | Withheld``.

A new figure is a new module here; its name is the figure's name. One that most runs have no
use for has ``concerns(findings) -> bool`` too: without that it is drawn only if it is named.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.figures.shown import FORMATS, ShownFigure, draw_figure, save_figure
from analysis.figures.style import style
from searchspaces.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from analysis.findings import Findings

_HELPERS = {"choosing", "pair_cells", "panels", "shown", "style"}


@dataclass(frozen=True)
class Picture:
    """A figure on disk.

    Attributes:
        name: the figure.
        reading: one sentence, or why it is not drawn.
        drawn: False if the files only say why there is no figure.
        paths: its files, one a format.
    """

    name: str
    reading: str
    drawn: bool
    paths: tuple[Path, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**asdict(self), "paths": [str(path) for path in self.paths]}


def figure_names() -> tuple[str, ...]:
    """Every figure there is, sorted."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(__path__) if m.name not in _HELPERS))


def write_figures(
    findings: Findings, folder: Path, *, formats: Sequence[str], only: Sequence[str] | None = None
) -> tuple[Picture, ...]:
    """Draw figures and write them into ``folder``, each file replaced as a whole.

    Raises:
        UnknownNameError: no such figure or format.
        UsageError: the folder cannot be written to.
    """
    names = check_names(formats, only)
    if only is None:
        names = tuple(name for name in names if _concerns(name, findings))
    return write_pictures(names, lambda name: draw_figure(name, findings), folder, formats)


def _concerns(name: str, findings: Findings) -> bool:
    """Whether a figure is about anything of such a run; most are about every run."""
    concerns = getattr(importlib.import_module(f"analysis.figures.{name}"), "concerns", None)
    return concerns is None or bool(concerns(findings))


def write_pictures(
    names: Sequence[str],
    draw: Callable[[str], ShownFigure],
    folder: Path,
    formats: Sequence[str],
) -> tuple[Picture, ...]:
    """Draw what is called ``names`` and write it into ``folder``, each file replaced as a whole.

    Raises:
        UsageError: the folder cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with style():
            return tuple(_write(draw(name), folder, formats) for name in names)
    except OSError as error:
        raise UsageError(
            f"cannot write figures to {folder}: {error.strerror or error}. Make it writable"
        ) from error


def check_names(
    formats: Sequence[str], only: Sequence[str] | None, known: Sequence[str] | None = None
) -> tuple[str, ...]:
    """The figures to draw, once each, after checking that all names exist.

    Args:
        formats: of files.
        only: names of figures; all by default.
        known: those there are; by default the figures of a run.

    Raises:
        UnknownNameError: no such figure or format.
    """
    known = figure_names() if known is None else tuple(known)
    for kind, names, right in (("figure", only or (), known), ("figure format", formats, FORMATS)):
        for name in names:
            if name not in right:
                raise UnknownNameError(kind, name, right)
    return known if only is None else tuple(dict.fromkeys(only))


def _write(shown: ShownFigure, folder: Path, formats: Sequence[str]) -> Picture:
    paths = tuple(
        save_figure(shown.figure, folder / f"{shown.name}.{suffix}", suffix) for suffix in formats
    )
    return Picture(shown.name, shown.reading, shown.drawn, paths)
