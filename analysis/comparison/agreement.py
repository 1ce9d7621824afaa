"""What runs must have in common before their scores mean the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from analysis.load import Meta, Run
from searchspaces.errors import UsageError

SCORE = {
    "metric": "metric", "mode": "mode", "dataset": "data set", "split": "split",
    "outcomes": "limits",
}  # fmt: skip
"""What makes two scores comparable: name in the metadata and in words."""

_WAY_OUT = {
    "metric": "Judge both by one: --metric NAME",
    "mode": "Give runs that improve the same way",
    "dataset": "Give runs on one data set",
    "split": "Give runs with one split",
    "outcomes": "Give runs with the same limits, or look at both: orch diff",
    "objectives": "Give runs with the same objectives, or compare them",
    "seeds": "Give runs that train each config as often, or compare them",
    "architecture": "Give runs of one architecture, or compare them",
    "max_epochs": "A trial complete after fewer did not run more; compare them instead",
}
_SAID_AT_IMPORT = {"dataset", "split"}
"""What nobody else's files say; options of ``orch import`` have the same names."""


def require_same(runs: Sequence[Run], names: dict[str, str], purpose: str) -> None:
    """Check that all runs say the same of themselves.

    Args:
        runs: at least two, each once.
        names: of the metadata, each with what it is called in words.
        purpose: why it must be the same, such as ``compared``.

    Raises:
        UsageError: fewer than two runs, one given twice, or a difference.
    """
    if len(runs) < 2:
        raise UsageError(f"{len(runs)} run cannot be {purpose}. Give two or more.")
    seen: set[str] = set()
    for run in runs:
        if run.meta.run in seen:
            raise UsageError(f"run {run.meta.run} is given twice. Give each run once.")
        seen.add(run.meta.run)
    first = runs[0].meta
    for other in (run.meta for run in runs[1:]):
        for name, words in names.items():
            here, there = said(first, name), said(other, name)
            if here != there:
                way_out = _WAY_OUT[name]
                if None in {here, there} and name in _SAID_AT_IMPORT:
                    way_out = f"If it is the same, say so: orch import --{name}"
                raise UsageError(
                    f"runs {first.run} and {other.run} cannot be {purpose}: {words} "
                    f"{_shown(here)} and {_shown(there)}. {way_out}."
                )


def said(meta: Meta, name: str) -> Any:
    """An entry of a run's metadata as it is judged now; empty text counts as none."""
    if name in {"metric", "mode", "max_epochs"}:
        return getattr(meta, name)
    if name == "seeds":
        return meta.raw.get(name) or 1
    if name == "outcomes":
        return ", ".join(sorted(meta.limits)) or None
    if name == "objectives":
        several = meta.goals if meta.raw.get(name) else ()
        return ", ".join(f"{goal.metric} {goal.mode}" for goal in several) or None
    return meta.raw.get(name) or None


def _shown(value: Any) -> str:
    return "none given" if value is None else str(value)
