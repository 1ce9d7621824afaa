from __future__ import annotations

import hashlib
import importlib
import itertools
import xml.etree.ElementTree as ET

import numpy as np
import polars as pl
import pytest

from analysis import analyze, load_run
from analysis.figures import figure_names
from analysis.figures.epoch_optimum import draw as draw_optimum
from analysis.figures.learning_curves import draw as draw_curves
from analysis.figures.parallel_coordinates import _broken
from analysis.figures.parallel_coordinates import draw as draw_parallel
from analysis.figures.style import (
    Drawing,
    Withheld,
    epoch_ticks,
    log_ticks,
    style,
    text_width,
    wrap,
)
from analysis.findings import find
from analysis.parameters import Parameter
from searchspaces import Float
from searchspaces.errors import UsageError
from tests.analysis.conftest import write_run

NAMES = (
    "ablation", "cost_quality", "empirical_distribution", "epoch_optimum", "history",
    "importance", "learning_curves", "marginal_effects", "pair_heat_maps",
    "parallel_coordinates", "rung_correlation", "rungs", "scatter_matrix", "slices",
    "timeline", "top_distribution", "tuning_curve",
)  # fmt: skip


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What is found in a run that is as runs are; nobody changes it."""
    return find(load_run(write_run(tmp_path_factory.mktemp("run"))))


def texts(figure):
    from matplotlib.text import Text

    return [t.get_text() for t in figure.findobj(Text) if t.get_visible() and t.get_text()]


def test_every_figure_is_written_as_png_and_svg(make_run):
    folder = make_run()
    analysis = analyze(folder)
    assert figure_names() == tuple(sorted([*NAMES, "pareto_front"]))  # of several objectives
    assert [figure["name"] for figure in analysis.as_dict()["figures"]] == list(NAMES)
    assert sorted(path.name for path in (folder / "figures").iterdir()) == sorted(
        f"{name}.{suffix}" for name in NAMES for suffix in ("png", "svg")
    )
    for paths in analysis.figures.values():
        assert paths[0].read_bytes().startswith(b"\x89PNG")
        assert ET.parse(paths[1]).getroot().tag == "{http://www.w3.org/2000/svg}svg"


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_names_data_set_and_split(found, name):
    with style():
        drawn = importlib.import_module(f"analysis.figures.{name}").draw(found)
    words = " ".join(texts(drawn.figure))
    assert "; digits, random" in words


def test_the_same_run_gives_the_same_bytes(make_run):
    folder = make_run()

    def digests():
        figures = analyze(folder, only=["importance", "epoch_optimum"]).figures
        paths = [path for paths in figures.values() for path in paths]
        return [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]

    assert digests() == digests()


def test_global_settings_are_not_touched(make_run):
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    analyze(make_run(), formats=("png",), only=["learning_curves"])
    assert dict(mpl.rcParams) == before


def test_axes_carry_names_and_units(found):
    with style():
        figure = draw_optimum(found).figure
    assert figure.axes[0].get_ylabel() == "loss (nats, log)"
    assert figure.axes[1].get_ylabel() == "validation\naccuracy"
    assert figure.axes[1].get_xlabel() == "epoch"
    with style():
        figure = draw_curves(found).figure
    assert figure.axes[0].get_ylabel() == "validation loss (nats, log)"
    assert figure.axes[0].get_xlabel() == "epoch (log)"


def test_learning_curves_count_the_trials_that_ended_at_each_rung(found):
    # Table 1 of Li et al. for R = 27, eta = 3: 18, 12, 8, 8 of 46 trials.
    with style():
        drawing = draw_curves(found)
    assert drawing.reading.startswith(
        "18, 12, 8 and 8 trials ended at epochs 1, 3, 9 and 27; trial"
    )
    assert [text for text in texts(drawing.figure) if text in {"18", "12", "8"}] == [
        "8",
        "8",
        "12",
        "18",
    ]


def test_parallel_coordinates_draw_trials_of_one_fidelity_and_failed_ones_apart(make_run):
    findings = find(load_run(make_run(fail=(2, 5))))
    with style():
        figure = draw_parallel(findings).figure
    lines = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 6]
    dashed = [line for line in lines if line.get_linestyle() == "--"]
    assert len(lines) - len(dashed) == findings.comparable.trials
    assert len(dashed) == 2
    assert {line.get_ydata()[-1] for line in dashed} == {1.13}
    assert all(0 <= line.get_ydata()[-1] <= 1 for line in lines if line not in dashed)
    assert "failed" in texts(figure)


def test_an_inactive_parameter_leaves_its_axis(make_run):
    findings = find(load_run(make_run(hyperband=False, trials=25)))
    with style():
        figure = draw_parallel(findings).figure
    run = findings.run
    inactive = run.trials["config.dropout"].is_null().sum()
    lines = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 6]
    assert sum(line.get_ydata()[2] < -0.1 for line in lines) == inactive > 0
    assert "off" in texts(figure)


@pytest.mark.parametrize("trials", [4, 46, 300])
def test_no_text_leaves_the_figure_and_no_two_tick_labels_touch(make_run, trials):
    findings = find(load_run(make_run(trials=trials, fail=(1, 3))))
    for name in figure_names():
        with style():
            outcome = importlib.import_module(f"analysis.figures.{name}").draw(findings)
            if isinstance(outcome, Withheld):
                continue
            figure = outcome.figure
            figure.canvas.draw()
        width, height = figure.canvas.get_width_height()
        from matplotlib.text import Text

        for text in figure.findobj(Text):
            if text.get_visible() and text.get_text():
                box = text.get_window_extent()
                inside = (
                    box.x0 >= -1 and box.y0 >= -1 and box.x1 <= width + 1 and box.y1 <= height + 1
                )
                assert inside, (name, text.get_text())
        for axes in figure.axes:
            for axis in (axes.xaxis, axes.yaxis):
                labels = [t.get_window_extent() for t in axis.get_ticklabels() if t.get_text()]
                for one, other in itertools.pairwise(labels):
                    assert not one.overlaps(other), name


def test_a_figure_that_would_mislead_is_replaced_by_the_reason(make_run):
    folder = make_run(trials=3)
    analysis = analyze(folder)
    drawn = {"epoch_optimum", "history", "learning_curves", "rungs", "timeline"}
    assert set(analysis.figures) == drawn
    withheld = {p.name: p.reading for p in analysis.pictures if not p.drawn}
    assert set(withheld) == set(NAMES) - drawn
    assert withheld["importance"] == "only 3 trials can be compared (epoch 1); it takes 10"
    assert (folder / "figures" / "importance.png").exists()
    said = " ".join(" ".join(analysis.lines).split())
    assert (
        "not drawn: ablation, importance, marginal_effects, scatter_matrix: "
        "only 3 trials can be compared (epoch 1); it takes 10"
    ) in said


def test_a_figure_is_replaced_as_a_whole_or_not_at_all(make_run, monkeypatch):
    folder = make_run()
    analyze(folder, only=["learning_curves"])
    before = (folder / "figures" / "learning_curves.svg").read_bytes()
    from matplotlib.figure import Figure

    def dies(self, path, **kwargs):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Figure, "savefig", dies)
    with pytest.raises(UsageError) as caught:
        analyze(folder, formats=("svg",), only=["learning_curves"])
    assert str(caught.value) == (
        f"cannot write figures to {folder / 'figures'}: No space left on device. Make it writable"
    )
    assert (folder / "figures" / "learning_curves.svg").read_bytes() == before
    left = sorted(path.name for path in (folder / "figures").iterdir())
    assert left == ["learning_curves.png", "learning_curves.svg"]


def test_names_with_markup_are_shown_as_they_are(make_run):
    parameters = {
        "a$b$_<x>": {"group": "space", "kind": "float", "low": 0.0, "high": 1.0},
        "b&\\alpha": {"group": "space", "kind": "choice", "values": ["$1$", "<b>"]},
    }
    analysis = analyze(
        make_run(
            parameters=parameters,
            floor=lambda c: c["a$b$_<x>"],
            config=lambda rng: {
                "a$b$_<x>": float(rng.random()),
                "b&\\alpha": str(rng.choice(["$1$", "<b>"])),
            },
        )
    )
    assert set(NAMES) - set(analysis.figures) == {"cost_quality"}  # all weigh the same


def test_text_is_wrapped_to_the_width_it_is_drawn_in():
    sentence = "The best five trials by validation loss all have learning_rate 0.0021..0.012"
    lines = wrap(sentence, 10, 200)
    assert " ".join(lines) == sentence
    assert len(lines) > 1
    assert all(text_width(line, 10) <= 200 for line in lines)


@pytest.mark.parametrize("last", [1, 2, 3, 6, 7, 9, 10, 27, 50, 81, 100, 200, 243, 1000])
def test_epoch_ticks_hold_the_ends_and_are_few(last):
    ticks = epoch_ticks(last)
    assert (ticks[0], ticks[-1]) == (1, last)
    assert ticks == sorted(set(ticks))
    assert len(ticks) <= 8


@pytest.mark.parametrize("span", [4.1, 10, 100, 1e4, 1e9])
def test_log_ticks_are_enough_and_few(span):
    for low in (0.0123, 0.5, 1.0, 37.0):
        ticks = log_ticks(low, low * span)
        assert 3 <= len(ticks) <= 8
        assert all(low <= tick <= low * span for tick in ticks)


def test_drawings_are_figures_to_go_on_with(make_run):
    with style():
        drawing = draw_curves(find(load_run(make_run(trials=5))))
    assert isinstance(drawing, Drawing)
    assert np.isclose(drawing.figure.get_size_inches()[0], 5.0)


def test_a_diverging_curve_leaves_the_axis_and_is_counted(make_run, rewrite):
    folder = make_run()
    run = load_run(folder)
    number = int(run.epochs.filter(epoch=9)["number"][0])
    burst = (pl.col("number") == number) & (pl.col("epoch") > 4)
    epochs = run.epochs.with_columns(
        pl.when(burst).then(1e12).otherwise("metric.valid_loss").alias("metric.valid_loss")
    )
    rewrite(folder, run.trials, epochs, dict(run.meta.raw))
    with style():
        figure = draw_curves(find(load_run(folder))).figure
    assert figure.axes[0].get_ylim()[1] < 10
    assert any("1 curve beyond the axis" in text for text in texts(figure))


def test_an_accuracy_has_a_linear_axis_and_a_loss_that_falls_far_a_logarithmic_one(make_run):
    folder = make_run(metric="accuracy", mode="max", noise=0.0)
    epochs = pl.read_parquet(folder / "epochs.parquet")
    first = pl.col("epoch") == 1
    low = epochs.with_columns(
        pl.when(first).then(value).otherwise(f"metric.{name}").alias(f"metric.{name}")
        for name, value in (("accuracy", 0.1), ("valid_loss", 9.0))
    )
    low.write_parquet(folder / "epochs.parquet", metadata=pl.read_parquet_metadata(
        folder / "epochs.parquet"))  # fmt: skip
    with style():
        found = find(load_run(folder))
        above, below = draw_optimum(found).figure.axes
        (curves,) = draw_curves(found).figure.axes
    assert (above.get_ylabel(), above.get_yscale()) == ("validation accuracy", "linear")
    assert below.get_yscale() == "log"
    assert curves.get_yscale() == "linear"


def test_trials_that_were_complete_before_the_last_epoch_are_told(make_run, rewrite):
    folder = make_run(trials=12, hyperband=False, noise=0.001, optimum=9.0)
    epochs = pl.read_parquet(folder / "epochs.parquet")
    assert "that ran all 27 epochs; thick" in subtitle(folder)
    early = epochs.filter((pl.col("trial_id") != epochs["trial_id"][0]) | (pl.col("epoch") <= 14))
    metadata = pl.read_parquet_metadata(folder / "epochs.parquet")
    early.write_parquet(folder / "epochs.parquet", metadata=metadata)
    assert "that ran all 27 epochs or were complete before; thick" in subtitle(folder)


def subtitle(folder):
    with style():
        return " ".join(" ".join(texts(draw_optimum(find(load_run(folder))).figure)).split())


def test_the_axis_of_a_parameter_in_a_group_has_its_name_without_a_gap():
    found = [
        _broken(Parameter(name, "space", Float(0.0, 1.0)))
        for name in ("sgd.rate", "optimizer.learning_rate")
    ]
    assert found == ["sgd.rate", "optimizer.\nlearning\nrate"]
