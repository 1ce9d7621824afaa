"""The figures of pruning and budget: rungs, their correlation, timeline, history, tuning curve."""

from __future__ import annotations

import importlib
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from analysis import load_run
from analysis.figures.style import Drawing, Withheld, style
from analysis.findings import Findings, find
from tests.analysis.tabled import halved, run_of, timed

NAMES = ("history", "rung_correlation", "rungs", "timeline", "tuning_curve")


def draw(name, run):
    with style():
        module = importlib.import_module(f"analysis.figures.{name}")
        outcome = module.draw(find(run) if not isinstance(run, Findings) else run)
        if isinstance(outcome, Drawing):
            outcome.figure.canvas.draw()
    return outcome


def texts(figure):
    return [t.get_text() for t in figure.findobj(Text) if t.get_visible() and t.get_text()]


def shown_texts(figure):
    """All text that is seen; matplotlib keeps ticks beyond an axis, which are not."""
    found = [*figure.texts]
    for axes in figure.axes:
        found += [*axes.texts, axes.xaxis.label, axes.yaxis.label]
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            found += [t.label1 for t in axis.get_major_ticks() if low <= t.get_loc() <= high]
    return [text for text in found if text.get_visible() and text.get_text().strip()]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"trials": 300},
        {"trials": 60, "metric": "accuracy", "mode": "max"},
        {"fail": (0, 3, 45)},
    ],
    ids=["46", "300", "max", "failed"],
)
def test_drawn_within_the_page_and_none_over_another(make_run, name, changes):
    figure = draw(name, load_run(make_run(**changes))).figure
    width, height = figure.get_size_inches() * figure.dpi
    boxes = [text.get_window_extent() for text in shown_texts(figure)]
    for box in boxes:
        assert box.x0 > -1
        assert box.y0 > -1
        assert box.x1 < width + 1
        assert box.y1 < height + 1
    for place, box in enumerate(boxes):
        for other in boxes[place + 1 :]:
            assert not box.padded(-1.5).overlaps(other.padded(-1.5))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("trials", [1, 2, 5])
def test_a_few_trials_are_drawn_or_withheld_with_a_reason(make_run, name, trials):
    outcome = draw(name, load_run(make_run(trials=trials)))
    assert isinstance(outcome, Drawing) or outcome.reason


@pytest.mark.parametrize("name", NAMES)
def test_without_a_result_nothing_is_drawn_that_would_mislead(name):
    run = run_of([], rungs=(1, 3))
    assert isinstance(draw(name, Findings(run)), Withheld)


def test_one_rung_has_neither_chart_nor_matrix():
    run = run_of([[1.0, 0.5], [0.9, 0.4]])
    for name in ("rungs", "rung_correlation"):
        assert draw(name, run) == Withheld(
            "nothing was pruned: trials were compared at one epoch only"
        )


def test_imported_runs_without_times_have_no_timeline_and_one_panel_of_history(make_run):
    run = load_run(make_run())
    run = replace(run, epochs=run.epochs.drop("reported_at"))
    assert draw("timeline", run) == Withheld(
        "the tables do not say when epochs ended (a run of an older orch, or an imported one)"
    )
    drawn = draw("history", run)
    assert len(drawn.figure.axes) == 1
    assert "no times: in the order of trial numbers" in " ".join(texts(drawn.figure))


def test_the_chart_of_rungs_names_who_entered_and_went_on():
    losses = np.random.default_rng(0).random((40, 9))
    figure = draw("rungs", halved(losses, (1, 3, 9), (27, 9, 4))).figure
    shown = texts(figure)
    for label in ("27 → 9", "9 → 3", "3", "1", "4", "from epoch 3", "from epoch 9"):
        assert label in shown
    first = [patch.get_height() for patch in figure.axes[0].patches
             if isinstance(patch, Rectangle)]  # fmt: skip
    assert first == [9, 18, 3, 6, 3]  # went on, pruned; went on, pruned; completed


def test_a_harmful_rung_is_framed_and_the_reading_says_so():
    rng = np.random.default_rng(0)
    early, late = rng.random((77, 1)), rng.random((77, 1))
    losses = np.where(np.arange(27) < 9, 2 + early, late)
    run = halved(losses, (1, 3, 9, 27), (27, 18, 12, 20))
    drawn = draw("rung_correlation", run)
    assert drawn.reading == (
        "What a trial is worth at epoch 1 and 3 and 9 says too little to stop it there (framed)."
    )
    frames = [p for p in drawn.figure.axes[0].patches if p.get_linewidth() > 2]
    assert len(frames) == 3


def test_the_timeline_counts_trials_at_once_and_draws_each_piece_on_its_lane():
    # Two workers; trial 0 waits from 1 s to 6 s while trials 2 and 3 train in its place.
    run = run_of([[1.0, 0.5, 0.4], [2.0], [3.0], [4.0]], rungs=(1, 3))
    run = timed(run, [[1.0, 7.02, 8.02], [1.0], [3.03], [5.5]])
    drawn = draw("timeline", run)
    assert drawn.reading == "Up to 2 trials at once in 0:08, busy 37 % of the time."
    bars, counts = drawn.figure.axes
    assert counts.get_yticks().tolist() == [0, 2]
    paths = bars.collections[0].get_paths()
    assert [round(float(path.vertices[:, 1].mean())) for path in paths] == [0, 1, 0, 0, 0]
    shown = texts(drawn.figure)
    assert "to epoch 1" not in shown  # one level beside the best
    assert "trial 0, the best" in shown


def test_bars_are_told_apart_by_the_rung_they_were_heading_for(make_run):
    shown = texts(draw("timeline", load_run(make_run())).figure)
    assert {"to epoch 1", "3", "9", "27"} <= set(shown)
    assert {"to epoch 27", "trial 0, the best"}.isdisjoint(shown)
    assert any(text.endswith(", the best") for text in shown)


def test_many_trials_are_counted_and_not_drawn_one_by_one():
    starts = [float(k // 4) for k in range(404)]
    run = timed(run_of([[1.0] for _ in starts]), [[start + 1] for start in starts])
    drawn = draw("timeline", run)
    assert len(drawn.figure.axes) == 1
    assert "Up to 4 trials at once" in drawn.reading
    assert "means over 0.42 s each" in " ".join(texts(drawn.figure))


def test_the_tuning_curve_goes_on_from_the_best(make_run):
    run = load_run(make_run(trials=30, hyperband=False, max_epochs=9))
    drawn = draw("tuning_curve", run)
    seen, beyond = drawn.figure.axes[0].get_lines()[:2]
    assert seen.get_ydata()[-1] == beyond.get_ydata()[0] == find(run).tuning_curve.best
    assert beyond.get_xdata()[-1] == 60
    assert drawn.reading.startswith("30 more trials would gain about")


def test_the_history_marks_the_best_in_both_panels(make_run):
    run = load_run(make_run())
    found = find(run)
    figure = draw("history", found).figure
    for axes in figure.axes:
        marks = [line for line in axes.get_lines() if line.get_markersize() == 6.5]
        assert [line.get_ydata()[0] for line in marks] == [found.ranking.scores[0]]


@pytest.mark.parametrize("name", ["history", "timeline"])
def test_a_constant_objective_and_no_time_are_survived(name):
    run = timed(run_of([[1.0], [1.0]]), [[0.0], [0.0]], seconds=0.0)
    assert draw(name, run) is not None
