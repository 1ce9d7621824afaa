"""Sweeps whose trials train a config several times: from the spec to the tables."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner
from polars.testing import assert_frame_equal

import orchestrator
from orchestrator.cli.main import cli
from orchestrator.engine.records import EpochReported, Record
from orchestrator.planning import asked_data, load_data, plan_of, trial_of
from orchestrator.preflight import CheckError, check
from orchestrator.preflight.corners import middle
from orchestrator.runs.folder import find_run
from orchestrator.spec import spec_from
from orchestrator.sweep import Sweep
from searchspaces import ConfigurationError
from searchspaces.errors import UnknownNameError
from trainables.data import FoldedData
from trainables.outcomes import EpochDone

FUNCTIONS = """\
from searchspaces import Float, FloatParam, SearchSpace


class Space(SearchSpace):
    rate: FloatParam = Float(0.1, 0.9)


def stateless(config):
    yield {"valid_loss": config["rate"]}


def together(config, state):
    yield {"valid_loss": config["rate"]}


def train(config, state):
    yield {"valid_loss": config["rate"]}


stateless.space = together.space = train.space = Space
together.workers = 2
"""
MLP: dict[str, Any] = {
    "trials": 4,
    "epochs": 4,
    "concurrency": 1,
    "space": {"h1": 8, "h2": 8, "depth": 1},
    "training": {"batch_size": 256},
    "folds": 3,
    "seeds": 2,
}


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module of functions, in the present folder."""
    name = f"several_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(FUNCTIONS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return name


def test_a_spec_that_says_nothing_dumps_as_before_and_one_that_does_comes_back() -> None:
    plain = spec_from({"architecture": "gru"})
    assert not {"seeds", "folds"} & plain.dump().keys()
    assert (plain.seeds, plain.folds, plain.trainings) == (1, None, 1)
    several = spec_from({"architecture": "gru"}, {"seeds": 3, "folds": 5})
    assert (several.dump()["seeds"], several.dump()["folds"]) == (3, 5)
    assert spec_from(several.dump()) == several
    assert several.trainings == 15


def test_a_plain_sweep_is_planned_without_anything_of_it() -> None:
    spec = spec_from({"architecture": "gru"})
    plan = plan_of(spec, None)
    assert plan.trainable.__name__ == "ArchitectureTrial"
    assert plan_of(spec_from(spec.dump(), {"seeds": 1}), None) == plan


def test_the_engine_sees_the_device_of_what_is_trained_several_times() -> None:
    """By it workers get their part of a GPU."""
    spec = spec_from({"architecture": "gru"}, {"seeds": 2})
    plain = plan_of(spec_from(spec.dump(), {"seeds": 1}), None).settings
    assert plain.items() <= plan_of(spec, None).settings.items()


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"architecture": "{module}:stateless", "seeds": 3},
            "seeds: {module}:stateless takes no state, so that 3 of it would draw from the same "
            "random numbers. Write stateless(config, state).",
        ),
        (
            {"architecture": "{module}:together", "seeds": 2},
            "seeds: {module}:together has workers = 2, which train one model together. Let it "
            "repeat itself and report the mean, or leave this out.",
        ),
        (
            {"architecture": "{module}:train", "folds": 3},
            "folds: the sweep names no data set that could be folded. Give dataset, or leave "
            "folds out.",
        ),
        (
            {"command": "true {{x}}", "space": {"x": {"low": 0.0, "high": 1.0}}, "seeds": 2},
            "seeds: a trial is one process of a command, and has one name and one share of the "
            "machine. Let it repeat itself and report the mean, or leave this out.",
        ),
        (
            {"architecture": "gru", "split": "published", "folds": 3},
            "folds: split published has one validation part, that of the reports. Give another "
            "split, or leave folds out.",
        ),
        (
            {"architecture": "ask", "space": {"x": {"low": 0.0, "high": 1.0}}, "seeds": 2},
            "seeds: whoever asks for a trial trains it. Train it several times there, and tell "
            "the mean.",
        ),
        ({"architecture": "gru", "folds": 1}, "folds: 1 is not greater than or equal to 2."),
    ],
)
def test_what_cannot_be_trained_several_times_says_so(
    module: str, changes: dict[str, Any], line: str
) -> None:
    filled = {
        key: value.format(module=module) if isinstance(value, str) else value
        for key, value in changes.items()
    }
    with pytest.raises(ConfigurationError) as error:
        spec_from(filled)
    assert str(error.value) == line.format(module=module)


def test_a_study_of_a_network_is_refused_too() -> None:
    with pytest.raises(ConfigurationError, match="folds: whoever asks for a trial trains it"):
        asked_data(spec_from({"architecture": "gru", "folds": 2}))


def test_more_folds_than_there_are_series_are_refused_before_there_is_a_folder() -> None:
    with pytest.raises(ConfigurationError, match="folds: 5000 folds need 5000 series"):
        load_data(spec_from({"architecture": "gru", "folds": 5000}))


def test_a_check_trains_what_a_trial_trains() -> None:
    spec = spec_from(
        {"architecture": "mlp", "strategy": "random", "folds": 2, "seeds": 2},
        {"training": {"learning_rate": 1e30, "optimizer": "sgd", "clip_norm": 0.0}},
    )
    with pytest.raises(CheckError, match=r"failed: fold 1 of 2, seed 1 of 2: (loss|gradient) "):
        check(spec, load_data(spec))


def run_cli(*arguments: str) -> Any:
    return CliRunner().invoke(cli, list(arguments), standalone_mode=False)


