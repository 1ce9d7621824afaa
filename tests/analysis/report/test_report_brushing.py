"""Brushing, sorting and the epoch of comparison, as a reader with a mouse or a keyboard does it."""

from __future__ import annotations

import json

import polars as pl

from analysis import load_run
from analysis.findings import find

EVIL = "</script><img src=x onerror=alert(1)>\"'>"


def test_a_drag_along_an_axis_filters_the_table_and_the_figures(show, make_run):
    page = show()
    before = page.ink(1)
    zone = page.locator("rect.zone").nth(3)  # learning rate
    zone.scroll_into_view_if_needed()
    box = zone.bounding_box()
    x = box["x"] + box["width"] / 2
    # The zone reaches from 0.035 of the axis below its low end to as much above the high one.
    y = [box["y"] + box["height"] * (1.035 - place) / 1.07 for place in (0.5, 1.03)]
    page.mouse.move(x, y[0])
    page.mouse.down()
    page.mouse.move(x, y[1], steps=4)
    page.mouse.up()
    page.settle()
    rates = pl.read_parquet(make_run() / "trials.parquet")
    kept = rates.filter(pl.col("config.learning_rate") > 10**-2.5)["number"].to_list()
    assert sorted(page.numbers()) == kept
    assert page.inner_text("#shown") == f"{len(kept)} of 46 trials"
    page.locator(".plot").nth(1).scroll_into_view_if_needed()
    page.settle()
    assert page.locator(".plot").nth(1).get_attribute("data-shown") == str(len(kept))
    assert page.ink(1) != before
    page.get_by_role("button", name="Clear all").click()
    page.settle()
    assert len(page.numbers()) == 46
    assert page.inner_text("#shown") == "all 46 trials"


def test_a_click_on_a_brush_takes_it_away(show):
    page = show()
    page.slider("num layers, lower end").focus()
    page.keyboard.press("ArrowUp")
    page.settle()
    page.locator(".band.on").click()
    page.settle()
    assert page.inner_text("#shown") == "all 46 trials"


def test_handles_brush_by_keyboard_and_say_where_they_are(show, make_run):
    page = show()
    lower, upper = (page.slider(f"num layers, {end} end") for end in ("lower", "upper"))
    assert lower.get_attribute("aria-valuetext") == "from 1, 46 of 46 trials"
    assert upper.get_attribute("aria-valuetext") == "to 4, 46 of 46 trials"
    lower.focus()
    page.keyboard.press("ArrowUp")
    upper.focus()
    page.keyboard.press("ArrowDown")
    page.settle()
    layers = pl.read_parquet(make_run() / "trials.parquet")
    kept = layers.filter(pl.col("config.num_layers").is_in([2, 3]))["number"].to_list()
    assert sorted(page.numbers()) == kept
    assert upper.get_attribute("aria-valuetext") == f"to 3, {len(kept)} of 46 trials"
    page.keyboard.press("Escape")
    page.settle()
    assert len(page.numbers()) == 46
    page.keyboard.press("Home")  # one handle does not pass the other but takes it along
    page.settle()
    assert lower.get_attribute("aria-valuenow") == upper.get_attribute("aria-valuenow") == "0"
    assert set(page.cells("num_layers")) == {"1"}


def test_trials_in_which_a_parameter_is_off_have_their_own_place_on_its_axis(show):
    page = show()
    page.slider("dropout, upper end").focus()
    page.keyboard.press("Home")
    page.settle()
    assert set(page.cells("dropout")) == {"off"}
    assert page.slider("dropout, upper end").get_attribute("aria-valuetext").startswith("to off")


def test_choices_are_brushed_by_name(show):
    names = ["adam", "sgd", EVIL]
    width = {"kind": "int", "group": "space", "low": 1, "high": 8}
    optimizer = {"kind": "choice", "group": "training", "values": names}

    def config(rng):
        return {"optimizer": names[int(rng.integers(3))], "width": int(rng.integers(1, 9))}

    page = show(
        trials=12, hyperband=False, config=config, floor=lambda config: 0.1 * config["width"],
        parameters={"optimizer": optimizer, "width": width},
    )  # fmt: skip
    page.slider("optimizer, upper end").focus()
    page.keyboard.press("ArrowDown")
    page.settle()
    assert set(page.cells("optimizer")) == {"adam", "sgd"}
    page.slider("optimizer, lower end").focus()
    page.keyboard.press("ArrowUp")
    page.settle()
    assert set(page.cells("optimizer")) == {"sgd"}


