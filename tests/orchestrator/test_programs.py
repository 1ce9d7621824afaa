"""What a user brings, swept end to end with a real Ray: functions, programs, networks."""

from __future__ import annotations

import os
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import psutil
import pytest
from polars.testing import assert_frame_equal

import orchestrator
from analysis import load_run
from orchestrator.engine.inbox import StopRun, StopTrial, send
from orchestrator.engine.journal import read
from orchestrator.engine.records import EpochRepeated, EpochReported, Record, TrialEnded
from orchestrator.runs.folder import RunFolder
from orchestrator.spec_file import FileError, read_spec
from orchestrator.sweep import Result, Sweep
from searchspaces import ConfigurationError

MODULE = '''
import math, os, pathlib, signal, sys, time
from searchspaces import Float, FloatParam, Int, IntParam, SearchSpace

class Depth(SearchSpace):
    depth: FloatParam = Float(0.0, 1.0)

def loss(depth, epoch):
    return 1 - depth * (1 - math.exp(-epoch / 3))

def stops(config):
    for epoch in range(1, 6):
        yield {"valid_loss": loss(config["depth"], epoch), "f1": epoch / 10}

def keeps(config, state):
    kept = state.load() or {"least": math.inf}
    while state.epoch < state.epochs:
        kept["least"] = min(kept["least"], loss(config["depth"], state.epoch + 1))
        state.save(kept)
        yield {"valid_loss": kept["least"]}

keeps.space = Depth

def once(config):
    """Kills its worker in epoch 3, the first time."""
    mark = pathlib.Path(os.environ["ORCH_TEST_MARK"], f"{config['depth']:.9f}")
    for epoch in range(1, 10):
        if epoch == 3 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        yield {"valid_loss": loss(config["depth"], epoch)}

once.space = Depth
'''

NETWORK = """
import torch
from searchspaces import Int, IntParam, SearchSpace

class WidthSpace(SearchSpace):
    width: IntParam = Int(4, 16)

class Net(torch.nn.Module):
    space = WidthSpace

    def __init__(self, config, facts):
        super().__init__()
        self.first = torch.nn.Linear(facts.features, config["width"])
        self.head = torch.nn.Linear(config["width"], facts.classes)

    def forward(self, values, lengths):
        return self.head(torch.relu(self.first(values.sum(dim=1) / lengths[:, None])))
"""

LIGHTNING = """
import pytorch_lightning, torch
from searchspaces import Float, FloatParam, SearchSpace

class RateSpace(SearchSpace):
    learning_rate: FloatParam = Float(1e-3, 1e-1, log=True)

class Lit(pytorch_lightning.LightningModule):
    space = RateSpace

    def __init__(self, config, facts):
        super().__init__()
        self.rate = config["learning_rate"]
        self.head = torch.nn.Linear(facts.features, facts.classes)

    def step(self, batch):
        values, lengths, labels = batch
        logits = self.head(values.sum(dim=1) / lengths[:, None])
        return torch.nn.functional.cross_entropy(logits, labels)

    def training_step(self, batch, index):
        return self.step(batch)

    def validation_step(self, batch, index):
        self.log("valid_loss", self.step(batch))

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=self.rate)
"""

PROGRAM = """
import argparse, json, math, sys, time
parser = argparse.ArgumentParser()
parser.add_argument("--depth", type=float)
parser.add_argument("--epochs", type=int)
given = parser.parse_args()
print("starting")
for epoch in range(1, given.epochs + 1):
    if given.depth > 0.95 and epoch == 2:
        sys.exit(f"depth {given.depth:.3f} is too much")
    print(json.dumps({"valid_loss": 1 - given.depth * (1 - math.exp(-epoch / 3))}))
time.sleep(60)
"""

