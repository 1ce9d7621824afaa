"""One trial's training: a network, its optimizer and its schedule, an epoch at a time."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from torch.nn.functional import cross_entropy

from searchspaces.config import Config
from searchspaces.errors import OrchError, UnknownNameError
from searchspaces.facts import DataFacts
from searchspaces.training import Training
from trainables.architectures.base import Architecture
from trainables.batches import Batch, TrainingBatches, evaluation_batches
from trainables.checkpoint import Snapshot, damaged, named
from trainables.data.part import SweepData
from trainables.devices import CPU, Compute, is_out_of_memory, out_of_memory
from trainables.limits import Limit, limited, violation
from trainables.loss_scale import LossScale
from trainables.optimizer import optimizer_of
from trainables.outcomes import METRICS, EpochDone, EpochFailed, Outcome
from trainables.schedule import schedule_of


@dataclass(frozen=True)
class Task:
    """What every trial of a sweep shares: the data, ready for training, and what is best.

    Attributes:
        train: batches to learn from.
        valid: batches to measure on.
        facts: sizes of the data.
        metric: the metric whose best epoch's weights are kept.
        mode: whether less or more of it is better.
        compute: device and precision.
        epochs: of a trial that is never stopped; None where nobody knows.
        limits: on metrics; an epoch that keeps them is better than all that do not.
    """

    train: TrainingBatches
    valid: list[Batch]
    facts: DataFacts
    metric: str = "valid_loss"
    mode: Literal["min", "max"] = "min"
    compute: Compute = CPU
    epochs: int | None = None
    limits: tuple[Limit, ...] = ()

    def __post_init__(self) -> None:
        if self.metric not in METRICS:
            raise UnknownNameError("metric", self.metric, METRICS)

    def loss(self, value: float) -> float:
        """The metric's value as something to minimise."""
        return value if self.mode == "min" else -value

    @classmethod
    def of(
        cls,
        data: SweepData,
        *,
        metric: str = "valid_loss",
        mode: Literal["min", "max"] = "min",
        compute: Compute = CPU,
        epochs: int | None = None,
        limits: tuple[Limit, ...] = (),
    ) -> Task:
        """Prepare ``data`` once; costs a copy of the validation part, and on a GPU of both.

        Raises:
            UnknownNameError: no epoch reports such a metric.
        """
        return cls(
            TrainingBatches(data.train, compute.device),
            evaluation_batches(data.valid, compute.device),
            data.facts,
            metric,
            mode,
            compute,
            epochs,
            limits,
        )


