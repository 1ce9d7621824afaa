"""A trial's training: what it reports, how it learns, how it fails."""

from __future__ import annotations

import math

import pytest
import torch

from searchspaces import Config, DataFacts, GruSpace, JointSpace, MlpSpace, Training
from searchspaces.errors import OrchError, UnknownNameError
from trainables.architectures.base import Architecture
from trainables.architectures.gru import Gru
from trainables.architectures.mlp import Mlp
from trainables.checkpoint import Snapshot, decode, encode
from trainables.learner import Learner, Task
from trainables.outcomes import METRICS, EpochDone, EpochFailed
from trainables.testing import FACTS, made_up_data

DATA = made_up_data()
TASK = Task.of(DATA)


def _config(**changes):
    values = {"num_layers": 1, "hidden_size": 16, "learning_rate": 0.01, "batch_size": 16}
    return JointSpace(GruSpace(), Training()).validate({**values, **changes})


def _epochs(learner: Learner, count: int) -> list[dict[str, float]]:
    outcomes = [learner.run_epoch() for _ in range(count)]
    assert all(isinstance(outcome, EpochDone) for outcome in outcomes)
    return [dict(outcome.metrics) for outcome in outcomes]


def test_every_epoch_reports_all_metrics():
    learner = Learner(Gru, _config(), TASK, seed=0)
    for metrics in _epochs(learner, 2):
        assert tuple(metrics) == METRICS
        assert all(math.isfinite(value) for value in metrics.values())
        assert metrics["weights"] == Gru.weights(_config(), FACTS)
        assert metrics["learning_rate"] == 0.01
        assert metrics["epoch_seconds"] > 0


def test_losses_start_near_chance_and_fall_and_accuracy_rises():
    first, *_, last = _epochs(Learner(Gru, _config(), TASK, seed=0), 15)
    assert abs(first["train_loss"] - math.log(4)) < 0.3
    assert last["train_loss"] < 0.2
    assert last["valid_loss"] < 0.3
    assert last["accuracy"] > 0.9


def test_validation_loss_and_accuracy_are_those_of_the_whole_part_at_once():
    learner = Learner(Gru, _config(), TASK, seed=0)
    (metrics,) = _epochs(learner, 1)
    learner.model.eval()
    valid = DATA.valid
    labels = torch.from_numpy(valid.labels)
    logits = learner.model(torch.from_numpy(valid.values), torch.from_numpy(valid.lengths).long())
    expected = torch.nn.functional.cross_entropy(logits, labels).item()
    assert metrics["valid_loss"] == pytest.approx(expected, rel=1e-5)
    assert metrics["accuracy"] == int((logits.argmax(1) == labels).sum()) / len(labels)


def test_the_learning_rate_reported_is_the_one_the_epoch_used():
    learner = Learner(Gru, _config(learning_rate=1e-4), TASK, seed=0)
    learner.schedule.best = 1e-9  # no epoch improves on that
    rates = [metrics["learning_rate"] for metrics in _epochs(learner, 6)]
    assert rates == [1e-4, 1e-4, 1e-4, 1e-4, 5e-5, 5e-5]


def test_the_seed_decides_everything():
    def losses(seed: int) -> list[float]:
        learner = Learner(Gru, _config(), TASK, seed=seed)
        return [metrics["valid_loss"] for metrics in _epochs(learner, 2)]

    assert losses(1) == losses(1)
    assert losses(1) != losses(2)


def test_training_leaves_the_global_random_numbers_as_they_were():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    _epochs(Learner(Gru, _config(num_layers=2, dropout=0.5), TASK, seed=0), 1)
    assert torch.equal(torch.rand(3), expected)


def test_dropout_acts_in_training_and_not_in_measuring():
    config = JointSpace(MlpSpace(), Training()).validate(
        {
            "h1": 32,
            "depth": 1,
            "dropout": 0.5,
            "pooling": "mean",
            "learning_rate": 0.01,
            "batch_size": 16,
        }
    )
    learner = Learner(Mlp, config, TASK, seed=0)
    (metrics,) = _epochs(learner, 1)
    again: dict[str, float] = {}
    assert learner._validate(again) is None
    assert again["valid_loss"] == metrics["valid_loss"]
    learner.model.train()
    assert not torch.equal(*(learner.model(*TASK.valid[0][:2]) for _ in range(2)))


