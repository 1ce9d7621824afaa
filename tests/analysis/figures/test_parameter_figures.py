from __future__ import annotations

import importlib
import itertools
import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.collections import LineCollection, PathCollection, QuadMesh
from matplotlib.text import Text

from analysis import load_run
from analysis.budget.cost_front import cost_front, pareto
from analysis.figures import write_figures
from analysis.figures.choosing import OFF, best_of, spread, switched_off, thin
from analysis.figures.empirical_distribution import band, curve
from analysis.figures.pair_cells import AWAY, cell_edges, cells_of, strongest
from analysis.figures.panels import name_lines, ticks_of
from analysis.figures.scatter_matrix import ranks_of
from analysis.figures.slices import running, strength
from analysis.figures.style import Drawing, Withheld, style, text_width
from analysis.figures.top_distribution import differences
from analysis.findings import find
from analysis.importance.effects import Effect, Importance, PairEffect
from analysis.parameters import Parameter
from searchspaces import Choice, Float, Int

NAMES = (
    "cost_quality", "empirical_distribution", "pair_heat_maps", "scatter_matrix", "slices",
    "top_distribution",
)  # fmt: skip
RATE = Parameter("learning_rate", "training", Float(1e-4, 1e-1, log=True))
LAYERS = Parameter("num_layers", "space", Int(1, 4))
NORM = Parameter("norm", "space", Choice(("none", "layer", "batch")))
UNIFORM = {f"x{k}": {"group": "space", "kind": "float", "low": 0.0, "high": 1.0} for k in range(3)}


def draw(name, findings):
    with style():
        return importlib.import_module(f"analysis.figures.{name}").draw(findings)


def words_of(figure):
    return " ".join(" ".join(text.get_text() for text in figure.findobj(Text)).split())


def uniform(rng):
    return {name: float(rng.random()) for name in UNIFORM}


@pytest.fixture
def priced(make_run, rewrite):
    """A function that writes a run of full trials with given losses, weights and seconds."""

    def write(losses, weights, seconds, **changes):
        folder = make_run(trials=len(losses), hyperband=False, noise=0.0, **changes)
        run = load_run(folder)
        rows = run.epochs["number"].to_numpy()
        metric = f"metric.{run.meta.metric}"
        epochs = run.epochs.with_columns(
            pl.Series(metric, np.asarray(losses, float)[rows]),
            pl.Series("epoch_seconds", np.asarray(seconds, float)[rows]),
        )
        trials = run.trials.with_columns(pl.Series("weights", weights))
        rewrite(folder, trials, epochs, dict(run.meta.raw))
        return folder

    return write


@pytest.fixture
def crowd(make_run, rewrite):
    """A function that writes many trials of ten epochs at once."""

    def write(trials, fail=0):
        folder = make_run(trials=2, max_epochs=10, parameters=UNIFORM, config=uniform,
                          hyperband=False, floor=lambda c: c["x0"])  # fmt: skip
        run = load_run(folder)
        rng = np.random.default_rng(3)
        points = rng.random((trials, 3))
        curves = (points[:, :1] - 0.5) ** 2 + 1 / np.arange(1, 11) + 0.01 * rng.random((trials, 10))
        bad = np.arange(trials) >= trials - fail
        frame = pl.DataFrame({
            "trial_id": [f"t{k}" for k in range(trials)],
            "number": np.arange(trials),
            "state": np.where(bad, "failed", "completed"),
            "epochs": np.full(trials, 10),
            **{f"config.x{k}": points[:, k] for k in range(3)},
        })  # fmt: skip
        epochs = pl.DataFrame({
            "number": np.repeat(np.arange(trials), 10),
            "epoch": np.tile(np.arange(1, 11), trials),
            "metric.valid_loss": curves.ravel(),
        })  # fmt: skip
        rewrite(folder, frame, epochs, dict(run.meta.raw))
        return folder

    return write


