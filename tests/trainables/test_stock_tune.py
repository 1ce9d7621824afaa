"""The Trainable under Ray Tune itself: Tuner, ASHA, warm actors, checkpoints."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from searchspaces import Config, DataFacts, GruSpace, JointSpace, Training
from trainables import ArchitectureTrainable
from trainables.architectures.base import Architecture
from trainables.checkpoint import decode
from trainables.testing import made_up_data
from trainables.trainable import CHECKPOINT_FILE

pytestmark = [
    pytest.mark.slow,
    # Ray leaves files and sockets to the garbage collector, which may run during any of these.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

SPACE = JointSpace(GruSpace(num_layers=1, hidden_size=16), Training(batch_size=32))


class Exploding(Architecture):
    """Its validation loss is not a number when the learning rate is large."""

    space = GruSpace

    def __init__(self, config: Config, facts: DataFacts) -> None:
        super().__init__(config, facts)
        self.head = torch.nn.Linear(facts.features, facts.classes)
        self.factor = math.nan if config["learning_rate"] > 0.05 else 1.0

    def forward(self, values, lengths):
        logits = self.head(values[:, 0])
        return logits if self.training else logits * self.factor

    @classmethod
    def weights(cls, config, facts):
        return (facts.features + 1) * facts.classes


@pytest.fixture
def tuner(monkeypatch, tmp_path):
    """Builds a Tuner of four trials, of up to four epochs each, with Tune's ASHA."""
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    import ray
    from ray import tune
    from ray.tune.schedulers import ASHAScheduler

    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)

    def build(architecture: str, rates: list[float]) -> tune.Tuner:
        constants = {"num_layers": 1, "hidden_size": 16, "batch_size": 32}
        return tune.Tuner(
            tune.with_parameters(
                ArchitectureTrainable,
                architecture=architecture,
                space=SPACE,
                data=made_up_data(),
                seed=1,
            ),
            param_space={**constants, "learning_rate": tune.grid_search(rates)},
            tune_config=tune.TuneConfig(
                metric="valid_loss",
                mode="min",
                scheduler=ASHAScheduler(max_t=4, grace_period=1, reduction_factor=2),
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                storage_path=str(tmp_path),
                verbose=0,
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=True),
            ),
        )

    try:
        yield build
    finally:
        ray.shutdown()


@pytest.mark.extended  # as a sweep under stock Tune does
def test_a_stock_tuner_with_asha_trains_checkpoints_and_finds_the_best(tuner):
    results = tuner("gru", [0.0001, 0.001, 0.01, 0.03]).fit()
    assert not results.errors
    assert sorted(result.config["learning_rate"] for result in results) == [
        0.0001,
        0.001,
        0.01,
        0.03,
    ]
    epochs = [result.metrics["training_iteration"] for result in results]
    assert max(epochs) == 4
    assert min(epochs) < 4  # ASHA stopped one early
    best = results.get_best_result()
    assert best.config["learning_rate"] in (0.01, 0.03)
    with best.checkpoint.as_directory() as folder:
        document = decode(Path(folder, CHECKPOINT_FILE).read_bytes()).document
    assert document["epoch"] == best.metrics["training_iteration"]
    assert document["config"]["learning_rate"] == best.config["learning_rate"]


# Tune's ASHA leaves NaN out, and NumPy says so when nothing else is at a rung yet.
@pytest.mark.extended
@pytest.mark.filterwarnings("ignore:All-NaN slice encountered:RuntimeWarning")
def test_a_stock_tuner_ends_a_diverged_trial_and_keeps_the_actor(tuner):
    results = tuner(f"{__name__}:Exploding", [0.09, 0.01, 0.08, 0.001]).fit()
    assert not results.errors
    failed = [result for result in results if "failure" in result.metrics]
    assert sorted(result.config["learning_rate"] for result in failed) == [0.08, 0.09]
    for result in failed:
        assert result.metrics["failure"] == "loss became nan"
        assert math.isnan(result.metrics["valid_loss"])
        assert result.metrics["done"]
    assert results.get_best_result().config["learning_rate"] in (0.01, 0.001)
