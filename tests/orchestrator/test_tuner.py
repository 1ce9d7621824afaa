"""A sweep under stock ray.tune.Tuner."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from orchestrator import Sweep
from orchestrator.searchers import Observation
from orchestrator.searchers.random_ import RandomSearch
from orchestrator.tuner import _tune_searcher, to_tuner
from searchspaces.errors import ConfigurationError
from trainables.checkpoint import decode
from trainables.trainable import CHECKPOINT_FILE

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # Tune warns of its own future
]


@pytest.fixture(scope="module")
def own_module(tmp_path_factory):
    """A module that Ray's workers find, if it is asked for before Ray."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "own_tuned.py").write_text(
        "def train(config):\n"
        "    for epoch in range(1, 4):\n"
        "        yield {'valid_loss': config['depth'] / epoch}\n"
        "def bends(config):\n"
        "    for loss in (3.0, 1.0, 2.0):\n"
        "        yield {'valid_loss': config['depth'] * loss, 'finished': 0.0, 'failure': 0.5}\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.setenv("PYTHONPATH", str(folder))
        yield
    sys.modules.pop("own_tuned", None)


@pytest.fixture(scope="module")
def ray_of_two(own_module):
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray

    ray.init(
        "local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR"
    )
    yield ray
    ray.shutdown()


def test_a_sweep_runs_under_stock_tune_with_tunes_asha(ray_of_two, tmp_path):
    from ray import tune

    sweep = Sweep("mlp-hyperopt", trials=6, epochs=4, concurrency=2)
    tuner = sweep.to_tuner(
        scheduler=tune.schedulers.ASHAScheduler(max_t=4, grace_period=1, reduction_factor=2),
        storage_path=str(tmp_path),
        verbose=0,
    )
    results = tuner.fit()
    assert len(results) == 6
    assert results.num_errors == 0
    space = sweep.spec.joint
    for result in results:
        space.validate(result.config)
        assert 1 <= result.metrics["training_iteration"] <= 4
        assert result.metrics["valid_loss"] > 0
    assert any(result.metrics["training_iteration"] == 4 for result in results)
    best = results.get_best_result()
    assert best.metrics["valid_loss"] == min(result.metrics["valid_loss"] for result in results)
    with best.checkpoint.as_directory() as folder:
        document = decode(Path(folder, CHECKPOINT_FILE).read_bytes()).document
    assert document["epoch"] == best.metrics["training_iteration"]
    assert document["config"] == space.validate(best.config)


def test_a_setting_that_tune_does_not_know_is_named():
    with pytest.raises(ConfigurationError) as error:
        Sweep("mlp", trials=1, epochs=3).to_tuner(shedule=1)
    assert str(error.value) == "shedule: neither ray.tune.TuneConfig nor ray.tune.RunConfig has it."


@pytest.mark.extended
@pytest.mark.usefixtures("ray_of_two")
def test_a_function_and_a_program_run_under_stock_tune_too(tmp_path):
    line = "import json; print(json.dumps({{'valid_loss': {depth}}}))"
    space = {"depth": {"low": 0.5, "high": 1.0}}
    shared = {"space": space, "trials": 2, "epochs": 5, "concurrency": 1}
    (tmp_path / "my.yaml").write_text(f'command: >-\n  python -c "{line}"\n')
    for sweep, last in (
        (Sweep("own_tuned:train-random", **shared), 3),
        (Sweep(tmp_path / "my.yaml", strategy="random", **shared), 1),
    ):
        results = sweep.to_tuner(storage_path=str(tmp_path / "tune"), verbose=0).fit()
        assert results.num_errors == 0
        for result in results:
            assert result.metrics["valid_loss"] == result.config["depth"] / last
            assert result.metrics["done"]


class Attentive(RandomSearch):
    """Notes what it is told."""

    at: int = 0

    def looks(self, epoch: int) -> bool:
        return epoch == self.at

    def observe(self, observation: Observation) -> None:
        TOLD.append(observation)


TOLD: list[Observation] = []


@pytest.mark.parametrize(
    ("epochs", "times"), [pytest.param(5, 1.0, marks=pytest.mark.extended), (1, 3.0)]
)
@pytest.mark.usefixtures("ray_of_two")
def test_the_searcher_learns_the_best_loss_so_far_as_from_the_engine(tmp_path, epochs, times):
    """Losses are 3, 1 and 2 times the depth; what returns after them has no fourth epoch."""
    TOLD.clear()
    space = {"depth": {"low": 0.5, "high": 1.0}}
    sweep = Sweep("own_tuned:bends-random", space=space, trials=2, epochs=epochs, concurrency=1)
    spec = sweep.spec.model_copy(update={"searcher": Attentive()})
    results = to_tuner(spec, None, storage_path=str(tmp_path / "tune"), verbose=0).fit()
    assert results.num_errors == 0
    assert [told.number for told in TOLD] == [0, 1]
    for told in TOLD:
        assert (told.epoch, told.loss) == (epochs, told.config["depth"] * times)


