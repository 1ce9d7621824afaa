"""Real dashboards: the command in a process of its own, sweeps that write while it looks."""

from __future__ import annotations

import http.client
import json
import math
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from orchestrator import Study, Sweep
from orchestrator.schedulers import Continue

SPACE = {"depth": {"low": 1, "high": 8}, "rate": {"low": 1e-4, "high": 1e-1, "log": True}}
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync",
        "--disable-component-update", "--no-first-run"]  # fmt: skip


class Told:
    """A sweep that goes on when a test says so; the journal is a real one."""

    def __init__(self, runs: Path, name: str = "ask-asha", **changes: Any) -> None:
        sweep = Sweep(name, **{"space": SPACE, "trials": 40, "epochs": 9, "seed": 1, **changes})
        self.study: Study = sweep.ask_tell(runs=runs)
        self.id = self.study.run.id
        self.path = self.study.run.path
        self.epochs = 0

    def trials(self, count: int, *, fail: str = "", worse: float = 0.0) -> None:
        """So many more trials, each as far as the scheduler lets it."""
        for _ in range(count):
            trial = self.study.ask()
            assert trial is not None
            if fail:
                self.study.fail(trial, fail)
                continue
            for epoch in range(trial.epoch + 1, 10):
                loss = 2 / epoch + abs(math.log10(trial.config["rate"]) + 2) + worse
                self.epochs += 1
                metrics = {"valid_loss": loss, "accuracy": 1 / (1 + loss)}
                if not isinstance(self.study.tell(trial, metrics), Continue):
                    break

    def close(self) -> None:
        self.study.close()


@pytest.fixture
def told() -> Iterator[Callable[..., Told]]:
    """A function that begins a sweep in a folder."""
    begun: list[Told] = []

    def begin(runs: Path, name: str = "ask-asha", **changes: Any) -> Told:
        begun.append(Told(runs, name, **changes))
        return begun[-1]

    yield begin
    for each in begun:
        each.close()


class Served:
    """A dashboard that runs, and requests to it."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        parts = urlsplit(url)
        self.process = process
        self.url = url
        self.port = int(parts.port or 0)
        self.base = f"http://{parts.netloc}"
        self.token = parse_qs(parts.query).get("token", [""])[0]

    def ask(
        self, path: str, *, method: str = "GET", known: bool = True, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body; names of headers are written with _ for -."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if known and "Cookie" not in given:
            given.setdefault("Authorization", f"Bearer {self.token}")
        try:
            skip_host = "Host" in given
            connection.putrequest(method, path, skip_host=skip_host, skip_accept_encoding=True)
            for name, value in given.items():
                connection.putheader(name, value)
            connection.endheaders()
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def data(self, path: str) -> Any:
        """JSON of an address below ``/data``."""
        status, _, body = self.ask(f"/data/{path}")
        assert status == 200, body
        return json.loads(body)

    def until(self, path: str, fits: Callable[[Any], Any], seconds: float = 30) -> Any:
        """The data once they fit."""
        end = time.monotonic() + seconds
        while not fits(found := self.data(path)):
            assert time.monotonic() < end, found
            time.sleep(0.1)
        return found


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "orchestrator", "dashboard", *map(str, arguments)]


@pytest.fixture(scope="session")
def start() -> Iterator[Callable[..., Any]]:
    """A context manager that runs a dashboard: ``with start(runs, ...) as served``."""
    from contextlib import contextmanager

    @contextmanager
    def running(runs: Path, *arguments: object, **env: str) -> Iterator[Served]:
        given = ["--json", "--runs", runs, *arguments]
        if "--port" not in arguments:
            given += ["--port", 0]
        with subprocess.Popen(
            command(*given), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, **env}, cwd=runs.parent,
        ) as process:  # fmt: skip
            watch = threading.Timer(600, process.kill)
            watch.start()
            try:
                line = process.stdout.readline()
                assert line, process.stderr.read()
                yield Served(process, json.loads(line)["url"])
            finally:
                watch.cancel()
                process.terminate()
                process.wait(60)

    return running


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One Chromium for a module."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    names = ("chromium", "google-chrome", "chromium-browser")
    path = next((found for found in map(shutil.which, names) if found), None)
    if path is None:
        pytest.skip("no Chromium on this machine")
    with playwright.sync_playwright() as begun:
        found = begun.chromium.launch(executable_path=path, args=ARGS)
        yield found
        found.close()
