"""A dashboard from its start to its end: socket, second process, browser, and nothing left."""

from __future__ import annotations

import html
import sys
import tempfile
import threading
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from starlette.types import ASGIApp

from orchestrator.dashboard.analyst import Analyst, Pages
from orchestrator.dashboard.app import make_app
from orchestrator.dashboard.desk import Desk
from orchestrator.dashboard.known import Known
from orchestrator.dashboard.security import Guard, Secret
from orchestrator.dashboard.server import bound, bracketed, names, reachable, serve
from orchestrator.dashboard.tokens import Token
from orchestrator.dashboard.worker import Settings, Worker


@dataclass(frozen=True)
class Opening:
    """Where the dashboard is.

    Attributes:
        url: what to open; with the token if it is a new one.
        port: it listens on.
    """

    url: str = field(repr=False)
    port: int


def run_until_told(
    known: Known,
    analyst: Analyst,
    pages: Pages,
    token: Token,
    *,
    host: str,
    port: int,
    or_any: bool,
    say: Callable[[Opening], None],
    in_browser: bool = False,
    debug: bool = False,
) -> None:
    """Serve the pages until a signal comes.

    Args:
        known: the runs to show.
        analyst: what is worked out.
        pages: what a browser is sent.
        token: that is asked for.
        host: address to listen on.
        port: to listen on.
        or_any: take a free one where that is taken.
        say: is told where the dashboard is once it answers.
        in_browser: open it in a browser.
        debug: leave the second process its standard error.

    Raises:
        UsageError: there is nothing to listen on.
    """
    listening = bound(host, port, or_any=or_any)
    port = int(listening.getsockname()[1])
    place = f"http://{bracketed(reachable(host))}:{port}/"
    entry = f"{place}?token={token.text}"
    where = "Open the URL that was printed where orch dashboard was started; it has the token."
    if token.given:
        where = f"It is {token.given}, where orch dashboard was started."
    with listening, tempfile.TemporaryDirectory(prefix="orch-dashboard-") as folder:
        worker = Worker(Settings(known, Path(folder), analyst, debug))
        secret = Secret(token.text, port)

        def make() -> tuple[ASGIApp, Callable[[], None]]:
            desk = Desk(worker.ask)
            app = make_app(known, pages, desk)
            return Guard(app, secret, names(host, port), where), desk.end

        def started() -> None:
            say(Opening(place if token.given else entry, port))
            if in_browser:
                _open(Path(folder) / "open.html", entry)

        try:
            worker.start()
            serve(make, listening, started, debug=debug)
        finally:
            worker.close()


def _open(page: Path, url: str) -> None:
    """Open a page that leads to ``url``: what a browser is started with, everybody can see."""
    page.touch(mode=0o600)
    page.write_text(
        f'<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer">'
        f'<meta http-equiv="refresh" content="0; url={html.escape(url)}">'
        f'<a href="{html.escape(url)}">Open the dashboard</a>',
        encoding="utf-8",
    )
    threading.Thread(target=_show, args=(page.as_uri(),), daemon=True).start()


def _show(address: str) -> None:
    if not webbrowser.open(address):
        sys.stderr.write("warning: no browser was found. Open the address yourself.\n")
