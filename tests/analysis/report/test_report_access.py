"""Words that can be read in both themes, names of any length, and figures that agree."""

from __future__ import annotations

import importlib
import math

import numpy as np
import polars as pl
import pytest

from analysis import load_run
from analysis.figures.importance import TITLE
from analysis.figures.style import style
from analysis.findings import find
from analysis.report.payload import payload
from analysis.report.trials import parameters_for

# Every word with its own colour and what lies behind it; disabled controls need no contrast.
CONTRASTS = """() => {
    const light = (colour) => (colour.match(/[\\d.]+/g) ?? []).slice(0, 3).map((part) => part / 255)
        .map((p) => (p <= 0.04045 ? p / 12.92 : ((p + 0.055) / 1.055) ** 2.4))
        .reduce((sum, part, k) => sum + part * [0.2126, 0.7152, 0.0722][k], 0.05);
    const clear = (colour) => /^rgba\\(.*, 0\\)$/.test(colour);
    const behind = (element) => {
        for (let at = element; at; at = at.parentElement) {
            const colour = getComputedStyle(at).backgroundColor;
            if (!clear(colour)) return colour;
        }
        return 'rgb(255, 255, 255)';
    };
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement;
        const words = walker.currentNode.textContent.trim();
        if (!words || element.closest('script, :disabled, .unseen, option')) continue;
        if (!element.getClientRects().length) continue;
        const style = getComputedStyle(element);
        const colour = element instanceof SVGElement ? style.fill : style.color;
        const [low, high] = [light(colour), light(behind(element))].sort((a, b) => a - b);
        found.push([words.slice(0, 40), Math.round(100 * high / low) / 100]);
    }
    return found;
}"""
LONG = {
    f"a_parameter_with_a_very_long_name_that_goes_on_and_on_and_on_{k}": {
        "group": "space", "kind": "float", "low": 0.0, "high": 1.0,
    }
    for k in range(3)
}  # fmt: skip
LONG["words"] = {
    "group": "space", "kind": "choice", "values": ["a" * 80, "<b>", "x y " * 30],
}  # fmt: skip


def long_config(rng):
    drawn = {name: float(rng.random()) for name in LONG if name != "words"}
    return drawn | {"words": LONG["words"]["values"][int(rng.integers(3))]}


def both(config):
    """A floor to which two parameters only contribute together."""
    signs = [math.copysign(1, config[name] - 0.5) for name in ("x0", "x1")]
    return 0.5 + 0.3 * signs[0] * signs[1] + 0.3 * config["x2"]


CUBE = {f"x{k}": {"group": "space", "kind": "float", "low": 0.0, "high": 1.0} for k in range(3)}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_word_stands_out_from_what_is_behind_it(show, scheme):
    page = show(scheme=scheme, fail=(3, 7))
    page.locator("tbody tr").first.hover()
    found = page.evaluate(CONTRASTS)
    assert len(found) > 300
    assert [(words, ratio) for words, ratio in found if ratio < 4.5] == []


@pytest.mark.parametrize("width", [360, 640])  # 640 is a window of 1280 at a zoom of 200 %
def test_names_and_values_of_any_length_never_scroll_the_page_sideways(show, width):
    page = show(width=width, parameters=LONG, config=long_config, floor=lambda config: 0.3)
    inner, outer = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert inner <= outer
    # What is written below the effects stays within its figure.
    out = page.locator(".effects .plot").evaluate_all("""(all) => all.flatMap((plot) =>
        [...plot.querySelectorAll('text.name')].map((text) => [text.getBoundingClientRect(),
            plot.getBoundingClientRect()]).filter(([a, b]) => a.left < b.left - 12 ||
            a.right > b.right + 12).map(([a]) => a.width))""")
    assert out == []
    caption = page.locator("caption").bounding_box()
    assert caption["x"] + caption["width"] <= width


