"""Failed trials by cause."""

from __future__ import annotations

import polars as pl

from analysis.load import Run


def failures_by_cause(run: Run) -> dict[str, int]:
    """Reason to number of failed and infeasible trials, most frequent first."""
    failed = run.trials.filter(pl.col("state").is_in(["failed", "infeasible"]))
    if "error" not in failed.columns:
        return {"unknown reason": failed.height} if failed.height else {}
    reasons = failed["error"].cast(pl.String).fill_null("unknown reason").value_counts(sort=True)
    return {str(reason): int(count) for reason, count in reasons.sort(
        "count", "error", descending=[True, False]).iter_rows()}  # fmt: skip
