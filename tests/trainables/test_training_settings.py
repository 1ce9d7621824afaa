"""What the fields of ``training:`` do to a trial."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch.nn.functional import cross_entropy

from searchspaces import GruSpace, JointSpace, Training
from searchspaces.training import OPTIMIZERS, SCHEDULES
from trainables import ArchitectureTrainable
from trainables.architectures.gru import Gru
from trainables.batches import TrainingBatches
from trainables.checkpoint import decode, encode
from trainables.devices import CPU, Compute
from trainables.learner import Learner, Task
from trainables.outcomes import EpochDone, EpochFailed
from trainables.testing import made_up_data

DATA = made_up_data()
TASK = Task.of(DATA, epochs=6)


def _config(**training):
    searched = {"learning_rate": 0.01, "batch_size": 16}
    space = JointSpace(GruSpace(num_layers=1, hidden_size=8), Training(**{**searched, **training}))
    return space.validate({})


def _learner(task: Task = TASK, **training) -> Learner:
    return Learner(Gru, _config(**training), task, seed=3)


def _run(learner: Learner, epochs: int) -> list[dict[str, float]]:
    found = []
    for _ in range(epochs):
        outcome = learner.run_epoch()
        assert isinstance(outcome, EpochDone)
        found.append({k: v for k, v in outcome.metrics.items() if k != "epoch_seconds"})
    return found


def _by_hand(make_optimizer, make_schedule, *, epochs: int, clip: float, per_batch: bool):
    """The ordinary loop with torch's classes, on the learner's batches; weights at the end."""
    with CPU.random_numbers(3, 0):
        model = Gru(_config(), DATA.facts)
    optimizer = make_optimizer(model.parameters())
    schedule = make_schedule(optimizer)
    batches = TrainingBatches(DATA.train)
    for epoch in range(1, epochs + 1):
        model.train()
        for batch in batches.epoch(16, seed=3, epoch=epoch):
            optimizer.zero_grad()
            cross_entropy(model(batch.values, batch.lengths), batch.labels).backward()
            gradients = [weight.grad for weight in model.parameters()]
            norm = torch.nn.utils.get_total_norm(gradients).item()
            if 0 < clip < norm:
                for gradient in gradients:
                    gradient.mul_(clip / norm)
            optimizer.step()
            if per_batch:
                schedule.step()
        if not per_batch and schedule is not None:
            model.eval()
            with torch.no_grad():
                loss = sum(
                    cross_entropy(model(b.values, b.lengths), b.labels, reduction="sum").item()
                    for b in TASK.valid
                )
            schedule.step(loss / len(DATA.valid.labels))
    return list(model.parameters())


def test_without_settings_a_trial_trains_as_adam_clipped_to_one_on_a_plateau_bit_for_bit():
    learner = _learner(learning_rate=0.5)
    _run(learner, 14)
    expected = _by_hand(
        lambda weights: torch.optim.Adam(weights, lr=0.5, fused=True),
        lambda optimizer: torch.optim.lr_scheduler.ReduceLROnPlateau(
            optimizer, factor=0.5, patience=3
        ),
        epochs=14,
        clip=1.0,
        per_batch=False,
    )
    assert learner.schedule.at(0) < 0.5  # the plateau was met
    for weight, other in zip(learner.model.parameters(), expected, strict=True):
        assert torch.equal(weight, other)


def test_sgd_on_one_cycle_without_clipping_trains_as_with_torchs_classes():
    settings = {"optimizer": "sgd", "momentum": 0.8, "nesterov": True, "weight_decay": 1e-3}
    learner = _learner(schedule="one-cycle", clip_norm=0.0, **settings)
    _run(learner, 6)
    expected = _by_hand(
        lambda weights: torch.optim.SGD(
            weights, lr=0.01, momentum=0.8, nesterov=True, weight_decay=1e-3, fused=True
        ),
        lambda optimizer: torch.optim.lr_scheduler.OneCycleLR(
            optimizer, 0.01, total_steps=6 * 6, cycle_momentum=False
        ),
        epochs=6,
        clip=0.0,
        per_batch=True,
    )
    for weight, other in zip(learner.model.parameters(), expected, strict=True):
        torch.testing.assert_close(weight, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("optimizer", "schedule"), list(itertools.product(OPTIMIZERS, SCHEDULES)))
def test_a_trial_goes_on_bit_for_bit_in_the_middle(optimizer, schedule):
    settings = {"optimizer": optimizer, "schedule": schedule, "patience": 5}
    straight, paused = _learner(**settings), _learner(**settings)
    _run(straight, 2)
    _run(paused, 2)
    thawed = _learner(**settings)
    thawed.restore(decode(encode(paused.snapshot())))
    assert _run(straight, 3) == _run(thawed, 3)
    assert encode(straight.snapshot()) == encode(thawed.snapshot())


def test_all_optimizers_learn():
    rates = {"adam": 0.03, "adamw": 0.03, "sgd": 0.3, "rmsprop": 0.003}
    for optimizer, rate in rates.items():
        last = _run(_learner(optimizer=optimizer, learning_rate=rate), 6)[-1]
        assert last["valid_loss"] < 1.0 < math.log(4), optimizer


def test_the_rate_reported_is_that_of_the_epochs_first_batch():
    rates = [metrics["learning_rate"] for metrics in _run(_learner(schedule="cosine"), 6)]
    expected = [0.01 * (1 + math.cos(math.pi * epoch / 6)) / 2 for epoch in range(6)]
    assert rates == pytest.approx(expected)


def test_label_smoothing_raises_the_training_loss_and_leaves_validation_plain():
    learner = _learner(label_smoothing=0.3)
    (metrics,) = _run(learner, 1)
    learner.model.eval()
    with torch.no_grad():
        plain = sum(
            cross_entropy(learner.model(b.values, b.lengths), b.labels, reduction="sum").item()
            for b in TASK.valid
        ) / len(DATA.valid.labels)
    assert metrics["valid_loss"] == plain
    last = _run(_learner(label_smoothing=0.3, learning_rate=0.03), 6)[-1]
    # spread over 4 classes, the best there is has this entropy
    right, wrong = 1 - 0.3 + 0.3 / 4, 0.3 / 4
    least = -right * math.log(right) - 3 * wrong * math.log(wrong)
    assert least <= last["train_loss"] < 1.2


@pytest.mark.parametrize(("metric", "mode"), [("valid_loss", "min"), ("accuracy", "max")])
def test_patience_completes_a_trial_that_is_no_better_by_the_sweeps_metric(metric, mode):
    task = Task.of(DATA, metric=metric, mode=mode)
    learner = _learner(task, patience=2, learning_rate=0.5, schedule="none")
    values, finished = [], ""
    while not finished:
        outcome = learner.run_epoch()
        assert isinstance(outcome, EpochDone)
        values.append(outcome.metrics[metric])
        finished = outcome.finished
    assert finished == "no better for 2 epochs"
    better = min if mode == "min" else max
    best = values.index(better(values))  # the first of equals: as good is no better
    assert len(values) == best + 1 + 2


def test_patience_counts_on_after_a_pause():
    task = Task.of(DATA, metric="weights", mode="min")  # never better than at first
    learner = _learner(task, patience=3)
    _run(learner, 2)
    thawed = _learner(task, patience=3)
    thawed.restore(decode(encode(learner.snapshot())))
    assert [thawed.run_epoch().finished for _ in range(2)] == ["", "no better for 3 epochs"]


def test_patience_of_none_never_ends_a_trial():
    task = Task.of(DATA, metric="weights", mode="min")
    learner = _learner(task)
    assert [learner.run_epoch().finished for _ in range(4)] == [""] * 4


def test_a_clone_with_another_optimizer_and_schedule_begins_these_anew():
    source = _learner()
    _run(source, 2)
    clone = _learner(optimizer="sgd", schedule="cosine")
    clone.restore(decode(encode(source.snapshot())))
    assert all(not tensor.any() for tensor in clone.optimizer.tensors().values())
    for weight, other in zip(clone.model.parameters(), source.model.parameters(), strict=True):
        assert torch.equal(weight, other)
    assert clone.epoch == 2


def test_a_checkpoint_from_before_training_was_declared_goes_on():
    source = _learner()
    _run(source, 2)
    snapshot = source.snapshot()
    config = {"num_layers": 1, "hidden_size": 8, "learning_rate": 0.01, "batch_size": 16}
    for key in ("device", "precision"):
        del snapshot.document[key]
    thawed = _learner()
    thawed.restore(type(snapshot)(snapshot.tensors, {**snapshot.document, "config": config}))
    assert _run(thawed, 2) == _run(source, 2)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_mixed_precision_learns_and_goes_on_bit_for_bit(precision):
    # Sweeps refuse it on the CPU; the loop is the same, and this machine can run it there.
    task = Task.of(DATA, compute=Compute(precision=precision))
    settings = {"learning_rate": 0.03}
    straight, paused = _learner(task, **settings), _learner(task, **settings)
    assert _run(straight, 4)[-1]["train_loss"] < 1.0
    _run(paused, 4)
    assert {weight.dtype for weight in straight.model.parameters()} == {torch.float32}
    assert straight.loss_scale.on == (precision == "float16")
    thawed = _learner(task, **settings)
    thawed.restore(decode(encode(paused.snapshot())))
    assert thawed.loss_scale == straight.loss_scale
    assert _run(thawed, 2) == _run(straight, 2)


class Hungry(Gru):
    """Asks for more than any machine has, when told to."""

    where = ""

    def __init__(self, config, facts):
        super().__init__(config, facts)
        if self.where == "weights":
            torch.empty(2**60)

    def forward(self, values, lengths):
        if self.where == "forward":
            torch.empty(2**60)
        if self.where == "gpu":
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 7 GiB")
        return super().forward(values, lengths)

    def state_dict(self, *arguments, **settings):
        if self.where == "best":
            raise RuntimeError("CUDA error: out of memory")
        return super().state_dict(*arguments, **settings)


@pytest.mark.parametrize("where", ["weights", "forward", "gpu", "best"])
def test_a_trial_that_runs_out_of_memory_is_infeasible_and_the_next_one_runs(where, monkeypatch):
    space = JointSpace(GruSpace(num_layers=1, hidden_size=8), Training(learning_rate=0.01))
    trial = ArchitectureTrainable.bare(
        architecture="gru", space=space, data=DATA, device="cpu", epochs=6
    )
    monkeypatch.setattr(trial, "_architecture", Hungry)
    monkeypatch.setattr(Hungry, "where", where)
    trial.begin({"batch_size": 16}, seed=0)
    for _ in range(2):
        outcome = trial.run_epoch()
        assert isinstance(outcome, EpochFailed)
        assert (outcome.reason, outcome.infeasible) == ("out of memory", True)
    monkeypatch.setattr(Hungry, "where", "")
    trial.begin({"batch_size": 16}, seed=0)
    assert isinstance(trial.run_epoch(), EpochDone)


def test_other_errors_of_a_network_are_raised(monkeypatch):
    def broken(self, values, lengths):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(Hungry, "forward", broken)
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        Learner(Hungry, _config(), TASK, seed=0).run_epoch()
