"""Trials of several processes: real ones, which Ray Train makes a torch process group."""

from __future__ import annotations

import os
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from orchestrator import Sweep
from orchestrator.engine.journal import read
from orchestrator.engine.machines import quiet_ray
from orchestrator.engine.records import EpochReported, TrialResumed
from searchspaces import ConfigurationError
from trainables.outcomes import EpochDone, EpochFailed, WorkersLostError
from trainables.programs import group
from trainables.programs.group import Group
from trainables.programs.keep import decode
from trainables.programs.together import TogetherTrial

# Ray Train copies settings of Ray Data, some of which it calls deprecated itself.
pytestmark = pytest.mark.filterwarnings("ignore:`use_")

CODE = '''
import os
import time
from pathlib import Path

import torch
from torch import distributed

VALUES = torch.linspace(-1, 1, 64)[:, None]
TARGETS = torch.sin(3 * VALUES)


def model_of():
    torch.manual_seed(7)
    return torch.nn.Sequential(torch.nn.Linear(1, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))


def train(config, state):
    """Half of the data in each of two processes."""
    model = torch.nn.parallel.DistributedDataParallel(model_of())
    optimizer = torch.optim.SGD(model.parameters(), config["rate"], momentum=0.9)
    if kept := state.load():
        model.module.load_state_dict(kept["model"])
        optimizer.load_state_dict(kept["optimizer"])
    mine = slice(state.rank, None, state.workers)
    while state.epoch < state.epochs:
        optimizer.zero_grad()
        loss = (model(VALUES[mine]) - TARGETS[mine]).square().mean()
        loss.backward()
        optimizer.step()
        weights = torch.cat([weight.detach().flatten() for weight in model.parameters()])
        others = [torch.empty_like(weights) for _ in range(state.workers)]
        distributed.all_gather(others, weights)
        drawn = torch.rand(1)
        draws = [torch.empty(1) for _ in range(state.workers)]
        distributed.all_gather(draws, drawn)
        distributed.all_reduce(loss, distributed.ReduceOp.SUM)
        if state.rank == 0:
            state.save({"model": model.module.state_dict(), "optimizer": optimizer.state_dict()})
        pid = torch.tensor(os.getpid())
        pids = [torch.empty_like(pid) for _ in range(state.workers)]
        distributed.all_gather(pids, pid)
        yield {
            "valid_loss": loss.item() / state.workers,
            "apart": max((other - weights).abs().max().item() for other in others),
            **{f"draw_{rank}": draw.item() for rank, draw in enumerate(draws)},
            **{f"pid_{rank}": int(one) for rank, one in enumerate(pids)},
        }


def awkward(config, state):
    """Misbehaves in its second epoch, in one rank."""
    while state.epoch < 3:
        if state.epoch == 1 and state.rank == config["rank"]:
            match config["how"]:
                case "raises":
                    raise ValueError(f"bad luck at rank {state.rank}")
                case "exits":
                    os._exit(1)
                case "returns":
                    return
                case "yields twice":
                    yield {"valid_loss": 0.0}
                    return
        if config["together"]:
            distributed.barrier()
        state.load()
        yield {"valid_loss": 1.0}


def slow(config, state):
    """One rank of one trial kills itself once, in its fifth epoch."""
    kept = state.load() or {"sum": 0.0}
    note = Path(__file__).with_name("killed")
    while state.epoch < state.epochs:
        one = torch.ones(1)
        distributed.all_reduce(one)
        kept["sum"] += one.item() * config["x"]
        if state.epoch == 4 and state.rank == 1 and not note.exists():
            note.touch()
            os.kill(os.getpid(), 9)
        state.save(kept)
        yield {"valid_loss": kept["sum"]}


for function in (train, awkward, slow):
    function.workers = 2
'''


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    made = tmp_path_factory.mktemp("together")
    (made / "own_ddp.py").write_text(textwrap.dedent(CODE))
    sys.path.insert(0, str(made))
    yield made
    sys.path.remove(str(made))
    sys.modules.pop("own_ddp", None)


