"""Which searcher, scheduler and program go together, and why others do not."""

from __future__ import annotations

from orchestrator.engine.exploring import varied
from orchestrator.schedulers import Scheduler
from orchestrator.searchers import Searcher
from searchspaces import JointSpace
from searchspaces.errors import ConfigurationError
from trainables.programs import Form, Program


def check_pair(
    searcher: Searcher, scheduler: Scheduler, joint: JointSpace, program: Program
) -> None:
    """Refuse what makes no sense together.

    Raises:
        ConfigurationError: with the reason, and what to take instead.
    """
    _check_pausing(scheduler, program)
    if scheduler.varies is None:
        return
    if program.form is Form.ASK:
        check_asked(scheduler)
    if searcher.laid_out:
        raise ConfigurationError(
            f"{scheduler.kind} changes configs while they train, and {searcher.kind} is to train "
            f"each of its own as it is. Take random, or another scheduler.",
            place="searcher",
        )
    if searcher.learns:
        raise ConfigurationError(
            f"{scheduler.kind} changes configs while they train, so that {searcher.kind} would "
            f"learn of one what another did. Take random, or another scheduler.",
            place="searcher",
        )
    varied(joint, scheduler.varies)


def check_asked(scheduler: Scheduler) -> None:
    """Refuse a scheduler that copies weights where orch does not have them.

    Raises:
        ConfigurationError: it does.
    """
    if scheduler.varies is not None:
        raise ConfigurationError(
            f"{scheduler.kind} copies one trial's weights to another, and whoever asks for trials "
            f"keeps the weights. Take another scheduler, such as asha.",
            place="scheduler",
        )


def _check_pausing(scheduler: Scheduler, program: Program) -> None:
    if not scheduler.pauses or program.can_pause:
        return
    takes, write = "it is a program", "Use"
    if program.form is Form.FUNCTION:
        function = program.target.rpartition(":")[2]
        takes, write = "it takes no state", f"Write {function}(config, state), or use"
    stops = "form=stopping" if "form" in type(scheduler).model_fields else "kind=asha"
    raise ConfigurationError(
        f"{program.target} cannot be paused ({takes}), and {scheduler.kind} pauses "
        f"trials. {write} --set scheduler.{stops}.",
        place="scheduler",
    )
