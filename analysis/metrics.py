"""What metrics are called on axes and in words, and which way they improve."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

Mode = Literal["min", "max"]

_LABELS = {
    "valid_loss": "validation loss (nats)",
    "train_loss": "training loss (nats)",
    "test_loss": "test loss (nats)",
    "accuracy": "validation accuracy",
    "learning_rate": "learning rate",
    "epoch_seconds": "time per epoch (s)",
    "weights": "number of weights",
}
_RISING = ("accuracy", "auc", "auroc", "f1", "precision", "recall", "r2", "reward", "return",
           "score", "map", "bleu", "iou", "dice", "kappa")  # fmt: skip
_NOT_QUALITY = {"learning_rate", "epoch_seconds", "weights", "train_loss", "train_accuracy"}


def label(metric: str) -> str:
    """An axis label with its unit: ``validation loss (nats)``."""
    return _LABELS.get(metric, metric.replace("_", " "))


def short_label(metric: str) -> str:
    """The label without its unit, for running text: ``validation loss``."""
    return label(metric).partition(" (")[0]


def guess_mode(metric: str) -> Mode:
    """Which way a metric improves, from its name; for metrics that are not the objective."""
    words = metric.lower().replace("-", "_").split("_")
    return "max" if any(word in _RISING for word in words) else "min"


def deviation(metric: str) -> str:
    """The metric that says how far apart the trainings of a trial were, if it had several."""
    return f"{metric}_std"


def second_metric(objective: str, available: list[str]) -> str | None:
    """The other measure of quality beside the objective: accuracy, or the loss.

    Args:
        objective: the run's metric.
        available: metrics that were reported.
    """
    preferred = ("accuracy", "valid_loss") if guess_mode(objective) == "min" else ("valid_loss",)
    no_quality = {*_NOT_QUALITY, *map(deviation, available)}
    others = [name for name in available if name != objective and name not in no_quality]
    candidates = (*preferred, *(name for name in others if name.startswith("valid_")))
    return next((name for name in candidates if name in others), None)


def train_metric(objective: str, available: list[str]) -> str | None:
    """The objective's counterpart on the training data, if it was reported."""
    base = objective.removeprefix("valid_").removeprefix("val_")
    name = f"train_{base}"
    return name if name in available and name != objective else None


def least_loss(mode: Mode, best: float, worst: float) -> float:
    """What no loss can be below: 0 where none ever was, -1 for a share that rises to 1.

    Args:
        mode: of the metric, which times -1 is the loss if it is ``max``.
        best: the least loss of the run.
        worst: the greatest one.
    """
    if mode == "min":
        return 0.0 if best >= 0 else -math.inf
    return -1.0 if best >= -1 and worst <= 0 else -math.inf


def number(value: float | None, metric: str = "") -> str:
    """A value in words: accuracies with three decimals, others with four significant digits.

    Large whole numbers are whole.
    """
    if value is None or not math.isfinite(value):
        return "-"
    if "accuracy" in metric:
        return f"{value:.3f}"
    if value == int(value) and 1e4 <= abs(value) < 1e9:  # a count, such as that of weights
        return f"{value:.0f}"
    return f"{value:.4g}"


def plural(count: int, thing: str) -> str:
    """``1 trial``, ``2 trials``."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def listed(things: Iterable[object]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    *most, last = [str(thing) for thing in things]
    return f"{', '.join(most)} and {last}" if most else last
