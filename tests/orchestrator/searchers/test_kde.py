"""Kernel densities against a sum written out, against statsmodels and against hpbandster."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from orchestrator.searchers.kde import Density, impute

MIXED = np.array([0, 3, 0, 2])


def points(n: int, seed: int, categories: np.ndarray = MIXED) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.where(
        categories > 0,
        rng.integers(np.maximum(categories, 1), size=(n, len(categories))),
        rng.random((n, len(categories))),
    )


def written_out(density: Density, point: np.ndarray) -> float:
    """The same density, term by term: Falkner et al. 2018, Aitchison and Aitken 1976."""
    total = 0.0
    for row in density.data:
        kernel = 1.0
        for x, centre, h, c in zip(point, row, density.bandwidths, density.categories, strict=True):
            if c == 0:
                kernel *= stats.norm.pdf(x, loc=centre, scale=h)
            else:
                kernel *= 1 - h if x == centre else h / (c - 1)
        total += kernel
    return total / len(density.data)


@pytest.mark.parametrize("n", [1, 2, 30])
def test_the_density_is_the_mean_of_products_of_kernels(n):
    density = Density.fit(points(n, seed=0), MIXED, min_bandwidth=0.05)
    probes = points(20, seed=1)
    assert density.pdf(probes) == pytest.approx(
        [written_out(density, probe) for probe in probes], rel=1e-12
    )


def test_bandwidths_follow_the_normal_reference_rule():
    data = np.array([[0.0, 0.5], [0.4, 0.5], [0.8, 0.5]])
    density = Density.fit(data, np.array([0, 0]), min_bandwidth=1e-3)
    # By hand: the standard deviation is sqrt(0.32 / 3); n = 3, d = 2; equal values get the least.
    assert density.bandwidths == pytest.approx([1.06 * math.sqrt(0.32 / 3) * 3 ** (-1 / 6), 1e-3])


def test_a_category_bandwidth_stops_where_the_kernel_is_uniform():
    data = np.array([[0.0], [4.0]])  # the rule of thumb gives 1.06 * 2 * 2**-0.2 = 1.85
    density = Density.fit(data, np.array([5]), min_bandwidth=1e-3)
    assert density.bandwidths == pytest.approx([4 / 5])
    assert density.pdf(np.arange(5.0)[:, None]) == pytest.approx([1 / 5] * 5)


def test_a_choice_of_one_changes_nothing():
    data = np.array([[0.2, 0.0], [0.7, 0.0]])
    with_choice = Density.fit(data, np.array([0, 1]), min_bandwidth=1e-3)
    alone = Density(data[:, :1], with_choice.bandwidths[:1], np.array([0]))
    probes = np.array([[0.3, 0.0], [0.9, 0.0]])
    assert with_choice.pdf(probes) == pytest.approx(alone.pdf(probes[:, :1]))


def test_the_density_over_everything_is_one():
    density = Density.fit(points(12, seed=3, categories=np.array([0, 3])), np.array([0, 3]), 0.01)
    x = np.linspace(-3, 4, 7001)
    per_category = [
        np.trapezoid(density.pdf(np.column_stack([x, np.full_like(x, k)])), x) for k in range(3)
    ]
    assert sum(per_category) == pytest.approx(1, rel=1e-6)


# statsmodels 0.15 announces a change of its random default, which nothing here draws from.
@pytest.mark.filterwarnings("ignore:After 0.17:FutureWarning")
def test_the_density_is_that_of_statsmodels():
    kde = pytest.importorskip("statsmodels.nonparametric.api")
    data, probes = points(80, seed=4), points(50, seed=5)
    theirs = kde.KDEMultivariate(data, var_type="cucu", bw="normal_reference")
    ours = Density.fit(data, MIXED, min_bandwidth=1e-3)
    assert ours.bandwidths == pytest.approx(theirs.bw, rel=1e-12)
    np.testing.assert_allclose(ours.pdf(probes), theirs.pdf(probes), rtol=1e-10)


def test_draws_are_truncated_normals_and_kept_or_uniform_categories():
    density = Density(np.array([[0.1, 1.0]]), np.array([0.1, 0.4]), np.array([0, 3]))
    drawn = density.draw(np.random.default_rng(0), 20_000, widen=3)
    truncated = stats.truncnorm((0 - 0.1) / 0.3, (1 - 0.1) / 0.3, loc=0.1, scale=0.3)
    assert stats.kstest(drawn[:, 0], truncated.cdf).pvalue > 0.01
    # Kept with probability 0.6, else one of three: 0.6 + 0.4 / 3 for its own.
    share = np.bincount(drawn[:, 1].astype(int), minlength=3) / 20_000
    assert share == pytest.approx([0.4 / 3, 0.6 + 0.4 / 3, 0.4 / 3], abs=0.012)


@pytest.mark.parametrize("centre", [0.0, 1.0])
@pytest.mark.parametrize("width", [1e-3, 0.3, 50.0])
def test_draws_stay_in_the_cube_at_both_bounds(centre, width):
    density = Density(np.array([[centre]]), np.array([width]), np.array([0]))
    drawn = density.draw(np.random.default_rng(0), 1000, widen=3)
    assert np.isfinite(drawn).all()
    assert drawn.min() >= 0
    assert drawn.max() <= 1
    assert len(np.unique(drawn)) == 1000


def test_gaps_are_filled_together_from_one_other_row():
    nan = math.nan
    data = np.array([[0.1, nan, nan], [0.2, 0.5, 0.6], [0.3, 0.7, 0.8], [0.4, nan, nan]])
    for seed in range(10):
        filled = impute(data, np.zeros(3, dtype=int), np.random.default_rng(seed))
        assert filled[:, 0].tolist() == [0.1, 0.2, 0.3, 0.4]
        for row in (0, 3):
            assert filled[row, 1:].tolist() in ([0.5, 0.6], [0.7, 0.8])


def test_a_gap_in_the_first_dimension_is_filled_too():
    # hpbandster 0.7.4 tests np.any(indices) and overlooks index 0.
    filled = impute(np.array([[math.nan], [0.5]]), np.array([0]), np.random.default_rng(0))
    assert filled.tolist() == [[0.5], [0.5]]


def test_a_parameter_that_nobody_has_is_filled_at_random():
    data = np.full((200, 2), math.nan)
    filled = impute(data, np.array([0, 4]), np.random.default_rng(0))
    assert stats.kstest(filled[:, 0], "uniform").pvalue > 0.01
    assert set(filled[:, 1]) == {0.0, 1.0, 2.0, 3.0}
