"""``train.workers = 2``: where a function asks for several processes, and where it cannot."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from orchestrator import Sweep
from orchestrator.planning import trainable_of, trial_of, worker_trial_of
from searchspaces import ConfigurationError
from trainables.outcomes import EpochDone
from trainables.programs import program_of
from trainables.programs.function import FunctionTrial
from trainables.programs.rank import AloneTrial
from trainables.programs.together import TogetherTrial
from trainables.trainables import FunctionTrainable

CODE = """
import torch
from torch import distributed
from searchspaces import Float, SearchSpace

class Space(SearchSpace):
    x: object = Float(0.0, 1.0)

def train(config, state):
    distributed.barrier()
    yield {"valid_loss": 1.0, "rank": state.rank, "workers": state.workers}

def simple(config):
    yield {"valid_loss": 1.0}

class Net(torch.nn.Module):
    space = Space
"""


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "asking", raising=False)

    def write(line: str) -> None:
        (tmp_path / "asking.py").write_text(f"{CODE}\n{line}\n")

    return write


@pytest.mark.parametrize(("line", "ranks"), [("", 0), ("train.workers = 1", 1)])
def test_a_function_says_how_many(code: Callable[[str], None], line: str, ranks: int) -> None:
    code(line)
    program = program_of("asking:train")
    assert (program.ranks, program.can_pause) == (ranks, True)


@pytest.mark.parametrize(
    ("line", "name", "said"),
    [
        ("train.workers = 0", "train", "asking:train has workers = 0. Give a whole number of 1 or "
         "more."),
        ("train.workers = 2.0", "train", "asking:train has workers = 2.0. Give a whole number of "
         "1 or more."),
        ("train.workers = True", "train", "asking:train has workers = True. Give a whole number "
         "of 1 or more."),
        ("simple.workers = 2", "simple", "asking:simple has workers = 2 and takes no state, which "
         "would tell each its rank. Write simple(config, state)."),
        ("Net.workers = 2", "Net", "asking:Net has workers = 2, and is a class: only a training "
         "function runs in several processes. Leave it out, or give it another name."),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused(
    code: Callable[[str], None], line: str, name: str, said: str
) -> None:
    code(line)
    with pytest.raises(ConfigurationError) as caught:
        program_of(f"asking:{name}")
    assert str(caught.value) == f"architecture: {said}"


def sweep(**changes: Any) -> Sweep:
    return Sweep("asking:train-random", space={"x": {"low": 0.0, "high": 1.0}}, **changes)


def test_a_sweep_takes_what_fits(code: Callable[[str], None]) -> None:
    code("train.workers = 3")
    chosen, settings = worker_trial_of(sweep().spec)
    assert (chosen, settings["ranks"]) == (TogetherTrial, 3)
    with pytest.raises(ConfigurationError, match="a Tuner gives a trial one process"):
        sweep().to_tuner()
    code("")
    sys.modules.pop("asking")
    assert worker_trial_of(sweep().spec)[0] is FunctionTrial
    assert trainable_of(sweep().spec)[0] is FunctionTrainable


def test_alone_it_is_the_one_rank_of_a_group_of_its_own(code: Callable[[str], None]) -> None:
    code("train.workers = 3")
    kind, settings = trial_of(sweep().spec)
    assert kind is AloneTrial
    trial = kind.bare(data=None, **settings)
    try:
        trial.begin({}, seed=1)
        assert trial.run_epoch() == EpochDone({"valid_loss": 1.0, "rank": 0.0, "workers": 1.0})
    finally:
        torch.distributed.destroy_process_group()
