"""Whoever looks on while a sweep runs."""

from __future__ import annotations

from typing import Protocol

from orchestrator.engine.records import Record


class Observer(Protocol):
    """Whoever wants to see what happens: the run's tables, the terminal."""

    def note(self, record: Record) -> None:
        """A record is in the journal."""

    def tick(self) -> None:
        """Some time has passed; called several times a second."""
