"""Other rules for a run that goes on, of when it stops by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from orchestrator.declared import unknown_key
from orchestrator.engine.inbox import settings_in
from orchestrator.engine.records import FINISHED, Closed, Commanded, Record
from orchestrator.engine.segments import read
from orchestrator.engine.steering import checked_settings
from orchestrator.engine.stopping import Stopping, StopRules
from orchestrator.runs.folder import RunFolder
from orchestrator.spec import SweepSpec


def changes(spec: SweepSpec, rules: Mapping[str, Any]) -> dict[str, Any]:
    """Other rules of when a sweep stops by itself, checked; None in what is found is without.

    Args:
        spec: of the sweep.
        rules: ``max_time``, ``max_epochs_total``, ``target`` or ``plateau``; ``none`` is without,
            and None is as if it were not among them.

    Raises:
        ConfigurationError: something else, or a value that cannot be.
    """
    known = ["max_time", *(rule.name for rule in fields(StopRules))]
    for key in rules:
        if key not in known:
            raise unknown_key(key, known, place="")
    found = checked_settings({key: value for key, value in rules.items() if value is not None})
    spec.stop_rules.but(found).check(spec.objective)
    return found


def refuse_reached(run: RunFolder, rules: Mapping[str, Any]) -> None:
    """Refuse to go on with a run that has come to one of its limits, by its journal alone.

    Args:
        run: its folder.
        rules: that it would go on by, in place of its own; as :func:`changes` has them.

    Raises:
        LimitReachedError: it has, and is not finished.
        JournalError: the journal is damaged.
    """
    spec = run.spec()
    stopping = Stopping(spec.stop_rules, spec.objective, spec.epochs)
    last: Record | None = None
    followed: set[str] = set()
    for entry in read(run.journal):
        last = entry.record
        stopping.note(last)
        if isinstance(last, Commanded):
            followed.add(last.letter)
    for letter in settings_in(run.inbox):
        if letter.letter not in followed:
            stopping.change(checked_settings(letter.values))
    stopping.change(rules)
    if not (isinstance(last, Closed) and last.reason == FINISHED):
        stopping.refuse()
