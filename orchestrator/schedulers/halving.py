"""What ASHA and asynchronous HyperBand have in common: brackets in which nobody waits."""

from __future__ import annotations

from abc import abstractmethod

from pydantic import Field, PrivateAttr

from orchestrator.schedulers.base import Scheduler, unexpected
from orchestrator.schedulers.bracket import Bracket, Form, Rule
from orchestrator.schedulers.decisions import Decision, Place, Prune, Resume, Rung, Start


class AsynchronousHalving(Scheduler):
    """Trials are compared at rungs with those that came before, and with no others.

    ``form: stopping`` decides when a trial reports: among the best ``max(1, n // eta)`` of
    the ``n`` that have reported there, itself included, it goes on at once, otherwise it
    stops for good. Nothing pauses, so no checkpoint is needed to go on.

    ``form: promotion`` pauses every trial at every rung. Whenever a worker is free, the
    best paused trial that is among the best ``n // eta`` of its rung goes on, of the highest
    rung that has one; only if there is none a new trial starts. A trial that was too bad at
    first may so go on later. Once no trial may start and none runs in its bracket, what is
    paused is pruned: idle workers never wait while a trial can be promoted. If by then no
    trial has come to the end of the bracket (too few for the last rungs), the best one
    paused at the highest rung goes on first, rung by rung, though it is none of the best
    1/eta: a bracket in which a loss is finite trains a trial to ``max_epochs``.

    ``cap`` sends no more than ``n // eta`` on from a rung (in the stopping form, one at
    least). Without it a rung sends all that ever were among its best, and where a searcher
    improves, so that each trial is better than those before, that is nearly all of them.

    Ties go to the lower number. An infinite loss stops its trial, and counts in ``n``. A trial
    that fails on its way to a rung does not count in its ``n``; one that ends while it is
    paused does, and leaves its rank to the next.

    Several objectives are compared by their places in a non-dominated sorting of the trials
    at the rung, which takes time that grows with these.

    Memory: the losses reported at each rung, and one place per trial.

    Source: Li et al., A System for Massively Parallel Hyperparameter Tuning, MLSys (2020),
    algorithm 2, is the promotion form without a cap, of trials that never run out; the
    stopping form is that of Ray Tune and Syne Tune.
    """

    eta: int = Field(default=3, ge=2)
    """One in ``eta`` goes on at each rung."""
    form: Form = "stopping"
    """Whether a trial stops at a rung for good or pauses there."""
    cap: bool = False
    """Of ``n`` at a rung, no more than ``n // eta`` ever go on."""

    _trials: int = PrivateAttr(default=0)
    _brackets: list[Bracket] = PrivateAttr(default_factory=list)
    _turns: list[tuple[int, int]] = PrivateAttr(default_factory=list)
    _turn: int = PrivateAttr(default=0)
    _left: int = PrivateAttr(default=0)
    _places: dict[int, Place] = PrivateAttr(default_factory=dict)
    _known: dict[Place, Place] = PrivateAttr(default_factory=dict)

    @property
    def pauses(self) -> bool:
        """In the promotion form."""
        return self.form == "promotion"

    @property
    def exact(self) -> bool:
        """Where trials wait, a cap is reached in the end, whatever the losses are."""
        return self.form == "promotion" and self.cap

    def most_epochs(self) -> int:
        """With a cap no more than the plan."""
        return self.total_epochs() if self.cap else super().most_epochs()

    def begin(self, *, trials: int, max_epochs: int) -> None:
        """Lay out the brackets."""
        super().begin(trials=trials, max_epochs=max_epochs)
        rule = Rule(self.eta, self.form, self.cap)
        brackets, turns = self._laid_out(trials, max_epochs)
        sizes = [0] * len(brackets)
        for index, count in turns:
            sizes[index] += count
        self._brackets = [
            Bracket(levels, size, rule) for levels, size in zip(brackets, sizes, strict=True)
        ]
        self._trials, self._turns = trials, turns
        self._turn, self._left = 0, turns[0][1]
        self._places, self._known = {}, {}

    @abstractmethod
    def _laid_out(
        self, trials: int, max_epochs: int
    ) -> tuple[list[tuple[int, ...]], list[tuple[int, int]]]:
        """The levels of each bracket; and in turns, a bracket and how many trials start there."""

    def propose(self) -> Start | Resume | Prune | None:
        """A Prune, else a Resume, else a Start while trials are left."""
        resume: Resume | None = None
        for bracket in self._brackets:
            due = bracket.due()
            if isinstance(due, Prune):
                return due
            resume = resume or due
        if resume is not None or self._turn == len(self._turns):
            return resume
        index = self._turns[self._turn][0]
        bracket = self._brackets[index]
        return Start(bracket=index, until=bracket.levels[0])

    def started(self, number: int) -> None:
        """Give the trial the first rung of the bracket whose turn it is."""
        if number in self._places or self._turn == len(self._turns):
            raise unexpected(number, "started")
        index = self._turns[self._turn][0]
        self._give(number, index, rung=0)
        self._brackets[index].start(number)
        self._left -= 1
        if self._left == 0:
            self._turn += 1
            self._left = self._turns[self._turn][1] if self._turn < len(self._turns) else 0

    def resumed(self, number: int) -> None:
        """Give the paused trial the next rung."""
        bracket = self._bracket(number, "resumed")
        due = bracket.due()
        if not isinstance(due, Resume) or due.number != number:
            raise unexpected(number, "resumed")
        self._give(number, self._places[number].bracket, bracket.resumed(number))

    def pruned(self, number: int) -> None:
        """Forget that the trial waits."""
        bracket = self._bracket(number, "pruned")
        due = bracket.due()
        if not isinstance(due, Prune) or due.number != number:
            raise unexpected(number, "pruned")
        bracket.pruned(number)

    @property
    def weighs(self) -> bool:
        """By non-dominated sorting of those that have come to a rung."""
        return True

    def weighed(self, number: int, losses: tuple[float, ...]) -> None:
        """Keep them until the trial reports."""
        self._bracket(number, "weighed").told[number] = losses

    def report(self, number: int, epoch: int, loss: float) -> Decision:
        """Continue or Stop in the stopping form, Pause in the other, Stop at the last rung."""
        what = f"reported at epoch {epoch}"
        bracket = self._bracket(number, what)
        decision = bracket.report(number, epoch, loss)
        if number in bracket.running:
            self._give(number, self._places[number].bracket, bracket.running[number])
        return decision

    def ended(self, number: int) -> None:
        """Forget that the trial runs or waits; what it reported before stays."""
        self._bracket(number, "ended").ended(number)

    def done(self, number: int) -> None:
        """As if it ended; it has come to its end, so none takes its place to train one."""
        self.ended(number)
        self._bracket(number, "done").crowned = True

    def place(self, number: int) -> Place:
        """The trial's bracket, and the rung it was last sent to."""
        return self._places[number]

    def plan(self) -> list[list[Rung]]:
        """How many trials are expected at each rung, when losses come in random order."""
        return [list(bracket.plan()) for bracket in self._brackets]

    @property
    def finished(self) -> bool:
        """All trials have started, none runs and none waits."""
        return all(bracket.over for bracket in self._brackets)

    def _bracket(self, number: int, what: str) -> Bracket:
        if number not in self._places:
            raise unexpected(number, what)
        return self._brackets[self._places[number].bracket]

    def _give(self, number: int, bracket: int, rung: int) -> None:
        """Note the trial's place; trials of the same rung share one object."""
        place = Place(bracket, rung)
        self._places[number] = self._known.setdefault(place, place)
