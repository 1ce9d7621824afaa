"""Trials that train a config several times: which sweeps can have them, and in what words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.engine.objective import Goal, goal
from searchspaces.errors import ConfigurationError, UnknownNameError
from trainables.outcomes import METRICS, SUMMED, spread, spread_of
from trainables.programs import Form, Program

if TYPE_CHECKING:
    from orchestrator.spec import SweepSpec


def check_several(spec: SweepSpec, program: Program) -> None:
    """Refuse seeds and folds where nothing could train a config several times.

    Raises:
        ConfigurationError: at the key that asks for it.
    """
    if spec.trainings == 1:
        return
    if program.form is Form.ASK:
        refuse_asked(spec)
    place = "folds" if spec.folds else "seeds"
    problem = _alone(spec, program)
    if problem:
        raise ConfigurationError(problem, place=place)
    if spec.folds and not spec.dataset:
        raise ConfigurationError(
            "the sweep names no data set that could be folded. Give dataset, or leave folds out.",
            place=place,
        )
    if spec.folds and spec.split == "published":
        raise ConfigurationError(
            "split published has one validation part, that of the reports. Give another split, or "
            "leave folds out.",
            place=place,
        )
    if spec.folds and program.form is Form.LIGHTNING and _reads_its_own(program.target):
        raise ConfigurationError(
            f"{program.target} has a train_dataloader of its own, so that all folds would be the "
            f"same. Leave one of both out.",
            place=place,
        )


def refuse_asked(spec: SweepSpec) -> None:
    """Refuse seeds and folds where trials are asked for.

    Raises:
        ConfigurationError: the spec has some.
    """
    if spec.trainings > 1:
        raise ConfigurationError(
            "whoever asks for a trial trains it. Train it several times there, and tell the mean.",
            place="folds" if spec.folds else "seeds",
        )


def known_metrics(spec: SweepSpec) -> tuple[str, ...]:
    """What trials report that orch trains, with the deviations of what is trained several times."""
    if spec.trainings == 1:
        return METRICS
    return (*METRICS, *(spread(metric) for metric in METRICS if metric not in SUMMED))


def check_metrics(spec: SweepSpec) -> None:
    """Refuse metrics that no trial will report; who trains by itself reports what it likes.

    Raises:
        UnknownNameError: the objective, or a metric with a limit, that orch does not know.
    """
    if spec.program.learns_by_itself:
        return
    known = known_metrics(spec)
    for metric in spec.objective.metrics:
        if metric not in known:
            raise UnknownNameError("metric", metric, known)


def apart(spec: SweepSpec) -> tuple[str, ...]:
    """Metrics whose deviations are sought or limited, or may be meant."""
    return tuple(filter(None, map(spread_of, spec.objective.metrics)))


def alone(spec: SweepSpec) -> tuple[Goal, tuple[str, ...]]:
    """What one training of a trial goes by: what to seek, and the limits.

    It knows nothing of how far it is from the others: where that is sought it goes by the metric
    itself, and no limit on that is its own.
    """
    first, limits = spec.objective.goals[0], spec.objective.limits
    if spec.trainings == 1:
        return first, spec.outcomes
    own = spread_of(first.metric)
    kept = tuple(str(each) for each in limits if not spread_of(each.metric))
    return goal(own) if own else first, kept


def words(spec: SweepSpec) -> str:
    """``3 seeds each``, ``5 folds x 3 seeds each``; empty where a trial trains once."""
    parts = [f"{spec.folds} folds"] if spec.folds else []
    if spec.seeds > 1:
        parts.append(f"{spec.seeds} seeds")
    return f"{' x '.join(parts)} each" if parts else ""


def _alone(spec: SweepSpec, program: Program) -> str:
    """Why a config can be trained once only, with a way out; empty if that is not so."""
    instead = "Let it repeat itself and report the mean, or leave this out."
    if program.form is Form.COMMAND:
        return f"a trial is one process of a command, and has one name and one share of the "\
               f"machine. {instead}"  # fmt: skip
    if program.form is Form.FUNCTION and program.ranks:
        return f"{program.target} has workers = {program.ranks}, which train one model together. "\
               f"{instead}"  # fmt: skip
    if program.form is Form.FUNCTION and not program.can_pause:
        function = program.target.rpartition(":")[2]
        return f"{program.target} takes no state, so that {spec.trainings} of it would draw from "\
               f"the same random numbers. Write {function}(config, state)."  # fmt: skip
    return ""


def _reads_its_own(target: str) -> bool:
    from orchestrator.preflight.batches import has_loader

    return has_loader(target)
