"""Several objectives and limits, as analysis sees them."""

from __future__ import annotations

import importlib
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from analysis import analyze, load_run
from analysis.fidelity import full, ranking
from analysis.figures.style import Drawing, Withheld, style
from analysis.findings import find
from analysis.goals import broken_note
from analysis.pareto import pareto
from searchspaces import UsageError
from tests.analysis.conftest import write_run
from tests.analysis.tabled import run_of

GOALS = [{"metric": "loss", "mode": "min"}, {"metric": "size", "mode": "min"}]


def told(losses, sizes, *, epochs=2, goals=GOALS, keeps=None):
    """A run whose trial k has a loss of ``losses[k]``, one more at the first epoch."""
    run = run_of([[loss + 1, loss][:epochs] for loss in losses])
    column = [size for size in sizes for _ in range(epochs)]
    table = run.epochs.with_columns(pl.Series("metric.size", column, pl.Float64))
    raw = {"objectives": goals}
    if keeps is not None:
        table = table.with_columns(pl.Series("keeps", keeps, pl.Boolean))
        raw["outcomes"] = ["size < 9"]
    return replace(run, epochs=table, meta=replace(run.meta, raw=raw))


def numbers(found):
    return [int(found.numbers[place]) for place in found.on]


def test_the_front_is_what_no_completed_trial_beats_best_first():
    found = pareto(told([3.0, 1.0, 2.0, 2.0, 5.0], [3.0, 9.0, 5.0, 7.0, 3.0]))
    assert numbers(found) == [1, 2, 0]
    assert found.values[found.on[0]].tolist() == [1.0, 9.0]  # at the epoch of the best loss
    assert found.words() == ("3 of 5 completed trials are beaten by none in loss and size",)
    assert found.as_dict()["front"][0] == {"trial": 1, "loss": 1.0, "size": 9.0}


def test_equal_trials_are_both_on_the_front_and_a_metric_may_be_to_be_large():
    goals = [GOALS[0], {"metric": "size", "mode": "max"}]
    found = pareto(told([1.0, 1.0, 2.0, 3.0, 0.5], [7.0, 7.0, 9.0, 1.0, 2.0], goals=goals))
    assert numbers(found) == [4, 0, 1, 2]


def test_trials_that_were_stopped_early_are_shown_and_not_compared():
    run = told([3.0, 1.0, 2.0, 2.0, 5.0, 0.1], [3.0, 9.0, 5.0, 7.0, 3.0, 0.1])
    states = ["completed"] * 5 + ["pruned"]
    run = replace(
        run,
        trials=run.trials.with_columns(pl.Series("state", states)),
        epochs=run.epochs.filter((pl.col("number") < 5) | (pl.col("epoch") == 1)),
    )
    found = pareto(run)
    assert (numbers(found), found.compared, found.earlier) == ([1, 2, 0], 5, 1)


def test_epochs_that_break_a_limit_count_nowhere():
    """Trial 1 breaks it always, trial 2 at its best epoch."""
    keeps = [True, True, False, False, True, False] + [True] * 6
    run = told([3.0, 0.1, 2.0, 4.0, 5.0, 6.0], [3.0, 9.0, 5.0, 7.0, 3.0, 2.0], keeps=keeps)
    assert ranking(run).rows.tolist() == [0, 2, 3, 4, 5]
    assert ranking(run).scores[1] == 3.0  # of trial 2, at its first epoch
    assert np.isnan(run.curves("loss")[1]).all()
    assert run.curves("loss")[2].tolist()[0] == 3.0
    assert run.best().number == 0
    assert 1 not in full(run).rows
    note = broken_note(pl.DataFrame({"keeps": [True, False, None]}), ["size < 9"])
    assert note == ("1 of 2 trials break size < 9 at every epoch; no figure or number counts them",)


def test_where_no_trial_keeps_the_limits_there_is_nothing_to_find():
    run = told([3.0, 1.0], [3.0, 9.0], keeps=[False] * 4)
    with pytest.raises(UsageError) as caught:
        find(run)
    assert str(caught.value) == (
        f"no trial of run {run.meta.run} keeps size < 9. See: orch show {run.meta.run}"
    )


def test_too_few_trials_or_one_objective_give_no_front():
    assert pareto(told([3.0, 1.0], [3.0, 9.0])).withheld == "2 trials have completed, fewer than 5"
    lone = run_of([[1.0]] * 6)
    assert pareto(lone).withheld == "the sweep has one objective; see --objective"


def figure(run):
    with style():
        return importlib.import_module("analysis.figures.pareto_front").draw(find(run))


def test_the_figure_has_every_trial_and_a_line_along_the_front():
    losses, sizes = [3.0, 1.0, 2.0, 2.0, 5.0, 2.5], [3.0, 9.0, 5.0, 7.0, 3.0, 4.0]
    drawing = figure(told(losses, sizes))
    assert isinstance(drawing, Drawing)
    assert drawing.reading == (
        "4 of 6 trials are beaten by none in every objective, from trial 1 (loss 1, size 9) to "
        "trial 0 (loss 3, size 3)."
    )
    (axes,) = drawing.figure.axes
    behind = np.concatenate([points.get_offsets() for points in axes.collections])
    assert sorted(map(tuple, behind.tolist())) == sorted(zip(sizes, losses, strict=True))
    steps = next(line for line in axes.lines if line.get_drawstyle() == "steps-post")
    corners = list(zip(steps.get_xdata()[1:-1], steps.get_ydata()[1:-1], strict=True))
    assert corners == [(3.0, 3.0), (4.0, 2.5), (5.0, 2.0), (9.0, 1.0)]
    texts = {text.get_text() for text in axes.texts}
    assert {"0", "1"} <= texts <= {"0", "1", "2", "5"}


@pytest.mark.parametrize("seed", range(4))
def test_names_stay_in_the_figure_and_apart(seed):
    generator = np.random.default_rng(seed)
    sizes = 10 ** generator.uniform(1, 5, 60)
    run = told((1 / sizes**0.3 + generator.uniform(0, 0.05, 60)).tolist(), sizes.tolist())
    if seed % 2:
        goals = [*GOALS, {"metric": "lag", "mode": "max"}]
        column = np.repeat(generator.uniform(0, 1, 60), 2)
        run = replace(
            run,
            epochs=run.epochs.with_columns(pl.Series("metric.lag", column)),
            meta=replace(run.meta, raw={"objectives": goals}),
        )
    drawing = figure(run)
    FigureCanvasAgg(drawing.figure).draw()
    width, height = drawing.figure.canvas.get_width_height()
    for axes in drawing.figure.axes:
        boxes = [text.get_window_extent() for text in axes.texts]
        for index, box in enumerate(boxes):
            assert min(box.x0, box.y0, width - box.x1, height - box.y1) >= 0
            assert not any(box.overlaps(other) for other in boxes[:index])


def test_an_ordinary_run_has_no_such_figure_unless_it_is_named(tmp_path):
    folder = write_run(tmp_path / "run")
    pictures = analyze(folder, formats="svg").pictures
    assert "pareto_front" not in {picture.name for picture in pictures}
    (picture,) = analyze(folder, formats="svg", only="pareto_front").pictures
    assert not picture.drawn
    assert isinstance(figure(load_run(folder)), Withheld)


def test_trials_that_break_the_limits_are_not_said_to_have_run_no_epochs():
    run = told([3.0, 1.0, 2.0, 2.0, 5.0], [3.0] * 5, keeps=[True] * 4 + [False] * 6)
    assert pareto(run).withheld == "2 trials have completed within the limits, fewer than 5"
