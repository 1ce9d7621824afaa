"""Figures of what the forest learned: importance with pairs, marginal effects, ablation."""

from __future__ import annotations

import importlib
from dataclasses import replace

import numpy as np
import pytest

from analysis import load_run
from analysis.figures.ablation import draw as draw_ablation
from analysis.figures.importance import draw as draw_importance
from analysis.figures.marginal_effects import draw as draw_marginals
from analysis.figures.style import Withheld, style
from analysis.findings import find

FLOATS = {
    name: {"group": "space", "kind": "float", "low": 0.0, "high": 1.0} for name in ("a", "b", "c")
}


def findings(make_run, floor, **changes):
    given = {"trials": 200, "hyperband": False, "max_epochs": 1, "noise": 0.02, "jitter": 0.0,
             "parameters": FLOATS, "floor": floor,
             "config": lambda rng: {name: float(rng.random()) for name in FLOATS}}  # fmt: skip
    return find(load_run(make_run(**given | changes)))


def drawn(draw, found):
    with style():
        drawing = draw(found)
        drawing.figure.canvas.draw()
    return drawing


def texts(figure):
    from matplotlib.text import Text

    return [t.get_text() for t in figure.findobj(Text) if t.get_visible() and t.get_text()]


def test_pairs_above_chance_stand_beside_the_parameters(make_run):
    found = findings(make_run, lambda c: float((c["a"] > 0.5) ^ (c["b"] > 0.5)) + c["c"])
    drawing = drawn(draw_importance, found)
    axes = drawing.figure.axes[0]
    labels = [text.get_text() for text in axes.get_yticklabels()]
    assert labels[0] == "c"
    assert labels[3:] == ["a x b", "other pairs", "three or more"]
    widths = [bar.get_width() for bar in axes.patches]
    assert widths[3] == pytest.approx(found.importance.pairs[0].share)
    assert sum(widths) == pytest.approx(1.0, abs=1e-6)
    assert "a and b together" in drawing.reading
    assert any("where effects only add up" in text.replace("\n", " ") for text in texts_of(drawing))


def texts_of(drawing):
    return [" ".join(texts(drawing.figure))]


def test_the_line_of_chance_is_on_the_axis_where_no_parameter_reaches_it(make_run):
    found = findings(make_run, lambda c: 2 * c["a"] + c["b"])
    found.__dict__["importance"] = replace(found.importance, noise=0.99, effects=tuple(
        replace(effect, share=effect.share / 10) for effect in found.importance.effects
    ))  # fmt: skip
    axes = drawn(draw_importance, found).figure.axes[0]
    [line] = [line for line in axes.lines if line.get_linestyle() == "--"]
    assert line.get_xdata()[0] < axes.get_xlim()[1]


def test_without_a_pair_above_chance_all_pairs_are_one_bar(make_run):
    drawing = drawn(draw_importance, findings(make_run, lambda c: 2 * c["a"] + c["b"]))
    labels = [text.get_text() for text in drawing.figure.axes[0].get_yticklabels()]
    assert labels == ["a", "b", "c", "all pairs", "three or more"]
    assert "together" not in drawing.reading


def test_marginals_have_a_panel_a_parameter_with_its_curve_and_band(make_run):
    found = findings(make_run, lambda c: 2 * c["a"] + c["b"])
    drawing = drawn(draw_marginals, found)
    names = [curve.name for curve in found.marginals.curves]
    assert len(drawing.figure.axes) == 3
    for axes, curve in zip(drawing.figure.axes, found.marginals.curves, strict=True):
        line = axes.lines[0]
        np.testing.assert_allclose(line.get_xdata(), curve.at)
        np.testing.assert_allclose(line.get_ydata(), curve.mean)
    assert {tuple(axes.get_ylim()) for axes in drawing.figure.axes} == {
        tuple(drawing.figure.axes[0].get_ylim())
    }
    assert names[0] == "a"
    assert drawing.reading.startswith("Averaged over all else, a is best at 0.0")


