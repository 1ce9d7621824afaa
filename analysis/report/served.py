"""Pages that are served: the report, drawn again while a sweep runs, and pages of several runs.

They are made of the report's own scripts and of those in ``assets/live``. A page is a shell
without data; its scripts fetch them. The report's scripts are a function there, called again
with newer data and what the reader has done so far, so that they need not know of it.
"""

from __future__ import annotations

import html
from functools import cache

from analysis.report.page import ASSETS, fill, joined

PAGES = ("home", "run", "compare")
_LIVE = ASSETS / "live"
_REPORT = "report"
"""What the scripts of a page import to draw the report."""


def shell(kind: str, *, title: str) -> str:
    """A page without data.

    Args:
        kind: one of :data:`PAGES`.
        title: of the window.
    """
    template = (_LIVE / "page.html").read_text(encoding="utf-8")
    return fill(template, {"kind": html.escape(kind), "title": html.escape(title)})


@cache
def asset(name: str) -> tuple[str, str] | None:
    """A file that a shell names, with its media type; None if there is none."""
    if name == "style.css":
        parts = (ASSETS / "style.css", _LIVE / "live.css")
        return "".join(part.read_text(encoding="utf-8") for part in parts), "text/css"
    kind, _, suffix = name.partition(".")
    return (_script(kind), "text/javascript") if kind in PAGES and suffix == "js" else None


def _script(kind: str) -> str:
    """The scripts of a page in one; nothing in it is global."""
    drawn = ""
    if kind == "run":
        drawn = (
            f"const ${_REPORT} = {{ report(given) {{\n{joined('app', ASSETS)}return $app;\n}} }};\n"
        )
    own = joined(kind, _LIVE, ASSETS, given={_REPORT: drawn})
    return f'"use strict";\n((given) => {{\n{own}}})({{}});\n'
