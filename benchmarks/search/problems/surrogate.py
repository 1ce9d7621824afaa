"""A model of the recorded learning curves: every config has its own, and a seed moves it.

Among the best recorded configs the two seeds do not agree on the order, so that a search in the
table (:mod:`benchmarks.search.problems.table`) is judged by luck. Here a searcher is judged by
the model's curve without noise. ``benchmarks/search/fit.py`` makes the model and states its
cross-validated rank correlation.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.search.problems.base import CurveProblem, Floats, fingerprint
from benchmarks.search.problems.table import EPOCHS, Table, point_of
from searchspaces import Config, JointSpace

NETS = Path(__file__).resolve().parent.parent / "curves" / "gru-surrogate.npz"
ALIKE = 15
"""Recorded configs that are nearest in final loss; one of them lends how its seeds differ."""


class Nets:
    """Perceptrons of one hidden layer that give a config's curve and its seconds per epoch.

    Args:
        arrays: ``centre`` and ``scale`` (d,) of points; of m nets ``hidden`` (m, d, h),
            ``hidden_bias`` (m, h), ``output`` (m, h, k + 1) and ``output_bias`` (m, k + 1);
            ``mean`` (epochs + 1,) and ``basis`` (k + 1, epochs + 1) of the logarithms of the
            losses and of the seconds.
    """

    def __init__(self, arrays: dict[str, Any]) -> None:
        self.arrays = {name: np.asarray(value, np.float64) for name, value in arrays.items()}

    def logarithms(self, points: Floats) -> Floats:
        """Of the losses and, last, of the seconds: shape (n, epochs + 1)."""
        of = self.arrays
        inputs = (points - of["centre"]) / of["scale"]
        hidden = np.tanh(inputs @ of["hidden"] + of["hidden_bias"][:, None])
        outputs = (hidden @ of["output"] + of["output_bias"][:, None]).mean(axis=0)
        return np.asarray(of["mean"] + outputs @ of["basis"])


class Surrogate(CurveProblem):
    """GRUs on spoken Arabic digits, as nets see them that were fitted to what was recorded."""

    name = "gru-surrogate"
    use = "release"
    about = "nets fitted to those curves, 7 parameters, 2 of them conditional, much noise"
    max_epochs = EPOCHS
    exact = False

    def missing(self) -> str:
        """Whether the nets are there, and what they were fitted to."""
        fit = "the nets are not fitted. Run: python -m benchmarks.search.fit"
        return self._table.missing() or ("" if NETS.is_file() else fit)

    def make_space(self) -> JointSpace:
        """What was recorded."""
        return self._table.make_space()

    @property
    def optimum(self) -> float:
        """What a long search found."""
        return self._fitted[1]

    def curve(self, config: Config) -> Floats:
        """The nets' curve."""
        return np.exp(self._logarithms(config)[:-1])

    def train(self, config: Config, seed: int) -> Iterator[float]:
        """The nets' curve, moved as a seed moved a recorded one that ends about as high."""
        curve = self._logarithms(config)[:-1]
        rng = np.random.default_rng([seed, fingerprint(config)])
        finals, moves = self._moves
        alike = np.argsort(np.abs(finals - curve[-1]))[:ALIKE]
        moved = curve + rng.choice((-1.0, 1.0)) * moves[rng.choice(alike)]
        yield from np.exp(moved).tolist()

    def seconds(self, config: Config) -> float:
        """The nets' median epoch."""
        return float(np.exp(self._logarithms(config)[-1]))

    def _logarithms(self, config: Config) -> Floats:
        return self._fitted[0].logarithms(point_of(self.space, config)[None])[0]

    @cached_property
    def _table(self) -> Table:
        return Table()

    @cached_property
    def _fitted(self) -> tuple[Nets, float]:
        """The nets, and the least loss that they have anywhere."""
        with np.load(NETS) as file:
            arrays = dict(file)
        least = float(arrays.pop("least"))
        return Nets(arrays), least

    @cached_property
    def _moves(self) -> tuple[Floats, Floats]:
        """Of each recorded config, logarithms: of its final loss, and what a seed adds (epochs,).

        Two seeds lie on both sides of their mean; what they differ by is the square root of
        two times as much as one of them differs from the mean of all.
        """
        losses = np.log(self._table.recorded[1])
        return losses.mean(axis=1)[:, -1], (losses[:, 0] - losses[:, 1]) / np.sqrt(2)


PROBLEMS = (Surrogate,)
