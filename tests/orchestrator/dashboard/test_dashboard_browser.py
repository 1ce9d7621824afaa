"""Live pages in a headless Chromium, while sweeps write."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from orchestrator.runs.about import change_about
from orchestrator.runs.folder import RunFolder
from tests import waiting

EVIL = "<img src=x onerror=window.ran=1>\"'"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser") / "runs"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def served(start, runs):
    with start(runs) as found:
        yield found


@pytest.fixture
def visit(browser):
    """Opens a page of a dashboard; fails in the end on what went wrong in it."""
    wrong: list[str] = []
    asked: list[str] = []
    contexts = []
    bases = []

    def go(served, path="/", *, width=1100, scheme="light", noisy=False):
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        contexts.append(context)
        bases.append(served.base)
        page = context.new_page()
        if not noisy:
            page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(served.url)
        if path != "/":
            page.goto(served.base + path)
        return page

    yield go
    for context in contexts:
        context.close()
    assert wrong == []
    assert [url for url in asked if not any(url.startswith(f"{base}/") for base in bases)] == []


def drawn(page) -> int:
    return int(page.locator("html").get_attribute("data-drawn") or 0)


wait_for = partial(waiting.until, seconds=30)


def redrawn(page, before, *, times=1):
    wait_for(lambda: drawn(page) >= before + times)


def numbers(page) -> list[int]:
    return [int(text) for text in page.locator("#trials tbody th").all_inner_texts()]


def settle(page):
    """Wait until what was asked for is drawn."""
    page.evaluate("""() => new Promise(
        (done) => requestAnimationFrame(() => requestAnimationFrame(done)))""")


def rest(page):
    """Wait until the page has come to rest; it is scrolled smoothly to what gets the focus."""
    places = [-1, -2]
    while len(set(places[-4:])) > 1:
        places.append(page.evaluate("scrollY"))
        page.wait_for_timeout(100)


def begun(told, runs, trials=6, **changes):
    sweep = told(runs, **changes)
    sweep.trials(trials)
    return sweep


def test_the_printed_address_leads_in_and_no_longer_holds_the_token(served, visit):
    page = visit(served, noisy=True)
    assert page.url == f"{served.base}/"
    assert served.token not in page.content()
    assert page.evaluate("document.cookie") == ""
    page.goto(f"{served.base}/compare?runs=a,b")
    assert "There is nothing at this address" in page.content()


def test_a_new_trial_appears_without_a_reload(served, runs, told, visit):
    sweep = begun(told, runs)
    page = visit(served, f"/runs/{sweep.id}")
    redrawn(page, 0)
    assert sorted(numbers(page)) == list(range(6))
    page.evaluate("window.same = true")
    sweep.trials(1)
    wait_for(lambda: sorted(numbers(page)) == list(range(7)))
    assert page.evaluate("window.same") is True
    assert page.inner_text("#shown") == "all 7 trials"
    assert page.locator("nav[aria-label=Contents]").count() == 1
    assert page.locator("#status .state").inner_text() == "running"
    assert re.search(r"\d+ of 40 trials, \d+ epochs", page.inner_text("#status"))
    assert re.search(r"updated \d\d:\d\d:\d\d", page.inner_text("#status"))


def test_what_a_reader_has_done_stays_when_the_page_is_drawn_again(served, runs, told, visit):
    """Brush, sort, epoch of comparison, pinned trial, rows shown, scroll and focus."""
    sweep = begun(told, runs, 12)
    page = visit(served, f"/runs/{sweep.id}")
    redrawn(page, 0)
    page.select_option("#level", label=page.locator("#level option").first.inner_text())
    level = page.locator("#level option:checked").inner_text().partition(" (")[0]
    page.locator("thead button", has_text="depth").click()
    page.locator("thead button", has_text="depth").click()
    row = page.locator("#trials tbody tr").nth(2)
    row.click()
    pinned = row.locator("th").inner_text()
    handle = page.get_by_role("slider", name="depth, lower end")
    handle.focus()
    page.keyboard.press("ArrowUp")
    wait_for(lambda: "from 1," not in handle.get_attribute("aria-valuetext"))
    said = handle.get_attribute("aria-valuetext").partition(",")[0]
    rest(page)
    page.evaluate("document.getElementById('curves').scrollIntoView({ behavior: 'instant' })")
    place = "document.getElementById('curves').getBoundingClientRect().top"
    top, before = page.evaluate(place), drawn(page)
    for _ in range(2):
        sweep.trials(2)
        redrawn(page, before)
        before = drawn(page)
    assert page.locator("#level option:checked").inner_text().partition(" (")[0] == level
    sorted_by = page.locator("th[aria-sort=descending]")
    assert sorted_by.inner_text().strip() == "depth"
    handle = page.get_by_role("slider", name="depth, lower end")
    assert handle.get_attribute("aria-valuetext").partition(",")[0] == said
    assert handle.evaluate("(element) => element === document.activeElement")
    column = page.locator("thead button").all_inner_texts().index("depth") + 1
    depths = [int(t) for t in page.locator(f"#trials tbody tr > :nth-child({column})")
              .all_inner_texts()]  # fmt: skip
    assert depths == sorted(depths, reverse=True)
    assert min(depths) >= int(said.split()[1])
    marked = page.locator("#parameters ~ .continued .plot").get_attribute("data-marked")
    pinned_row = page.locator(f'#trials tbody tr[data-row="{marked}"] th')
    assert pinned_row.inner_text() == pinned
    assert abs(page.evaluate(place) - top) < 2
    # The brush goes on to filter what came later, and can be taken away.
    shown = page.inner_text("#shown")
    assert shown.endswith("of 16 trials")
    page.get_by_role("button", name="Clear all").click()
    wait_for(lambda: page.inner_text("#shown") == "all 16 trials")


def test_a_brush_on_scores_stays_between_the_same_scores(served, runs, told, visit):
    """Trials that are far better stretch the axis; the brush does not move with it."""
    sweep = begun(told, runs, 8)
    page = visit(served, f"/runs/{sweep.id}")
    redrawn(page, 0)
    upper = page.get_by_role("slider", name=re.compile("validation loss.*upper end"))

    def value() -> float:
        return float(re.search(r"to ([\d.-]+)", upper.get_attribute("aria-valuetext"))[1])

    def least() -> float:
        lower = page.get_by_role("slider", name=re.compile("validation loss.*lower end"))
        return float(re.search(r"from ([\d.-]+)", lower.get_attribute("aria-valuetext"))[1])

    upper.focus()
    first = brushed = value()
    for _ in range(3):
        page.keyboard.press("PageDown")
        wait_for(lambda: value() < brushed)  # noqa: B023 - asked before the next round
        brushed = value()
    best = least()
    assert best < brushed
    before = drawn(page)
    sweep.trials(4, worse=-2 * (first - best))
    redrawn(page, before)
    wait_for(lambda: least() < best - (first - best))
    # A handle says the stop below; there are 51 on the axis, which is longer now.
    assert brushed - (first - least()) / 50 <= value() <= brushed


def test_a_page_waits_while_somebody_drags_or_marks_text(served, runs, told, visit):
    sweep = begun(told, runs)
    page = visit(served, f"/runs/{sweep.id}")
    redrawn(page, 0)
    zone = page.locator("rect.zone").first
    zone.scroll_into_view_if_needed()
    box = zone.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.5, steps=3)
    before = drawn(page)
    sweep.trials(2)
    served.until(f"runs/{sweep.id}", lambda data: data["run"]["trials"] == 8)
    time.sleep(3)
    assert drawn(page) == before
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.6, steps=3)
    page.mouse.up()
    redrawn(page, before)
    assert page.inner_text("#shown") != "all 8 trials"
    assert page.inner_text("#shown").endswith("of 8 trials")


def test_updates_can_be_paused_and_go_on(served, runs, told, visit):
    sweep = begun(told, runs)
    page = visit(served, f"/runs/{sweep.id}")
    redrawn(page, 0)
    page.get_by_role("button", name="Pause updates").click()
    before = drawn(page)
    sweep.trials(1)
    served.until(f"runs/{sweep.id}", lambda data: data["run"]["trials"] == 7)
    time.sleep(2.5)
    assert drawn(page) == before
    button = page.get_by_role("button", name="Go on with updates")
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    redrawn(page, before)


def test_a_tab_in_the_background_asks_rarely_and_at_once_when_it_is_seen(served, runs, told, visit):
    sweep = begun(told, runs)
    page = visit(served, f"/runs/{sweep.id}")
    redrawn(page, 0)
    turn = """(hidden) => {
        Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    page.evaluate(turn, True)
    page.wait_for_timeout(500)  # what was asked before is answered
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    before = drawn(page)
    sweep.trials(1)
    page.wait_for_timeout(5000)
    assert (asked, drawn(page)) == ([], before)
    page.evaluate(turn, False)
    redrawn(page, before)
    assert len(numbers(page)) == 7


def test_a_run_without_results_fills_and_its_end_is_said(served, runs, told, visit):
    sweep = told(runs, trials=2)
    page = visit(served, f"/runs/{sweep.id}")
    wait_for(lambda: "No trial has finished an epoch yet. This page fills by itself."
             in page.inner_text("main"))  # fmt: skip
    sweep.trials(1)
    redrawn(page, 0)
    assert page.inner_text("#said") == "The first results are here"
    while not sweep.study.finished:
        sweep.trials(1)
    sweep.close()
    wait_for(lambda: page.locator("#status .state").inner_text() == "finished")
    assert page.inner_text("#said").startswith("The run is finished now.")


def test_numbers_that_change_are_not_said_aloud(served, runs, told, visit):
    sweep = begun(told, runs)
    page = visit(served, f"/runs/{sweep.id}")
    redrawn(page, 0)
    page.locator("#trials tbody tr").first.focus()
    before = drawn(page)
    page.evaluate("document.getElementById('said').textContent = ''")
    sweep.trials(2)
    redrawn(page, before)
    assert page.inner_text("#said") == ""
    focus = "document.activeElement.tagName"
    assert page.evaluate(focus) == "TR"


def test_a_lost_connection_is_marked_until_it_is_back(start, runs, told, visit, tmp_path):
    file = tmp_path / "token"
    file.write_text("t" * 40)
    file.chmod(0o600)
    sweep = begun(told, runs)
    with start(runs, "--token-file", file) as first:
        first.url += f"?token={'t' * 40}"
        first.token = "t" * 40
        page = visit(first, f"/runs/{sweep.id}", noisy=True)
        redrawn(page, 0)
        assert page.locator("#lost").is_hidden()
        port = first.port
    wait_for(page.locator("#lost").is_visible)
    lost = page.inner_text("#lost")
    assert re.match(r"No connection to orch dashboard, since \d\d:\d\d:\d\d\. What is shown", lost)
    assert page.inner_text("#said") == lost
    assert len(numbers(page)) == 6
    with start(runs, "--token-file", file, "--port", port):
        wait_for(page.locator("#lost").is_hidden)
        assert page.inner_text("#said") == "Connected again"
    with start(runs, "--port", port):  # with another token
        wait_for(lambda: "token of this page is no longer good" in page.inner_text("#lost"))


def test_all_runs_are_listed_with_their_curves_and_a_new_one_comes(served, runs, told, visit):
    first = begun(told, runs)
    page = visit(served)
    line = page.locator(f'tr[data-run="{first.id}"]')
    line.wait_for()
    wait_for(lambda: "6 trials" not in line.inner_text() and "of 40 trials" in line.inner_text())
    box = line.get_by_role("checkbox")
    box.check()
    box.focus()
    second = begun(told, runs, 3)
    page.locator(f'tr[data-run="{second.id}"]').wait_for()
    assert page.locator("tr[data-run]").first.get_attribute("data-run") == second.id
    assert box.is_checked()
    assert box.evaluate("(element) => element === document.activeElement")
    wait_for(lambda: page.locator("svg path.step").count() > 2)
    label = wait_for(lambda: page.locator(".stairs").first.get_attribute("aria-label"))
    assert label.startswith("best validation loss (nats), over epochs spent")
    wait_for(lambda: second.id in page.locator(".stairs").first.get_attribute("aria-label"))
    page.locator(f'tr[data-run="{second.id}"]').get_by_role("checkbox").check()
    page.get_by_role("button", name="Compare 2 runs").click()
    page.wait_for_url("**/compare?runs=*&runs=*")
    wait_for(lambda: page.locator(".stairs").count() == 2)
    assert {first.id, second.id} == set(page.locator(".sides a").all_inner_texts())
    assert page.locator(".words .reading").inner_text()
    second.trials(2)
    wait_for(lambda: f"{second.epochs} epochs" in page.locator(".sides").inner_text())
    page.get_by_role("link", name="All runs").click()
    page.wait_for_url(f"{served.base}/")


def test_text_of_a_user_is_shown_and_never_run(served, runs, told, visit):
    sweep = begun(told, runs)
    sweep.trials(1, fail=EVIL)
    change_about(RunFolder(sweep.path), lambda about: about.tagged("<b>bold</b>").noted(EVIL))
    page = visit(served, f"/runs/{sweep.id}")
    redrawn(page, 0)
    assert EVIL in page.locator("td.wide").all_inner_texts()
    page.goto(f"{served.base}/")
    wait_for(lambda: "<b>bold</b>" in page.inner_text("main"))
    assert page.locator("img").count() == page.locator("b").count() == 0
    assert page.evaluate("window.ran") is None


def test_the_policy_stops_what_found_a_way_in(served, visit):
    page = visit(served, noisy=True)
    page.evaluate("""() => {
        for (const text of ["window.ran = 1"]) {
            const script = document.createElement("script");
            try { script.textContent = text; } catch { return; }
            document.body.append(script);
        }
    }""")
    refused = page.evaluate("""async () => {
        try { await fetch("https://example.invalid/"); return false; } catch { return true; }
    }""")
    assert page.evaluate("window.ran") is None
    assert refused
    with pytest.raises(Exception, match="TrustedHTML"):
        page.evaluate("document.body.innerHTML = '<i>x</i>'")


def test_runs_with_odd_names_are_opened_and_compared(served, runs, told, visit):
    sweep = begun(told, runs)
    sweep.close()
    names = ["odd #1 %41 'x' é", 'and, "b" & <i>?']
    for name in names:
        shutil.copytree(sweep.path, runs / name)
    page = visit(served)
    for name in names:
        page.get_by_role("link", name=name, exact=True).click()
        redrawn(page, 0)
        assert page.title().startswith(name)
        page.go_back()
        page.get_by_role("checkbox", name=f"Compare {name}", exact=True).check()
    for name in names:  # what was ticked does not come back with the page
        page.get_by_role("checkbox", name=f"Compare {name}", exact=True).check()
    page.get_by_role("button", name="Compare 2 runs").click()
    wait_for(lambda: set(page.locator(".sides a").all_inner_texts()) == set(names))


@pytest.mark.parametrize("width", [360, 700])
def test_a_narrow_screen_is_never_scrolled_sideways(served, runs, told, visit, width):
    several = [begun(told, runs) for _ in range(2)]
    ids = [sweep.id for sweep in several]
    page = visit(served, width=width)
    for path, there in (("/", "tr[data-run] a"), (f"/runs/{ids[0]}", "html[data-drawn]"),
                        (f"/compare?runs={','.join(ids)}", ".step")):  # fmt: skip
        page.goto(served.base + path)
        page.wait_for_selector(there, state="attached")
        page.wait_for_timeout(300)
        inner, outer = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert inner <= outer == width, path


def test_every_control_is_reached_by_keyboard_and_has_a_name(served, runs, told, visit):
    sweep = begun(told, runs)
    page = visit(served)
    page.locator(f'tr[data-run="{sweep.id}"]').wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Pause updates"
    nameless = page.evaluate("""() => [...document.querySelectorAll("button, a, input, [role=img]")]
        .filter((e) => !(e.getAttribute("aria-label") || e.textContent.trim())).length""")
    assert nameless == 0


def test_a_browser_is_opened_without_showing_the_token_to_everybody(start, runs, browser, tmp_path):
    """What a browser is started with can be read by every user of the machine."""
    record = tmp_path / "argv"
    script = tmp_path / "browser.sh"
    script.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$@" > {record}.part; mv {record}.part {record}\n'
    )
    script.chmod(0o755)
    with start(runs, "--open", BROWSER=f"{script} %s") as served:
        wait_for(record.exists)
        address = record.read_text().strip()
        assert served.token not in address
        assert address.startswith("file://")
        file = Path(address.removeprefix("file://"))
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.parent.stat().st_mode & 0o777 == 0o700
        context = browser.new_context()
        page = context.new_page()
        page.goto(address)
        page.wait_for_url(f"{served.base}/")
        wait_for(lambda: page.locator("h1").inner_text() == "All runs")
        context.close()
    wait_for(lambda: not file.exists())