def test_scores_of_different_epochs_are_never_on_one_scale(show):
    page = show(fail=(5,))
    assert page.locator("#level option:checked").inner_text().startswith("epoch 3 (2")
    score = page.slider("validation loss (nats), lower end")
    score.focus()
    page.keyboard.press("End")  # of a loss the worst end: failed
    page.settle()
    assert page.numbers() == [5]
    page.keyboard.press("ArrowDown")  # then those that did not come as far
    page.settle()
    assert set(page.cells("valid_loss by epoch 3")) == {"-"}
    assert set(page.cells("at epoch")) == {"1 of 1", "-"}
    page.select_option("#level", label="epoch 27 (8 trials)")
    page.settle()
    assert page.inner_text("#shown") == "all 46 trials"
    assert sum(text != "-" for text in page.cells("valid_loss by epoch 27")) == 8


def test_columns_sort_as_numbers_by_mouse_and_keyboard(show):
    page = show()
    head = page.get_by_role("button", name="hidden_size")
    head.click()
    assert page.cells("hidden_size") == sorted(page.cells("hidden_size"), key=int)
    assert page.locator("th[aria-sort=ascending]").inner_text().startswith("hidden_size")
    page.keyboard.press("Enter")
    assert page.cells("hidden_size") == sorted(page.cells("hidden_size"), key=int, reverse=True)
    assert page.locator("th[aria-sort=descending]").count() == 1
    page.get_by_role("button", name="dropout").click()
    values = page.cells("dropout")
    known = [float(value) for value in values if value != "off"]
    assert known == sorted(known)
    assert values[len(known) :] == ["off"] * (len(values) - len(known))


def test_the_winner_is_on_top_and_trials_that_ran_further_come_first(show):
    page = show()
    assert page.locator("tbody tr").first.get_attribute("class") == "winner"
    epochs = [int(text.split(" of ")[1]) for text in page.cells("at epoch")]
    assert epochs == sorted(epochs, reverse=True)
    page.get_by_role("button", name="own best valid_loss").click()
    bests = [(-epoch, float(best)) for epoch, best in
             zip(epochs, page.cells("own best valid_loss"), strict=True)]  # fmt: skip
    assert bests == sorted(bests)


def test_brushing_works_where_axes_stand_one_below_the_other(show):
    page = show(width=360)
    box = page.locator("rect.zone").nth(0).bounding_box()
    page.locator("rect.zone").nth(0).scroll_into_view_if_needed()
    box = page.locator("rect.zone").nth(0).bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 1, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, y, steps=4)
    page.mouse.up()
    page.settle()
    assert set(page.cells("num_layers")) == {"1", "2"}


def test_the_front_of_cost_and_quality_follows_what_is_shown(show, make_run, rewrite):
    folder = make_run()
    trials = pl.read_parquet(folder / "trials.parquet").with_columns(
        seconds=pl.col("epochs") * (1.0 + pl.col("number") % 7),
        weights=pl.col("config.hidden_size") * 1000,
    )
    meta = json.loads(pl.read_parquet_metadata(folder / "trials.parquet")["orch"])
    rewrite(folder, trials, pl.read_parquet(folder / "epochs.parquet"), meta)
    group = find(load_run(folder)).comparable
    score = dict(zip(group.rows.tolist(), group.scores.tolist(), strict=True))

    def front(rows, cost):
        """Not beaten: no other trial is as good for less, or better for as little."""
        return {row for row in rows if not any(
            (cost[k] <= cost[row] and score[k] < score[row])
            or (cost[k] < cost[row] and score[k] == score[row]) for k in rows)}  # fmt: skip

    page = show(folder=folder)
    time, weights = page.locator(".pair .plot").all()
    pace = (trials["seconds"] / trials["epochs"]).to_list()
    seen = [set(map(int, plot.get_attribute("data-front").split())) for plot in (time, weights)]
    assert seen == [front(score, pace), front(score, trials["weights"].to_list())]
    page.slider("num layers, upper end").focus()
    page.keyboard.press("ArrowDown")
    time.scroll_into_view_if_needed()
    page.settle()
    page.settle()
    layers = trials["config.num_layers"].to_list()
    kept = [row for row in score if layers[row] < 4]
    assert set(map(int, time.get_attribute("data-front").split())) == front(kept, pace)
    assert page.locator("#cost .reading").first.inner_text().startswith(f"Of {len(kept)} trials")
