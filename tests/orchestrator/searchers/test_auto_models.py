"""What the default searcher is made of: points with gaps, a Gaussian process, Parzen densities."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import check_grad
from scipy.stats import norm

from orchestrator.searchers.auto import MOST, Auto, chosen
from orchestrator.searchers.base import Observation
from orchestrator.searchers.gp import Embedding, Likelihood, fit, log_improvement
from orchestrator.searchers.lattice import CELLS, Lattice
from orchestrator.searchers.parzen import Parzen
from orchestrator.searchers.testing import FACTS, SPACES, NoTraining, observations
from orchestrator.searchers.warping import warped
from searchspaces import JointSpace
from searchspaces.inline import inline_space

NUMBERS = np.zeros(2, dtype=np.int64)


@pytest.mark.parametrize("name", SPACES)
def test_points_lie_where_their_configs_do(name):
    space = SPACES[name]
    cube, lattice = space.cube(), Lattice(space)
    points = np.random.default_rng(1).random((200, cube.dimensions))
    found = lattice.on_grid(points)
    for point, one in zip(points, found, strict=True):
        there = cube.to_unit(cube.from_unit(point))
        assert (np.isnan(there) == np.isnan(one)).all()
        # Beside the edge between two values of a grid, the other one may be taken.
        assert np.nanmax(np.abs(there - one), initial=0.0) <= 0.5 / 2 + 1 / CELLS
        assert np.nanmax(np.abs(cube.to_unit(cube.from_unit(one)) - one), initial=0.0) < 1e-9
    same = [
        (np.isnan(one) | (np.abs(cube.to_unit(cube.from_unit(point)) - one) < 1e-9)).all()
        for point, one in zip(points, found, strict=True)
    ]
    assert np.mean(same) > 0.9


def test_distances_say_how_alike_two_configs_are():
    embedding = Embedding(np.array([0, 3, 0]), [False, False, True])
    points = np.array(
        [[0.2, 0.1, 0.0], [0.2, 0.5, 0.0], [0.2, 0.9, 0.0], [0.2, 0.1, np.nan], [0.2, 0.1, 0.9]]
    )
    columns = embedding.columns(points)
    assert embedding.owners.tolist() == [0, 1, 1, 1, 2, 2]
    apart = np.linalg.norm(columns[:, None] - columns[None], axis=2)
    assert apart[0, 1] == pytest.approx(1) == apart[1, 2] == apart[0, 2]  # choices all alike
    assert apart[0, 3] == pytest.approx(1) == apart[4, 3]  # off is as far from any value
    assert 1 < apart[0, 4] < 2


def test_the_gradient_of_the_likelihood_is_right():
    rng = np.random.default_rng(0)
    columns, owners = rng.random((25, 4)), np.array([0, 1, 1, 2])
    groups = np.repeat(np.arange(10), [1, 2, 3, 4, 5, 1, 2, 3, 3, 1])
    likelihood = Likelihood(columns, owners, rng.standard_normal(25), groups, 0.3)
    for _ in range(5):
        at = rng.uniform(-1.5, 1.0, size=5)
        wrong = check_grad(lambda x: likelihood(x)[0], lambda x: likelihood(x)[1], at)
        assert wrong < 1e-3 * max(1.0, np.linalg.norm(likelihood(at)[1]))


def test_a_process_learns_a_function_and_knows_where_it_does_not():
    rng = np.random.default_rng(0)

    def truth(columns):
        return np.sin(5 * columns[:, 0]) + 0 * columns[:, 1]

    columns = rng.random((60, 2)) * [0.7, 1.0]
    process = fit(columns, np.arange(2), truth(columns), np.arange(60), np.arange(60))
    inside = rng.random((50, 2)) * [0.7, 1.0]
    mean, deviation = process.believe(inside)
    assert np.abs(mean - truth(inside)).max() < 0.1
    assert process.logs[1] - process.logs[0] > math.log(3)  # the second does not matter
    _, far = process.believe(np.array([[1.5, 0.5]]))
    assert far[0] > 5 * deviation.max()


def test_what_a_training_seed_does_to_a_whole_trial_is_not_taken_for_its_config():
    rng = np.random.default_rng(1)
    trials = np.repeat(np.arange(20), 6)
    points = np.column_stack([rng.random(20)[trials], np.tile(np.arange(6) / 6, 20)])
    lucky = 0.3 * rng.standard_normal(20)
    targets = points[:, 0] + lucky[trials] + 0.02 * rng.standard_normal(120)
    process = fit(points, np.arange(2), targets, trials, np.arange(120))
    blind = fit(points, np.arange(2), targets, np.arange(120), np.arange(120))
    assert process.logs[-2] - process.logs[-1] > math.log(10)
    there = np.column_stack([np.linspace(0, 1, 50), np.full(50, 5 / 6)])

    def off(believed):
        """From the truth, but for a constant: which of two is better is what is asked."""
        return np.std(believed.believe(there)[0] - there[:, 0])

    assert off(process) < 0.5 * off(blind)


def test_what_is_left_out_is_believed_without_its_whole_trial():
    rng = np.random.default_rng(3)
    columns, groups = rng.random((12, 2)), np.repeat(np.arange(4), 3)
    targets = columns.sum(axis=1) + 0.1 * rng.standard_normal(12)
    process = fit(columns, np.arange(2), targets, groups, np.arange(12))
    kernel = covariance(process, columns, columns)
    shared, own = np.exp(process.logs[-2:])
    noise = shared * (groups[:, None] == groups) + own * np.eye(12)
    rest = targets - np.column_stack([np.ones(12), columns[:, -1]]) @ process.trend
    expected = 0.0
    for row in (0, 4, 11):
        others = np.flatnonzero(groups != groups[row])
        weights = np.linalg.solve((kernel + noise)[np.ix_(others, others)], kernel[others, row])
        mean = weights @ rest[others]
        variance = process.variance * (1 + noise[0, 0] - weights @ kernel[others, row])
        expected += norm(mean, math.sqrt(variance)).logpdf(rest[row])
    assert process.left_out(np.array([0, 4, 11])) == pytest.approx(expected, rel=1e-4)


def covariance(process, first, second):
    """Matern's kernel with the process's length scales."""
    scales = np.exp(process.logs[process.owners])
    apart = np.sqrt(5) * np.linalg.norm(first[:, None] / scales - second[None] / scales, axis=2)
    return (1 + apart + apart**2 / 3) * np.exp(-apart)


def test_where_a_trial_runs_less_is_expected():
    rng = np.random.default_rng(0)
    columns = rng.random((15, 2))
    process = fit(columns, np.arange(2), columns.sum(axis=1), np.arange(15), np.arange(15))
    there = np.array([[0.9, 0.05]])
    mean, before = process.believe(there)
    same, after = process.expecting(there).believe(there)
    assert after[0] < 0.5 * before[0] or before[0] < 0.05
    assert same[0] == pytest.approx(mean[0], abs=0.05)


def test_improvement_is_what_it_is_by_definition_and_finite_anywhere():
    mean, deviation = np.array([0.0, 1.0, -1.0]), np.array([1.0, 0.5, 0.1])
    draws = norm.ppf((np.arange(200_000) + 0.5) / 200_000)
    for m, d, gain in zip(mean, deviation, log_improvement(mean, deviation, 0.2), strict=True):
        assert math.exp(gain) == pytest.approx(
            np.maximum(0.2 - (m + d * draws), 0).mean(), rel=1e-2
        )
    far = log_improvement(np.array([10.0, 20.0, 40.0]), np.full(3, 0.1), 0.0)
    assert np.isfinite(far).all()
    assert (np.diff(far) < 0).all()


def test_the_worse_half_of_losses_becomes_ranks_that_no_outlier_bends():
    losses = np.array([3.0, 1.0, 1e9, 1.0, math.inf, 2.0])
    found = warped(losses, np.arange(len(losses)))
    assert (np.argsort(found, kind="stable") == np.argsort(losses, kind="stable")).all()
    assert found[1] == found[3]
    assert np.isfinite(found).all()
    assert np.abs(found).max() < 2
    assert warped(np.full(4, math.inf), np.arange(4)) == pytest.approx(np.zeros(4))
    assert warped(np.full(4, 2.5), np.arange(4)) == pytest.approx(np.zeros(4))


def test_the_better_half_of_losses_keeps_its_distances():
    losses = np.array([0.0, 1e-6, 1.0, 2.0, 2.5, 70.0, 800.0, 9000.0])
    found = warped(losses, np.arange(len(losses)))
    assert found[1] - found[0] == pytest.approx(1e-6 * (found[3] - found[2]))
    assert (np.diff(found) > 0).all()
    # Most failed, or break a limit: what is known still tells the better half of itself.
    failed = np.concatenate([losses, [2e100, 3e100], np.full(12, math.inf)])
    found = warped(failed, np.arange(len(failed)))
    assert found[1] - found[0] == pytest.approx(1e-6 * (found[3] - found[2]))
    assert (np.diff(found[:11]) > 0).all()
    assert np.isfinite(found).all()
    some = np.array([10, 3, 0, 15])
    assert (warped(failed, some) == found[some]).all()


@pytest.mark.parametrize("categories", [[0, 0], [0, 3], [2, 0]])
def test_a_density_sums_to_one_and_draws_follow_it(categories):
    rng = np.random.default_rng(0)
    points = rng.random((6, 2))
    density = Parzen.fit(points, np.array(categories), 0.05)
    side = (np.arange(300) + 0.5) / 300
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    values = np.exp(density.log_pdf(grid))
    assert values.mean() == pytest.approx(1, abs=5e-3)
    drawn = density.draw(rng, 40_000)
    left = grid[:, 0] < 0.5
    assert (drawn[:, 0] < 0.5).mean() == pytest.approx(values[left].sum() / values.sum(), abs=0.02)


def test_a_gap_in_a_density_knows_nothing():
    density = Parzen.fit(np.array([[0.2, np.nan], [0.3, 0.9]]), NUMBERS, 0.05)
    at = np.array([[0.2, 0.1], [0.2, 0.9], [0.2, np.nan]])
    low, high, gap = density.log_pdf(at)
    assert low < high
    assert np.isfinite([low, high, gap]).all()


def test_of_many_observations_the_best_stay_and_some_of_all_others():
    targets = np.random.default_rng(0).standard_normal(1_000)
    taken = chosen(targets, MOST)
    assert len(set(taken.tolist())) == MOST
    best = set(np.argsort(targets)[: MOST // 2].tolist())
    assert best <= set(taken.tolist())
    assert targets[taken].max() == targets.max()


def taught() -> Auto:
    """One that knows twenty trials, which have ended; those that failed for no reason left out."""
    space, rng = SPACES["gru"], np.random.default_rng(1)
    searcher = Auto(process=1.0)
    searcher.begin(space, seed=1, facts=FACTS)
    for number in range(20):
        for one in observations(space, number, space.sample(rng, FACTS)):
            if math.isfinite(one.loss):
                searcher.observe(replace(one, running=False))
    return searcher


def test_what_runs_counts_until_it_has_ended():
    searcher = taught()
    alone = searcher.suggest(21)
    running = searcher.suggest(20)
    searcher.begun(20, running)
    beside = searcher.suggest(21)
    assert beside not in {alone, running}
    seen = observations(SPACES["gru"], 20, running)[0]
    searcher.observe(replace(seen, running=True))
    under_way = searcher.suggest(21)
    assert under_way != beside
    stopped = searcher.model_copy(deep=True)
    searcher.observe(replace(seen, running=False))
    over = searcher.suggest(21)
    assert over != under_way
    stopped.ended(20)
    assert stopped.suggest(21) == over


def test_what_was_stopped_before_anything_was_seen_of_it_does_not_count():
    searcher = taught()
    alone = searcher.suggest(21)
    searcher.begun(20, alone)
    assert searcher.suggest(21) != alone
    searcher.ended(20)
    assert searcher.suggest(21) == alone


@pytest.mark.parametrize(("first", "top"), [(2, 0.15), (2, 0.99), (8, 0.95)])
def test_the_densities_take_as_few_trials_and_as_large_a_share_as_is_allowed(first, top):
    for seed in range(5):
        searcher = Auto(first=first, top=top, process=0)
        searcher.begin(SPACES["awkward"], seed=seed, facts=FACTS)
        for number in range(12):
            config = searcher.suggest(number)
            searcher.observe(Observation(number, config, 1, float(-number)))


def test_failures_far_on_are_no_good_configs():
    """Those that fail count where they were to run to, which may be further than all others."""
    space = JointSpace(inline_space({"x": {"low": 0.0, "high": 1.0}}), NoTraining())
    searcher = Auto(process=0)
    searcher.begin(space, seed=0, facts=None)
    for number in range(20):
        x = number / 20
        loss = math.inf if x < 0.5 else x
        searcher.observe(Observation(number, space.validate({"x": x}), 27 if x < 0.5 else 3, loss))
    found = [searcher.suggest(number)["x"] for number in range(20, 60)]
    assert np.mean([0.45 < x < 0.8 for x in found]) > 0.7
    searcher.begin(space, seed=0, facts=None)
    for number in range(20):
        searcher.observe(Observation(number, space.validate({"x": number / 20}), 27, math.inf))
    assert 0 <= searcher.suggest(20)["x"] <= 1
