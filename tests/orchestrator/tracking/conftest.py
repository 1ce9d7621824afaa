"""Runs with real journals, the real tracking process, and W&B's files read back."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator import Study, Sweep
from orchestrator.runs.folder import RunFolder
from orchestrator.schedulers import Continue
from orchestrator.tracking import process
from orchestrator.tracking.wandb_files import Files, Fragment, read_fragment

KEY = "5ecre7" * 7
"""A made-up key of the form that W&B takes."""
ROOT = Path(__file__).parents[3]


def loss(depth: float, epoch: int) -> float:
    """Falls with the epochs, the deeper the lower."""
    return 1 - depth * (1 - math.exp(-epoch / 3))


class Story:
    """Runs below a folder, their journals made by studies, and the tracking process beside."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: list[subprocess.Popen[bytes]] = []
        home = folder / "home"
        home.mkdir()
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("WANDB_", "ORCH_"))}
        self.env = {**kept, "HOME": str(home), "PYTHONPATH": str(ROOT)}
        self.env["ORCH_TRACKING_PRIORITY"] = "low"  # other tests keep the cores busy

    def study(self, strategy: str = "hyperband", **changes: Any) -> Study:
        """A new study of nine trials and nine epochs, which is told nowhere."""
        space = {"depth": {"low": 0.0, "high": 1.0}}
        said = {"space": space, "trials": 9, "epochs": 9, **changes}
        return Sweep(f"ask-{strategy}", **said).ask_tell(self.folder / "runs")

    def go(self, study: Study, most: int = 10**9, fail: int | None = None) -> int:
        """Run trials until so many epochs are told; one fails in its second epoch."""
        count = 0
        while count < most and (trial := study.ask()) is not None:
            for epoch in range(trial.epoch + 1, 10):
                if trial.number == fail and epoch > 1:
                    study.fail(trial, "loss became nan")
                    break
                value = loss(trial.config["depth"], epoch)
                answer = study.tell(trial, {"valid_loss": value, "accuracy": 1 - value / 2})
                count += 1
                if count == most or not isinstance(answer, Continue):
                    break
        return count

    def run(self, most: int = 10**9, fail: int | None = None, **changes: Any) -> RunFolder:
        """A run whose study was closed after so many epochs; its figures need no drawing."""
        with self.study(**changes) as study:
            self.go(study, most, fail)
        self.drawn(study.run)
        return study.run

    def drawn(self, run: RunFolder) -> None:
        """Stand in for the figures, which take seconds to draw."""
        run.figures.mkdir(exist_ok=True)
        (run.figures / "one.png").write_bytes(b"no picture")
        os.utime(run.figures, (2e9, 2e9))

    def start(self, run: RunFolder, **tracking: Any) -> subprocess.Popen[bytes]:
        """The tracking process of a run, which goes on until its standard input is closed."""
        order = {"path": sys.path, "folder": str(run.path), "tracking": tracking}
        log = (run.path / "tracking.log").open("ab")
        with log:
            started = subprocess.Popen(
                [sys.executable, "-P", process.__file__],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=self.env,
                process_group=0,
            )
        self.started.append(started)
        assert started.stdin is not None
        started.stdin.write(json.dumps(order).encode() + b"\n")
        started.stdin.flush()
        return started

    def tell(self, run: RunFolder, **tracking: Any) -> str:
        """Tell all that a run's journal has; the log."""
        started = self.start(run, **tracking)
        assert started.stdin is not None
        started.stdin.close()
        assert started.wait(300) == 0, self.log(run)
        return self.log(run)

    def log(self, run: RunFolder) -> str:
        return (run.path / "tracking.log").read_text()

    def orch(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        """The command line, in the folder of the story."""
        return subprocess.run(
            [sys.executable, "-m", "orchestrator", *arguments],
            capture_output=True,
            text=True,
            cwd=self.folder,
            env={**self.env, **env},
            timeout=120,
            check=False,
        )

    @staticmethod
    def fragments(run: RunFolder) -> dict[str, list[Fragment]]:
        """What W&B's files hold, by the end of W&B's id: a trial's number, or the run's own."""
        files = Files(run.path / "wandb")
        return {
            run_id.removeprefix(f"{run.id}-"): [read_fragment(path) for path in files.paths(run_id)]
            for run_id in files
        }

    @classmethod
    def steps(cls, run: RunFolder) -> dict[int, list[int]]:
        """Every row that W&B's files hold, by trial; one that is there twice comes twice."""
        return {
            int(number): sorted(step for fragment in found for step in fragment.rows)
            for number, found in cls.fragments(run).items()
            if number != run.id
        }

    @staticmethod
    def reported(run: RunFolder) -> dict[int, list[int]]:
        """The epochs that the journal has, by trial."""
        from orchestrator.engine.journal import read
        from orchestrator.engine.records import EpochReported, TrialStarted

        found: dict[int, list[int]] = {}
        for entry in read(run.journal):
            if isinstance(entry.record, TrialStarted):
                found[entry.record.number] = []
            elif isinstance(entry.record, EpochReported):
                found[entry.record.number].append(entry.record.epoch)
        return found


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    """Runs below ``tmp_path``, and what is told of them."""
    made = Story(tmp_path)
    yield made
    for started in made.started:
        started.kill()
        started.wait()
        if started.stdin is not None:
            started.stdin.close()


class Server:
    """The stand-in for W&B's server, a process of its own, at an address of this machine."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("stand_in.py")), address],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())
        self.url = f"http://{address}:{self.port}"
        self.env = {"WANDB_BASE_URL": self.url, "WANDB_API_KEY": KEY}

    def dump(self) -> dict[str, Any]:
        """What it was told: runs by id, and the files of artifacts."""
        with urllib.request.urlopen(f"{self.url}/dump") as answer:
            return dict(json.load(answer))

    def refuse(self, streams: int) -> None:
        """Refuse so many requests with rows."""
        with urllib.request.urlopen(f"{self.url}/break/{streams}", data=b""):
            pass

    def hang(self) -> None:
        """Say nothing any more to whoever has something to tell."""
        with urllib.request.urlopen(f"{self.url}/hang", data=b""):
            pass

    def steps(self, run: RunFolder) -> dict[int, list[int]]:
        """The rows that it has, by trial, in the order in which they came."""
        found = {}
        for run_id, kept in self.dump()["runs"].items():
            rows = kept["files"].get("wandb-history.jsonl", [])
            number = run_id.removeprefix(f"{run.id}-")
            if number != run.id:
                found[int(number)] = [json.loads(row)["_step"] for row in rows]
        return found

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


@pytest.fixture
def server() -> Iterator[Server]:
    """A stand-in for W&B's server."""
    made = Server()
    yield made
    made.close()


@pytest.fixture
def key() -> str:
    """A made-up key for W&B, which must be found nowhere."""
    return KEY
