"""The page in a real browser: marked trials, a phone, paper, the dark, and hostile texts."""

from __future__ import annotations

import json
import re

import polars as pl
import pytest

from analysis import load_run
from analysis.findings import find
from analysis.report import write_report

EVIL = "</script></title><img src=x onerror=window.ran=1>\"'>"


def test_the_page_shows_its_parts_in_order_and_asks_for_nothing_else(show):
    page = show()
    assert page.locator("h2").all_inner_texts() == [
        "The answer", "Parallel coordinates", "Learning curves",
        "Importance of parameters (fANOVA)", "Cost against quality", "Epoch optimum",
        "All trials", "The winning config", "How the run was made",
    ]  # fmt: skip
    assert page.locator(".reading").all_inner_texts()[:2] == [
        "What parallel_coordinates shows.", "What learning_curves shows.",
    ]  # fmt: skip
    assert len(page.numbers()) == 46
    assert page.ink(0) > 5_000
    assert page.ink(1) > 2_000


def test_a_thousand_trials_open_and_are_drawn(show):
    page = show(trials=1000, fail=(3, 77))
    assert page.inner_text("#shown") == "all 1,000 trials"
    assert page.locator("tbody tr").count() == 50
    page.get_by_role("button", name="Show all 1000").click()
    assert sorted(page.numbers()) == list(range(1000))
    assert page.ink(0) > 50_000


def test_pointing_at_a_row_marks_the_trial_everywhere_and_says_what_it_is(show):
    page = show()
    row = page.locator("tbody tr").first
    row.hover()
    marked = page.locator(".plot[data-marked]")
    rows = {element.get_attribute("data-marked") for element in marked.all()}
    assert rows == {row.get_attribute("data-row")}
    assert marked.count() >= 9
    assert "on" in row.get_attribute("class").split()
    number = row.locator("th").inner_text()
    assert page.locator("#tooltip").inner_text().startswith(f"trial {number} completed")
    page.mouse.move(1, 1)
    assert marked.count() == 0
    assert page.locator("#tooltip").is_hidden()


def test_pointing_at_a_line_marks_its_row_and_a_click_keeps_the_mark(show):
    page = show()
    plot = page.locator(".plot").nth(1)
    plot.scroll_into_view_if_needed()
    dot = plot.locator("circle.best").bounding_box()
    page.mouse.move(dot["x"] + dot["width"] / 2, dot["y"] + dot["height"] / 2)
    best = page.locator("tr.winner").get_attribute("data-row")
    assert plot.get_attribute("data-marked") == best
    assert page.locator("tr.on").get_attribute("data-row") == best
    page.mouse.down()
    page.mouse.up()
    page.mouse.move(1, 1)
    assert plot.get_attribute("data-marked") == best
    page.keyboard.press("Escape")
    assert plot.get_attribute("data-marked") is None


def test_the_keyboard_marks_trials_in_figures_and_rows(show):
    page = show()
    plot = page.locator(".plot").first
    plot.focus()
    page.keyboard.press("ArrowRight")
    first = plot.get_attribute("data-marked")
    page.keyboard.press("ArrowRight")
    assert plot.get_attribute("data-marked") not in (None, first)
    assert page.inner_text("#said").startswith("trial ")
    page.locator("tbody tr").first.focus()
    page.keyboard.press("ArrowDown")
    second = page.locator("tbody tr").nth(1)
    assert second.evaluate("(row) => row === document.activeElement")
    assert plot.get_attribute("data-marked") == second.get_attribute("data-row")
    assert page.locator("#tooltip").is_visible()


def test_the_skip_link_is_the_first_stop_and_leads_to_the_trials(show):
    page = show()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to all trials"
    page.keyboard.press("Enter")
    assert page.url.endswith("#trials")


@pytest.mark.parametrize("clipboard", [True, False], ids=["clipboard", "without clipboard"])
def test_the_config_is_copied_also_where_there_is_no_clipboard(show, clipboard):
    page = show(permissions=["clipboard-read", "clipboard-write"])
    if not clipboard:
        page.evaluate("() => Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.evaluate(
        "() => document.addEventListener('copy', () => { window.copied = String(getSelection()); })"
    )
    button = page.get_by_role("button", name="Copy: winning config as YAML")
    button.click()
    button.filter(has_text="Copied").wait_for()
    read = "navigator.clipboard.readText()" if clipboard else "window.copied"
    text = page.evaluate(read)
    assert text.startswith("# run 1121-gru-bohb-7f3a, trial ")
    assert "learning_rate: " in text
    assert "clip: 1.0" in text