@pytest.mark.extended
@pytest.mark.slow
def test_a_real_sweep_is_followed_from_its_start_to_its_end(start, visit, tmp_path):
    """Ray, warm workers and a real journal; the page is open all the time."""
    runs = tmp_path / "runs"
    runs.mkdir()
    command = [sys.executable, "-m", "orchestrator", "sweep", "gru-asha", "--trials", "14",
               "--epochs", "9", "--runs", str(runs), "--no-check"]  # fmt: skip
    with (
        start(runs) as served,
        subprocess.Popen(
            command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as sweep,
    ):
        try:
            page = visit(served)
            page.evaluate("window.same = true")
            page.locator("tr[data-run] a").wait_for(timeout=60_000)
            run_id = page.locator("tr[data-run]").get_attribute("data-run")
            live = page.context.new_page()
            live.goto(f"{served.base}/runs/{run_id}")
            counts = set()
            while sweep.poll() is None:
                if drawn(live):
                    counts.add(len(numbers(live)))
                time.sleep(0.1)
            said = sweep.stdout.read()
            assert sweep.returncode == 0, said
            wait_for(lambda: live.locator("#status .state").inner_text() == "finished")
            wait_for(lambda: len(numbers(live)) == 14)
            wait_for(lambda: "finished" in page.locator("tr[data-run]").inner_text())
            assert page.evaluate("window.same") is True
            assert len(counts) > 1, counts  # it grew while one looked
            page.context.close()  # before the server: nothing is to be missed
        finally:
            sweep.terminate()
            sweep.wait(180)
