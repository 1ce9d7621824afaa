"""Training functions, held by the Trainable that runs them."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from searchspaces import OrchError, UsageError
from trainables.outcomes import EpochDone, EpochFailed, NothingLeft
from trainables.programs.function import FunctionTrial, State

HERE: dict[str, Any] = {}


@pytest.fixture
def hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., FunctionTrial]:
    """A Trainable of a function, holding a trial of it."""

    def make(function: Any, *, epochs: int = 4, **config: Any) -> FunctionTrial:
        module = type(sys)("own_function")
        module.train = function  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "own_function", module)
        made = FunctionTrial.bare(target="own_function:train", epochs=epochs)
        made.begin(config, seed=5)
        return made

    return make


def falling(config: dict[str, Any]) -> Iterator[dict[str, float]]:
    for epoch in range(1, 4):
        yield {"valid_loss": config["depth"] / epoch, "f1": epoch}


def test_a_yield_is_an_epoch_and_a_return_the_end(hold: Callable[..., FunctionTrial]) -> None:
    held = hold(falling, depth=6)
    assert [held.run_epoch() for _ in range(4)] == [
        EpochDone({"valid_loss": 6.0, "f1": 1.0}),
        EpochDone({"valid_loss": 3.0, "f1": 2.0}),
        EpochDone({"valid_loss": 2.0, "f1": 3.0}),
        NothingLeft("the function returned"),
    ]
    assert not held.can_pause
    with pytest.raises(OrchError, match="cannot be paused: it takes no state"):
        held.freeze()


def test_a_function_that_yields_nothing_has_failed(hold: Callable[..., FunctionTrial]) -> None:
    def train(config: Any) -> Iterator[Any]:
        yield from ()

    assert hold(train).run_epoch() == EpochFailed(
        "own_function:train returned before its first yield"
    )


def counting(config: dict[str, Any], state: State) -> Iterator[dict[str, float]]:
    kept = state.load() or {"sum": 0.0, "seen": []}
    while state.epoch < state.epochs:
        kept["sum"] += random.random() + np.random.rand()  # noqa: NPY002  # as users do
        kept["seen"].append(state.epoch)
        if state.epoch % 2 or config.get("always"):
            state.save(kept)
        yield {"valid_loss": kept["sum"]}


def test_a_function_goes_on_exactly_from_what_it_saved(
    hold: Callable[..., FunctionTrial],
) -> None:
    whole = hold(counting, always=True)
    expected = [whole.run_epoch() for _ in range(4)]
    first = hold(counting, always=True)
    assert [first.run_epoch() for _ in range(2)] == expected[:2]
    state = first.freeze()
    first.run_epoch()
    second = hold(counting, always=True)
    second.begin({"always": True}, seed=5, epoch=2, state=state)
    assert [second.run_epoch() for _ in range(2)] == expected[2:]
    assert isinstance(second.run_epoch(), NothingLeft)


def drawing(config: dict[str, Any], state: State) -> Iterator[dict[str, float]]:
    kept = {"weight": random.random()}  # initial weights are drawn before anything is loaded
    kept = state.load() or kept
    while state.epoch < state.epochs:
        kept["weight"] += random.random()
        state.save(kept)
        yield {"valid_loss": kept["weight"]}


def test_draws_go_on_as_they_would_have_whatever_was_drawn_before_the_state_was_loaded(
    hold: Callable[..., FunctionTrial],
) -> None:
    whole = hold(drawing)
    expected = [whole.run_epoch() for _ in range(4)]
    first = hold(drawing)
    assert [first.run_epoch() for _ in range(2)] == expected[:2]
    second = hold(drawing)
    second.begin({}, seed=5, epoch=2, state=first.freeze())
    assert [second.run_epoch() for _ in range(2)] == expected[2:]


@pytest.mark.parametrize("arguments", ["config", "config, state"])
def test_a_function_that_imports_torch_itself_is_seeded_all_the_same(
    tmp_path: Path, arguments: str
) -> None:
    """In a process without torch, where there was nothing to seed before the function ran."""
    (tmp_path / "late.py").write_text(
        f"def train({arguments}):\n"
        "    import torch\n"
        "    for _ in range(2):\n"
        "        yield {'valid_loss': torch.rand(()).item()}\n"
    )
    program = (
        "from trainables.programs.function import FunctionTrial\n"
        "held = FunctionTrial.bare(target='late:train', epochs=2)\n"
        "for _ in range(2):\n"
        "    held.begin({}, seed=5)\n"
        "    print([held.run_epoch().metrics for _ in range(2)])\n"
    )
    found = set()
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            check=True,
        )
        found.update(done.stdout.splitlines())
    assert len(found) == 1


def test_a_state_with_a_default_is_a_state(hold: Callable[..., FunctionTrial]) -> None:
    def train(config: Any, state: State | None = None) -> Iterator[Any]:
        assert state is not None
        yield {"valid_loss": 1.0}

    held = hold(train)
    assert held.can_pause
    held.run_epoch()


def test_the_state_is_of_the_last_epoch_that_saved_one(
    hold: Callable[..., FunctionTrial],
) -> None:
    held = hold(counting)
    reached = []
    for epoch in range(1, 5):
        held.run_epoch()
        reached.append(held.frozen_epoch(epoch))
    assert reached == [0, 2, 2, 4]
    again = hold(counting)
    again.begin({}, seed=5, epoch=4, state=held.freeze())
    assert again.frozen_epoch(4) == 4
    assert again._state.load()["seen"] == [0, 1, 2, 3]


def test_a_state_that_is_not_asked_for_is_told(hold: Callable[..., FunctionTrial]) -> None:
    def forgetful(config: Any, state: State) -> Iterator[Any]:
        while True:
            state.save({"epoch": state.epoch})
            yield {"valid_loss": 1.0}

    held = hold(forgetful)
    held.run_epoch()
    state = held.freeze()
    held.begin({}, seed=5, epoch=1, state=state)
    with pytest.raises(UsageError, match="the trial goes on from epoch 1, and the function did"):
        held.run_epoch()


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (0.5, "own_function:train yielded 0.5. Yield a dict of metrics, such as "
              "{'valid_loss': loss}."),
        ({}, "own_function:train yielded {}. Yield a dict of metrics, such as "
             "{'valid_loss': loss}."),
        ({"a": "x"}, "own_function:train yielded 'x' as 'a', which is no number."),
        ({"a": True}, "own_function:train yielded True as 'a', which is no number."),
        ({"a": [1]}, "own_function:train yielded [1] as 'a', which is no number."),
        ({"a": np.ones(50)}, "own_function:train yielded a ndarray as 'a', which is no number."),
        ({1: 2.0}, "own_function:train yielded a metric called 1. Give it a name."),
    ],
)  # fmt: skip
def test_what_is_no_dict_of_numbers_is_refused(
    hold: Callable[..., FunctionTrial], said: Any, line: str
) -> None:
    def train(config: Any) -> Iterator[Any]:
        yield said

    with pytest.raises(UsageError) as failure:
        hold(train).run_epoch()
    assert str(failure.value) == line


def test_numbers_of_numpy_and_torch_are_numbers(hold: Callable[..., FunctionTrial]) -> None:
    import torch

    def train(config: Any) -> Iterator[Any]:
        yield {"a": np.float32(0.5), "b": np.array(2), "c": torch.tensor(3.0),
               "d": torch.tensor([4])}  # fmt: skip

    assert hold(train).run_epoch() == EpochDone({"a": 0.5, "b": 2.0, "c": 3.0, "d": 4.0})


def test_a_function_is_closed_when_its_trial_is_over_and_another_begins(
    hold: Callable[..., FunctionTrial], capsys: pytest.CaptureFixture[str]
) -> None:
    events = []

    def train(config: Any) -> Iterator[Any]:
        try:
            while True:
                yield {"valid_loss": 1.0}
        finally:
            events.append(config["name"])
            if config["name"] == "rude":
                raise ValueError("in the end")

    held = hold(train, name="first")
    held.run_epoch()
    held.begin({"name": "rude"}, seed=1)
    assert events == ["first"]
    held.run_epoch()
    held.release()
    held.release()
    assert events == ["first", "rude"]
    assert "ValueError: in the end" in capsys.readouterr().err


def test_an_exit_of_the_function_is_an_error_and_not_the_worker_s_end(
    hold: Callable[..., FunctionTrial],
) -> None:
    def train(config: Any) -> Iterator[Any]:
        yield {"valid_loss": 1.0}
        sys.exit("no data")

    held = hold(train)
    held.run_epoch()
    with pytest.raises(RuntimeError, match=r"own_function:train called sys.exit\('no data'\)"):
        held.run_epoch()


def test_two_trials_in_one_worker_draw_their_own_random_numbers(
    hold: Callable[..., FunctionTrial],
) -> None:
    def train(config: Any) -> Iterator[Any]:
        while True:
            yield {"valid_loss": random.random()}

    held = hold(train)
    once = [held.run_epoch() for _ in range(3)]
    random.random()
    held.begin({}, seed=5)
    assert [held.run_epoch() for _ in range(3)] == once
    held.begin({}, seed=6)
    assert held.run_epoch() != once[0]
