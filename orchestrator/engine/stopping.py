"""When a sweep stops by itself: after so many epochs, at a target, or on a plateau.

One rule for all who run a sweep. It is fed the records of the whole run, those of earlier
processes first, so a resumed run comes to the same as one that was never interrupted. What
people change about the rules on the way is among these records.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from orchestrator.durations import HOW, seconds_of
from orchestrator.engine.inbox import StopRun
from orchestrator.engine.objective import Objective
from orchestrator.engine.plateau import Finals
from orchestrator.engine.records import Commanded, EpochReported, Record, TrialEnded
from searchspaces.errors import ConfigurationError, UsageError
from searchspaces.scalars import Integer, Number, finite, problem

HOLD = 5
"""A plateau is one when so many trials in a row that ran to the end, within limits, said so."""
TIME_IS_UP = StopRun("time is up", limit="max_time")
"""What stops a run that has had its time; whoever runs it looks at the clock."""
FEW = 500
"""Up to so many such trials each of them asks; of more, about one in a hundredth of them."""


def _unless_none(value: Any) -> Any:
    """``none`` undoes what a file or a run says."""
    return None if value == "none" else value


def _seconds(value: Any) -> Any:
    """A text is a time, as ``--max-time`` takes one."""
    if not isinstance(value, str):
        return value
    seconds = seconds_of(value)
    if seconds is None:
        raise problem(f"{value!r} is no time. {HOW}")
    return seconds


def _gain(value: Any) -> Any:
    """Refused here: of two types that it may have, a line would name the first alone."""
    if value is None or value == "auto" or (finite(value) or 0) > 0:
        return value
    raise problem(f"{value!r} is no gain. Give a finite number greater than 0, or auto.")


_Unless = BeforeValidator(_unless_none)
_Time = Annotated[Number, BeforeValidator(_seconds), Field(gt=0)]
MaxTime = Annotated[_Time | None, _Unless]
MaxEpochs = Annotated[Annotated[Integer, Field(ge=1)] | None, _Unless]
Target = Annotated[Number | None, _Unless]
Plateau = Annotated[Literal["auto"] | float | None, BeforeValidator(_gain), _Unless]


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

    def but(self, values: Mapping[str, Any]) -> StopRules:
        """These rules, but for those that are among the values; None is without."""
        names = {rule.name for rule in fields(self)}
        return replace(self, **{name: values[name] for name in names & values.keys()})

    def check(self, objective: Objective) -> None:
        """Refuse a plateau where no single loss could tell of one.

        Raises:
            ConfigurationError: there are several objectives.
        """
        if self.plateau is not None and objective.several:
            raise ConfigurationError(
                f"it is told by one objective, and there are {len(objective.goals)}. Leave it out.",
                place="plateau",
            )


class LimitReachedError(UsageError):
    """A run is to go on that has come to one of its limits; exit code 2.

    Attributes:
        stop: which, and how it was reached.

    Args:
        stop: as above.
        asked: what finds the run again, if it is asked for its trials.
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
        self._finals = Finals(objective, max_epochs)
        self._best: EpochReported | None = None
        self._least = math.inf
        self._asked = 0
        self._held = 0
        self.epochs = 0
        self.stop: StopRun | None = None

    def note(self, record: Record) -> None:
        """Take in the next record."""
        self._finals.note(record)
        match record:
            case EpochReported():
                self.epochs += 1
                loss = self._objective.loss(record.metrics)
                if loss < self._least:  # never so of nan
                    self._best, self._least = record, loss
                self._judge()
                self._note_plateau()
            case TrialEnded():
                self._note_plateau()
            case Commanded(command="set", refused=""):
                self.change(record.values)
            case _:
                pass

    def change(self, values: Mapping[str, Any]) -> None:
        """Go by other rules from here on, as far as the values have some; None is without.

        What is reached by the new ones is reached at once, but for a plateau: the trials that
        end from here on have to say so.
        """
        before, self._rules = self._rules, self._rules.but(values)
        if self._rules == before:
            return
        stop, self.stop = self.stop, None
        if self._rules.plateau != before.plateau:
            self._held, self._asked = 0, self._finals.finite
        elif stop is not None and stop.limit == "plateau":
            self.stop = stop  # it was told by trials that are over
        self._judge()

    def tick(self) -> None:
        """Nothing is due between records."""

    def refuse(self, asked: str = "") -> None:
        """Refuse to go on with a run that has come to its limit.

        Args:
            asked: what finds the run again, if it is asked for its trials.

        Raises:
            LimitReachedError: it has.
        """
        if self.stop is not None:
            raise LimitReachedError(self.stop, asked)

    def _judge(self) -> None:
        """Whether the target or the number of epochs is reached."""
        best, target = self._best, self._rules.target
        if best is not None and target is not None and self._least <= self._objective.value(target):
            value = self._objective.value(self._least)
            self._set(
                f"target {target:g} is reached (trial {best.number}, epoch {best.epoch}: "
                f"{self._objective.metric} {value:.4g})",
                "target",
            )
        most = self._rules.max_epochs_total
        if most is not None and self.epochs >= most:
            self._set(
                f"the limit of {most:,} epoch{'s' * (most != 1)} is reached", "max_epochs_total"
            )

    def _note_plateau(self) -> None:
        """Ask, whenever a trial came to its end, whether the next ones are worth it.

        One that breaks a limit on outcomes is not asked: it changes nothing of what is known, so
        a row of them would only say the same again.
        """
        count, least = self._finals.finite, self._rules.plateau
        if least is None or count - self._asked < (count // 100 if count > FEW else 1):
            return
        self._asked = count
        outlook = self._finals.outlook()
        if outlook is None:
            return
        matters = outlook.matters if least == "auto" else least
        self._held = self._held + 1 if outlook.gain <= matters else 0
        if self._held >= HOLD:
            self._set(f"a plateau is reached ({outlook}; {matters:.2g} would matter)", "plateau")

    def _set(self, reason: str, limit: str) -> None:
        self.stop = self.stop or StopRun(reason, limit=limit)
