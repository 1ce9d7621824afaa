"""Any program as a trial: it prints an epoch's metrics as a line of JSON.

A line of standard output that is a JSON object of numbers, ``{"valid_loss": 0.31}``, is an
epoch; all other output is the program's own, and its last lines are told when it fails. It
cannot be paused: it is stopped, and starts over when its worker is lost.
"""

from __future__ import annotations

import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping
from typing import IO, Any, ClassVar

from searchspaces.errors import OrchError
from trainables.outcomes import EpochDone, EpochFailed, NothingLeft, Outcome
from trainables.programs import guard
from trainables.programs.metrics import metrics_of, nearly
from trainables.programs.placeholders import environment, filled
from trainables.trial import Trial

GRACE_SECONDS = 5.0
"""Between SIGTERM and SIGKILL."""

_NUMBERS = 'Print numbers alone, such as {"valid_loss": 0.3}'

LINES = 20
"""Of the program's other output that a failure tells."""


class CommandTrial(Trial):
    """Runs a program a trial."""

    costs_while_held: ClassVar[bool] = True

    def prepare(  # type: ignore[override]  # the base takes any keywords, this names them
        self,
        *,
        command: str,
        epochs: int,
        folder: str = "",
        grace: float = GRACE_SECONDS,
        data: object = None,  # noqa: ARG002  # a program reads its own
    ) -> None:
        """Take the command.

        Args:
            command: with ``{names}``.
            epochs: of a trial that is never stopped.
            folder: where programs run; empty for that of this process.
            grace: seconds between SIGTERM and SIGKILL.
            data: not used.
        """
        self._command = command
        self._epochs = epochs
        self._folder = folder or None
        self._grace = grace
        self._process: _Process | None = None

    def start(self, config: Mapping[str, Any], *, seed: int) -> None:
        """Start the program of that config."""
        arguments = filled(self._command, config, epochs=self._epochs, seed=seed, trial=self.label)
        self._epoch = 0
        self._names: frozenset[str] = frozenset()
        self._process = _Process(arguments, self._folder, self._grace)

    def run_epoch(self) -> Outcome:
        """Wait for the next epoch that the program prints, or for its end."""
        if self._process is None:
            raise RuntimeError("start() comes before the first epoch")
        while (line := self._process.line()) is not None:
            metrics = metrics_of(line)
            if metrics:
                self._epoch += 1
                self._names = frozenset(metrics)
                return EpochDone(metrics)
            self._process.other.append(line)
            if close := nearly(line, like=self._names):
                # Left out, it would give later epochs the wrong number.
                return EpochFailed(f"{close}. {_NUMBERS}")
        return self._ended(self._process)

    def _ended(self, process: _Process) -> Outcome:
        code = process.wait()
        if code == 0 and self._epoch:
            return NothingLeft("the program ended")
        said = "\n".join(process.other)
        if code == 0:
            close = next(filter(None, map(nearly, process.other)), "")
            why = (
                f"{close}. {_NUMBERS}"
                if close
                else "no line of its standard output was a JSON object of numbers, such as "
                '{"valid_loss": 0.3}'
            )
            return EpochFailed(f"the program ended without an epoch: {why}", detail=said)
        errors = process.errors
        last = next((line for line in reversed(errors) if line.strip()), "")
        return EpochFailed(
            f"{_ending(code)}{': ' if last else ''}{last.strip()}"[:500],
            detail="\n".join([said, *errors] if said else errors),
        )

    @property
    def can_pause(self) -> bool:
        """Never: orch knows nothing of a program's state."""
        return False

    def freeze(self) -> bytes:
        """Not possible."""
        raise OrchError("a program cannot be paused: orch knows nothing of its state.")

    def thaw(self, state: bytes) -> int:  # noqa: ARG002  # there is none
        """Not possible."""
        raise OrchError("a program cannot go on from a checkpoint. Start the trial anew.")

    def let_go(self) -> None:
        """Stop the program and all it has started: SIGTERM, then SIGKILL."""
        process, self._process = self._process, None
        if process is not None:
            process.stop()


class _Process:
    """A program under its guard, and what it has printed.

    Attributes:
        other: last lines of standard output that are no epochs.
    """

    def __init__(self, arguments: list[str], folder: str | None, grace: float) -> None:
        self._grace = grace
        self._guard = subprocess.Popen(  # noqa: S603  # what the user asked for
            [sys.executable, "-I", "-S", guard.__file__, str(grace), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=environment(),
            start_new_session=True,  # an interrupt at the terminal is the driver's affair
        )
        self.other: deque[str] = deque(maxlen=LINES)
        self._errors: deque[str] = deque(maxlen=LINES)
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._readers = [
            threading.Thread(target=self._read_output, args=(self._guard.stdout,), daemon=True),
            threading.Thread(target=self._read_errors, args=(self._guard.stderr,), daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def line(self) -> str | None:
        """The next line of standard output; None at its end."""
        return self._lines.get()

    @property
    def errors(self) -> list[str]:
        """The last lines of standard error; complete once the program has ended."""
        self._readers[1].join(timeout=self._grace)
        return list(self._errors)

    def wait(self) -> int:
        """The exit code; of a program that closed its output and goes on, when it ends."""
        return self._guard.wait()

    def stop(self) -> None:
        """End the program, and wait until that is so."""
        if self._guard.stdin is not None:
            self._guard.stdin.close()
        try:
            self._guard.wait(timeout=self._grace + 2)
        except subprocess.TimeoutExpired:  # stopped or stuck itself
            self._guard.kill()
            self._guard.wait()
        for reader, stream in zip(
            self._readers, (self._guard.stdout, self._guard.stderr), strict=True
        ):
            reader.join(timeout=1)
            if stream is not None and not reader.is_alive():
                stream.close()

    def _read_output(self, stream: IO[bytes]) -> None:
        for line in stream:
            self._lines.put(line.decode("utf-8", "backslashreplace").rstrip("\r\n"))
        self._lines.put(None)

    def _read_errors(self, stream: IO[bytes]) -> None:
        for line in stream:
            self._errors.append(line.decode("utf-8", "backslashreplace").rstrip("\r\n"))


def _ending(code: int) -> str:
    """How a program ended, in words."""
    if code > 128:
        try:
            return f"ended by {signal.Signals(code - 128).name}"
        except ValueError:
            pass
    return f"exit code {code}"
