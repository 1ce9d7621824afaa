"""What a check found, and what follows from it for the sweep."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from searchspaces import Value
from searchspaces.errors import OrchError
from searchspaces.scalars import text

START_SECONDS = 5.0
"""Until Ray and the workers stand."""


class CheckError(OrchError):
    """A config of the space cannot be trained at all; exit code 1.

    Attributes:
        config: the searched parameters; empty where no config was reached.
        reason: what happened, in one line.
        detail: the traceback, if something was raised; a note of the error.
        sweep: what a person types after ``orch try`` for the sweep.
        again: whether it can be tried once more without harm.
    """

    def __init__(
        self,
        reason: str,
        config: Mapping[str, Any],
        *,
        detail: str = "",
        sweep: str = "NAME",
        again: bool = True,
    ) -> None:
        self.config = dict(config)
        self.reason = reason
        self.detail = detail
        settings = [f"{name}={_yaml(value)}" for name, value in self.config.items()]
        said = reason.rstrip(".")
        if not settings:
            said += "."
        elif again:
            said += f". Look closer: orch try {sweep} --set {' --set '.join(settings)}"
        else:
            said += (
                f", with {', '.join(settings)}. Leave such configs out of the space, or the "
                f"check: --no-check."
            )
        super().__init__(f"check: {said}")
        if detail:
            self.add_note(detail)  # --debug prints it


@dataclass(frozen=True)
class Tried:
    """A config that was tried.

    Attributes:
        name: of its corner: ``smallest``, ``largest``, ``slowest``, ``sample 1``.
        config: searched parameters and their values.
        seconds: a whole epoch would take, estimated from a few batches; None if it failed.
        memory: bytes that the trial took at its peak, beside the libraries and the data.
        gpu: bytes of GPU memory at its peak; None without a GPU.
        weights: how many the network has; None where it does not say.
        failure: why it could not go on, such as ``loss became nan``; empty if it could.
    """

    name: str
    config: Mapping[str, Any]
    seconds: float | None
    memory: int
    gpu: int | None = None
    weights: int | None = None
    failure: str = ""


@dataclass(frozen=True)
class CheckReport:
    """What a check found.

    Attributes:
        tried: the configs, in order.
        epochs: of the whole sweep.
        most: epochs that it comes to at most, whatever the results are; 0 is as many.
        max_epochs: of a trial that is never stopped.
        at_a_time: trials that run at a time.
        cores: that they share; 0 is one for each.
        max_time: seconds after which the sweep stops itself; None is never.
        epoch_seconds: what an epoch takes on average over the space; None if nobody can tell.
        warnings: what to look out for, a line each.
        unchecked: what could not be tried, in a line; empty if all was.
        data: the data in a line.
        care: why scores on these data are to be taken with care; empty where they are honest.
        device: where it ran, such as ``cpu``; empty where nothing ran.
        took: seconds of the check itself.
    """

    tried: tuple[Tried, ...]
    epochs: int
    max_epochs: int
    at_a_time: int
    cores: int = 0
    most: int = 0
    max_time: float | None = None
    epoch_seconds: float | None = None
    warnings: tuple[str, ...] = ()
    unchecked: str = ""
    data: str = ""
    care: str = ""
    device: str = ""
    took: float = 0.0

    @property
    def sweep_seconds(self) -> float | None:
        """What the whole sweep will take, without ``max_time``; None if nobody can tell.

        All epochs at the average over the space, shared by the trials that run at a time,
        but no less than one whole trial takes.
        """
        return self._seconds(self.epochs)

    @property
    def most_seconds(self) -> float | None:
        """The same where every trial goes as far as it can."""
        return self._seconds(max(self.epochs, self.most))

    def _seconds(self, epochs: int) -> float | None:
        each = self.epoch_seconds
        if each is None:
            return None
        alone = min(self.max_epochs, epochs)
        return START_SECONDS + each * max(epochs / self.busy, alone)

    @property
    def busy(self) -> int:
        """Trials that compute at the same moment."""
        on_cpu = self.device in {"", "cpu"} and self.cores > 0
        return min(self.at_a_time, self.cores) if on_cpu else self.at_a_time

    @property
    def memory(self) -> int:
        """Bytes that a trial takes at most, of those tried."""
        return max((one.memory for one in self.tried), default=0)

    @property
    def gpu(self) -> int | None:
        """Bytes of GPU memory that a trial takes at most; None without a GPU."""
        return max((one.gpu for one in self.tried if one.gpu is not None), default=None)

    @property
    def failures(self) -> tuple[Tried, ...]:
        """Configs that diverged or could not run here."""
        return tuple(one for one in self.tried if one.failure)


def _yaml(value: Value) -> str:
    """A value of a config as ``--set`` reads it in a shell."""
    return shlex.quote(str(value).lower() if isinstance(value, bool) else text(value))
