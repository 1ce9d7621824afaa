"""Errors cross from one process to another and stay what they are."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest

from orchestrator.engine.inbox import StopRun
from orchestrator.engine.stopping import LimitReachedError
from searchspaces import ConfigurationError, UnknownNameError, UsageError
from trainables.data.errors import DamagedDataError, MissingDataError


@pytest.mark.parametrize(
    "error",
    [
        UnknownNameError("metric", "f2", ["accuracy", "f1", "valid_loss"]),
        UsageError("two\nlines"),
        ConfigurationError("give less."),
        MissingDataError("digits", Path("data")),
        DamagedDataError(Path("a.csv"), "no rows", line=3),
        LimitReachedError(StopRun("target 1 is reached", limit="target")),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_is_the_same_in_another_process(error: UsageError) -> None:
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert vars(again) == vars(error)


def test_the_place_of_a_value_is_said_once_however_often_the_error_travels() -> None:
    error = ConfigurationError("give less.", place="space.depth")
    for _ in range(3):
        error = pickle.loads(pickle.dumps(error))
    assert (str(error), error.place, error.problem) == (
        "space.depth: give less.", "space.depth", "give less.",
    )  # fmt: skip
