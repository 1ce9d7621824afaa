"""One trial's training: a network, its optimizer and its schedule, an epoch at a time."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from searchspaces.config import Config
from searchspaces.errors import OrchError, UnknownNameError
from searchspaces.facts import DataFacts
from trainables.architectures.base import Architecture
from trainables.batches import Batch, TrainingBatches, evaluation_batches
from trainables.checkpoint import Snapshot, damaged, named
from trainables.data.part import SweepData
from trainables.optimizer import Adam
from trainables.outcomes import METRICS, EpochDone, EpochFailed, Outcome
from trainables.plateau import Plateau


@dataclass(frozen=True)
class Task:
    """What every trial of a sweep shares: the data, ready for training, and what is best.

    Attributes:
        train: batches to learn from.
        valid: batches to measure on.
        facts: sizes of the data.
        metric: the metric whose best epoch's weights are kept.
        mode: whether less or more of it is better.
    """

    train: TrainingBatches
    valid: list[Batch]
    facts: DataFacts
    metric: str = "valid_loss"
    mode: Literal["min", "max"] = "min"

    @classmethod
    def of(
        cls, data: SweepData, *, metric: str = "valid_loss", mode: Literal["min", "max"] = "min"
    ) -> Task:
        """Prepare ``data`` once; costs a copy of the validation part.

        Raises:
            UnknownNameError: no epoch reports such a metric.
        """
        if metric not in METRICS:
            raise UnknownNameError("metric", metric, METRICS)
        return cls(
            TrainingBatches(data.train), evaluation_batches(data.valid), data.facts, metric, mode
        )


class Learner:
    """A trial between epochs.

    Random numbers of epoch ``e`` (dropout, batches) derive from ``(seed, e)`` and
    initial weights from ``(seed, 0)``. So seed and epoch *are* the random state: a
    trial goes on alike in another process, and beside other trials in this one.

    Args:
        architecture: class of the network.
        config: holds ``learning_rate`` and ``batch_size`` beside the architecture's own.
        task: the data.
        seed: of the trial, not negative.
    """

    def __init__(
        self, architecture: type[Architecture], config: Config, task: Task, *, seed: int
    ) -> None:
        self.architecture = architecture
        self.config = config
        self.task = task
        self.seed = seed
        self.epoch = 0
        with _random_numbers(seed, 0):
            self.model = architecture(config, task.facts)
        self.optimizer = Adam(self.model.named_parameters())
        self.schedule = Plateau(config["learning_rate"])
        self.best_epoch = 0
        self.best_metric = math.inf if task.mode == "min" else -math.inf
        self.best_weights: dict[str, torch.Tensor] = {}
        self._weights = sum(weight.numel() for weight in self.model.parameters())

    def run_epoch(self) -> Outcome:
        """Train on every series once, then measure on the validation part.

        Returns:
            train_loss (mean over the epoch, in nats), valid_loss, accuracy (validation,
            0 to 1), learning_rate (the one used), epoch_seconds, weights (their number);
            or the reason why the trial cannot go on.
        """
        started = time.perf_counter()
        self.epoch += 1
        metrics = dict.fromkeys(METRICS, math.nan)
        metrics["learning_rate"] = self.schedule.rate
        reason = self._train(metrics) or self._validate(metrics)
        metrics["epoch_seconds"] = time.perf_counter() - started
        metrics["weights"] = float(self._weights)
        if reason:
            return EpochFailed(reason, metrics)
        self._keep_best(metrics)
        self.schedule.observe(metrics["valid_loss"])
        return EpochDone(metrics)

    def _train(self, metrics: dict[str, float]) -> str | None:
        model, optimizer, rate = self.model.train(), self.optimizer, self.schedule.rate
        total = 0.0
        batches = self.task.train.epoch(self.config["batch_size"], seed=self.seed, epoch=self.epoch)
        with _random_numbers(self.seed, self.epoch):
            for batch in batches:
                optimizer.clear()
                loss = cross_entropy(model(batch.values, batch.lengths), batch.labels)
                value = loss.item()
                if not math.isfinite(value):
                    metrics["train_loss"] = value
                    return _became("loss", value)
                torch.autograd.backward(loss)
                norm = optimizer.clip()
                if not math.isfinite(norm):
                    return _became("gradient", norm)
                optimizer.step(rate)
                total += value * len(batch.labels)
        metrics["train_loss"] = total / len(self.task.train)
        return None

    def _validate(self, metrics: dict[str, float]) -> str | None:
        model = self.model.eval()
        loss, right, count = 0.0, 0, 0
        with torch.inference_mode():
            for batch in self.task.valid:
                logits = model(batch.values, batch.lengths)
                loss += cross_entropy(logits, batch.labels, reduction="sum").item()
                right += int((logits.argmax(dim=1) == batch.labels).sum())
                count += len(batch.labels)
        metrics["valid_loss"] = loss / count
        if not math.isfinite(loss):
            return _became("loss", loss)
        metrics["accuracy"] = right / count
        return None

    def _keep_best(self, metrics: dict[str, float]) -> None:
        value = metrics[self.task.metric]
        if value < self.best_metric if self.task.mode == "min" else value > self.best_metric:
            self.best_metric, self.best_epoch = value, self.epoch
            self.best_weights = {
                name: tensor.clone() for name, tensor in self.model.state_dict().items()
            }

    def snapshot(self) -> Snapshot:
        """Everything needed to go on; shares memory with this learner until it is encoded.

        Tensors: ``model.*``, ``best.*`` (absent when the last epoch was the best),
        ``adam.*``. Document: architecture, config, facts, seed and epoch, schedule, best.
        """
        tensors = named("model", self.model.state_dict())
        tensors |= named("adam", self.optimizer.tensors())
        if self.best_epoch != self.epoch:
            tensors |= named("best", self.best_weights)
        facts = self.task.facts
        best = {"metric": self.task.metric, "epoch": self.best_epoch, "value": self.best_metric}
        schedule = {"rate": self.schedule.rate, "waited": self.schedule.waited}
        return Snapshot(
            tensors,
            {
                "architecture": self.architecture.__name__,
                "config": dict(self.config),
                "facts": {
                    "features": facts.features,
                    "classes": facts.classes,
                    "steps": facts.steps,
                },
                "seed": self.seed,
                "epoch": self.epoch,
                "schedule": {**schedule, "best": _finite(self.schedule.best)},
                "best": {**best, "value": _finite(self.best_metric)},
            },
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Go on from a snapshot of this architecture.

        The seed stays this learner's own. Where the snapshot was trained with another
        learning rate than this config's, the config's is used (a clone explores).

        Raises:
            OrchError: the snapshot does not fit this network.
        """
        try:
            self._restore(snapshot.document, snapshot)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise damaged(f"{error} is missing or of another kind") from error
        except RuntimeError as error:
            raise OrchError(
                f"checkpoint does not fit {self.architecture.__name__}: "
                f"{' '.join(str(error).split())}. Give it the config it was trained with."
            ) from error

    def _restore(self, document: dict[str, Any], snapshot: Snapshot) -> None:
        self.model.load_state_dict(snapshot.part("model"))
        self.optimizer.load(snapshot.part("adam"))
        self.epoch = int(document["epoch"])
        schedule, best = document["schedule"], document["best"]
        if document["config"]["learning_rate"] == self.config["learning_rate"]:
            self.schedule.rate = float(schedule["rate"])
        self.schedule.waited = int(schedule["waited"])
        if schedule["best"] is not None:
            self.schedule.best = float(schedule["best"])
        if best["metric"] == self.task.metric and best["value"] is not None:
            self.best_metric, self.best_epoch = float(best["value"]), int(best["epoch"])
            kept = "model" if self.best_epoch == self.epoch else "best"
            self.best_weights = {
                name: tensor.clone() for name, tensor in snapshot.part(kept).items()
            }


@contextmanager
def _random_numbers(seed: int, epoch: int) -> Iterator[None]:
    """Seed torch's global CPU generator, and give it back as it was."""
    before = torch.get_rng_state()
    derived = np.random.SeedSequence((seed, epoch)).generate_state(1, np.uint64)
    # torch.manual_seed also queues seeds for absent GPUs, which is 100 times slower.
    torch.default_generator.manual_seed(int(derived[0]))
    try:
        yield
    finally:
        torch.set_rng_state(before)


def _became(what: str, value: float) -> str:
    return f"{what} became {'nan' if math.isnan(value) else 'inf'}"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
