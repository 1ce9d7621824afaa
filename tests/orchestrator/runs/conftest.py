"""A run folder whose journal is written by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.engine.journal import Journal
from orchestrator.engine.records import Record
from orchestrator.names import compose
from orchestrator.runs.describe import tables_of
from orchestrator.runs.folder import RunFolder
from orchestrator.spec import SweepSpec, spec_from

Journaled = Callable[..., None]


@pytest.fixture
def spec() -> SweepSpec:
    """Six GRU trials of nine epochs."""
    return spec_from(compose("gru-hyperband"), {"trials": 6, "epochs": 9, "seed": 3})


@pytest.fixture
def folder(tmp_path: Path, spec: SweepSpec) -> RunFolder:
    """A new run's folder."""
    return RunFolder.create(tmp_path / "runs", spec, {"command": "test"})


@pytest.fixture
def journaled(folder: RunFolder, spec: SweepSpec) -> Journaled:
    """A function that plays the owner: records to the journal and tables, as a live run does."""

    def write(*records: Record, owned: bool = False, tables_before: int = 0) -> None:
        tables = tables_of(folder, spec, split="by hand")
        journal = Journal(folder.journal, tables.note)
        for record in records[: len(records) - tables_before]:
            journal.append(record)
            tables.note(record)
        tables.write(folder.path, owned=owned, sequence=journal.sequence)
        for record in records[len(records) - tables_before :]:
            journal.append(record)
        journal.close()

    return write
