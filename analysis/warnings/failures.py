"""Failed trials by cause, and where in the space they fail."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from analysis.fidelity import ranking
from analysis.load import Run
from analysis.metrics import plural
from analysis.warnings.regions import Region, failing_region

UNKNOWN = "unknown reason"
_NAMED = 5
_DIFFERS = re.compile(
    r"""(?:[A-Za-z]:|~|\.{1,2})?(?:[\\/][\w.+~-]*[A-Za-z_][\w.+~-]*)+        # a path
    | \b(?=[\w-]*\d)[0-9a-fA-F]+(?:-[0-9a-fA-F]+)+\b                     # an id: 7f3a-0017
    | [-+]?\d+(?:[,_]\d+)*(?:\.\d+)?(?:[eE][-+]?\d+)?(?:[A-Za-z]{1,4})?\b # a number: 2.5GiB
    | \b(?=\w*\d)\w+\b                                                 # a name: conv2d, 0x7f
    """,
    re.VERBOSE,
)
"""What messages of one cause may differ in."""


@dataclass(frozen=True)
class Cause:
    """A reason for which trials failed.

    Attributes:
        reason: the message; where messages differ in numbers, ids or paths, ``…``.
        count: how many trials failed so.
        trials: their numbers.
        region: where in the space they failed; None if no clear pattern was found.
    """

    reason: str
    count: int
    trials: tuple[int, ...]
    region: Region | None = None


@dataclass(frozen=True)
class Failures:
    """The failed trials of a run.

    Attributes:
        trials: trials of the run.
        causes: most frequent first.
    """

    trials: int
    causes: tuple[Cause, ...] = ()

    @property
    def count(self) -> int:
        """How many trials failed."""
        return sum(cause.count for cause in self.causes)

    @property
    def by_cause(self) -> dict[str, int]:
        """Reason to number of trials, most frequent first."""
        return {cause.reason: cause.count for cause in self.causes}

    def words(self) -> tuple[str, ...]:
        """How many failed of what, where they failed, and the range to give instead."""
        if not self.causes:
            return ()
        alone = len(self.causes) == 1
        said = ", ".join(
            cause.reason if alone else f"{cause.reason} ({cause.count})"
            for cause in self.causes[:_NAMED]
        )
        if len(self.causes) > _NAMED:
            said += f", {plural(len(self.causes) - _NAMED, 'more cause')}"
        lines = [f"{self.count} of {plural(self.trials, 'trial')} failed: {said}"]
        for cause in self.causes:
            if cause.region is not None:
                start = "" if alone else f"{cause.reason}: "
                first, *rest = cause.region.words()
                lines += [f"{start}{first}", *rest]
        return tuple(lines)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "trials": self.trials,
            "failed": self.count,
            "causes": [
                {
                    **asdict(cause),
                    "trials": list(cause.trials),
                    "region": None if cause.region is None else cause.region.as_dict(),
                }
                for cause in self.causes
            ],
            "words": list(self.words()),
        }


def failures(run: Run) -> Failures:
    """Group the failed and infeasible trials of a run by cause.

    Messages that differ only in numbers, ids or paths are one cause. For each cause the
    one split of a parameter is sought that parts its trials best from those that did not
    fail, see :func:`analysis.warnings.regions.failing_region`.
    """
    numbers = run.trials["number"].to_numpy()
    failed = run.failed
    groups: dict[str, list[int]] = {}
    messages = _messages(run)
    for row, (bad, message) in enumerate(zip(failed, messages, strict=True)):
        if bad:
            groups.setdefault(_DIFFERS.sub("…", message), []).append(row)
    winner = next((int(row) for row in ranking(run).rows if not failed[row]), None)
    repeated = sum(len(rows) > 1 for rows in groups.values())
    causes = []
    for rows in groups.values():
        reason = _common([messages[row] for row in rows])
        region = failing_region(run, rows, ~failed, winner, repeated)
        causes.append(Cause(reason, len(rows), tuple(int(numbers[row]) for row in rows), region))
    return Failures(
        len(run.trials), tuple(sorted(causes, key=lambda cause: (-cause.count, cause.reason)))
    )


def _messages(run: Run) -> list[str]:
    """Why each trial failed, as far as the table says so."""
    if "error" not in run.trials.columns:
        return [UNKNOWN] * len(run.trials)
    errors = run.trials["error"].cast(pl.String)
    return [" ".join(error.split()) or UNKNOWN if error else UNKNOWN for error in errors]


def _common(messages: list[str]) -> str:
    """What the messages have in common, with ``…`` for what differs."""
    if len(Counter(messages)) == 1:
        return messages[0]
    pieces = [_DIFFERS.findall(message) for message in messages]
    alike = iter([len(set(found)) == 1 for found in zip(*pieces, strict=True)])
    return _DIFFERS.sub(lambda match: match[0] if next(alike) else "…", messages[0])
