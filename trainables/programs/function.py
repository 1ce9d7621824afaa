"""Training functions: generators that yield an epoch's metrics.

::

    def train(config, state):
        model, optimizer = make(config)
        kept = state.load()
        if kept is not None:
            model.load_state_dict(kept["model"])
            optimizer.load_state_dict(kept["optimizer"])
        while state.epoch < state.epochs:
            loss = one_epoch(model, optimizer)
            state.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()})
            yield {"valid_loss": loss}

Between epochs the function stands still and costs nothing. One that takes ``config``
alone cannot be paused: it runs under schedulers that stop trials, and starts over when
its worker is lost.
"""

from __future__ import annotations

import random
import sys
import traceback
from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from searchspaces.config import Arguments
from searchspaces.errors import OrchError, UsageError
from searchspaces.registry import load_object
from trainables.outcomes import EpochDone, EpochFailed, NothingLeft, Outcome
from trainables.programs import keep
from trainables.programs.find import takes_state
from trainables.programs.metrics import numbers
from trainables.trial import Trial

if TYPE_CHECKING:
    from trainables.data.folds import FoldedData
    from trainables.data.part import SweepData

RETURNED = "the function returned"


class State:
    """What a training function knows of its trial, and where it keeps what it needs to go on.

    Attributes:
        epoch: epochs behind it: 0 at first; of a trial that goes on, those before the state
            that :meth:`load` gives. One more after each ``yield``.
        epochs: of a trial that is never stopped.
        seed: of the trial. Before each epoch ``random``, NumPy and torch are seeded from it
            and the epoch, so that a trial that goes on draws what it would have drawn.
        data: training and validation part of the sweep's data set; None if it names none.
        rank: of this process among those of the trial, from 0. What 0 yields and saves counts.
        workers: processes of the trial; 1 unless the function asks for more.
    """

    def __init__(
        self,
        *,
        epochs: int,
        seed: int,
        data: SweepData | None,
        rank: int = 0,
        workers: int = 1,
    ) -> None:
        self.epoch = 0
        self.epochs = epochs
        self.seed = seed
        self.data = data
        self.rank = rank
        self.workers = workers
        self._loaded: Any = None
        self._asked = False
        self._next: Any = None
        self._kept: Any = None
        self._kept_epoch = 0

    def save(self, value: Any) -> None:
        """Keep a state, as it is after the epoch that the next ``yield`` reports.

        Cheap: nothing is written before orch wants a checkpoint. The last one counts.

        Args:
            value: dicts and lists of tensors, arrays, numbers and texts, nested.

        Raises:
            UsageError: something else is in it.
        """
        if self.rank == 0:
            self._next = (keep.copied(value),)

    def load(self) -> Any:
        """What was kept, in a trial that goes on; None in one that begins.

        Tensors are on the CPU. Call it after whatever draws, such as initial weights: from
        here on random numbers are those of the epoch to come.
        """
        if self._loaded is not None and not self._asked:
            seed_all(self.seed, self.epoch, self.rank)
        self._asked = True
        return self._loaded

    def reported(self) -> None:
        """An epoch was yielded: what was saved before that is the state after it."""
        if self._loaded is not None and not self._asked:
            raise UsageError(
                f"the trial goes on from epoch {self.epoch}, and the function did not ask for its "
                f"state. Call state.load() before the first epoch."
            )
        self.epoch += 1
        if self._next is not None:
            (self._kept,), self._kept_epoch = self._next, self.epoch
            self._next = None

    def restore(self, data: bytes) -> int:
        """Go on from bytes that :meth:`frozen` gave; the epoch is returned."""
        self._loaded, self.epoch = keep.decode(data)
        self._kept_epoch = self.epoch
        if self.rank == 0:
            self._kept = keep.copied(self._loaded)
        return self.epoch

    def frozen(self) -> bytes:
        """What was kept last, as bytes."""
        return keep.encode(self._kept, self._kept_epoch)

    @property
    def kept_epoch(self) -> int:
        """The epoch after which that was; 0 if nothing was kept."""
        return self._kept_epoch


