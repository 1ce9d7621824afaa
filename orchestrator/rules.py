"""Other rules for a run that goes on, of when it stops by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from orchestrator.declared import declare, unknown_key
from orchestrator.engine.records import FINISHED, Closed, Record
from orchestrator.engine.segments import read
from orchestrator.engine.stopping import Stopping, StopRules
from orchestrator.runs.folder import RunFolder
from orchestrator.spec import SweepSpec
from orchestrator.spec_checks import check_rules


def bounded(spec: SweepSpec, rules: Mapping[str, Any]) -> SweepSpec:
    """The spec with other rules of when it stops by itself.

    Args:
        spec: of a sweep.
        rules: ``max_epochs_total``, ``target`` or ``plateau``.

    Raises:
        ConfigurationError: something else, or a value that cannot be.
    """
    known = [rule.name for rule in fields(StopRules)]
    for key in rules:
        if key not in known:
            raise unknown_key(key, known, place="")
    parts = {key: getattr(spec, key) for key in SweepSpec.model_fields}
    changed = declare(SweepSpec, {**parts, **rules}) if rules else spec
    check_rules(changed)
    return changed


def refuse_reached(run: RunFolder, spec: SweepSpec) -> None:
    """Refuse to go on with a run that has come to one of its limits, by its journal alone.

    Args:
        run: its folder.
        spec: of the run, with the rules that it would go on by.

    Raises:
        LimitReachedError: it has, and is not finished.
        JournalError: the journal is damaged.
    """
    stopping = Stopping(spec.stop_rules, spec.objective, spec.epochs)
    last: Record | None = None
    for entry in read(run.journal):
        last = entry.record
        stopping.note(last)
    if not (isinstance(last, Closed) and last.reason == FINISHED):
        stopping.refuse()