def test_only_the_most_important_parameters_have_a_panel(make_run):
    many = {f"parameter_{k}": FLOATS["a"] for k in range(12)}
    found = findings(
        make_run, lambda c: c["parameter_3"], parameters=many,
        config=lambda rng: {name: float(rng.random()) for name in many},
    )  # fmt: skip
    drawing = drawn(draw_marginals, found)
    assert len(drawing.figure.axes) == 8
    assert "the 8 most important of 12" in " ".join(texts(drawing.figure))


def test_a_log_axis_has_the_ticks_of_its_domain(make_run):
    found = find(load_run(make_run(trials=80, hyperband=False)))
    drawing = drawn(draw_marginals, found)
    axes = next(
        axes for axes in drawing.figure.axes if "learning rate (log)" in [
            text.get_text() for text in axes.texts]
    )  # fmt: skip
    assert {"1e-4", "0.1"} <= {text.get_text() for text in axes.get_xticklabels()}


def test_the_way_to_the_winner_is_a_bar_a_change(make_run):
    found = findings(make_run, lambda c: 2 * c["a"] + c["b"])
    drawing = drawn(draw_ablation, found)
    axes = drawing.figure.axes[0]
    steps = found.ablation.steps
    assert [bar.get_width() for bar in axes.patches] == pytest.approx([-s.gain for s in steps])
    labels = [text.get_text() for text in axes.get_yticklabels()]
    assert labels[0] == "middle of the space"
    assert labels[1].startswith("a 0.0")
    assert axes.get_xlabel() == "validation loss (nats)"
    assert f"for trial {found.best.number}" in drawing.reading
    assert "a gains most" in drawing.reading


def test_a_change_for_the_worse_has_another_colour_in_either_mode(make_run):
    from matplotlib.colors import to_hex

    for mode, sign in (("min", 1), ("max", -1)):
        found = findings(make_run, lambda c, s=sign: 3 + s * (2 * c["a"] + c["b"]), name=mode,
                         mode=mode, trials=60)  # fmt: skip
        drawing = drawn(draw_ablation, found)
        bars = drawing.figure.axes[0].patches
        for bar, step in zip(bars, found.ablation.steps, strict=True):
            expected = "#0072b2" if step.gain >= 0 else "#d55e00"
            assert to_hex(bar.get_facecolor()) == expected


@pytest.mark.parametrize("name", ["importance", "marginal_effects", "ablation"])
def test_what_the_forest_cannot_tell_is_not_drawn(make_run, name):
    draw = importlib.import_module(f"analysis.figures.{name}").draw
    outcome = draw(find(load_run(make_run(trials=5))))
    assert outcome == Withheld("only 5 trials can be compared (epoch 1); it takes 10")


@pytest.mark.parametrize("name", ["importance", "marginal_effects", "ablation"])
@pytest.mark.parametrize(("mode", "metric"), [("min", "valid_loss"), ("max", "accuracy")])
def test_no_text_is_cut_off_with_long_names_and_many_parameters(make_run, name, mode, metric):
    long = {f"a_rather_long_parameter_name_{k}": FLOATS["a"] for k in range(12)}
    first, second = list(long)[:2]
    found = findings(
        make_run, lambda c: 2 * c[first] + c[second], parameters=long, mode=mode, metric=metric,
        trials=80, config=lambda rng: {name: float(rng.random()) for name in long},
    )  # fmt: skip
    draw = importlib.import_module(f"analysis.figures.{name}").draw
    figure = drawn(draw, found).figure
    wide, tall = figure.canvas.get_width_height()
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        if not text.get_visible() or not text.get_text().strip():
            continue
        box = text.get_window_extent()
        assert box.x0 >= -1
        assert box.x1 <= wide + 1, text.get_text()
        assert box.y0 >= -1
        assert box.y1 <= tall + 1