SPACE = {"depth": {"low": 0.0, "high": 1.0}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the user's files are, on the path of this process and of Ray's workers."""
    path = tmp_path_factory.mktemp("own")
    for name, text in {
        "own_swept": MODULE, "own_network": NETWORK, "own_lit": LIGHTNING, "program": PROGRAM,
    }.items():  # fmt: skip
        (path / f"{name}.py").write_text(textwrap.dedent(text), encoding="utf-8")
    sys.path.insert(0, str(path))
    yield path
    sys.path.remove(str(path))


@pytest.fixture(scope="module")
def ray_of_two(folder: Path) -> Iterator[None]:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
    os.environ["ORCH_TEST_MARK"] = str(folder)
    import ray

    ray.init(
        "local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR"
    )
    yield
    ray.shutdown()
    del os.environ["ORCH_TEST_MARK"]


def swept(name: str, runs: Path, **changes: Any) -> Result:
    return orchestrator.run(name, runs=runs, **{"trials": 6, "epochs": 9, **changes})


def records(result: Result) -> list[Record]:
    return [entry.record for entry in read(result.run.journal)]


@pytest.mark.usefixtures("ray_of_two")
def test_a_function_is_swept_and_its_metrics_are_columns(tmp_path: Path) -> None:
    """It returns after five epochs of nine: complete, without a scheduler's word."""
    result = swept("own_swept:stops", tmp_path, space=SPACE)
    assert result.run.spec().dump()["scheduler"]["kind"] == "async-hyperband"
    done = result.trials.filter(pl.col("state") == "completed")
    assert set(done["epochs"]) == {5}
    assert set(done["note"]) == {"the function returned"}
    assert set(result.trials["state"]) == {"completed", "pruned"}
    assert result.trials["state"][0] == "completed"
    assert done["metric.f1"].to_list() == [0.5] * len(done)
    assert result.epochs["metric.f1"].null_count() == 0
    assert load_run(result.run.path).metrics == ["valid_loss", "f1"]


class Interrupt:
    """Ends the process's time with the run at an epoch of a trial."""

    def __init__(self, number: int, epoch: int) -> None:
        self.wanted = (number, epoch)

    def __call__(self, *_: Any) -> Interrupt:
        return self

    def note(self, record: Record) -> None:
        if isinstance(record, EpochReported) and (record.number, record.epoch) == self.wanted:
            raise KeyboardInterrupt

    def tick(self) -> None: ...


@pytest.mark.usefixtures("ray_of_two")
def test_a_function_with_state_is_paused_promoted_and_resumed(tmp_path: Path) -> None:
    changes = {"trials": 9, "epochs": 9, "concurrency": 1}
    whole = swept("own_swept:keeps-hyperband", tmp_path / "whole", **changes)
    assert sorted(whole.trials["epochs"]) == [1] * 6 + [3, 3, 9]
    sweep = Sweep("own_swept:keeps-hyperband", **changes)
    with pytest.raises(KeyboardInterrupt):
        sweep.run(tmp_path / "parts", watch=Interrupt(5, 1))
    [left] = (RunFolder(path) for path in (tmp_path / "parts").iterdir())
    send(left.inbox, StopRun("for the process that is gone"))
    send(left.inbox, StopTrial(8))
    parts = orchestrator.resume(left)
    assert parts.stopped is None  # the letter was for another
    assert parts.trials.filter(number=8)["error"].to_list() in (["stopped from outside"], [None])
    same = ["number", "epoch", "metric.valid_loss"]
    without = pl.col("number") != 8
    assert_frame_equal(
        parts.epochs.select(same).filter(without), whole.epochs.select(same).filter(without)
    )


@pytest.mark.usefixtures("ray_of_two")
def test_a_function_without_state_starts_over_when_its_worker_is_killed(tmp_path: Path) -> None:
    result = swept("own_swept:once-random", tmp_path, trials=2)
    assert result.trials.select("state", "epochs", "attempts").rows() == [("completed", 9, 2)] * 2
    repeated = [record for record in records(result) if isinstance(record, EpochRepeated)]
    assert {record.epoch for record in repeated} <= {1, 2}
    assert all(record.same for record in repeated)


def programs() -> list[str]:
    """Command lines of what the test below has started and is still there."""
    lines = (
        " ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])
    )
    return [line for line in lines if "program.py --depth" in line]


@pytest.mark.usefixtures("ray_of_two")
def test_a_program_is_swept_stopped_and_leaves_no_process(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    (tmp_path / "my.yaml").write_text(
        'command: "python program.py --depth {depth} --epochs {epochs}"\n'
        "space:\n  depth: {low: 0.0, high: 1.0}\ntrials: 8\nepochs: 9\nstrategy: asha\n"
        "seed: 2\n"
    )
    sweep = Sweep(tmp_path / "my.yaml", space={"depth": {"low": 0.5}})
    result = sweep.run(tmp_path / "runs")
    states = result.trials.group_by("state").len().sort("state").rows()
    assert sum(count for _, count in states) == 8
    assert {"completed", "pruned"} <= {state for state, _ in states}
    failed = [record for record in records(result) if isinstance(record, TrialEnded)]
    for record in failed:
        assert record.reason.startswith("exit code 1: depth 0.9")
        assert record.detail.startswith("starting\n")
    deadline = time.monotonic() + 60  # the last ones are told to end when their workers do
    while still := programs():
        assert time.monotonic() < deadline, still
        time.sleep(0.05)


@pytest.mark.usefixtures("ray_of_two")
def test_a_plain_network_is_trained_by_orch(tmp_path: Path) -> None:
    result = swept("own_network:Net-hyperband", tmp_path, trials=3, epochs=3, concurrency=1)
    assert "completed" in set(result.trials["state"])
    assert result.run.spec().name == "net-hyperband"
    weights = result.trials.select("config.width", "weights").rows()
    assert all(count == 8 * width + width + 10 * width + 10 for width, count in weights)
    assert {"learning_rate", "batch_size", "width"} <= set(result.best or {})


@pytest.mark.usefixtures("ray_of_two")
def test_a_lightning_module_is_paused_and_promoted(tmp_path: Path) -> None:
    pytest.importorskip("pytorch_lightning", reason="the extra lightning is not installed")
    few = {"trials": 3, "epochs": 3, "concurrency": 1}
    result = swept("own_lit:Lit-hyperband", tmp_path, dataset="digits", **few)
    assert sorted(result.trials["epochs"]) == [1, 1, 3]
    assert result.run.spec().scheduler.kind == "hyperband"
    [best] = result.trials.filter(state="completed").rows(named=True)
    losses = result.epochs.filter(number=best["number"])["metric.valid_loss"].to_list()
    assert losses == sorted(losses, reverse=True)


@pytest.mark.usefixtures("ray_of_two")
def test_a_metric_that_is_never_reported_ends_the_sweep_with_the_known_ones(
    tmp_path: Path,
) -> None:
    with pytest.raises(ConfigurationError) as failure:
        swept("own_swept:stops", tmp_path, space=SPACE, metric="f2")
    assert str(failure.value) == (
        "metric: no metric 'f2' is reported. Did you mean 'f1'? Known: valid_loss, f1. "
        "Report it in every epoch, or choose another with --metric."
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("architecture: own_swept:stops\nspace: {depth: 3}\nscheduler: {kind: hyperband}\n",
         "3: scheduler: own_swept:stops cannot be paused (it takes no state), and hyperband pauses "
         "trials. Write stops(config, state), or use --set scheduler.kind=asha."),
        ('command: "python program.py {depht}"\nspace:\n  depth: {low: 0, high: 1.0}\n',
         "1: command: {depht} is no parameter of the space. Did you mean {depth}? "
         "Known: depth, config, epochs, seed, trial."),
        ('command: "python program.py {depth}"\nspace:\n  depth:\n    low: 3\n    high: 1.0\n',
         "5: space.depth.high: 1.0 is below low=3.0. Give high >= low."),
        ('command: "python program.py"\nspace:\n  depth: {lo: 3}\n',
         "3: space.depth: this is no domain. Give low and high, or values. A group has a domain in "
         "it, such as {kind: choice, values: [VALUE]} for what is fixed."),
        ('command: "python program.py {depth}"\nspace:\n  depth: {low: 1, high: 3, logg: true}\n',
         "3: space.depth.logg: unknown key 'logg'. Did you mean 'log'? "
         "Known: kind, low, high, log, step, powers_of, prior, confidence, when."),
        ('architecture: gru\ncommand: "python program.py"\n',
         "2: command: an architecture is given too, 'gru'. Give one of both."),
        ("architecture: own_swept:stops\nseed: 1\n",
         " space: own_swept:stops has none of its own. Declare it here, such as "
         "space: {learning_rate: {low: 1e-4, high: 1e-1, log: true}}."),
        ('command: "python program.py {depth}"\nspace: {depth: {low: 1, high: 3}}\n'
         "dataset: digits\n",
         "3: dataset: python program.py {depth} sees to that itself. Leave it out."),
        ("architecture: own_swept:keeps\ntraining: {learning_rate: 1e-3}\n",
         "2: training.learning_rate: unknown key. There are none here."),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("folder")
def test_a_file_that_cannot_be_is_one_line_with_its_place(
    tmp_path: Path, text: str, line: str
) -> None:
    (tmp_path / "my.yaml").write_text(text)
    with pytest.raises(FileError) as failure:
        read_spec(tmp_path / "my.yaml")
    assert str(failure.value) == f"{tmp_path}/my.yaml:{line}"


@pytest.mark.usefixtures("folder")
def test_a_spec_of_the_user_s_own_is_the_same_after_a_dump() -> None:
    for sweep in (
        Sweep("own_swept:keeps", space={"depth": {"high": 0.5}}),
        Sweep("own_swept:stops-random", space=SPACE),
        Sweep("ask", space={"width": {"low": 1, "high": 8, "powers_of": 2}}),
    ):
        again = Sweep(sweep.spec)
        assert again.spec == sweep.spec
        assert again.spec.dump() == sweep.spec.dump()
