"""What stands in figures: legible, not cut off, none over another, and true of the run."""

from __future__ import annotations

import importlib
import itertools

import numpy as np
import polars as pl
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.text import Text

from analysis import load_run
from analysis.figures import figure_names
from analysis.figures.ablation import _signed
from analysis.figures.panels import name_lines
from analysis.figures.style import (
    VERMILLION,
    Withheld,
    contrast,
    legible,
    ordered_colours,
    style,
    wrap,
)
from analysis.findings import find
from analysis.parameters import Parameter
from searchspaces import Float

ON_COLOUR = {"rung_correlation", "pair_heat_maps", "timeline"}  # with texts on coloured cells
LONG = {
    "optimizer": {"group": "training", "kind": "choice", "values": ["adamw", "sgd_with_momentum"]},
    "use_batch_normalisation": {"group": "space", "kind": "choice", "values": [False, True]},
    "weight_decay_of_the_recurrent_kernel": {
        "group": "training", "kind": "float", "low": 1e-7, "high": 1e-1, "log": True,
    },
    **{f"width_of_convolution_{k}": {"group": "space", "kind": "int", "low": 1, "high": 64}
       for k in range(9)},
}  # fmt: skip


def long_config(rng):
    return {
        "optimizer": ("adamw", "sgd_with_momentum")[int(rng.integers(2))],
        "use_batch_normalisation": bool(rng.integers(2)),
        "weight_decay_of_the_recurrent_kernel": float(10 ** rng.uniform(-7, -1)),
        **{f"width_of_convolution_{k}": int(rng.integers(1, 65)) for k in range(9)},
    }


def long_floor(config):
    return 0.2 + 0.01 * config["width_of_convolution_0"]