@pytest.fixture(scope="module")
def cores(folder: Path) -> Iterator[None]:
    """A Ray of two logical CPUs, so of one trial at a time."""
    quiet_ray()
    import ray

    ray.init(
        "local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR"
    )
    yield
    ray.shutdown()


Hold = Callable[..., TogetherTrial]


@pytest.fixture
def hold(cores: None) -> Iterator[Hold]:
    """Makes trials; their processes end with the test."""
    import ray

    made: list[Group] = []

    def make(function: str, *, epochs: int = 4) -> TogetherTrial:
        settings = {"target": f"own_ddp:{function}", "epochs": epochs, "data": [ray.put(None)]}
        made.append(Group(settings, workers=2, share=(1.0, 0.0)))
        return TogetherTrial.bare(relay=made[-1].relay)

    yield make
    for one in made:
        one.end()
        one.join()


def metrics(trial: TogetherTrial, epochs: int) -> list[dict[str, float]]:
    outcomes = [trial.run_epoch() for _ in range(epochs)]
    assert all(isinstance(outcome, EpochDone) for outcome in outcomes), outcomes
    return [outcome.metrics for outcome in outcomes if isinstance(outcome, EpochDone)]


def alone(rate: float, epochs: int) -> tuple[list[float], torch.Tensor]:
    """Losses and weights of the same training of all data in one process."""
    import own_ddp  # type: ignore[import-not-found]  # the module that this test wrote

    model = own_ddp.model_of()
    optimizer = torch.optim.SGD(model.parameters(), rate, momentum=0.9)
    losses = []
    for _ in range(epochs):
        optimizer.zero_grad()
        loss = (model(own_ddp.VALUES) - own_ddp.TARGETS).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses, torch.cat([weight.detach().flatten() for weight in model.parameters()])


def test_two_processes_train_as_one_would_and_go_on_exactly(hold: Hold) -> None:
    trial = hold("train")
    trial.begin({"rate": 0.1}, seed=5)
    whole = metrics(trial, 4)
    losses, weights = alone(0.1, 4)
    assert [each["valid_loss"] for each in whole] == pytest.approx(losses, abs=1e-6)
    assert [each["apart"] for each in whole] == [0.0] * 4
    kept, epoch = decode(trial.freeze())
    assert epoch == trial.frozen_epoch(4) == 4
    found = torch.cat([weight.flatten() for weight in kept["model"].values()])
    assert found.numpy() == pytest.approx(weights.numpy(), abs=1e-6)

    # Each rank draws numbers of its own; in the first epoch the function seeds them itself.
    assert whole[0]["draw_0"] == whole[0]["draw_1"]
    assert all(each["draw_0"] != each["draw_1"] for each in whole[1:])
    # The same processes run one trial after the other, paused ones too.
    trial.begin({"rate": 0.1}, seed=5)
    first = metrics(trial, 2)
    state = trial.freeze()
    trial.begin({"rate": 0.2}, seed=6)
    other = metrics(trial, 1)
    assert other[0]["valid_loss"] == whole[0]["valid_loss"]
    trial.begin({"rate": 0.1}, seed=5, epoch=2, state=state)
    assert first + metrics(trial, 2) == whole
    trial.release()
    pids = {each[name] for each in whole for name in ("pid_0", "pid_1")}
    assert len(pids) == 2
    assert os.getpid() not in pids


@pytest.mark.extended
def test_what_one_rank_raises_fails_the_trial_though_others_wait_for_it(hold: Hold) -> None:
    trial = hold("awkward")
    trial.begin({"how": "raises", "rank": 1, "together": True}, seed=5)
    metrics(trial, 1)
    outcome = trial.run_epoch()
    assert isinstance(outcome, EpochFailed)
    assert outcome.reason == "rank 1: ValueError: bad luck at rank 1"
    assert "own_ddp.py" in outcome.detail
    with pytest.raises(WorkersLostError, match="have failed before"):
        trial.run_epoch()


