"""Limits on what trials report, such as ``weights < 50000``; what breaks one is never the best.

Feasible first, then by how much is broken: Deb, An efficient constraint handling method for
genetic algorithms, Computer Methods in Applied Mechanics and Engineering 186 (2000), section 3.
There a violation is added to the worst feasible loss; here to a number above all losses, so that
a trial's loss does not depend on other trials and a replay gives the same.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from searchspaces.dominance import CEILING
from searchspaces.errors import ConfigurationError, did_you_mean

Sign = Literal["<", "<=", ">", ">="]

_LARGEST = 1e100
"""What a violation is cut at; that of a value nobody knows is as large."""
_SMALLEST = 2.0**-40
"""What a violation is at least; ``CEILING`` times one more than it is another number."""

_METRIC = r"(?P<metric>[^\s<>=]+)"
_NUMBER = r"(?P<bound>[+-]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
_LIMIT = re.compile(rf"\s*{_METRIC}\s*(?P<sign><=|>=|<|>)\s*{_NUMBER}\s*")


@dataclass(frozen=True)
class Limit:
    """A condition on a metric.

    Attributes:
        metric: its name, as the trainable reports it.
        sign: how it compares with the bound.
        bound: in the metric's unit.
    """

    metric: str
    sign: Sign
    bound: float

    def __str__(self) -> str:
        """``weights < 50000``; :func:`limit` reads it again."""
        return f"{self.metric} {self.sign} {_plain(self.bound)}"

    def violation(self, metrics: Mapping[str, float | None]) -> float:
        """By how much it is broken, as a share of the bound; 0 if it is kept.

        A bound of 0 counts in the metric's own unit. A metric that is not finite breaks it
        more than any number does. Between 2**-40 and 1e100 where it is broken.

        Raises:
            ConfigurationError: the trainable reports no such metric.
        """
        instead = f"leave {str(self)!r} out"
        value = reported(self.metric, metrics, place="outcomes", instead=instead)
        if value is None or not math.isfinite(value):
            return _LARGEST
        if self._kept(value):
            return 0.0
        share = abs(value - self.bound) / (abs(self.bound) or 1.0)
        return min(max(share, _SMALLEST), _LARGEST)

    def _kept(self, value: float) -> bool:
        match self.sign:
            case "<":
                return value < self.bound
            case "<=":
                return value <= self.bound
            case ">":
                return value > self.bound
        return value >= self.bound


def reported(
    metric: str, metrics: Mapping[str, float | None], *, place: str, instead: str
) -> float | None:
    """A metric that a trial has to report.

    Args:
        metric: its name.
        metrics: of an epoch.
        place: where a person has named it.
        instead: what they can do but report it.

    Raises:
        ConfigurationError: it is not there.
    """
    if metric not in metrics:
        close = did_you_mean(metric, metrics)
        hint = f" Did you mean {close!r}?" if close else ""
        raise ConfigurationError(
            f"no metric {metric!r} is reported.{hint} Known: {', '.join(metrics)}. "
            f"Report it in every epoch, or {instead}.",
            place=place,
        )
    return metrics[metric]


def limit(text: str) -> Limit:
    """The limit that a person wrote: a metric, one of ``< <= > >=``, and a number.

    Raises:
        ValueError: it is none; the message says what one is.
    """
    found = _LIMIT.fullmatch(text)
    bound = float(found["bound"].replace("_", "")) if found else math.inf
    if found is None or not math.isfinite(bound):
        raise ValueError(
            f"{text!r} is no limit. Write a metric, one of < <= > >=, and a number, "
            f"such as 'weights < 50000'"
        )
    return Limit(found["metric"], found["sign"], bound)  # type: ignore[arg-type]  # as matched


def violation(limits: Iterable[Limit], metrics: Mapping[str, float | None]) -> float:
    """By how much an epoch breaks all limits together; 0 if it keeps every one.

    Raises:
        ConfigurationError: the trainable does not report one of the metrics.
    """
    return min(sum(each.violation(metrics) for each in limits), _LARGEST)


def limited(loss: float, broken: float) -> float:
    """A loss that ranks what breaks limits behind all that keeps them.

    The loss itself where nothing is broken, cut at ``CEILING``; else larger than that, finite,
    and the larger the more is broken. Nan stays nan.

    Args:
        loss: to minimise.
        broken: as :func:`violation` has it.
    """
    if math.isnan(loss):
        return loss
    if broken > 0:
        return CEILING * (1 + broken)
    return min(loss, CEILING)


def broken_words(limits: Sequence[Limit], metrics: Mapping[str, float | None]) -> str:
    """Which limits an epoch breaks, for people: ``weights 61000, not < 50000``."""
    parts = []
    for each in limits:
        if each.violation(metrics) > 0:
            value = metrics[each.metric]
            known = value is not None and math.isfinite(value)
            said = f"{value:.6g}" if known else "unknown"
            parts.append(f"{each.metric} {said}, not {each.sign} {_plain(each.bound)}")
    return "; ".join(parts)


def _plain(number: float) -> str:
    """A whole number without a point, any other with as many digits as it has."""
    return str(int(number)) if number == int(number) and abs(number) < 1e15 else repr(number)