def complete(searcher, trial, *losses, **last):
    """Tell the searcher of a trial as Tune does: every result but the last, then the end."""
    results = [
        {"valid_loss": loss, "training_iteration": epoch} for epoch, loss in enumerate(losses, 1)
    ]
    for result in results[:-1]:
        searcher.on_trial_result(trial, result)
    searcher.on_trial_complete(trial, {**results[-1], **last})


@pytest.mark.parametrize(
    ("last", "told"),
    [
        ({"finished": "no better for 2 epochs"}, (9, 0.25)),
        ({"finished": "the function returned"}, (9, 0.25)),
        ({}, (3, 0.25)),  # Tune's scheduler stopped it
        ({"failure": "loss became nan"}, (3, float("inf"))),
        ({"valid_loss": float("nan")}, (3, float("inf"))),
        ({"valid_loss": float("nan"), "finished": "the function returned"}, (3, float("inf"))),
    ],
)
def test_a_trial_is_observed_as_the_engine_would(last, told):
    TOLD.clear()
    space = {"depth": {"low": 0.5, "high": 1.0}}
    spec = Sweep("ask-random", space=space, trials=3, epochs=9).spec
    spec = spec.model_copy(update={"searcher": Attentive()})
    searcher = _tune_searcher(spec, None)
    searcher.suggest("a")
    complete(searcher, "a", 0.5, 0.25, 0.75, **last)
    assert [(seen.epoch, seen.loss) for seen in TOLD] == [told]


def test_the_best_loss_so_far_outlives_the_process():
    TOLD.clear()
    space = {"depth": {"low": 0.5, "high": 1.0}}
    spec = Sweep("ask-random", space=space, trials=3, epochs=9).spec
    spec = spec.model_copy(update={"searcher": Attentive()})
    first = _tune_searcher(spec, None)
    first.suggest("a")
    first.on_trial_result("a", {"valid_loss": 0.25, "training_iteration": 1})
    again = _tune_searcher(spec, None)
    again.set_state(first.get_state())
    complete(again, "a", 0.5)
    assert [seen.loss for seen in TOLD] == [0.25]


def test_a_searcher_looks_at_trials_on_their_way_there_too():
    TOLD.clear()
    space = {"depth": {"low": 0.5, "high": 1.0}}
    spec = Sweep("ask-random", space=space, trials=3, epochs=9).spec
    spec = spec.model_copy(update={"searcher": Attentive(at=2)})
    first = _tune_searcher(spec, None)
    first.suggest("a")
    complete(first, "a", 0.5, 0.75, 0.25)
    told = [(seen.epoch, seen.loss, seen.running) for seen in TOLD]
    assert told == [(2, 0.5, True), (3, 0.25, False)]
    TOLD.clear()
    _tune_searcher(spec, None).set_state(first.get_state())
    assert [(seen.epoch, seen.loss, seen.running) for seen in TOLD] == told


def test_points_come_first_and_only_once_whatever_process_asks():
    space = {"depth": {"low": 0.5, "high": 1.0}}
    points = [{"depth": 0.75}, {"depth": 0.625}]
    spec = Sweep("ask-random", space=space, trials=4, epochs=9, points=points).spec
    first = _tune_searcher(spec, None)
    assert first.suggest("a") == {"depth": 0.75}
    again = _tune_searcher(spec, None)
    again.set_state(first.get_state())
    assert again.suggest("b") == {"depth": 0.625}
    assert again.suggest("c")["depth"] not in {0.75, 0.625}


def test_a_tuner_stops_after_the_sweeps_time(monkeypatch):
    from ray import tune

    seen = {}
    monkeypatch.setattr(tune, "Tuner", lambda *args, **settings: seen.update(settings))
    to_tuner(Sweep("mlp-random", max_time=60).spec, None)
    assert seen["tune_config"].time_budget_s == 60


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"warm_start": "7f3a"}, "is not told of earlier runs"),
        ({"objectives": "weights"}, "seeks one metric"),
        ({"target": 0.0}, "stops by what Tune is given"),
        ({"max_epochs_total": 9}, "stops by what Tune is given"),
    ],
)
def test_a_tuner_refuses_what_its_loop_would_leave_out(said, why):
    (place,) = said
    with pytest.raises(ConfigurationError) as error:
        to_tuner(Sweep("mlp-random", **said).spec, None)
    assert str(error.value) == (
        f"{place}: a Tuner {why}. Run the sweep itself, or leave {place} out."
    )