@pytest.mark.parametrize(
    ("metric", "mode", "best"), [("valid_loss", "min", min), ("accuracy", "max", max)]
)
def test_the_weights_of_the_best_epoch_are_kept(metric, mode, best):
    task = Task.of(DATA, metric=metric, mode=mode)
    learner = Learner(Gru, _config(learning_rate=0.1), task, seed=0)
    values = []
    weights = []
    for _ in range(8):
        values.append(_epochs(learner, 1)[0][metric])
        weights.append(
            {name: tensor.clone() for name, tensor in learner.model.state_dict().items()}
        )
    epoch = values.index(best(values))
    assert epoch < 7  # at this rate later epochs are worse, so the two sets of weights differ
    thawed = Learner(Gru, _config(learning_rate=0.1), task, seed=0)
    thawed.restore(decode(encode(learner.snapshot())))
    for holder in (learner, thawed):
        assert (holder.best_epoch, holder.best_metric) == (epoch + 1, values[epoch])
        for name, tensor in weights[epoch].items():
            assert torch.equal(holder.best_weights[name], tensor)


def test_an_unknown_metric_names_the_known_ones():
    with pytest.raises(UnknownNameError, match="Did you mean 'valid_loss'"):
        Task.of(DATA, metric="val_loss")


class Broken(Architecture):
    """Its loss or its gradient is what the class attributes say."""

    space = GruSpace
    factor = 1.0
    only_in_training = False

    def __init__(self, config: Config, facts: DataFacts) -> None:
        super().__init__(config, facts)
        self.head = torch.nn.Linear(facts.features, facts.classes)

    def forward(self, values, lengths):
        logits = self.head(values[:, 0])
        return logits if self.training and not self.only_in_training else logits * self.factor


class BrokenGradient(Broken):
    def forward(self, values, lengths):
        # the root's slope at 0 is infinite, and 0 times that is not a number
        return self.head(values[:, 0]) + (self.head.weight.sum() * 0).sqrt()


@pytest.mark.parametrize("factor", [math.nan, math.inf])
@pytest.mark.parametrize("in_training", [False, True])
def test_a_loss_that_is_no_finite_number_fails_the_trial(factor, in_training, monkeypatch):
    monkeypatch.setattr(Broken, "factor", factor)
    monkeypatch.setattr(Broken, "only_in_training", in_training)
    outcome = Learner(Broken, _config(), TASK, seed=0).run_epoch()
    assert isinstance(outcome, EpochFailed)
    assert outcome.reason == "loss became nan"  # inf - inf inside the softmax is nan too
    assert tuple(outcome.metrics) == METRICS
    assert math.isnan(outcome.metrics["train_loss"]) == in_training
    assert math.isnan(outcome.metrics["valid_loss"])
    assert outcome.metrics["learning_rate"] == 0.01


def test_an_infinite_loss_says_so(monkeypatch):
    monkeypatch.setattr(Broken, "factor", 1e38)
    outcome = Learner(Broken, _config(), TASK, seed=0).run_epoch()
    assert isinstance(outcome, EpochFailed)
    assert outcome.reason == "loss became inf"


def test_a_gradient_that_is_not_a_number_fails_the_trial():
    outcome = Learner(BrokenGradient, _config(), TASK, seed=0).run_epoch()
    assert isinstance(outcome, EpochFailed)
    assert outcome.reason == "gradient became nan"


def test_a_failed_trial_does_not_disturb_the_next(monkeypatch):
    expected = _epochs(Learner(Gru, _config(), TASK, seed=0), 1)[0]["valid_loss"]
    Learner(BrokenGradient, _config(), TASK, seed=0).run_epoch()
    assert _epochs(Learner(Gru, _config(), TASK, seed=0), 1)[0]["valid_loss"] == expected


def test_a_snapshot_of_another_network_is_refused_in_one_line():
    snapshot = Learner(Gru, _config(hidden_size=32), TASK, seed=0).snapshot()
    with pytest.raises(OrchError) as caught:
        Learner(Gru, _config(), TASK, seed=0).restore(snapshot)
    line = str(caught.value)
    assert line.startswith("checkpoint does not fit Gru: ")
    assert line.endswith("Give it the config it was trained with.")
    assert "\n" not in line


def test_a_snapshot_without_its_schedule_is_refused_in_one_line():
    learner = Learner(Gru, _config(), TASK, seed=0)
    whole = learner.snapshot()
    document = {key: value for key, value in whole.document.items() if key != "schedule"}
    with pytest.raises(OrchError) as caught:
        learner.restore(Snapshot(whole.tensors, document))
    assert str(caught.value) == (
        "checkpoint is damaged: 'schedule' is missing or of another kind. Start the trial anew."
    )


def test_a_clone_with_another_learning_rate_uses_its_own():
    source = Learner(Gru, _config(), TASK, seed=0)
    source.run_epoch()
    clone = Learner(Gru, _config(learning_rate=0.02), TASK, seed=1)
    clone.restore(source.snapshot())
    assert clone.schedule.rate == 0.02
    for weight, other in zip(clone.model.parameters(), source.model.parameters(), strict=True):
        assert torch.equal(weight, other)