# ---- cost against quality


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=25))
def test_the_front_holds_exactly_the_points_that_no_other_beats(points):
    costs, losses = np.array(points, dtype=float).T
    beaten = [
        any(
            (a <= c and b <= d and (a < c or b < d)) or ((a, b) == (c, d) and other < place)
            for other, (a, b) in enumerate(points)
        )
        for place, (c, d) in enumerate(points)
    ]
    assert (~pareto(costs, losses)).tolist() == beaten


def test_the_cheapest_trial_within_one_percent_of_the_best_is_told(priced):
    folder = priced(
        losses=[0.100, 0.1009, 0.200, 0.1005, 0.300, 0.400],
        weights=[1000, 400, 100, 900, 50, 2000],
        seconds=[2.0, 1.8, 1.0, 0.5, 3.0, 3.0],
    )
    found = cost_front(load_run(folder))
    assert found.measure == "1 %"
    assert found.tolerance == pytest.approx(0.001)
    weights, seconds = found.front("weights"), found.front("seconds")
    assert [trial.number for trial in weights.trials] == [4, 2, 1, 3, 0]
    assert (weights.cheapest.number, weights.saving) == (1, pytest.approx(0.4))
    # Cost in seconds is 27 epochs of each trial's average.
    assert [(t.number, t.cost) for t in seconds.trials] == [(3, 13.5), (0, 54.0)]
    assert found.words() == (
        "trial 1 has 0.4x the weights of the winner for 0.0009 more validation loss",
        "trial 3 takes 0.25x the time of the winner for 0.0005 more validation loss",
        "that is within 1 % of the best, 0.001",
    )
    assert found.as_dict()["weights"]["cheapest"] == {"number": 1, "cost": 400.0, "score": 0.1009}


def test_a_trial_that_is_cheapest_in_both_costs_gets_one_line(priced):
    folder = priced([0.1, 0.1, 0.2, 0.3, 0.4], [10, 5, 20, 20, 20], [2, 1, 3, 3, 3])
    # Trial 1 is as good and cheaper: it is itself the best on the front.
    found = cost_front(load_run(folder))
    assert found.words() == ()
    assert found.front("weights").best.number == 1
    folder = priced([0.1, 0.1005, 0.2, 0.3, 0.4], [10, 5, 20, 20, 20], [2, 1, 3, 3, 3])
    assert cost_front(load_run(folder)).words()[0] == (
        "trial 1 has 0.5x the weights and takes 0.5x the time of the winner "
        "for 0.0005 more validation loss"
    )


def test_of_a_metric_to_maximise_the_cheaper_trial_has_less(priced):
    folder = priced(
        [0.9, 0.895, 0.5, 0.6, 0.7], [100, 30, 90, 90, 90], [1] * 5, metric="accuracy", mode="max"
    )
    found = cost_front(load_run(folder))
    assert found.words()[0] == (
        "trial 1 has 0.3x the weights of the winner for 0.005 less validation accuracy"
    )
    assert found.front("seconds").withheld == "every trial has the same seconds"


def test_a_trial_that_went_on_for_longer_does_not_look_dear(make_run, rewrite):
    folder = make_run(trials=9)
    run = load_run(folder)
    seconds = 1.0 + run.epochs["number"].to_numpy()
    rewrite(folder, run.trials, run.epochs.with_columns(pl.Series("epoch_seconds", seconds)),
            dict(run.meta.raw))  # fmt: skip
    found = cost_front(load_run(folder))
    assert run.trials["epochs"].max() == 27
    assert (found.fidelity.epoch, found.final) == (1, False)
    front = found.front("seconds")
    np.testing.assert_array_equal(front.costs, 1.0 + front.numbers)
    assert not any("winner" in line for line in found.words())


def test_a_trial_that_was_done_before_pays_for_the_epochs_it_ran(priced, rewrite):
    folder = priced([0.1, 0.2, 0.3, 0.4, 0.5], [5, 4, 3, 2, 1], [1, 1, 1, 1, 1])
    run = load_run(folder)
    kept = run.epochs.filter((pl.col("number") != 2) | (pl.col("epoch") <= 10))
    rewrite(folder, run.trials, kept, dict(run.meta.raw))
    assert cost_front(load_run(folder)).front("seconds").costs.tolist() == [27, 27, 10, 27, 27]


