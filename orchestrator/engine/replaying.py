"""Whether a journal goes with what a run is resumed with, and what is said where it does not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from orchestrator.engine.records import EpochReported, Verdict
from searchspaces.errors import OrchError, raised


class ReplayError(OrchError):
    """A run's journal was written with other settings, or by another version of orch.

    Attributes:
        problem: where they part.
    """

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(
            f"the journal does not go with the run's spec.yaml: {problem}. Undo what was changed "
            f"since in spec.yaml or in code of your own, or resume with the version of orch that "
            f"spec.yaml names."
        )


@contextmanager
def replaying() -> Iterator[None]:
    """A record is taken over: what refuses it did not when it was written.

    Raises:
        ReplayError: the scheduler, the searcher or the space cannot have led to that record.
    """
    try:
        yield
    except ReplayError:
        raise
    except (OrchError, ValueError) as error:
        raise ReplayError(" ".join(str(error).split()).rstrip(".")) from error
    except LookupError as error:  # such as a point that is gone
        raise ReplayError(f"a record cannot be followed ({raised(error)})") from error


def agree(record: EpochReported, verdict: Verdict) -> None:
    """Refuse a decision that is another than the one in the journal.

    Raises:
        ReplayError: it is.
    """
    if record.verdict is not None and record.verdict != verdict:
        raise ReplayError(
            f"at epoch {record.epoch} of trial {record.number} it says "
            f"{_words(record.verdict)!r}, the scheduler now {_words(verdict)!r}"
        )


def _words(verdict: Verdict) -> str:
    return verdict.kind if verdict.until is None else f"{verdict.kind} to epoch {verdict.until}"