def test_the_bars_of_importance_are_those_of_the_static_figure(show, make_run):
    changes = {
        "trials": 150, "hyperband": False, "parameters": CUBE, "floor": both,
        "config": lambda rng: {name: float(rng.random()) for name in CUBE},
    }  # fmt: skip
    found = find(load_run(make_run(**changes)))
    with style():
        drawing = importlib.import_module("analysis.figures.importance").draw(found)
    names = [text.get_text() for text in drawing.figure.axes[0].get_yticklabels()]
    assert "x0 x x1" in names
    assert names[-2:] == ["other pairs", "three or more"]
    page = show(folder=found.run.folder)
    bars = page.locator("section", has_text=TITLE).locator(".plot").first
    shares = [text.get_text() for text in drawing.figure.axes[0].texts if text.get_text()[0] == "0"]
    said = f"Importance: {', '.join(' '.join(b) for b in zip(names, shares, strict=True))}"
    assert bars.get_attribute("aria-label") == said
    assert bars.locator(".additive").count() == 1


def test_counts_above_curves_stand_at_rungs_alone(show, make_run, rewrite):
    page = show()
    assert page.locator(".plot").nth(1).get_by_text("ended", exact=True).count() == 1
    folder = make_run(trials=60, hyperband=False)
    run = load_run(folder)
    ends = pl.Series(np.random.default_rng(1).integers(11, 28, 60))
    epochs = run.epochs.filter(pl.col("epoch") <= ends[run.epochs["number"].to_list()])
    rewrite(folder, run.trials, epochs, dict(run.meta.raw))
    page = show(folder=folder)
    curves = page.locator(".plot").nth(1)
    assert curves.get_by_text("ended", exact=True).count() == 0
    assert curves.locator("text.name").all_text_contents() == [
        "epoch",
        "validation loss (nats, log)",
    ]


def test_the_sentence_on_costs_speaks_of_the_costs_that_are_drawn(show):
    page = show()  # every epoch takes as long, so there is no panel of time
    said = page.locator("#cost .reading").first.inner_text()
    assert page.locator("#cost .plot").count() == 1
    numbers = page.locator("#cost .plot").get_attribute("data-front").split()
    assert said == (
        f"Of 28 trials compared at epoch 3, {len(numbers)} are beaten by no other in both weights "
        "and validation loss."
    )


def test_a_finger_that_goes_on_to_scroll_leaves_the_brush(show):
    page = show(width=360)
    page.slider("num layers, lower end").focus()
    page.keyboard.press("ArrowRight")
    shown = page.inner_text("#shown")
    assert shown != "all 46 trials"
    band = page.locator(".band.on")
    assert band.evaluate("(e) => getComputedStyle(e).touchAction") == "pan-y"
    for kind in ("pointerdown", "pointercancel"):
        band.dispatch_event(kind, {"button": 0, "pointerId": 1, "bubbles": True})
    assert page.inner_text("#shown") == shown


def test_a_page_has_room_for_so_many_parameters_that_it_stays_below_six_megabytes():
    assert parameters_for(1_000, 100) == 100
    assert parameters_for(10_000, 40) == (500 - 13 * 8 - 80 - 8 * 7) // 13 == 20
    assert parameters_for(10_000, 12) == 12
    assert parameters_for(1_000_000, 12) == 5
    assert parameters_for(0, 12) == 12


def test_parameters_without_room_are_the_least_important_and_the_page_says_so(
    show, make_run, monkeypatch, pictures
):
    monkeypatch.setattr("analysis.report.trials.parameters_for", lambda rows, parameters: 2)
    folder = make_run()
    found = find(load_run(folder))
    data = payload(found, pictures)
    best = {effect.name for effect in found.importance.effects[:2]}
    assert [axis["name"] for axis in data["axes"]] == [
        parameter.name for parameter in found.run.meta.parameters if parameter.name in best
    ]
    page = show(folder=folder)
    assert "The 2 most important of 5 parameters" in page.locator("#parameters").inner_text()
    assert page.locator("[role=slider]").count() == 6