def test_columns_that_a_run_does_not_have_withhold_their_panel(priced, rewrite):
    folder = priced([0.1, 0.2, 0.3, 0.4, 0.5], [5, 4, 3, 2, 1], [1, 2, 3, 4, 5])
    run = load_run(folder)
    rewrite(folder, run.trials, run.epochs.drop("epoch_seconds"), dict(run.meta.raw))
    found = find(load_run(folder))
    assert found.cost_front.front("seconds").withheld == "the run has no seconds of epochs"
    figure = draw("cost_quality", found).figure
    assert [axes.get_xlabel() for axes in figure.axes] == ["number of weights (log)"]
    assert "no panel of seconds: the run has no seconds of epochs" in words_of(figure)
    rewrite(folder, run.trials.drop("weights"), run.epochs.drop("epoch_seconds"),
            dict(run.meta.raw))  # fmt: skip
    outcome = draw("cost_quality", find(load_run(folder)))
    assert outcome == Withheld(
        "the run has no seconds of epochs; the run has no numbers of weights"
    )


def test_the_front_is_a_step_line_through_its_trials(priced):
    folder = priced([0.1, 0.2, 0.3, 0.4, 0.5, 0.45], [50, 40, 30, 20, 10, 60], [1, 2, 3, 4, 5, 6])
    weights = draw("cost_quality", find(load_run(folder))).figure.axes[1]
    line = weights.lines[0]
    assert line.get_drawstyle() == "steps-post"
    assert np.asarray(line.get_xdata())[:-1].tolist() == [10, 20, 30, 40, 50]
    assert np.asarray(line.get_ydata())[:-1].tolist() == pytest.approx([0.5, 0.4, 0.3, 0.2, 0.1])


# ---- pairs


