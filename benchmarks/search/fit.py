"""Fit the nets of the problem ``gru-surrogate`` to the recorded curves, and say how well.

    python -m benchmarks.search.fit           # some ten seconds; writes the nets
    python -m benchmarks.search.fit --only-validate

What is said is of configs that the nets were not fitted to: ten folds of whole configs.
"""

from __future__ import annotations

import argparse
import warnings
from typing import Any

import numpy as np

from benchmarks.search.problems.base import Floats
from benchmarks.search.problems.surrogate import NETS, Nets
from benchmarks.search.problems.table import Table, point_of
from searchspaces import JointSpace

MEMBERS, HIDDEN, PENALTY, SHAPES = 10, 32, 0.3, 4
"""Nets, their hidden units, the penalty on their weights, and shapes that make up a curve."""
FOLDS = 10


def recorded() -> tuple[Floats, Floats]:
    """Points (n, d), and the logarithms of the mean curve and of the seconds (n, epochs + 1)."""
    points, losses, seconds = Table().recorded
    return points, np.column_stack([np.log(losses).mean(axis=1), np.log(seconds)])


def fit(points: Floats, logarithms: Floats) -> Nets:
    """Nets for the principal shapes of the curves, and for the seconds."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPRegressor

    mean = logarithms.mean(axis=0)
    curves = logarithms[:, :-1] - mean[:-1]
    shapes = np.linalg.svd(curves, full_matrices=False)[2][:SHAPES]
    spread = float((curves @ shapes[0]).std())
    basis = np.zeros((SHAPES + 1, len(mean)))
    basis[:-1, :-1] = shapes * spread
    basis[-1, -1] = logarithms[:, -1].std()
    targets = np.column_stack([curves @ shapes.T / spread, logarithms[:, -1] - mean[-1]])
    targets[:, -1] /= basis[-1, -1]
    centre, scale = points.mean(axis=0), points.std(axis=0)
    inputs, nets = (points - centre) / scale, []
    for member in range(MEMBERS):
        net = MLPRegressor(
            hidden_layer_sizes=(HIDDEN,), activation="tanh", alpha=PENALTY, solver="lbfgs",
            max_iter=1000, random_state=member,
        )  # fmt: skip
        with warnings.catch_warnings():  # at the end no step is better, which it calls a failure
            warnings.simplefilter("ignore", ConvergenceWarning)
            nets.append(net.fit(inputs, targets))
    arrays: dict[str, Any] = {"centre": centre, "scale": scale, "mean": mean, "basis": basis}
    for layer, name in enumerate(("hidden", "output")):
        arrays[name] = [net.coefs_[layer] for net in nets]
        arrays[f"{name}_bias"] = [net.intercepts_[layer] for net in nets]
    return Nets({name: np.asarray(value, np.float32) for name, value in arrays.items()})


def validated(points: Floats, logarithms: Floats) -> Floats:
    """What nets say of each config that were fitted to the other folds, as ``logarithms``."""
    said = np.zeros_like(logarithms)
    fold = np.random.default_rng(0).permutation(len(points)) % FOLDS
    for part in range(FOLDS):
        nets = fit(points[fold != part], logarithms[fold != part])
        said[fold == part] = nets.logarithms(points[fold == part])
    return said


def agreement(points: Floats, logarithms: Floats) -> dict[str, float]:
    """Spearman's rank correlation of what is said and what was recorded, by what."""
    from scipy.stats import spearmanr

    said = validated(points, logarithms)
    curves = said[:, :-1], logarithms[:, :-1]
    pairs = {
        "first loss": [side[:, 0] for side in curves],
        "final loss": [side[:, -1] for side in curves],
        "best loss": [side.min(axis=1) for side in curves],
        "seconds": [said[:, -1], logarithms[:, -1]],
    }
    return {what: float(spearmanr(*sides).statistic) for what, sides in pairs.items()}


def least(space: JointSpace, nets: Nets) -> float:
    """The least loss that the nets have: of many configs, then of many near the best."""
    rng = np.random.default_rng(0)
    points = np.array([point_of(space, space.sample(rng)) for _ in range(50_000)])
    cube = space.cube()
    for width in (0.1, 0.03, 0.01, 0.003):
        losses = nets.logarithms(points)[:, :-1].min(axis=1)
        best = points[np.argsort(losses)[:50]]
        near = best.repeat(200, axis=0)
        moved = np.clip(near + rng.normal(0, width, near.shape), 0, 1)
        near = np.where(near < 0, rng.random(near.shape), moved)  # what may become active
        found = [point_of(space, space.validate(cube.from_unit(one))) for one in near]
        points = np.concatenate([best, found])
    return float(np.exp(nets.logarithms(points)[:, :-1].min()))


def main() -> None:
    """Validate, fit, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only-validate", action="store_true", help="write nothing")
    given = parser.parse_args()
    points, logarithms = recorded()
    for what, correlation in agreement(points, logarithms).items():
        print(f"rank correlation of the {what}, cross-validated: {correlation:.3f}")
    if not given.only_validate:
        nets = fit(points, logarithms)
        best = least(Table().space, nets)
        np.savez_compressed(
            NETS,
            least=best,
            **{name: value.astype(np.float32) for name, value in nets.arrays.items()},
        )
        print(f"the least loss is {best:.4f}; nets in {NETS}")


if __name__ == "__main__":
    main()
