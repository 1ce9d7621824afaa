"""The best epoch of a training that has limits."""

from __future__ import annotations

from dataclasses import replace

import torch

from searchspaces import GruSpace, JointSpace, Training
from trainables.architecture_trial import ArchitectureTrial
from trainables.architectures.gru import Gru
from trainables.checkpoint import decode, encode
from trainables.learner import Learner, Task
from trainables.limits import limit
from trainables.testing import made_up_data

DATA = made_up_data()
SPACE = JointSpace(GruSpace(), Training())
CONFIG = SPACE.validate(
    {"num_layers": 1, "hidden_size": 16, "learning_rate": 0.1, "batch_size": 16}
)


def test_the_weights_kept_are_those_of_the_best_epoch_that_keeps_the_limits():
    free = Learner(Gru, CONFIG, Task.of(DATA), seed=0)
    losses = [free.run_epoch().metrics["valid_loss"] for _ in range(6)]
    floor = sorted(losses)[2]  # the two best epochs are too good
    task = replace(Task.of(DATA), limits=(limit(f"valid_loss >= {floor!r}"),))
    learner = Learner(Gru, CONFIG, task, seed=0)
    kept = []
    for _ in range(6):
        learner.run_epoch()
        kept.append({name: tensor.clone() for name, tensor in learner.model.state_dict().items()})
    best = losses.index(floor)
    thawed = Learner(Gru, CONFIG, task, seed=0)
    thawed.restore(decode(encode(learner.snapshot())))
    for holder in (learner, thawed):
        assert (holder.best_epoch, holder.best_metric, holder.best_loss) == (best + 1, floor, floor)
        for name, tensor in kept[best].items():
            assert torch.equal(holder.best_weights[name], tensor)


def test_where_none_keeps_them_the_epoch_that_breaks_them_by_the_least_is_the_best():
    task = replace(Task.of(DATA), limits=(limit("accuracy > 1"),))
    learner = Learner(Gru, CONFIG, task, seed=0)
    right = [learner.run_epoch().metrics["accuracy"] for _ in range(5)]
    assert learner.best_epoch == right.index(max(right)) + 1


def test_a_trial_of_an_architecture_takes_limits_as_they_are_written():
    trial = ArchitectureTrial.bare(
        architecture="gru", space=SPACE, data=DATA, limits=("weights < 10", "accuracy >= 0.5")
    )
    trial.begin(dict(CONFIG), seed=0)
    assert trial.learner.task.limits == (limit("weights < 10"), limit("accuracy >= 0.5"))
