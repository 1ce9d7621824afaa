"""The extension point of schedulers: which trial runs how far, and when."""

from __future__ import annotations

from abc import abstractmethod

from pydantic import BaseModel, ConfigDict

from orchestrator.schedulers.decisions import Decision, Place, Proposal, Rung, Variation
from searchspaces.errors import ConfigurationError


class Scheduler(BaseModel):
    """Decides which trial runs next, to which epoch, and which ends early.

    A subclass is a pydantic class: its fields are its settings, ``kind`` is the
    name it is registered under, and its state lives in private attributes that
    :meth:`begin` resets. Epochs count from 1, trials from 0; ``until`` is the
    epoch at which the next report is due. Losses are minimised.

    All state changes go through :meth:`started`, :meth:`resumed`, :meth:`pruned`,
    :meth:`cloned`, :meth:`measured`, :meth:`weighed`, :meth:`report`, :meth:`ended` and
    :meth:`done`, and nothing is drawn at random: the same calls in the same order give the
    same state, which is how a run is resumed.
    Every call must take about the same time for the ten thousandth trial as for
    the first. ``orchestrator.schedulers.testing.check_scheduler`` tests all that.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: str

    @property
    def pauses(self) -> bool:
        """It sends trials to sleep, which those that keep no state cannot do."""
        return False

    @property
    def exact(self) -> bool:
        """Its plan does not depend on the results, unless trials fail or are done early."""
        return False

    @property
    def varies(self) -> Variation | None:
        """How it changes the configs of trials that have begun; None is never."""
        return None

    @property
    def weighs(self) -> bool:
        """It can compare trials by several objectives, of which :meth:`weighed` tells it."""
        return False

    @abstractmethod
    def begin(self, *, trials: int, max_epochs: int) -> None:
        """Plan a sweep of ``trials`` trials; called once, before anything else.

        A subclass calls ``super().begin`` first, which refuses sizes below one.

        Raises:
            ConfigurationError: this scheduler cannot serve that many trials or epochs.
        """
        if trials < 1:
            raise ConfigurationError(f"{trials} trials: give at least 1.", place="trials")
        if max_epochs < 1:
            raise ConfigurationError(f"{max_epochs} epochs: give at least 1.", place="epochs")

    @abstractmethod
    def propose(self) -> Proposal | None:
        """What to do next, or None: wait for a result, or nothing is left (``finished``).

        Changes nothing: asked again before anything else is called, it says the
        same. Called whenever a worker is free and after every report.
        """

    @abstractmethod
    def started(self, number: int) -> None:
        """The proposed Start was followed; the new trial has that number."""

    def resumed(self, number: int) -> None:
        """The proposed Resume of that trial was followed."""
        raise unexpected(number, "resumed")

    def pruned(self, number: int) -> None:
        """The proposed Prune of that trial was followed."""
        raise unexpected(number, "pruned")

    def cloned(self, number: int) -> None:
        """The proposed Clone was followed, or cannot be: the trial goes on either way."""
        raise unexpected(number, "cloned")

    def measured(self, number: int, epoch: int, loss: float) -> None:
        """A running trial's loss of one epoch; by default nobody listens.

        Told of every epoch, once and in order, before :meth:`report` is asked about it.

        Args:
            number: the trial.
            epoch: the one after the last that was told.
            loss: what the sweep minimises, of that epoch alone; may be infinite, and is
                above :data:`searchspaces.dominance.CEILING` where the epoch breaks a limit.
        """

    def weighed(self, number: int, losses: tuple[float, ...]) -> None:
        """All losses of a running trial, told right before :meth:`report` is asked about it.

        Only where a sweep has several objectives; by default nobody listens.

        Args:
            number: the trial.
            losses: what the sweep minimises, the loss that is reported first; finite.
        """

    @abstractmethod
    def report(self, number: int, epoch: int, loss: float) -> Decision:
        """A running trial reached the epoch it was given; what now?

        Args:
            number: the trial.
            epoch: the ``until`` it was last given.
            loss: what the sweep minimises, the least up to that epoch. Infinity is no
                error and ranks with the failed trials.

        Returns:
            ``Stop()`` always at ``max_epochs``.
        """

    @abstractmethod
    def ended(self, number: int) -> None:
        """The trial is over before its milestone: failed, infeasible, stopped by a person.

        May come for a running and for a paused trial. What it reported at earlier rungs
        stays.
        """

    def done(self, number: int) -> None:
        """The trial was complete by itself before its milestone.

        By default as :meth:`ended`: it leaves its place at the next rung to another.
        """
        self.ended(number)

    @abstractmethod
    def place(self, number: int) -> Place:
        """Bracket, and index of the last rung the trial was given, of any trial ever started."""

    @abstractmethod
    def plan(self) -> list[list[Rung]]:
        """The brackets for people: of each, its rungs in ascending epochs.

        Exact where the scheduler is synchronous and nothing fails, else what is
        to be expected.
        """

    @property
    @abstractmethod
    def finished(self) -> bool:
        """True when no trial can ever get anything to do again."""

    def total_epochs(self) -> int:
        """Epochs the plan amounts to; no epoch of a trial counts twice."""
        return sum(
            (rung.epochs - below.epochs) * rung.trials
            for bracket in self.plan()
            for below, rung in zip([Rung(0, 0), *bracket], bracket, strict=False)
        )

    def most_epochs(self) -> int:
        """Epochs that it can come to at most, whatever the results are."""
        if self.exact:
            return self.total_epochs()
        return sum(bracket[0].trials * bracket[-1].epochs for bracket in self.plan())

    def __eq__(self, other: object) -> bool:
        """Equal by kind and settings; how far a sweep has come is no part of it."""
        if not isinstance(other, Scheduler):
            return NotImplemented
        return type(self) is type(other) and self.model_dump() == other.model_dump()

    def __hash__(self) -> int:
        """Hash of kind and settings."""
        return hash((type(self), self.model_dump_json()))


def unexpected(number: int, what: str) -> ValueError:
    """The error of a call that does not fit what the scheduler knows of that trial.

    It is the caller's mistake, not a person's: nothing that is typed leads to it.
    """
    return ValueError(f"trial {number} cannot be {what} now")
