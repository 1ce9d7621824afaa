"""Scores over coarse cells of two parameters: best, median and how many trials."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.fidelity import IntArray
from analysis.importance.effects import Importance
from analysis.parameters import FloatArray, Parameter
from searchspaces import Choice

AWAY = (-0.38, -0.18)
"""Where the cell of inactive trials lies, below the range from 0 to 1."""
_MOST = 6  # cells along a parameter
_PER_CELL = 6  # trials a cell should have on average


@dataclass(frozen=True)
class Cells:
    """Scores over a grid of two parameters; rows are the second's cells, columns the first's.

    Attributes:
        edges: of the first parameter's cells and of the second's, in unit coordinates.
        counts: trials in each cell, shape (rows, columns).
        best: best score, NaN where there is no trial; the same shape.
        median: median score.
    """

    edges: tuple[FloatArray, FloatArray]
    counts: IntArray
    best: FloatArray
    median: FloatArray


def strongest(found: Importance, parameters: Sequence[Parameter]) -> list[tuple[str, str]]:
    """All pairs of parameters, those first that explain most together.

    Pairs beyond the noise come first; then those whose parameters alone explain most.
    """
    loud = {frozenset((pair.a, pair.b)): pair.share for pair in found.pairs if not pair.noise}
    alone = {effect.name: effect.share for effect in found.effects}

    def weight(pair: tuple[str, str]) -> tuple[float, float]:
        together = loud.get(frozenset(pair), 0.0)
        return -together, -alone.get(pair[0], 0.0) * alone.get(pair[1], 0.0)

    return sorted(itertools.combinations([p.name for p in parameters], 2), key=weight)


def cells_of(
    pair: tuple[Parameter, Parameter],
    places: tuple[FloatArray, FloatArray],
    losses: FloatArray,
    sign: int,
) -> Cells:
    """Best and median score in every cell that trials fell into, nothing in between.

    Args:
        pair: the parameters.
        places: their coordinates, NaN where inactive; each of shape (trials,).
        losses: to be minimised, shape (trials,).
        sign: what makes losses scores again.
    """
    edges = tuple(
        cell_edges(parameter, place, len(losses))
        for parameter, place in zip(pair, places, strict=True)
    )
    across, down = (
        np.searchsorted(edge[1:-1], np.where(np.isnan(place), AWAY[0], place), side="right")
        for edge, place in zip(edges, places, strict=True)
    )
    shape = (len(edges[1]) - 1, len(edges[0]) - 1)
    cell = down * shape[1] + across
    counts = np.bincount(cell, minlength=shape[0] * shape[1])
    best, median = np.full((2, len(counts)), np.nan)
    order = np.lexsort((losses, cell))
    for index, inside in zip(
        np.flatnonzero(counts),
        np.split(losses[order], np.cumsum(counts[counts > 0])[:-1]),
        strict=True,
    ):
        best[index], median[index] = inside[0], np.median(inside)
    return Cells(
        (edges[0], edges[1]),
        counts.reshape(shape),
        sign * best.reshape(shape),
        sign * median.reshape(shape),
    )


def cell_edges(parameter: Parameter, places: FloatArray, trials: int) -> FloatArray:
    """Edges of coarse cells, so few that each has some trials; a cell of its own for inactive.

    Values of a grid are put together, those of a choice never. Between the range and the
    place for inactive trials lies an empty cell.
    """
    # Trials per cell are those per side, squared.
    wanted = int(np.clip(math.isqrt(trials // _PER_CELL), 2, _MOST))
    cells = parameter.cells()
    if cells is None:
        edges = np.linspace(0, 1, wanted + 1)
    else:
        edges = cells[1]
        if not isinstance(parameter.domain, Choice) and len(edges) - 1 > max(wanted, 2):
            # Grids of many values have edges near enough to even ones.
            at = np.searchsorted(edges, np.linspace(0, 1, wanted + 1))
            edges = edges[np.unique(at)]
    if np.isnan(places).any():
        edges = np.concatenate([AWAY, edges])
    return np.asarray(edges, dtype=np.float64)
