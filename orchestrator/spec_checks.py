"""What only the parts of a sweep together can tell: which of them do not go with each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.declared import placed
from orchestrator.knowing import check_known
from orchestrator.pairs import check_pair
from orchestrator.several import check_several
from searchspaces import Choice
from searchspaces.cells import alike
from searchspaces.errors import ConfigurationError
from trainables.programs import Form, Program
from trainables.programs.placeholders import check as check_command

if TYPE_CHECKING:
    from orchestrator.spec import SweepSpec


def check_spec(spec: SweepSpec, program: Program) -> None:
    """Refuse what only the parts together can tell; nothing is started yet.

    Raises:
        ConfigurationError: the first thing that is wrong, at its dotted path.
    """
    try:
        spec.joint  # noqa: B018  # names and conditions are checked where the two spaces meet
    except ConfigurationError as error:
        mine = placed(error, type(spec.space), "space")
        raise placed(mine, type(spec.training), "training") from error
    _check_cells(spec)
    check_pair(spec.searcher, spec.scheduler, spec.joint, program)
    check_known(spec)
    _check_goals(spec)
    spec.stop_rules.check(spec.objective)
    check_several(spec, program)
    spec.scheduler.model_copy().begin(trials=spec.planned_trials, max_epochs=spec.epochs)
    if program.learns_by_itself:
        _check_own(spec, program)


def _check_cells(spec: SweepSpec) -> None:
    """Refuse a choice of which the run's tables could not say what a trial had."""
    joint = spec.joint
    for name, parameter in joint.parameters().items():
        if isinstance(parameter, Choice) and (found := alike(parameter.values)) is not None:
            word, other = found
            raise ConfigurationError(
                f"{word!r} and {other!r} are the same text in the run's tables. Write one of them "
                f"in another way.",
                place=f"{joint.groups[name]}.{name}",
            )


def _check_goals(spec: SweepSpec) -> None:
    """Refuse what makes no sense to seek or is there already; a scheduler that takes one alone."""
    seen: set[str] = set()
    for index, goal in enumerate(spec.objective.goals):
        place = f"objectives.{index - 1}" if index else "mode"
        if goal.metric in seen:
            raise ConfigurationError(f"{goal.metric} is an objective already.", place=place)
        if goal.metric == "accuracy" and goal.mode == "min":
            raise ConfigurationError("a small accuracy is a bad one. Give max.", place=place)
        seen.add(goal.metric)
    if spec.objectives and not spec.scheduler.weighs:
        raise ConfigurationError(
            f"{spec.scheduler.kind} compares trials by one loss, and there are {len(seen)} "
            f"objectives. Take asha, async-hyperband, hyperband or fifo.",
            place="scheduler",
        )


def _check_own(spec: SweepSpec, program: Program) -> None:
    """What has no meaning for something that trains by itself, or cannot be filled in."""
    if program.form is Form.COMMAND:
        check_command(spec.command, spec.space.parameters())
    if program.form is Form.FUNCTION and spec.dataset and not program.can_pause:
        function = program.target.rpartition(":")[2]
        raise ConfigurationError(
            f"{program.target} takes no state, which would hand it the data. Write "
            f"{function}(config, state), or leave it out.",
            place="dataset",
        )
    named = {"dataset": bool(spec.dataset) and program.form is Form.COMMAND,
             "split": spec.split is not None and not spec.dataset,
             "device": spec.device != "auto" and program.form is not Form.LIGHTNING,
             "precision": spec.precision != "float32"}  # fmt: skip
    for key, wrong in named.items():
        if wrong:
            raise ConfigurationError(
                f"{program.target} sees to that itself. Leave it out.", place=key
            )
