"""Reports of synthetic runs, opened in a headless Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from analysis import load_run
from analysis.figures import Picture
from analysis.findings import find
from analysis.report import write_report

ARGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync",
    "--disable-component-update", "--no-first-run",
]  # fmt: skip
_FIGURES = ("parallel_coordinates", "learning_curves", "importance", "epoch_optimum")


class Reader:
    """A page as a reader uses it; what is not here is Playwright's page."""

    def __init__(self, page: Any) -> None:
        self.page = page

    def __getattr__(self, name: str) -> Any:
        return getattr(self.page, name)

    def numbers(self) -> list[int]:
        """Trials in the table, from its top."""
        return [int(text) for text in self.page.locator("tbody th").all_inner_texts()]

    def cells(self, head: str) -> list[str]:
        """A column of the table."""
        heads = self.page.locator("thead button").all_inner_texts()
        column = f"tbody tr > :nth-child({heads.index(head) + 1})"
        return list(self.page.locator(column).all_inner_texts())

    def settle(self) -> None:
        """Wait until what was asked for is drawn."""
        self.page.evaluate("""() => new Promise(
            (done) => requestAnimationFrame(() => requestAnimationFrame(done)))""")

    def ink(self, index: int) -> int:
        """How many pixels of a figure's canvas are painted."""
        found: int = (
            self.page.locator("canvas")
            .nth(index)
            .evaluate("""(canvas) => {
            const { width, height } = canvas;
            const context = new OffscreenCanvas(width, height)
                .getContext('2d', { willReadFrequently: true });
            context.drawImage(canvas, 0, 0);
            return context.getImageData(0, 0, width, height).data
                .filter((value, k) => k % 4 === 3 && value > 0).length;
        }""")
        )
        return found

    def slider(self, name: str) -> Any:
        """One handle of a brush."""
        return self.page.get_by_role("slider", name=name, exact=True)


@pytest.fixture(scope="session")
def pictures() -> tuple[Picture, ...]:
    """Static figures that need not be drawn for their sentences."""
    return tuple(Picture(name, f"What {name} shows.", True, ()) for name in _FIGURES)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One Chromium for a module."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    names = ("chromium", "google-chrome", "chromium-browser")
    path = next((found for found in map(shutil.which, names) if found), None)
    if path is None:
        pytest.skip("no Chromium on this machine")
    with playwright.sync_playwright() as start:
        found = start.chromium.launch(executable_path=path, args=ARGS)
        yield found
        found.close()


@pytest.fixture(scope="module")
def written() -> dict[str, bytes]:
    """Pages by what their runs are made of: each is made once."""
    return {}


@pytest.fixture
def show(
    browser: Any,
    make_run: Callable[..., Path],
    pictures: tuple[Picture, ...],
    written: dict[str, bytes],
    tmp_path: Path,
) -> Iterator[Callable[..., Reader]]:
    """A function that opens a run's report and fails in the end on whatever went wrong in it."""
    wrong: list[str] = []
    asked: list[str] = []
    contexts: list[Any] = []

    def make(folder: Path | None, changes: dict[str, Any]) -> bytes:
        run = load_run(folder or make_run(**changes))
        return write_report(find(run), tmp_path / "new.html", figures=pictures).read_bytes()

    def open_page(
        *,
        width: int = 1280,
        scheme: str = "light",
        folder: Path | None = None,
        permissions: tuple[str, ...] = (),
        **changes: Any,
    ) -> Reader:
        path = tmp_path / "report.html"
        key = repr(sorted(changes.items()))
        if folder is not None or " at 0x" in key:  # a function has no name to be known by again
            path.write_bytes(make(folder, changes))
        else:
            if key not in written:
                written[key] = make(None, changes)
            path.write_bytes(written[key])
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme,
            permissions=list(permissions),
        )  # fmt: skip
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready]")
        return Reader(page)

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []
    assert all(url.startswith("file:") for url in asked)
    assert len(asked) == len(contexts)  # the file itself and nothing else
