"""A config trained several times side by side: with other seeds, on other folds, or both."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from searchspaces.errors import ConfigurationError, OrchError
from trainables.bundle import bundled, unbundled
from trainables.outcomes import SUMMED, EpochDone, EpochFailed, NothingLeft, Outcome, spread
from trainables.trial import Trial

if TYPE_CHECKING:
    from trainables.data.folds import FoldedData
    from trainables.data.part import SweepData


def seeds_of(seed: int, count: int) -> list[int]:
    """The seeds of a trial's trainings; the first is the trial's own.

    Args:
        seed: of the trial, which derives from the sweep's and from its number.
        count: how many.
    """
    others = (np.random.SeedSequence([seed, index]) for index in range(1, count))
    return [seed, *(int(each.generate_state(1)[0]) for each in others)]


@dataclass
class _Training:
    """One of the trainings.

    Attributes:
        trial: that holds it.
        name: such as ``fold 2 of 5, seed 1 of 3``.
        told: its metrics by epoch, from the last state on.
        done: epochs behind it.
        ended: why there are no more; empty while there are.
    """

    trial: Trial
    name: str
    told: dict[int, dict[str, float]] = field(default_factory=dict)
    done: int = 0
    ended: str = ""

    def reach(self, epoch: int) -> EpochFailed | None:
        """Run that epoch, unless it was run before, or there is none left."""
        if epoch <= self.done or self.ended:
            return None
        try:
            outcome = self.trial.run_epoch()
        except Exception as error:
            error.add_note(f"in {self.name}")
            raise
        match outcome:
            case EpochFailed():
                return outcome
            case NothingLeft():
                self.ended = outcome.reason
            case EpochDone():
                self.done, self.told[epoch] = epoch, dict(outcome.metrics)
                self.ended = outcome.finished
        return None

    def ran(self, epoch: int) -> bool:
        """Whether it has come to that epoch."""
        return self.done >= epoch

    def at(self, epoch: int) -> dict[str, float]:
        """Its metrics at that epoch; once it has ended, its last ones."""
        return self.told[min(epoch, self.done)]

    def kept(self, epoch: int) -> int:
        """The epoch that it could go on from; one that has ended need not."""
        return epoch if self.ended else min(epoch, self.trial.frozen_epoch(self.done))


class SeveralTrial(Trial):
    """Holds several trainings of a config and runs an epoch of each; what it tells are means.

    They take turns in one process, so an epoch costs the sum of theirs, and they share what was
    prepared. One that ends early stays as it is: its last metrics count on, and the trial is
    complete when all have ended. If one fails, the trial has failed.
    """

    def prepare(  # type: ignore[override]  # the base takes any keywords, this names them
        self,
        *,
        kind: type[Trial],
        metrics: Sequence[str],
        apart: Sequence[str] = (),
        seeds: int = 1,
        folds: int = 1,
        data: SweepData | FoldedData | None = None,
        **settings: Any,
    ) -> None:
        """Prepare once for all trainings.

        Args:
            kind: of trial that each is.
            metrics: the objective, which has to be finite in each training, and further ones;
                the deviations of all of them are metrics too.
            apart: metrics whose deviations are too, but where the trainings tell one of that
                name.
            seeds: trainings in each fold.
            folds: of the data; 1 is none.
            data: those of one split stand for each fold.
            settings: further keyword arguments of the ``prepare`` of ``kind``.

        Raises:
            UsageError: whatever ``kind`` refuses.
        """
        first = kind.bare(data=data, **settings)
        self._metrics = tuple(metrics)
        self._apart = tuple(dict.fromkeys((*metrics, *apart)))
        self._epoch = 0
        self.trainings: tuple[_Training, ...] = ()
        for fold in range(folds):
            there = first.twin(fold)
            names = [_name("fold", fold, folds)] if folds > 1 else []
            self.trainings += tuple(
                _Training(
                    there.twin(fold),
                    ", ".join([*names, _name("seed", seed, seeds)] if seeds > 1 else names),
                )
                for seed in range(seeds)
            )

    @property
    def first(self) -> Trial:
        """The first training's trial."""
        return self.trainings[0].trial

    def start(self, config: Mapping[str, Any], *, seed: int) -> None:
        """Begin every training; the first with the seed of the trial.

        Raises:
            UsageError: ``config`` is invalid.
        """
        self._epoch = 0
        try:
            seeds = seeds_of(seed, len(self.trainings))
            for one, own in zip(self.trainings, seeds, strict=True):
                one.told, one.done, one.ended = {}, 0, ""
                one.trial.begin(config, seed=own, label=self.label)
        except BaseException:
            self.let_go()
            raise

    def run_epoch(self) -> Outcome:
        """Run an epoch of every training that has one left.

        Returns:
            the mean of each metric that all of them tell, the sum of their ``epoch_seconds``,
            and the standard deviation of each objective, and of what else it is asked of (of a
            sample: n - 1), such as ``valid_loss_std``.

        Raises:
            ConfigurationError: they tell one of an objective themselves.
        """
        epoch = self._epoch + 1
        for one in self.trainings:
            failed = one.reach(epoch)
            if failed is not None:
                return EpochFailed(
                    _said(one.name, failed.reason),
                    failed.metrics,
                    failed.infeasible,
                    failed.detail,
                )
            objective = self._metrics[0]
            if one.ran(epoch) and not math.isfinite(one.at(epoch).get(objective, 0.0)):
                reason = f"{objective} is not finite at epoch {epoch}"
                return EpochFailed(_said(one.name, reason), one.at(epoch))
        if not any(one.ran(epoch) for one in self.trainings):
            return NothingLeft(self._ended())
        self._epoch = epoch
        finished = self._ended() if all(self._is_over(one) for one in self.trainings) else ""
        return EpochDone(self._together(epoch), finished)

    def _is_over(self, one: _Training) -> bool:
        return bool(one.ended) and one.done <= self._epoch

    def _ended(self) -> str:
        return "; ".join(dict.fromkeys(one.ended for one in self.trainings))

    def _together(self, epoch: int) -> dict[str, float]:
        each = [one.at(epoch) for one in self.trainings]
        found = {
            name: mean([metrics[name] for metrics in each])
            for name in each[0]
            if name not in SUMMED and all(name in metrics for metrics in each)
        }
        told = frozenset(found)
        for metric in self._apart:
            if metric not in told or len(each) == 1:
                continue
            name = spread(metric)
            if name in told and metric not in self._metrics:
                continue
            if name in told:
                raise ConfigurationError(
                    f"{name!r} is reported, which is what orch calls the deviation of {metric} "
                    f"over seeds and folds. Give it another name.",
                    place="metric",
                )
            values = [metrics[metric] for metrics in each]
            finite = all(map(math.isfinite, values))
            found[name] = statistics.stdev(values) if finite else math.nan
        ran = [one.at(epoch) for one in self.trainings if one.ran(epoch)]
        for name in SUMMED & ran[0].keys():
            found[name] = math.fsum(metrics.get(name, 0.0) for metrics in ran)
        return found

    @property
    def can_pause(self) -> bool:
        """Whether each training can."""
        return all(one.trial.can_pause for one in self.trainings)

    def frozen_epoch(self, epoch: int) -> int:
        """The earliest that a training could go on from; later ones are kept with their metrics."""
        return min(one.kept(epoch) for one in self.trainings)

    def freeze(self) -> bytes:
        """The states of all trainings; see :mod:`trainables.bundle`.

        A training may have kept a later epoch than another: then its metrics since are there.
        """
        epoch = self.frozen_epoch(self._epoch)
        told = [_told(one, epoch) for one in self.trainings]
        return bundled([one.trial.freeze() for one in self.trainings], epoch=epoch, told=told)

    def thaw(self, state: bytes) -> int:
        """Go on from what :meth:`freeze` gave, in each training."""
        bundle = unbundled(state)
        if len(bundle.states) != len(self.trainings):
            raise OrchError(
                f"checkpoint holds {len(bundle.states)} trainings, and a trial has "
                f"{len(self.trainings)}. Put seeds and folds back as they were."
            )
        for one, own, said in zip(self.trainings, bundle.states, bundle.told, strict=True):
            reached = one.trial.thaw(own)
            one.told = {int(epoch): metrics for epoch, metrics in said["told"].items()}
            one.ended, one.done = said["ended"], max([reached, *one.told])
        self._epoch = bundle.epoch
        return self._epoch

    def let_go(self) -> None:
        """End every training."""
        for one in self.trainings:
            one.trial.release()


def _name(what: str, index: int, count: int) -> str:
    return f"{what} {index + 1} of {count}"


def _said(name: str, reason: str) -> str:
    return f"{name}: {reason}" if name else reason


def mean(values: Sequence[float]) -> float:
    """The mean; of equal values that value, to the last bit."""
    if values.count(values[0]) == len(values):
        return values[0]
    try:
        return math.fsum(values) / len(values)
    except (OverflowError, ValueError):  # too large together, or inf and -inf
        return sum(value / len(values) for value in values)


def _told(one: _Training, epoch: int) -> dict[str, Any]:
    """What a training has told beyond what its state at ``epoch`` will tell again."""
    first, last = epoch + 1, one.trial.frozen_epoch(one.done)
    if one.ended:
        first, last = min(epoch, one.done), one.done
    told = {at: metrics for at, metrics in one.told.items() if first <= at <= last}
    return {"ended": one.ended, "told": told}
