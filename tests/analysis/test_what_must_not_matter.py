"""What must not matter: which way the metric points, and trials that were stopped early."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from matplotlib.text import Text

from analysis import Run, analyze, load_run
from analysis.figures.shown import figure
from analysis.findings import find
from tests.analysis.conftest import Plan, write_run
from tests.analysis.tabled import remade, stopped


def negated(value: Any) -> Any:
    return None if value is None else -value


def test_maximising_the_negated_metric_gives_the_same_numbers(make_run):
    """Shifted by 5, so that neither has an end, as losses have at 0, that it cannot pass."""
    run = load_run(make_run(trials=60, fail=(3, 9)))
    losses = ["metric.valid_loss", "metric.train_loss"]
    low = remade(run, epochs=run.epochs.with_columns(pl.col(losses) - 5))
    high = remade(low, epochs=low.epochs.with_columns(-pl.col(losses)),
                  meta=replace(run.meta, mode="max"))  # fmt: skip
    one, other = analyze(low, only=[]).as_dict(), analyze(high, only=[]).as_dict()
    for name in ("importance", "local_importance", "correlations", "epochs", "at_bounds", "ties",
                 "failures", "failure_causes", "idle", "coverage", "pruning"):  # fmt: skip
        assert one[name] == other[name], name
    for name in ("rise", "error", "low", "high", "fall", "noise", "gap", "matters", "epoch"):
        assert one["overfitting"][name] == other["overfitting"][name], name
    assert {**one["best"], "metrics": 0} == {**other["best"], "metrics": 0}
    for name in ("valid_loss", "train_loss"):
        assert one["best"]["metrics"][name] == -other["best"]["metrics"][name]
    drop, mirrored = one["winners_drop"], other["winners_drop"]
    for name, opposite in (("observed", "observed"), ("expected", "expected"), ("low", "high"),
                           ("high", "low"), ("fixed_epoch", "fixed_epoch")):  # fmt: skip
        assert drop[name] == negated(mirrored[opposite]), name
    curve, mirrored = one["tuning_curve"], other["tuning_curve"]
    assert [curve[name] for name in ("gain", "low", "high", "late_gain", "epochs", "unknown")] == [
        mirrored[name] for name in ("gain", "low", "high", "late_gain", "epochs", "unknown")
    ]
    assert [(c["name"], [-y for y in c["mean"]]) for c in one["marginals"]["curves"]] == [
        (c["name"], c["mean"]) for c in other["marginals"]["curves"]
    ]
    assert [(s["name"], s["values"], -s["predicted"], s["gain"]) for s in one["ablation"]["steps"]]\
        == [(s["name"], s["values"], s["predicted"], s["gain"])
            for s in other["ablation"]["steps"]]  # fmt: skip
    assert [front["number"] for front in one["cost_front"]["weights"]["trials"]] == [
        front["number"] for front in other["cost_front"]["weights"]["trials"]
    ]


@pytest.fixture(scope="module")
def of_3_and_50(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Trials 0 to 24 ran 50 epochs, 25 to 54 were stopped after 3; seconds sum up exactly."""
    folder = write_run(tmp_path_factory.mktemp("runs") / "1121-x-0350",
                       Plan(trials=55, max_epochs=50, hyperband=False, optimum=30))  # fmt: skip
    run = stopped(load_run(folder), list(range(25, 55)), 3)
    seconds = 0.25 * (1 + pl.col("number") % 7)
    return remade(run, epochs=run.epochs.with_columns(seconds.alias("epoch_seconds")))


SEEN = ("best", "epochs", "importance", "marginals", "local_importance", "correlations", "ablation",
        "at_bounds", "overfitting", "ties", "winners_drop", "idle", "cost_front")  # fmt: skip
COMPARING = ("ablation", "cost_quality", "epoch_optimum", "importance", "marginal_effects",
             "pair_heat_maps", "parallel_coordinates", "scatter_matrix", "slices",
             "top_distribution")  # fmt: skip


def with_losses(run: Run, losses: np.ndarray) -> Run:
    """The run with other losses for the trials that were stopped after 3 epochs."""
    short = run.epochs["number"].to_numpy() >= 25
    values = run.epochs["metric.valid_loss"].to_numpy().copy()
    values[short] = np.resize(losses, int(short.sum()))
    return remade(run, epochs=run.epochs.with_columns(pl.Series("metric.valid_loss", values)))


# An example takes a second and needs no shrinking: any losses do.
@settings(max_examples=4, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(losses=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=90))
def test_losses_after_3_epochs_change_nothing_where_trials_of_50_are_compared(of_3_and_50, losses):
    one = analyze(of_3_and_50, only=[]).as_dict()
    other = analyze(with_losses(of_3_and_50, np.array(losses)), only=[]).as_dict()
    for found in (one, other):  # the one place that looks at the best after any epoch
        found["history"].pop("any_epoch")
    assert one == other


def test_losses_after_3_epochs_change_no_mark_of_a_figure_that_compares_trials(of_3_and_50):
    before, after = find(of_3_and_50), find(with_losses(of_3_and_50, np.array([-5.0, 5.0])))
    for name in COMPARING:
        one, other = figure(name, before), figure(name, after)
        assert one.drawn, name
        assert one.reading == other.reading, name
        assert marks_of(one.figure) == marks_of(other.figure), name
        assert colours_of(one.figure) == colours_of(other.figure), name


def test_more_trials_of_3_epochs_change_no_comparison_of_those_of_50(of_3_and_50):
    short = of_3_and_50.trials["number"] >= 25
    trials = of_3_and_50.trials.filter(short).with_columns(pl.col("number") + 30)
    epochs = of_3_and_50.epochs.filter(pl.col("number") >= 25)
    epochs = epochs.with_columns(pl.col("number") + 30, pl.lit(-9.0).alias("metric.valid_loss"))
    more = remade(
        of_3_and_50,
        trials=pl.concat([of_3_and_50.trials, trials]),
        epochs=pl.concat([of_3_and_50.epochs, epochs]),
    )
    before, after = analyze(of_3_and_50, only=[]), analyze(more, only=[])
    one, other = before.as_dict(), after.as_dict()
    assert (one["trials"], other["trials"]) == (55, 85)
    for name in SEEN:
        assert one[name] == other[name], name
    for name in COMPARING:
        drawn, again = figure(name, before.findings), figure(name, after.findings)
        assert drawn.reading == again.reading, name
        assert marks_of(drawn.figure) == marks_of(again.figure), name


def marks_of(shown: Any) -> list[Any]:
    """Where everything that stands for data lies, whatever its colour."""
    found: list[Any] = []
    for axes in shown.axes:
        found += [line.get_xydata().tolist() for line in axes.lines]
        found += [np.asarray(mark.get_offsets()).tolist() for mark in axes.collections]
        found += [path.vertices.tolist() for mark in axes.collections for path in mark.get_paths()]
        found += [patch.get_path().vertices.tolist() for patch in axes.patches]
        found += [np.asarray(image.get_array()).tolist() for image in axes.images]
    return json.loads(json.dumps(found).replace("NaN", "null"))


def colours_of(shown: Any) -> list[Any]:
    """What has a colour that may stand for a score, and every text."""
    found: list[Any] = [text.get_text() for text in shown.findobj(Text)]
    for axes in shown.axes:
        found += [(line.get_color(), line.get_linewidth()) for line in axes.lines]
        found += [np.asarray(mark.get_facecolors()).tolist() for mark in axes.collections]
        found += [patch.get_facecolor() for patch in axes.patches]
    return found
