"""What is said of a run beside its analysis: state, progress, best, tags."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orchestrator.dashboard.sources import Source, metadata
from orchestrator.engine.trial import FINAL, State
from orchestrator.runs.about import read_about
from orchestrator.runs.folder import SPEC, RunFolder
from orchestrator.spec_file import FileError, read_mapping
from searchspaces.errors import OrchError, raised

_COLUMNS = ("number", "state", "objective", "best_epoch", "epochs", "started_at")


@dataclass
class FactReader:
    """Facts of runs; those of a run that did not change are not read again."""

    _facts: dict[Path, tuple[str, dict[str, Any]]] = field(default_factory=dict)

    def read(self, source: Source) -> dict[str, Any]:
        """Plain values of a run as it is now.

        ``done`` counts trials that are over, ``trials`` those that began, ``planned`` those to
        come in all; times are ISO 8601, UTC.
        """
        path = source.run.path
        version, facts = self._facts.get(path, ("", {}))
        if version != source.version:
            facts = _read(source)
            self._facts[path] = (source.version, facts)
        return facts


def _read(source: Source) -> dict[str, Any]:
    spec = source.run.path / SPEC
    facts = nothing_yet(source.run.id) | {
        "state": source.state,
        "reason": source.reason,
        "problem": source.problem,
        "started": _iso(spec.stat().st_mtime if spec.is_file() else 0.0),  # it is written once
        "updated": _iso(source.at),
        **_about(source.run),
    }
    try:
        return facts | (_counted(source.folder) or _planned(spec))
    except OrchError as error:
        return facts | {"state": "damaged", "problem": raised(error)}


def nothing_yet(run_id: str) -> dict[str, Any]:
    """Facts of a run of which nothing is known."""
    return {
        "id": run_id,
        **dict.fromkeys(("sweep", "dataset", "state", "reason", "problem", "note"), ""),
        **dict.fromkeys(("started", "updated", "planned", "metric", "mode", "best", "curve"), None),
        **dict.fromkeys(("trials", "done", "failed", "epochs"), 0),
        "tags": [],
    }


def _planned(spec: Path) -> dict[str, Any]:
    """What the spec says, which is slow to read, of a run without tables.

    Raises:
        FileError: it is damaged.
    """
    values, _ = read_mapping(spec)
    return {
        "sweep": str(values.get("name") or ""),
        "dataset": str(values.get("dataset") or ""),
    }


def _about(run: RunFolder) -> dict[str, Any]:
    """Tags and note of a person."""
    try:
        about = read_about(run)
    except FileError as error:
        return {"tags": [], "note": "", "problem": raised(error)}
    return {"tags": list(about.tags), "note": about.note}


def _counted(folder: Path) -> dict[str, Any]:
    """What the tables in a folder say.

    Raises:
        OrchError: a table is damaged.
    """
    meta = metadata(folder / "trials.parquet")
    if meta is None:
        return {}
    import polars as pl

    from orchestrator.runs.ranking import winner

    try:
        columns = [*_COLUMNS, *(["keeps"] if meta.get("outcomes") else [])]
        trials = pl.read_parquet(folder / "trials.parquet", columns=columns)
    except (OSError, pl.exceptions.PolarsError) as error:
        line = " ".join(str(error).split())
        raise OrchError(f"{folder / 'trials.parquet'}: cannot be read: {line}") from error
    counts = Counter(trials["state"].to_list())
    best = winner(trials)
    first = trials["started_at"].min()
    words = {
        "started": first.isoformat() if isinstance(first, datetime) else None,
        "sweep": meta.get("sweep"),
        "dataset": meta.get("dataset"),
        "planned": meta.get("trials"),
        "metric": meta.get("metric"),
        "mode": meta.get("mode"),
    }
    return {
        **{name: value for name, value in words.items() if value is not None},
        "trials": len(trials),
        "done": sum(count for state, count in counts.items() if state in FINAL),
        "failed": counts[State.FAILED.value] + counts[State.INFEASIBLE.value],
        "epochs": int(trials["epochs"].sum() or 0),
        "best": best and {
            "score": best["objective"],
            "number": best["number"],
            "epoch": best["best_epoch"],
            "epochs": best["epochs"],
        },
    }  # fmt: skip


def _iso(seconds: float) -> str | None:
    return datetime.fromtimestamp(seconds, UTC).isoformat() if seconds else None
