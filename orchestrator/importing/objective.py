"""Which metric a foreign sweep was about, and whether it was to be small or large."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

from orchestrator.engine.objective import Mode
from orchestrator.importing.foreign import listed
from searchspaces.errors import ConfigurationError, UsageError, nearest_first

_LARGE = frozenset({
    "acc", "accuracy", "auc", "auroc", "bleu", "dice", "f1", "iou", "map", "precision", "psnr",
    "r2", "recall", "return", "reward", "rouge", "score", "ssim", "throughput", "top1", "top5",
})  # fmt: skip
_SMALL = frozenset({
    "bpc", "cer", "cost", "err", "error", "fid", "logloss", "loss", "mae", "mse", "nll",
    "perplexity", "ppl", "regret", "rmse", "wer",
})  # fmt: skip
_HELD_OUT = frozenset({"eval", "val", "valid", "validation", "dev"})


@dataclass(frozen=True)
class Chosen:
    """An objective.

    Attributes:
        metric: its name.
        mode: whether it is to be small or large.
        how: how both were determined, in words.
    """

    metric: str
    mode: Mode
    how: str


def choose(
    metrics: Sequence[str],
    *,
    metric: str | None = None,
    mode: str | None = None,
    recorded: str | None = None,
    place: str = "",
) -> Chosen:
    """The objective among ``metrics``.

    Args:
        metrics: what there is to choose from.
        metric: what the person said.
        mode: what the person said.
        recorded: the metric that the sweep itself names as its objective.
        place: what was read, for errors.

    Raises:
        UsageError: there is no metric, or no telling which is meant.
        ConfigurationError: the mode cannot be guessed.
    """
    if not metrics:
        raise UsageError(f"{place}: no trial reports a number. There is nothing to compare.")
    if metric is not None:
        if metric not in metrics:
            known = listed(nearest_first(metric, metrics))
            raise ConfigurationError(
                f"no trial reports {metric!r}. There are: {known}.",
                place="--metric",
            )
        name, how = metric, "as you said"
    elif recorded in metrics:
        name, how = str(recorded), "recorded by the sweep"
    elif len(metrics) == 1:
        name, how = metrics[0], "the only one"
    else:
        likely = _likely(metrics)
        if likely is None:
            raise ConfigurationError(
                f"{place} does not say which metric is the objective. Give one of: "
                f"{listed(metrics)}.",
                place="--metric",
            )
        name, how = likely, f"guessed among {len(metrics)} metrics"
    if mode is not None:
        said = "" if how == "as you said" else "; mode as you said"
        return Chosen(name, cast("Mode", mode), how + said)
    found = mode_of(name)
    if found is None:
        raise ConfigurationError(
            f"whether {name} is to be small or large does not show in its name. "
            "Give --mode min or --mode max.",
            place="--mode",
        )
    return Chosen(name, found, f"{how}; {found} guessed from its name")


def mode_of(name: str) -> Literal["min", "max"] | None:
    """What the words in a metric's name say; None if nothing, or both."""
    words = set(words_of(name))
    small, large = bool(words & _SMALL), bool(words & _LARGE)
    if small == large:
        return None
    return "min" if small else "max"


def words_of(name: str) -> list[str]:
    """The words of a name in lower case: ``eval/meanAccuracy`` has eval, mean, accuracy."""
    parted = re.sub(r"([a-z])([A-Z])", r"\1 \2", name)
    return [word for word in re.split(r"[^A-Za-z0-9]+", parted.lower()) if word]


def _likely(metrics: Sequence[str]) -> str | None:
    """The one held-out loss, else the one held-out metric, else the one metric of known mode."""
    known = [name for name in metrics if mode_of(name) is not None]
    held_out = [name for name in known if set(words_of(name)) & _HELD_OUT]
    losses = [name for name in held_out if "loss" in words_of(name)]
    return next((tier[0] for tier in (losses, held_out, known) if len(tier) == 1), None)