class Learner:
    """A trial between epochs.

    Random numbers of epoch ``e`` (dropout, batches) derive from ``(seed, e)`` and
    initial weights from ``(seed, 0)``. So seed and epoch *are* the random state: a
    trial goes on alike in another process, and beside other trials in this one.

    Initial weights are drawn on the CPU, so they are the same on every device.

    Args:
        architecture: class of the network.
        config: holds the fields of :class:`searchspaces.training.Training` beside the
            architecture's own; one that is absent has its default.
        task: the data.
        seed: of the trial, not negative.

    Raises:
        ConfigurationError: the schedule needs ``task.epochs``, which are not known.
    """

    def __init__(
        self, architecture: type[Architecture], config: Config, task: Task, *, seed: int
    ) -> None:
        self.architecture = architecture
        self.config = config
        self.task = task
        self.seed = seed
        self.epoch = 0
        self._per_epoch = task.train.count(config["batch_size"])
        self.schedule = schedule_of(self.setting, per_epoch=self._per_epoch, epochs=task.epochs)
        with CPU.random_numbers(seed, 0):
            self.model = architecture(config, task.facts)
        self.model.to(task.compute.device)
        self.optimizer = optimizer_of(self.model, self.setting)
        self.loss_scale = LossScale() if task.compute.scaled else LossScale.off()
        self.best_epoch = 0
        self.best_metric = math.inf if task.mode == "min" else -math.inf
        self.best_loss = math.inf
        self.best_weights: dict[str, torch.Tensor] = {}
        self._weights = sum(weight.numel() for weight in self.model.parameters())

    def setting(self, name: str) -> Any:
        """How to train: a field of the config, or the default of a field that is absent."""
        if name in self.config:
            return self.config[name]
        return Training.model_fields[name].default

    def run_epoch(self) -> Outcome:
        """Train on every series once, then measure on the validation part.

        Returns:
            train_loss (mean over the epoch, in nats, of smoothed labels if they are),
            valid_loss (plain cross-entropy, always), accuracy (validation, 0 to 1),
            learning_rate (of the epoch's first batch), epoch_seconds, weights (their
            number); or the reason why the trial cannot go on. ``finished`` once it was not
            better, by the task's metric, for ``patience`` epochs.
        """
        started = time.perf_counter()
        self.epoch += 1
        metrics = dict.fromkeys(METRICS, math.nan)
        metrics["learning_rate"] = self.schedule.at((self.epoch - 1) * self._per_epoch)
        metrics["weights"] = float(self._weights)
        infeasible = False
        try:
            reason = self._train(metrics) or self._validate(metrics)
            metrics["epoch_seconds"] = time.perf_counter() - started
            if not reason:
                self._keep_best(metrics)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            reason, infeasible = out_of_memory(self.task.compute.device), True
            metrics["epoch_seconds"] = time.perf_counter() - started
        if infeasible:
            self.optimizer.clear()
            self.task.compute.free()
        if reason:
            return EpochFailed(reason, metrics, infeasible)
        self.schedule.observe(metrics["valid_loss"])
        return EpochDone(metrics, self._finished())

    def _train(self, metrics: dict[str, float]) -> str | None:
        model, optimizer, scale = self.model.train(), self.optimizer, self.loss_scale
        compute, clip = self.task.compute, self.setting("clip_norm")
        smoothing = self.setting("label_smoothing")
        total = 0.0
        batches = self.task.train.epoch(self.config["batch_size"], seed=self.seed, epoch=self.epoch)
        with compute.random_numbers(self.seed, self.epoch):
            for number, batch in enumerate(batches, (self.epoch - 1) * self._per_epoch):
                optimizer.clear()
                with compute.mixed():
                    logits = model(batch.values, batch.lengths).float()
                    loss = cross_entropy(logits, batch.labels, label_smoothing=smoothing)
                value = loss.item()
                if not math.isfinite(value):
                    metrics["train_loss"] = value
                    return _became("loss", value)
                total += value * len(batch.labels)
                torch.autograd.backward(loss * scale.value if scale.on else loss)
                if scale.on:
                    optimizer.unscale(scale.value)
                norm = optimizer.clip(clip)
                if math.isfinite(norm):
                    optimizer.step(self.schedule.at(number))
                    scale.went_well()
                elif not scale.overflowed():
                    return _became("gradient", norm)
        metrics["train_loss"] = total / len(self.task.train)
        return None

    def _validate(self, metrics: dict[str, float]) -> str | None:
        model = self.model.eval()
        loss, right, count = 0.0, 0, 0
        with torch.inference_mode(), self.task.compute.mixed():
            for batch in self.task.valid:
                logits = model(batch.values, batch.lengths).float()
                loss += cross_entropy(logits, batch.labels, reduction="sum").item()
                right += int((logits.argmax(dim=1) == batch.labels).sum())
                count += len(batch.labels)
        metrics["valid_loss"] = loss / count
        if not math.isfinite(loss):
            return _became("loss", loss)
        metrics["accuracy"] = right / count
        return None

    def _finished(self) -> str:
        patience = self.setting("patience")
        if patience and self.best_epoch and self.epoch - self.best_epoch >= patience:
            return f"no better for {patience} epoch{'s' * (patience != 1)}"
        return ""

    def _keep_best(self, metrics: dict[str, float]) -> None:
        value = metrics[self.task.metric]
        loss = self.task.loss(value)
        if self.task.limits:
            loss = limited(loss, violation(self.task.limits, metrics))
        if loss < self.best_loss:
            self.best_loss, self.best_metric, self.best_epoch = loss, value, self.epoch
            self.best_weights = {
                name: tensor.clone() for name, tensor in self.model.state_dict().items()
            }

    def snapshot(self) -> Snapshot:
        """Everything needed to go on; shares memory with this learner until it is encoded.

        Tensors: ``model.*``, ``best.*`` (absent when the last epoch was the best), and the
        optimizer's under its name, such as ``adam.*``. Document: architecture, config,
        facts, seed and epoch, device and precision, schedule, best, and of float16 the scale.
        """
        tensors = named("model", self.model.state_dict())
        tensors |= named(self.setting("optimizer"), self.optimizer.tensors())
        if self.best_epoch != self.epoch:
            tensors |= named("best", self.best_weights)
        compute = self.task.compute
        best = {"metric": self.task.metric, "epoch": self.best_epoch, "value": self.best_metric}
        scale = self.loss_scale.state()
        return Snapshot(
            tensors,
            {
                "architecture": self.architecture.__name__,
                "config": dict(self.config),
                "facts": asdict(self.task.facts),
                "seed": self.seed,
                "epoch": self.epoch,
                "device": str(compute.device),
                "precision": compute.precision,
                "schedule": self.schedule.state(),
                "best": {
                    **best,
                    "value": _finite(self.best_metric),
                    **({"loss": _finite(self.best_loss)} if self.task.limits else {}),
                },
                **({"loss_scale": scale} if scale else {}),
            },
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Go on from a snapshot of this architecture, taken on any device.

        The seed stays this learner's own. A clone explores: where the snapshot was trained
        with another learning rate, optimizer or schedule than this config's, the config's
        is used, a new optimizer or schedule from its beginning.

        Raises:
            OrchError: the snapshot does not fit this network.
        """
        try:
            self._restore(snapshot.document, snapshot)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise damaged(f"{error} is missing or of another kind") from error
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise
            raise OrchError(
                f"checkpoint does not fit {self.architecture.__name__}: "
                f"{' '.join(str(error).split())}. Give it the config it was trained with."
            ) from error

    def _restore(self, document: dict[str, Any], snapshot: Snapshot) -> None:
        self.model.load_state_dict(snapshot.part("model"))
        before, best = document["config"], document["best"]
        optimizer = self.setting("optimizer")
        if before.get("optimizer", "adam") == optimizer:
            self.optimizer.load(snapshot.part(optimizer))
        if before.get("schedule", "plateau") == self.setting("schedule"):
            same = before["learning_rate"] == self.config["learning_rate"]
            self.schedule.load(document["schedule"], same_rate=same)
        self.loss_scale.load(document.get("loss_scale", {}))
        self.epoch = int(document["epoch"])
        if best["metric"] == self.task.metric and best["value"] is not None:
            self.best_metric, self.best_epoch = float(best["value"]), int(best["epoch"])
            self.best_loss = float(best.get("loss", self.task.loss(self.best_metric)))
            kept = "model" if self.best_epoch == self.epoch else "best"
            self.best_weights = {
                name: tensor.clone().to(self.task.compute.device)
                for name, tensor in snapshot.part(kept).items()
            }


def _became(what: str, value: float) -> str:
    return f"{what} became {'nan' if math.isnan(value) else 'inf'}"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
