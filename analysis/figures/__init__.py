"""One module per figure: ``TITLE`` and ``draw(findings) -> Drawing | Withheld``.

A new figure is a new module here; its name is the figure's name.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.figures.shown import FORMATS, draw_figure, save_figure
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
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with style():
            return tuple(_write(name, findings, folder, formats) for name in names)
    except OSError as error:
        raise UsageError(
            f"cannot write figures to {folder}: {error.strerror or error}. Make it writable"
        ) from error


def check_names(formats: Sequence[str], only: Sequence[str] | None) -> tuple[str, ...]:
    """The figures to draw, once each, after checking that all names exist.

    Raises:
        UnknownNameError: no such figure or format.
    """
    known = figure_names()
    for name in only or ():
        if name not in known:
            raise UnknownNameError("figure", name, known)
    for name in formats:
        if name not in FORMATS:
            raise UnknownNameError("figure format", name, FORMATS)
    return known if only is None else tuple(dict.fromkeys(only))


def _write(name: str, findings: Findings, folder: Path, formats: Sequence[str]) -> Picture:
    shown = draw_figure(name, findings)
    paths = tuple(
        save_figure(shown.figure, folder / f"{name}.{suffix}", suffix) for suffix in formats
    )
    return Picture(name, shown.reading, shown.drawn, paths)
