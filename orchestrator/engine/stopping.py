"""When a sweep stops by itself: after so many epochs, at a target, or on a plateau.

One rule for all who run a sweep. It is fed the records of the whole run, those of earlier
processes first, so a resumed run comes to the same as one that was never interrupted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from orchestrator.engine.inbox import StopRun
from orchestrator.engine.objective import Objective
from orchestrator.engine.plateau import Finals
from orchestrator.engine.records import EpochReported, Record, TrialEnded
from searchspaces.errors import UsageError

HOLD = 5
"""A plateau is one when so many trials in a row that ran to the end have said so."""
FEW = 500
"""Up to so many such trials each of them asks; of more, about one in a hundredth of them."""


@dataclass(frozen=True)
class StopRules:
    """What stops a sweep, beside the time; nothing by default.

    Attributes:
        max_epochs_total: epochs of all trials together, in the whole run.
        target: a value of the objective's metric; as good is good enough.
        plateau: a gain of the metric that is too small to go on for; ``auto`` is what the
            run's own noise and progress say.
    """

    max_epochs_total: int | None = None
    target: float | None = None
    plateau: float | Literal["auto"] | None = None


class LimitReachedError(UsageError):
    """A run is to go on that has come to one of its limits; exit code 2.

    Attributes:
        stop: which, and how it was reached.

    Args:
        stop: as above.
        asked: id of the run, if it is asked for its trials.
    """

    def __init__(self, stop: StopRun, asked: str = "") -> None:
        self.stop = stop
        option = f"--{stop.limit.replace('_', '-')}"
        go_on = f"orch resume with another {option}, or {option} none"
        if asked:
            go_on = f"Study.resume({asked!r}, {stop.limit}='none'), or with another value"
        super().__init__(f"{stop.reason} already. Go on: {go_on}.")


class Stopping:
    """Says when to stop; an observer of the run.

    Args:
        rules: what was asked for.
        objective: of the sweep.
        max_epochs: of a trial that is never stopped.

    Attributes:
        stop: what stops the sweep, from when on something does.
        epochs: of all trials so far.
    """

    def __init__(self, rules: StopRules, objective: Objective, max_epochs: int) -> None:
        self._rules = rules
        self._objective = objective
        self._finals = Finals(objective, max_epochs) if rules.plateau is not None else None
        self._asked = 0
        self._held = 0
        self.epochs = 0
        self.stop: StopRun | None = None

    def note(self, record: Record) -> None:
        """Take in the next record."""
        if isinstance(record, EpochReported):
            self.epochs += 1
            self._note_target(record)
            most = self._rules.max_epochs_total
            if most is not None and self.epochs >= most:
                self._set(f"the limit of {most:,} epoch{'s' * (most != 1)} is reached",
                          "max_epochs_total")  # fmt: skip
        if self._finals is not None:
            self._finals.note(record)
            if isinstance(record, EpochReported | TrialEnded):
                self._note_plateau(self._finals)

    def tick(self) -> None:
        """Nothing is due between records."""

    def refuse(self, asked: str = "") -> None:
        """Refuse to go on with a run that has come to its limit.

        Args:
            asked: id of the run, if it is asked for its trials.

        Raises:
            LimitReachedError: it has.
        """
        if self.stop is not None:
            raise LimitReachedError(self.stop, asked)

    def _note_target(self, record: EpochReported) -> None:
        target = self._rules.target
        if target is None or self.stop is not None:
            return
        loss = self._objective.loss(record.metrics)
        if not math.isnan(loss) and loss <= self._objective.value(target):
            value = self._objective.value(loss)
            name = self._objective.metric
            self._set(
                f"target {target:g} is reached (trial {record.number}, epoch {record.epoch}: "
                f"{name} {value:.4g})",
                "target",
            )

    def _note_plateau(self, finals: Finals) -> None:
        count, least = len(finals.losses), self._rules.plateau
        if least is None or count - self._asked < (count // 100 if count > FEW else 1):
            return
        self._asked = count
        outlook = finals.outlook()
        if outlook is None:
            return
        matters = outlook.matters if least == "auto" else least
        self._held = self._held + 1 if outlook.gain <= matters else 0
        if self._held >= HOLD:
            self._set(f"a plateau is reached ({outlook}; {matters:.2g} would matter)", "plateau")

    def _set(self, reason: str, limit: str) -> None:
        self.stop = self.stop or StopRun(reason, limit=limit)