class FunctionTrial(Trial):
    """Runs a training function, an epoch at a time."""

    def prepare(  # type: ignore[override]  # the base takes any keywords, this names them
        self, *, target: str, epochs: int, data: SweepData | FoldedData | None = None
    ) -> None:
        """Import the function.

        Args:
            target: ``module:attribute``.
            epochs: of a trial that is never stopped.
            data: handed to the function as ``state.data``.

        Raises:
            ConfigurationError: it does not load, or is no generator function.
        """
        self._take(load_object("architecture", target, target), target, epochs, data)

    def _take(
        self, function: Any, target: str, epochs: int, data: SweepData | FoldedData | None
    ) -> None:
        self._function = function
        self._name = target
        self._pauses = takes_state(target, function)
        self._epochs = epochs
        self._data = cast("SweepData | None", data)  # of folds, take_fold takes one
        self._running: Generator[Any, None, Any] | None = None

    def take_fold(self, fold: int) -> None:
        """Hand that fold to the function: a copy of its series, which the function may keep."""
        from trainables.data.folds import FoldedData  # where there are no data, none are imported

        given: object = self._data
        if isinstance(given, FoldedData):
            self._data = given.fold(fold)

    def start(self, config: Mapping[str, Any], *, seed: int) -> None:
        """Be ready to call the function."""
        self._arguments = Arguments(config)
        self._state = State(epochs=self._epochs, seed=seed, data=self._data)

    def run_epoch(self) -> Outcome:
        """Run the function to its next ``yield``.

        Raises:
            UsageError: it yields no dict of numbers.
            Exception: whatever it raises.
        """
        state = self._state
        begins, had_torch = self._running is None, "torch" in sys.modules
        try:
            said = self._next()
            if begins and not had_torch and "torch" in sys.modules:
                # The function itself imported torch, after torch could have been seeded.
                self.let_go()
                said = self._next()
        except StopIteration:
            if state.epoch == 0:
                return EpochFailed(f"{self._name} returned before its first yield")
            return NothingLeft(RETURNED)
        except SystemExit as error:
            raise RuntimeError(f"{self._name} called sys.exit({error.code!r})") from error
        metrics = numbers(self._name, said) if state.rank == 0 else {}
        state.reported()
        return EpochDone(metrics)

    def _next(self) -> Any:
        if self._pauses or self._running is None:
            seed_all(self._state.seed, self._state.epoch, self._state.rank)
        if self._running is None:
            arguments = (self._arguments, self._state) if self._pauses else (self._arguments,)
            self._running = self._function(*arguments)
        return next(self._running)

    @property
    def can_pause(self) -> bool:
        """Whether the function takes ``state``."""
        return self._pauses

    def frozen_epoch(self, epoch: int) -> int:  # noqa: ARG002  # the function knows better
        """The epoch after which the function last saved its state."""
        return self._state.kept_epoch

    def freeze(self) -> bytes:
        """What the function saved last; see :mod:`trainables.programs.keep`."""
        if not self._pauses:
            raise OrchError(f"{self._name} cannot be paused: it takes no state.")
        return self._state.frozen()

    def thaw(self, state: bytes) -> int:
        """Have the state ready for the function to ask for."""
        return self._state.restore(state)

    def let_go(self) -> None:
        """Close the generator; what that raises is told and keeps nobody else from running."""
        running, self._running = self._running, None
        if running is not None:
            try:
                running.close()
            except Exception:  # noqa: BLE001  # the trial is over, whatever its function says
                traceback.print_exc()


def seed_all(seed: int, epoch: int, rank: int = 0) -> None:
    """Seed Python's, NumPy's and torch's global generators for a trial that is at ``epoch``.

    Trials share a worker: without this, one would go on with the random numbers of another.
    Each of a trial's processes draws its own.
    """
    words = np.random.SeedSequence((seed, epoch, rank)[: 3 if rank else 2]).generate_state(3)
    random.seed(int(words[0]))
    np.random.seed(int(words[1]))  # noqa: NPY002  # users' functions draw from it
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(int(words[2]))