def test_orch_try_tells_mean_and_deviation() -> None:
    line = ["mlp", "--epochs", "1", "--set", "h1=16", "--set", "h2=16"]
    several = json.loads(run_cli("try", *line, "--folds", "2", "--seeds", "2", "--json").stdout)
    [told] = several["epochs"]
    assert 0 < told["valid_loss_std"] < told["valid_loss"]
    shown = run_cli("try", *line, "--seeds", "2").stdout
    assert " ± " in shown
    assert "_std" not in shown


@pytest.mark.parametrize(
    "sought",
    [
        {"outcomes": ["valid_loss_std < 0.1"]},
        {"outcomes": ["accuracy_std < 0.1"]},
        {"strategy": "asha", "objectives": ["valid_loss_std"]},
        {"metric": "accuracy_std", "outcomes": ["accuracy_std < 1", "weights < 1e6"]},
    ],
)
def test_a_deviation_is_a_metric_to_seek_and_to_limit(sought: dict[str, Any]) -> None:
    """The check loads the data, and the first epoch has to tell of it."""
    spec = spec_from({"architecture": "mlp", "folds": 2, **sought})
    kind, settings = trial_of(spec)
    data = load_data(spec)
    trial = kind.bare(data=data, **settings)
    trial.begin(middle(spec.joint, data.facts if data else None), seed=0)
    outcome = spec.objective.judged(trial.run_epoch(), 1)
    trial.release()
    assert isinstance(outcome, EpochDone)
    assert all(outcome.metrics[name] > 0 for name in spec.objective.metrics)


def test_each_training_keeps_its_best_weights_by_what_it_knows_itself() -> None:
    """Of its own deviation from others it knows nothing."""
    spec = spec_from(
        {"architecture": "mlp", "seeds": 2, "metric": "accuracy_std"},
        {"outcomes": ["valid_loss_std < 0.1", "weights < 50000"]},
    )
    _, settings = trial_of(spec)
    assert (settings["metric"], settings["mode"]) == ("accuracy", "max")
    assert settings["limits"] == ("weights < 50000",)
    plain = spec_from({"architecture": "mlp", "metric": "accuracy", "outcomes": ["weights < 9"]})
    _, settings = trial_of(plain)
    assert (settings["metric"], settings["mode"]) == ("accuracy", "max")
    assert settings["limits"] == ("weights < 9",)


@pytest.mark.parametrize(
    ("changes", "name"),
    [({}, "valid_loss_std"), ({"seeds": 2}, "epoch_seconds_std"), ({"seeds": 2}, "loss_std")],
)
def test_what_no_trial_tells_is_refused_with_what_there_is(
    changes: dict[str, Any], name: str
) -> None:
    spec = spec_from({"architecture": "mlp", "outcomes": [f"{name} < 1"], **changes})
    with pytest.raises(UnknownNameError, match=f"unknown metric '{name}'") as error:
        load_data(spec)
    deviations = {each for each in error.value.known if each.endswith("_std")}
    wanted = {
        "train_loss_std",
        "valid_loss_std",
        "accuracy_std",
        "learning_rate_std",
        "weights_std",
    }
    assert deviations == (wanted if changes else set())


def test_a_dry_run_says_how_often_each_config_is_trained() -> None:
    shown = run_cli("sweep", "mlp-random", "--folds", "5", "--seeds", "3", "--dry-run").stdout
    assert "5 folds x 3 seeds each" in shown
    assert "\nseeds: 3\nfolds: 5\n" in shown


class Interrupt:
    """Presses Ctrl-C after so many results."""

    def __init__(self, results: int) -> None:
        self.left = results

    def note(self, record: Record) -> None:
        self.left -= isinstance(record, EpochReported)
        if not self.left:
            raise KeyboardInterrupt

    def tick(self) -> None: ...


@pytest.fixture(scope="module")
def _ray() -> Iterator[None]:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray

    ray.init(
        "local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR"
    )
    yield
    ray.shutdown()


@pytest.mark.extended
@pytest.mark.usefixtures("_ray")
def test_a_sweep_in_folds_shares_its_data_and_goes_on_exactly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    shared: list[Any] = []
    put = ray.put
    monkeypatch.setattr(ray, "put", lambda value, **how: shared.append(value) or put(value, **how))
    changes = {**MLP, "checkpoint_seconds": 0.001}
    whole = orchestrator.run("mlp-hyperband", runs=tmp_path / "whole", **changes)
    data = [each for each in shared if isinstance(each, FoldedData)]
    assert len(data) == len(shared) == 1
    with pytest.raises(KeyboardInterrupt):
        Sweep("mlp-hyperband", **changes).run(tmp_path / "parts", watch=lambda *_: Interrupt(4))
    folder = find_run(tmp_path / "parts", "")
    spec = folder.path / "spec.yaml"
    written = spec.read_text()
    spec.write_text(written.replace("folds: 3", "folds: 4"))
    with pytest.raises(ConfigurationError, match="dataset: the data have changed since this run"):
        orchestrator.resume(folder)
    spec.write_text(written)
    parts = orchestrator.resume(folder)
    same = ["number", "epoch", "metric.valid_loss", "metric.valid_loss_std", "metric.accuracy"]
    assert_frame_equal(parts.epochs.select(same), whole.epochs.select(same), check_exact=True)
    deviations = whole.trials["metric.valid_loss_std"]
    assert (deviations > 0).all()
    meta = json.loads(pl.read_parquet_metadata(folder.trials)["orch"])
    assert (meta["seeds"], meta["folds"]) == (2, 3)
    assert meta["split"] == "stratified, 3 folds: each of 1,438 series validates once"


def test_a_check_of_what_trains_by_itself_says_that_there_are_folds(module: str) -> None:
    spec = spec_from({"architecture": f"{module}:train", "dataset": "digits", "folds": 4})
    report = check(spec, load_data(spec))
    assert report.data.endswith(" to validate, in the first of 4 folds")
