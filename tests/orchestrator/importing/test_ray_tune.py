"""A real Ray Tune experiment, imported and analyzed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from analysis import analyze, load_run
from orchestrator.importing.ray_tune import read_ray
from orchestrator.importing.write import write

pytestmark = [
    pytest.mark.extended,
    pytest.mark.filterwarnings("ignore"),
]  # Tune warns of its own future


def train(config):
    from ray import tune

    for epoch in range(1, 10):
        if config["number"] == 3 and epoch == 2:
            raise RuntimeError("broken on purpose")
        distance = abs(config["model"]["units"] - 64) / 64
        tune.report({"valid_loss": 0.5 + distance + 1 / epoch, "eval": {"accuracy": 0.1 * epoch}})


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray
    from ray import tune

    storage = tmp_path_factory.mktemp("ray")
    units = [16, 512, 64, 32, 256, 128, 96, 8]
    ray.init(
        "local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR"
    )
    try:
        results = tune.Tuner(
            train,
            param_space={
                "number": tune.grid_search(list(range(8))),
                "model": {"units": tune.sample_from(lambda spec: units[spec.config.number])},
                "of": train,
            },
            tune_config=tune.TuneConfig(
                metric="valid_loss",
                mode="min",
                max_concurrent_trials=2,
                scheduler=tune.schedulers.ASHAScheduler(
                    max_t=9, grace_period=1, reduction_factor=3
                ),
            ),
            run_config=tune.RunConfig(name="sizes", storage_path=str(storage), verbose=0),
        ).fit()
        best = results.get_best_result()
    finally:
        ray.shutdown()
    return storage / "sizes", results, best


def test_every_trial_of_tune_is_read_with_its_results(experiment):
    folder, results, _ = experiment
    foreign = read_ray(folder)
    assert len(foreign.trials) == 8
    assert (foreign.metric, foreign.mode) == ("valid_loss", "min")
    assert foreign.chosen.startswith("recorded by the sweep")
    assert foreign.max_epochs == 9
    by_folder = {Path(result.path).name: result for result in results}
    for trial in foreign.trials:
        [result] = [r for name, r in by_folder.items() if trial.name in name]
        assert trial.config["model/units"] == result.config["model"]["units"]
        assert (trial.state.value == "failed") == (result.error is not None)
        rows = foreign.epochs.filter(trial=foreign.trials.index(trial)).sort("epoch")
        assert rows["epoch"].to_list() == list(range(1, len(rows) + 1))
        assert rows["metric.valid_loss"][-1] == result.metrics["valid_loss"]
        assert rows["metric.eval/accuracy"][-1] == result.metrics["eval"]["accuracy"]
    [failed] = [trial for trial in foreign.trials if trial.state.value == "failed"]
    assert failed.error == "RuntimeError: broken on purpose"
    assert failed.config["number"] == 3


def test_the_run_is_analyzed_and_has_tunes_best_trial(experiment, tmp_path):
    folder, _, best = experiment
    run = write(read_ray(folder), tmp_path / "runs").run
    loaded = load_run(run.path)
    assert len(loaded.trials) == 8
    found = analyze(run.path, formats=("png",)).findings.best
    assert found.number == best.config["number"]
    assert found.objective == pytest.approx(best.metrics["valid_loss"])
    assert found.config["model/units"] == 64