def test_text_of_a_user_is_shown_and_never_run(show, make_run, rewrite):
    folder = make_run(trials=12, fail=(2,))
    trials = pl.read_parquet(folder / "trials.parquet").with_columns(error=pl.lit(EVIL))
    meta = json.loads(pl.read_parquet_metadata(folder / "trials.parquet")["orch"])
    meta |= {"run": EVIL, "sweep": EVIL, "dataset": EVIL, "warning": EVIL, "split": EVIL}
    rewrite(folder, trials, pl.read_parquet(folder / "epochs.parquet"), meta)
    (folder / "spec.yaml").write_text(EVIL)
    page = show(folder=folder)
    page.locator("tbody tr").first.hover()
    assert page.locator("h1").inner_text() == f"{EVIL} on {EVIL}"
    assert page.locator("#tooltip .error").inner_text() == EVIL
    assert page.title() == f"{EVIL}: what the sweep found"
    assert page.locator("img").count() == 0
    assert page.evaluate("window.ran") is None


def test_the_policy_stops_a_script_that_found_a_way_in(browser, make_run, pictures, tmp_path):
    path = write_report(find(load_run(make_run(trials=4))), tmp_path / "r.html", figures=pictures)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("</main>", "</main><img src=x onerror='window.ran=1'>"
                                 "<script>window.ran=2</script>"), encoding="utf-8")  # fmt: skip
    page = browser.new_page()
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready]")
    assert page.evaluate("window.ran") is None
    page.close()


@pytest.mark.parametrize("width", [360, 700])
def test_a_narrow_screen_is_never_scrolled_sideways(show, width):
    page = show(width=width)
    inner, outer = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert inner <= outer == width
    # Axes that have no room side by side stand one below the other.
    stacked = "stacked" in page.locator(".plot").first.get_attribute("class").split()
    assert stacked == (width == 360)


def test_figures_follow_the_width_of_the_window(show):
    page = show()
    page.set_viewport_size({"width": 500, "height": 900})
    page.settle()
    page.settle()
    widths = page.locator(".plot > svg").evaluate_all(
        "(all) => all.map((e) => e.viewBox.baseVal.width)"
    )
    assert max(widths) <= 500


def test_a_dark_screen_gets_dark_paper_and_light_words(show):
    page = show(scheme="dark")
    style = "getComputedStyle(document.body)"
    paper, words = (page.evaluate(f"{style}.{name}") for name in ("backgroundColor", "color"))
    assert _light(paper) < 0.02
    assert (_light(words) + 0.05) / (_light(paper) + 0.05) > 7  # WCAG AAA


def _light(colour: str) -> float:
    """Relative luminance, WCAG 2."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_a_print_is_light_sharp_and_without_controls(show):
    page = show(scheme="dark")
    page.evaluate("""() => addEventListener('beforeprint', () => { window.print = [
        document.querySelector('canvas').width / document.querySelector('.plot').clientWidth,
        getComputedStyle(document.body).backgroundColor]; })""")
    pdf = page.pdf(format="A4")
    assert pdf.startswith(b"%PDF")
    assert len(pdf) > 50_000
    assert page.evaluate("window.print") == [3, "rgb(255, 255, 255)"]
    page.emulate_media(media="print")
    assert page.locator("nav").is_hidden()
    assert page.locator("#clear").is_hidden()
    assert all(figure.is_visible() for figure in page.locator(".plot").all())


def test_nothing_moves_for_those_who_asked_for_it(show):
    page = show()
    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"


def test_figures_and_table_are_named_for_those_who_cannot_see_them(show):
    page = show()
    assert all(
        page.locator(".plot").evaluate_all("(all) => all.map((e) => e.ariaLabel?.length > 10)")
    )
    assert page.locator("caption").inner_text().startswith("46 trials")
    assert page.locator("thead th:not([scope=col])").count() == 0
    assert page.locator("tbody th[scope=row]").count() == 46
    assert page.locator("[role=slider]").count() == 12


@pytest.mark.parametrize(
    "changes",
    [
        {"trials": 1},
        {"trials": 5, "fail": (0, 1, 2, 3, 4)},
        {"trials": 12, "max_epochs": 1, "hyperband": False},
        {"trials": 46, "metric": "accuracy", "mode": "max", "fail": (1,)},
    ],
    ids=["one", "all failed", "one epoch", "max"],
)
def test_odd_runs_open_too(show, changes):
    page = show(**changes)
    assert page.locator("tbody tr").count() == changes["trials"]