@pytest.mark.extended
def test_a_rank_whose_process_ends_is_lost_and_not_the_trials_fault(hold: Hold) -> None:
    trial = hold("awkward")
    trial.begin({"how": "exits", "rank": 1, "together": True}, seed=5)
    metrics(trial, 1)
    with pytest.raises(WorkersLostError, match=r"^the process of rank 1 ended$"):
        trial.run_epoch()


@pytest.mark.extended
@pytest.mark.parametrize(
    ("how", "rank", "together", "line"),
    [
        ("returns", 1, True, "rank 1 has returned and rank 0 has not."),
        ("yields twice", 1, False, "rank 1 has returned and rank 0 has not."),
    ],
)
def test_ranks_that_do_not_yield_as_often_fail_the_trial_and_never_hang(
    hold: Hold,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
    rank: int,
    together: bool,
    line: str,
) -> None:
    monkeypatch.setattr(group, "PATIENCE_SECONDS", 1.0)
    trial = hold("awkward")
    trial.begin({"how": how, "rank": rank, "together": together}, seed=5)
    metrics(trial, 1)
    if how == "yields twice":
        metrics(trial, 1)
    outcome = trial.run_epoch()
    assert isinstance(outcome, EpochFailed)
    assert outcome.reason == f"{line} All ranks have to yield as often."


def sweep(function: str, **changes: Any) -> Sweep:
    space = {"x": {"low": 0.0, "high": 1.0}}
    return Sweep(f"own_ddp:{function}-random", space=space, **changes)


@pytest.mark.extended
def test_a_trial_one_of_whose_processes_is_killed_goes_on_from_its_checkpoint(
    cores: None, folder: Path, tmp_path: Path
) -> None:
    made = sweep("slow", trials=2, epochs=6, checkpoint_seconds=0.001, scheduler={"kind": "fifo"})
    assert made.spec.program.ranks == 2
    result = made.run(tmp_path)
    records = [entry.record for entry in read(result.run.journal)]
    told = Counter((one.number, one.epoch) for one in records if isinstance(one, EpochReported))
    assert told == {(number, epoch): 1 for number in range(2) for epoch in range(1, 7)}
    [again] = [one for one in records if isinstance(one, TrialResumed)]
    assert (again.number, again.attempt, again.afresh) == (0, 2, False)
    by_epoch = {
        (one.number, one.epoch): one.metrics for one in records if isinstance(one, EpochReported)
    }
    for number in range(2):
        x = result.trials.filter(number=number)["config.x"].item()
        sums = [by_epoch[number, epoch]["valid_loss"] for epoch in range(1, 7)]
        assert sums == pytest.approx([2 * x * epoch for epoch in range(1, 7)])
    assert (folder / "killed").exists()


def test_what_can_never_be_placed_is_refused_at_the_start(cores: None, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        sweep("slow", cpus=2).run(tmp_path)
    assert str(caught.value) == (
        "cpus: a trial has 2 processes of 2 CPUs each, and this machine has room for 1: it could "
        "never be placed. Give cpus of 1 or less."
    )


@pytest.mark.extended
def test_nothing_of_a_sweep_goes_on_when_it_has_ended(
    cores: None, folder: Path, tmp_path: Path
) -> None:
    sweep("slow", trials=1, epochs=1).run(tmp_path)

    def left() -> list[str]:
        mine = psutil.Process().children(recursive=True)
        lines = []
        for one in mine:
            try:
                lines.append(" ".join(one.cmdline()))
            except psutil.Error:
                continue
        return [line for line in lines if "RayTrainWorker" in line or "TrainController" in line]

    end = time.monotonic() + 60
    while left() and time.monotonic() < end:
        time.sleep(0.1)
    assert left() == []