def test_cells_hold_the_best_and_the_median_and_nothing_where_no_trial_fell():
    rng = np.random.default_rng(0)
    x, y, losses = rng.random(100) * 0.5, rng.random(100), rng.normal(size=100)
    parameters = (
        Parameter("a", "space", Float(0.0, 1.0)),
        Parameter("b", "space", Float(0.0, 1.0)),
    )
    cells = cells_of(parameters, (x, y), losses, 1)
    assert cells.counts.shape == (4, 4)
    for row, column in itertools.product(range(4), repeat=2):
        inside = losses[(x // 0.25 == column) & (y // 0.25 == row)]
        assert cells.counts[row, column] == len(inside)
        if len(inside):
            assert cells.best[row, column] == inside.min()
            assert cells.median[row, column] == np.median(inside)
        else:
            assert np.isnan(cells.best[row, column])
            assert np.isnan(cells.median[row, column])
    assert (cells.counts[:, 2:] == 0).all()
    rising = cells_of(parameters, (x, y), losses, -1)
    np.testing.assert_array_equal(rising.best, -cells.best)


def test_inactive_trials_have_cells_of_their_own_and_choices_are_never_put_together():
    places = np.array([np.nan, 0.0, 1.0, np.nan])
    edges = cell_edges(RATE, places, 4)
    assert edges.tolist() == pytest.approx([*AWAY, 0.0, 0.5, 1.0])
    cells = cells_of((RATE, NORM), (places, np.full(4, 0.5)), np.arange(4.0), 1)
    assert cells.counts.tolist() == [[0, 0, 0, 0], [2, 0, 1, 1], [0, 0, 0, 0]]
    assert len(cell_edges(NORM, np.zeros(24), 24)) == 4
    assert cell_edges(LAYERS, np.zeros(24), 24).tolist() == [0, 0.5, 1]
    assert len(cell_edges(LAYERS, np.zeros(1000), 1000)) == 5


def test_pairs_beyond_the_noise_come_first_then_those_of_strong_parameters(make_run):
    group = find(load_run(make_run())).comparable
    effects = tuple(Effect(n, s, 0.0, noise=False) for n, s in (("a", 0.5), ("b", 0.3), ("c", 0.1)))
    pairs = (
        PairEffect("b", "c", 0.08, 0.01, noise=False, chance=0.02),
        PairEffect("a", "c", 0.02, 0.01, noise=True, chance=0.03),
    )
    parameters = [Parameter(name, "space", Float(0.0, 1.0)) for name in "abc"]
    found = Importance(group, effects, pairs=pairs)
    assert strongest(found, parameters) == [("b", "c"), ("a", "b"), ("a", "c")]


def test_heat_maps_leave_empty_cells_blank_and_count_the_others(make_run):
    def config(rng):
        return uniform(rng) | {"x1": float(rng.random()) * 0.4}

    folder = make_run(trials=40, hyperband=False, parameters=UNIFORM, noise=0.0, config=config,
                      floor=lambda c: c["x0"] + c["x1"])  # fmt: skip
    figure = draw("pair_heat_maps", find(load_run(folder))).figure
    for axes in figure.axes[:-1]:
        (mesh,) = [c for c in axes.collections if isinstance(c, QuadMesh)]
        alphas = mesh.get_array()[..., 3]
        counts = [int(text.get_text()) for text in axes.texts if text.get_text().isdigit()]
        assert sum(counts) == 40
        assert len(counts) == (alphas > 0).sum()
        if "x1" in words_of(axes):
            assert (alphas == 0).any()


# ---- one parameter at a time


def test_strength_is_the_statistic_of_kruskal_and_wallis():
    from scipy.stats import chi2, kruskal

    rng = np.random.default_rng(1)
    places = np.repeat([0.1, 0.4, 0.6, 0.9], 25)
    scores = np.round(rng.normal(size=100) + places, 1)
    share, chance = strength(places, scores)
    expected = kruskal(*(scores[places == place] for place in np.unique(places))).statistic
    ties = 1 - sum(c**3 - c for c in np.unique(scores, return_counts=True)[1]) / (100**3 - 100)
    assert ties < 1
    assert share * 99 == pytest.approx(expected)
    assert chance * 99 == pytest.approx(chi2.ppf(0.99, 3), rel=0.01)


def test_running_quartiles_of_a_line_are_the_line():
    x = np.linspace(0, 1, 101)
    places, q1, median, q3 = running(x, 3 * x, RATE)
    np.testing.assert_allclose(median, 3 * places)
    # A window of 20 points spans 0.19; its quartiles lie a quarter of that from the middle.
    np.testing.assert_allclose(q3 - q1, 3 * 0.095)
    assert running(x[:20], x[:20], RATE) is None
    assert running(np.full(40, np.nan), x[:40], RATE) is None  # active in no trial compared


def test_a_grid_has_its_quartiles_at_each_value_that_enough_trials_have():
    places = np.repeat([0.125, 0.375, 0.625], [5, 4, 6])
    scores = np.concatenate([np.arange(5.0), np.zeros(4), np.full(6, 2.0)])
    found = running(np.append(places, np.nan), np.append(scores, 99.0), LAYERS)
    assert found[0].tolist() == [0.125, 0.375, 0.625, 0.875]
    np.testing.assert_array_equal(found[2], [2.0, np.nan, 2.0, np.nan])
    assert found[1, 0] == 1.0


def test_slices_show_the_parameter_that_matters(make_run):
    folder = make_run(trials=80, hyperband=False, parameters=UNIFORM, config=uniform,
                      floor=lambda c: 0.1 + c["x1"], fail=(3, 4))  # fmt: skip
    found = find(load_run(folder))
    drawing = draw("slices", found)
    assert drawing.reading.startswith("The validation loss changes most along x1: its median is ")
    assert drawing.reading.endswith("; along the others only as by chance.")
    panels = drawing.figure.axes[:3]
    for axes in panels:
        points = [c for c in axes.collections if isinstance(c, PathCollection)]
        assert sum(len(c.get_offsets()) for c in points) == found.comparable.trials == 78
        (crosses,) = [line for line in axes.lines if line.get_marker() == "x"]
        assert len(crosses.get_xdata()) == 2


def test_distance_from_all_trials_is_that_of_kolmogorov_and_smirnov():
    from scipy.stats import ks_2samp

    rng = np.random.default_rng(5)
    points = np.column_stack([rng.random(120), rng.integers(0, 3, 120) / 2, rng.random(120)])
    points[rng.random(120) < 0.3, 2] = np.nan
    points[:12, 0] *= 0.2
    found, limit = differences(points, 12)
    filled = np.where(np.isnan(points), OFF, points)
    for k in range(3):
        expected = ks_2samp(filled[:12, k], filled[:, k]).statistic
        assert found[k] == pytest.approx(expected)
    assert found[0] > limit > max(found[1:])


def test_of_random_choices_one_in_twenty_is_called_different():
    rng = np.random.default_rng(0)
    called = 0
    for _ in range(100):
        found, limit = differences(rng.random((60, 4)), 8, seed=1)
        called += bool(found.max() > limit)
    assert called <= 12  # 5 expected; more than 12 have a probability of 0.002


def test_the_best_tenth_is_told_where_it_lies_and_withheld_of_few_trials(make_run):
    folder = make_run(trials=100, hyperband=False, parameters=UNIFORM, config=uniform,
                      floor=lambda c: 0.1 + abs(c["x2"] - 0.3))  # fmt: skip
    drawing = draw("top_distribution", find(load_run(folder)))
    assert drawing.reading.startswith("The best 10 trials keep to x2 0.2")
    assert "chance" in words_of(drawing.figure.axes[1])
    assert "chance" not in words_of(drawing.figure.axes[0])
    few = draw("top_distribution", find(load_run(make_run("few", trials=19, hyperband=False))))
    assert few == Withheld("only 19 trials can be compared (epoch 27); it takes 20")
    assert [best_of(n) for n in (19, 20, 51, 101, 1000)] == [0, 5, 6, 11, 100]


# ---- all against all


def test_rank_correlations_agree_with_scipy():
    from scipy.stats import spearmanr

    values = np.random.default_rng(2).integers(0, 6, (40, 3)).astype(float)
    ranks = ranks_of(values)
    np.testing.assert_allclose(ranks.T @ ranks, spearmanr(values).statistic)


def test_scatter_matrix_compares_at_one_epoch_and_sets_failed_trials_apart(make_run):
    found = find(load_run(make_run(trials=60, fail=(2, 5))))
    figure = draw("scatter_matrix", found).figure
    scatters = [
        [c for c in axes.collections if isinstance(c, PathCollection)] for axes in figure.axes
    ]
    pairs = [found_here for found_here in scatters if found_here]
    assert len(pairs) == 5 * 4 // 2
    for points, crosses in pairs:
        assert len(points.get_offsets()) == found.comparable.trials
        assert len(crosses.get_offsets()) == 2
        # The best is drawn last and darkest.
        assert (
            points.get_facecolor()[-1][:3].sum() == points.get_facecolor()[:, :3].sum(axis=1).min()
        )


def test_parameters_that_go_together_among_the_best_are_named(make_run):
    folder = make_run(trials=200, hyperband=False, parameters=UNIFORM, config=uniform, noise=0.0,
                      floor=lambda c: 0.1 + abs(c["x0"] + c["x2"] - 1), jitter=0.0)  # fmt: skip
    reading = draw("scatter_matrix", find(load_run(folder))).reading
    assert reading.startswith("Among the best 20 trials x")
    assert " falls as x" in reading
    assert {"x0", "x2"} <= set(reading.split())
    folder = make_run("flat", trials=200, hyperband=False, parameters=UNIFORM, config=uniform,
                      floor=lambda c: 0.1)  # fmt: skip
    reading = draw("scatter_matrix", find(load_run(folder))).reading
    assert reading == "Among the best 20 trials no two parameters rise or fall together."


# ---- distribution of scores


def test_the_distribution_function_counts_trials_and_its_band_is_that_of_massart():
    losses, shares = curve(np.array([3.0, 1.0, 2.0, 2.0]))
    assert losses.tolist() == [1, 1, 2, 2, 3]
    assert shares.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert band(100) == pytest.approx(math.sqrt(math.log(40) / 200))
    values = np.random.default_rng(0).random(100_000)
    losses, shares = curve(values)
    assert len(losses) <= 501
    for loss, share in zip(losses[1:], shares[1:], strict=True):
        assert share == (values <= loss).mean()


def test_a_line_a_rung_counts_the_trials_that_reached_it(make_run):
    # Table 1 of Li et al.: 46 trials, of which 28, 16 and 8 reach epochs 3, 9 and 27.
    drawing = draw("empirical_distribution", find(load_run(make_run())))
    words = words_of(drawing.figure)
    assert "46, 28, 16 and 8 trials that reached epochs 1, 3, 9 and 27" in words
    (axes,) = drawing.figure.axes
    steps = [line for line in axes.lines if line.get_drawstyle() == "steps-post"]
    heights = [np.diff(line.get_ydata()).max() for line in steps]
    assert heights == pytest.approx([1 / 46, 1 / 28, 1 / 16, 1 / 8])


@pytest.mark.parametrize("mode", ["min", "max"])
def test_shares_are_of_trials_as_good_or_better(make_run, mode):
    metric = "accuracy" if mode == "max" else "valid_loss"
    found = find(load_run(make_run(trials=30, hyperband=False, metric=metric, mode=mode)))
    (axes,) = draw("empirical_distribution", found).figure.axes
    line = next(line for line in axes.lines if line.get_drawstyle() == "steps-post")
    x, shares = line.get_xdata()[:-1], line.get_ydata()[:-1]
    scores = found.comparable.scores
    for value, share in zip(x[1:], shares[1:], strict=True):
        better = scores >= value if mode == "max" else scores <= value
        assert share == pytest.approx(better.mean())


# ---- what all share


def test_inactive_trials_lie_below_the_axis_and_equal_values_are_spread():
    points = np.array([[0.125, np.nan], [0.125, 0.5], [0.125, np.nan]])
    moved = switched_off(spread(points, (LAYERS, RATE)))
    assert len(set(moved[:, 0].tolist())) == 3
    assert (np.abs(moved[:, 0] - 0.125) <= 0.05).all()
    assert (moved[[0, 2], 1] < -0.1).all()
    assert moved[1, 1] == 0.5


def test_thinning_keeps_the_best_and_repeats_itself():
    assert thin(30, 30).tolist() == list(range(30))
    kept = thin(10_000, 200, first=50)
    assert kept[:50].tolist() == list(range(50))
    assert len(set(kept.tolist())) == 200
    assert (np.diff(kept) > 0).all()
    np.testing.assert_array_equal(kept, thin(10_000, 200, first=50))


@pytest.mark.parametrize("length", [0.7, 1.3, 2.0])
@pytest.mark.parametrize("off", [False, True])
@pytest.mark.parametrize("parameter", [RATE, LAYERS, NORM], ids=lambda p: p.name)
def test_ticks_do_not_touch_each_other(parameter, length, off):
    ticks = ticks_of(parameter, length, off=off, along=True)
    points = length * 72 / (1.44 if off else 1.08)
    if ticks.upright:
        assert (np.diff(ticks.places) * points >= 10).all()
        return
    inner = [(p, text_width(t, 8.5)) for p, t in zip(ticks.places, ticks.labels, strict=True)
             if t != "\noff"]  # fmt: skip
    for (a, wide), (b, other) in itertools.pairwise(inner):
        assert (b - a) * points >= min(wide, other) / 2 + 1


def test_names_keep_to_their_width_and_lines():
    long = Parameter(
        "an_extraordinarily_long_name_of_a_parameter", "space", Float(0.1, 1, log=True)
    )
    lines = name_lines(long, 60, 2).split("\n")
    assert len(lines) == 2
    assert all(text_width(line, 8.5) <= 60 for line in lines)
    assert lines[-1].endswith("(log)")


@pytest.mark.parametrize("changes", [
    {"trials": 46, "fail": (1, 3)}, {"trials": 120, "metric": "accuracy", "mode": "max"},
], ids=["min", "max"])  # fmt: skip
def test_no_text_leaves_the_figures_and_none_lies_on_another(make_run, changes):
    found = find(load_run(make_run(**changes)))
    for name in NAMES:
        outcome = draw(name, found)
        if isinstance(outcome, Withheld):
            continue
        with style():
            outcome.figure.canvas.draw()
            width, height = outcome.figure.canvas.get_width_height()
            boxes = {
                text.get_text(): text.get_window_extent()
                for text in outcome.figure.findobj(Text)
                if text.get_visible() and text.get_text().strip()
            }
        for text, box in boxes.items():
            assert box.x0 >= -1, (name, text)
            assert box.y0 >= -1, (name, text)
            assert box.x1 <= width + 1, (name, text)
            assert box.y1 <= height + 1, (name, text)
        for (one, a), (other, b) in itertools.combinations(boxes.items(), 2):
            wide, high = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
            assert wide <= 2 or high <= 4, (name, one, other)


@pytest.mark.parametrize("changes", [
    {"trials": 1}, {"trials": 3}, {"trials": 6, "fail": tuple(range(6))},
    {"trials": 12, "max_epochs": 1}, {"trials": 30, "floor": lambda c: 0.3, "noise": 0.0,
                                      "jitter": 0.0, "hyperband": False},
    {"trials": 30, "parameters": {"clip": {"group": "training", "kind": "constant", "value": 1.0}},
     "config": lambda rng: {"clip": 1.0}, "floor": lambda c: 0.2},
], ids=["one", "three", "failed", "one-epoch", "constant", "no-parameter"])  # fmt: skip
def test_every_figure_is_drawn_or_says_why_not(make_run, changes):
    found = find(load_run(make_run(**changes)))
    for name in NAMES:
        outcome = draw(name, found)
        said = outcome.reading if isinstance(outcome, Drawing) else outcome.reason
        assert said, name
        assert "nan" not in said


def test_a_trial_that_failed_after_the_epoch_compared_is_not_compared(crowd):
    found = find(load_run(crowd(60, fail=7)))
    assert found.comparable.trials == 60
    for name in ("slices", "top_distribution", "empirical_distribution"):
        assert "53 trials compared at epoch 10" in words_of(draw(name, found).figure)


def test_many_trials_are_thinned_and_the_figures_say_so(crowd, tmp_path):
    found = find(load_run(crowd(6000, fail=300)))
    # What parameters matter is not the question here, and takes seconds to find.
    found.__dict__["importance"] = Importance(found.comparable, withheld="not asked")
    names = (*(name for name in NAMES if name != "cost_quality"), "learning_curves",
             "parallel_coordinates")  # fmt: skip
    pictures = write_figures(found, tmp_path, formats=("svg",), only=names)
    for picture in pictures:
        assert picture.drawn, picture
        assert picture.paths[0].stat().st_size < 1_000_000, picture.name
    assert "drawn: the best 100 and a random" in words_of(draw("scatter_matrix", found).figure)
    assert "drawn: the best 5 and a random" in words_of(draw("slices", found).figure)
    lines = draw("parallel_coordinates", found).figure.axes[0].lines
    through = [line for line in lines if len(line.get_xdata()) == 4]
    assert sum(line.get_linestyle() == "-" for line in through) == 80
    assert sum(line.get_linewidth() == 1.9 for line in through) == 5
    figure = draw("learning_curves", found).figure
    (curves,) = [c for c in figure.axes[0].collections if isinstance(c, LineCollection)]
    assert 300 <= len(curves.get_segments()) <= 305
    assert "drawn: the best 5 and a random 300 of the others" in words_of(figure)