RUNS = {
    "hyperband": {},
    "failing": {"trials": 300, "fail": tuple(range(0, 300, 13))},
    "maximised": {"trials": 60, "metric": "accuracy", "mode": "max", "fail": (4, 9)},
    "long names": {
        "trials": 150, "parameters": LONG, "config": long_config, "floor": long_floor,
        "fail": (5, 9),
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A function that gives the figures of a run, drawn once."""
    from tests.analysis.conftest import write_run

    known = {}

    def draw(run):
        if run not in known:
            found = find(load_run(write_run(tmp_path_factory.mktemp("run"), **RUNS[run])))
            with style():
                outcomes = {
                    name: importlib.import_module(f"analysis.figures.{name}").draw(found)
                    for name in figure_names()
                }
                known[run] = {k: o for k, o in outcomes.items() if not isinstance(o, Withheld)}
        return known[run]

    return draw


@pytest.fixture(scope="module")
def boxes(drawn):
    """A function that gives (figure, text, its colour, its box) of all texts of a run."""
    known = {}

    def measure(run):
        if run not in known:
            known[run] = []
            for name, drawing in drawn(run).items():
                FigureCanvasAgg(drawing.figure).draw()  # puts everything in its place
                known[run] += [
                    (name, text.get_text(), text.get_color(), box)
                    for text in drawing.figure.findobj(Text)
                    if text.get_visible() and text.get_text().strip()
                    and (box := text.get_window_extent()).width > 0
                ]  # fmt: skip
        return known[run]

    return measure


def words(figure):
    return " ".join(" ".join(text.get_text() for text in figure.findobj(Text)).split())


@pytest.mark.parametrize("run", RUNS)
def test_text_can_be_read_on_white(boxes, run):
    for name, text, colour, _ in boxes(run):
        if text == "■" or (name in ON_COLOUR and colour == "white"):
            continue
        assert contrast(to_rgb(colour)) >= 4.5, (name, text)


@pytest.mark.parametrize("run", RUNS)
def test_no_text_is_cut_off(boxes, drawn, run):
    for name, text, _, box in boxes(run):
        wide, tall = drawn(run)[name].figure.canvas.get_width_height()
        inside = box.x0 >= -1 and box.x1 <= wide + 1 and box.y0 >= -1 and box.y1 <= tall + 1
        assert inside, (name, text, box)


@pytest.mark.parametrize("run", RUNS)
def test_no_text_lies_on_another(boxes, run):
    for _, group in itertools.groupby(boxes(run), key=lambda found: found[0]):
        for (name, one, _, a), (_, other, _, b) in itertools.combinations(group, 2):
            wide = min(a.x1, b.x1) - max(a.x0, b.x0)
            tall = min(a.y1, b.y1) - max(a.y0, b.y0)
            # The boxes of letters are a little larger than their ink.
            assert wide < 3 or tall < 4, (name, one, other, wide, tall)


def test_texts_in_rungs_lie_beside_bars(drawn, boxes):
    for axes in drawn("failing")["rungs"].figure.axes:
        bars = [patch.get_window_extent() for patch in axes.patches]
        for text in axes.texts:
            box = text.get_window_extent()
            for bar in bars:
                wide = min(box.x1, bar.x1) - max(box.x0, bar.x0)
                tall = min(box.y1, bar.y1) - max(box.y0, bar.y0)
                assert wide < 1 or tall < 3, text.get_text()


def test_darkening_keeps_what_can_be_read_and_stops_at_the_bound():
    assert legible("#0072B2") == pytest.approx((0, 0x72 / 255, 0xB2 / 255))
    for colour in (VERMILLION, *ordered_colours(4)):
        assert 4.5 <= contrast(legible(colour)) < 22
    # Black and white by the definition; #767676 is the known grey of 4.54 to 1.
    assert contrast((0, 0, 0)) == pytest.approx(21)
    assert contrast((0x76 / 255,) * 3) == pytest.approx(4.54, abs=0.01)


def test_a_share_and_its_sign_stay_on_one_line():
    with style():
        for width in range(40, 200, 7):
            assert not any(line.startswith("%") for line in wrap("bands: 95 % of all", 9, width))


def test_the_word_log_outlives_a_name_that_is_shortened():
    name = "weight_decay_of_the_recurrent_kernel_matrix"
    parameter = Parameter(name, "training", Float(1e-7, 1e-1, log=True))
    for lines in (1, 2):
        assert name_lines(parameter, 60, lines).endswith("(log)")


def test_a_small_change_is_written_as_values_of_a_config_are():
    assert [_signed(change) for change in (-4.2e-5, 0.52, 0.0)] == ["-4.2e-5", "+0.52", "0"]


def test_rungs_call_nothing_most_that_is_less_than_half(drawn):
    # Of 46 trials HyperBand stops 18, 12 and 8 at epochs 1, 3 and 9 (Li et al., table 1).
    reading = drawn("hyperband")["rungs"].reading
    assert reading == (
        "Of 46 trials 8 completed (full: epoch 27); 18 were pruned at epoch 1, more than at any "
        "other."
    )


def test_counts_above_curves_stand_at_rungs_alone(make_run, rewrite):
    folder = make_run(trials=60, hyperband=False)
    run = load_run(folder)
    ends = np.random.default_rng(1).integers(11, 28, 60)
    epochs = run.epochs.filter(pl.col("epoch") <= pl.Series(ends)[run.epochs["number"].to_list()])
    rewrite(folder, run.trials, epochs, dict(run.meta.raw))
    with style():
        drawing = importlib.import_module("analysis.figures.learning_curves").draw(
            find(load_run(folder))
        )
    # Ends of any epoch are drawn in seven colours, of which a count would say nothing.
    assert "ended " not in f"{words(drawing.figure)} ".split("it ended")[1]
    (axes,) = drawing.figure.axes
    assert axes.get_xscale() == "linear"
    assert [int(tick) for tick in axes.get_xticks()] == [1, 5, 10, 15, 20, 27]


def test_one_line_is_drawn_where_every_epoch_is_the_last(make_run):
    found = find(load_run(make_run(trials=24, max_epochs=1, hyperband=False)))
    with style():
        drawing = importlib.import_module("analysis.figures.history").draw(found)
    assert "any epoch" not in words(drawing.figure)


def test_one_other_parameter_is_no_plural(make_run):
    space = {f"x{k}": {"group": "space", "kind": "float", "low": 0.0, "high": 1.0}
             for k in range(2)}  # fmt: skip
    folder = make_run(
        trials=60, hyperband=False, parameters=space, floor=lambda config: config["x0"],
        config=lambda rng: {name: float(rng.random()) for name in space},
    )  # fmt: skip
    with style():
        drawing = importlib.import_module("analysis.figures.slices").draw(find(load_run(folder)))
    assert drawing.reading.endswith("; along the other only as by chance.")


def test_a_logarithmic_axis_says_so(drawn):
    for name in ("learning_curves", "history", "epoch_optimum", "tuning_curve", "slices"):
        figure = drawn("failing")[name].figure
        log = any(axes.get_yscale() == "log" for axes in figure.axes)
        assert log == ("(nats, log)" in words(figure)), name
