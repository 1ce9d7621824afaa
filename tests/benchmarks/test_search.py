"""The benchmark of searchers: its clock, its score and its results."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from benchmarks.search import fit, score
from benchmarks.search.methods import METHODS, method
from benchmarks.search.methods.base import Pair
from benchmarks.search.problems import NAMES, problem
from benchmarks.search.problems.base import NoTraining, Problem
from benchmarks.search.problems.table import Table
from benchmarks.search.replay import SHARED, Lease, Task, replay
from benchmarks.search.results import Results, Unit
from searchspaces import Config, JointSpace
from searchspaces.inline import inline_space

CHEAP = ("orch-random", "orch-asha", "orch-hyperband", "orch-bohb", "discard-1-3", "optuna-tpe")
RANDOM = Pair("r", "random", "fifo")


class Steps(Problem):
    """Four epochs; the loss after each is x less a tenth of the epochs, a seed shifts it."""

    name = "steps"
    use = "tuning"
    about = "for these tests"
    max_epochs = 4
    optimum = -0.4

    def make_space(self) -> JointSpace:
        return JointSpace(inline_space({"x": {"low": 0.0, "high": 1.0}}), NoTraining())

    def train(self, config: Config, seed: int) -> Iterator[float]:
        for epoch in range(1, 5):
            yield config["x"] - 0.1 * epoch

    def seconds(self, config: Config) -> float:
        return 1.0 + float(config["x"] > 0.5)


class Script:
    """A driver that starts given configs in order and stops each at an epoch."""

    def __init__(self, task: Task, stops: list[int]) -> None:
        self.task, self.stops, self.begun = task, stops, 0
        self.heard: list[tuple[int, int]] = []

    def next(self) -> Lease | None:
        if self.begun == len(self.stops):
            return None
        self.begun += 1
        return Lease(self.begun - 1, self.task.first[self.begun - 1])

    def report(self, number: int, epoch: int, loss: float) -> bool:
        self.heard.append((number, epoch))
        return epoch < self.stops[number]


def configs(*values: float) -> list[Config]:
    return [Steps().space.validate({"x": value}) for value in values]


def test_the_clock_gives_each_epoch_its_seconds_on_each_worker() -> None:
    task = Task(Steps(), 0, 2, 10, configs(0.9, 0.2, 0.1))
    driver = Script(task, [2, 2, 1])
    trace = replay(task, driver)
    # Two workers: trial 0 takes 2 s an epoch, trial 1 takes 1 s, trial 2 follows trial 1.
    # At the second 2 trial 0 is first, as its epoch began first.
    assert driver.heard == [(1, 1), (0, 1), (1, 2), (2, 1), (0, 2)]
    assert [(best.epochs, best.seconds) for best in trace.bests] == [(1, 2.0), (3, 4.0)]
    assert trace.epochs == 5


def test_a_regret_is_that_of_the_least_loss_by_a_seed_that_was_not_seen() -> None:
    noisy = problem("crossing")
    task = Task(noisy, 3, 1, 10, noisy.first(SHARED, 3))
    unit = Unit("crossing", RANDOM, 1, 3, 10)
    found = unit.regrets(replay(task, RANDOM.begin(task)), "epochs")
    best: tuple[float, float] = (np.inf, np.nan)
    for done, config in enumerate(task.first):
        for epoch, loss in enumerate(noisy.train(config, 3), 1):
            best = min(best, (loss, noisy.value(config, epoch, 3) - noisy.optimum))
        assert found[done] == pytest.approx(best[1], abs=1e-12)


@pytest.mark.parametrize("name", CHEAP)
@pytest.mark.parametrize("workers", [1, 4])
def test_all_methods_begin_with_the_same_configs_and_repeat_themselves(
    name: str, workers: int
) -> None:
    mixed = problem("mixed")
    task = Task(mixed, 5, workers, 6, mixed.first(SHARED, 5))
    runs = []
    for _ in range(2):
        driver = method(name).begin(task)
        leased: list[Config] = []

        def spied(ask: Any, into: list[Config]) -> Lease | None:
            lease: Lease | None = ask()
            if lease is not None and lease.config not in into:
                into.append(lease.config)
            return lease

        driver.next = partial(spied, driver.next, leased)  # type: ignore[method-assign]  # to look on
        runs.append((leased, [best.loss for best in replay(task, driver).bests]))
    assert runs[0] == runs[1]
    count = min(SHARED, len(runs[0][0]))
    assert runs[0][0][:count] == task.first[:count]


def test_every_method_has_a_name_of_its_own() -> None:
    names = [one.name for one in METHODS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", [name for name in NAMES if not problem(name).missing()])
def test_no_config_is_better_than_the_optimum(name: str) -> None:
    known = problem(name)
    if not known.exact:
        pytest.skip("the optimum is not known")
    rng = np.random.default_rng(0)
    values = [known.value(known.space.sample(rng), known.max_epochs, 0) for _ in range(300)]
    assert min(values) >= known.optimum - 1e-9


def test_the_surrogate_says_the_order_of_configs_that_it_was_not_fitted_to() -> None:
    found = fit.agreement(*fit.recorded())
    assert found["final loss"] > 0.87
    assert found["best loss"] > 0.87
    assert found["seconds"] > 0.9


def test_the_surrogate_has_the_curves_that_were_recorded_and_seeds_that_differ_as_much() -> None:
    made, table = problem("gru-surrogate"), Table()
    space, recorded = table.space, np.log(table.recorded[1])
    rng = np.random.default_rng(0)
    configs = [space.sample(rng) for _ in range(300)]
    seeds = [[np.log(list(made.train(one, seed))) for seed in (0, 1)] for one in configs]
    apart = np.array([first[-1] - second[-1] for first, second in seeds])
    assert np.median(np.abs(apart)) == pytest.approx(
        np.median(np.abs(recorded[:, 0, -1] - recorded[:, 1, -1])), rel=0.3
    )
    assert list(made.train(configs[0], 3)) == list(made.train(configs[0], 3))
    curves = [made.curve(one)[-1] for one in configs]
    ends = np.exp(recorded[:, :, -1].mean(axis=1))
    for part in (0.1, 0.25, 0.75):
        assert np.quantile(curves, part) == pytest.approx(np.quantile(ends, part), rel=0.2)


def test_results_are_kept_per_settings_and_found_again(tmp_path: Path) -> None:
    results, unit = Results(tmp_path), Unit("hartmann3", RANDOM, 1, 0, 2)
    other = replace(unit, seed=1)
    results.write(unit, unit.rows())
    results.write(other, other.rows())
    (tmp_path / "hartmann3" / "r@1.123.part").write_bytes(b"cut off")
    assert results.has(unit)
    assert results.has(other)
    assert not results.has(replace(unit, trainings=3))
    assert not results.has(replace(unit, method=replace(RANDOM, scheduler="asha")))
    assert len(results.all()) == 4


def rows(regrets: dict[str, list[float]]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {"problem": "p", "method": name, "workers": 1, "seed": seed, "by": "epochs",
             "regrets": [value + 1, value]}
            for name, values in regrets.items() for seed, value in enumerate(values)
        ]
    )  # fmt: skip


def test_ranks_are_mean_ranks_and_use_the_seeds_that_two_methods_share() -> None:
    found = score.table(rows({"a": [1, 1, 3], "b": [2, 2, 2], "c": [3, 3]}), by="epochs", workers=1)
    mean, low, high = score.ranks(found, 2)
    # a beats b in two of three and c always; c, which lost all it was in, is third.
    assert mean == pytest.approx([1 + 1 / 3, 1 + 2 / 3, 3])
    assert (low <= mean).all()
    assert (mean <= high).all()


def test_a_goal_is_reached_when_the_median_is() -> None:
    found = score.table(rows({"a": [1, 1, 9], "b": [2, 2, 2]}), by="epochs", workers=1)
    assert score.reached(found, "a", "b", 2).tolist() == [1]
    assert score.reached(found, "b", "a", 2).tolist() == [np.inf]
