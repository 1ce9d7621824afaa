"""From a spec, in which things have names, to what the engine runs: data, trainable, plan."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.engine.machines import Joined
from orchestrator.engine.session import Plan
from orchestrator.knowing import check_known
from orchestrator.pairs import check_asked
from orchestrator.several import alone, apart, check_metrics, refuse_asked
from orchestrator.spec import SweepSpec
from searchspaces.errors import ConfigurationError
from trainables.programs import Form
from trainables.programs.placeholders import refuse_missing

if TYPE_CHECKING:
    from trainables.data import AnyData
    from trainables.trainable import TrialTrainable
    from trainables.trial import Trial


def load_data(spec: SweepSpec) -> AnyData | None:
    """The data; what only the workers would refuse is refused here, before there is a folder."""
    program = spec.program
    if program.form is Form.ASK:
        raise ConfigurationError(
            "nothing is named that trains. Ask for its trials: Sweep(...).ask_tell().",
            place="architecture",
        )
    if program.form is Form.COMMAND:
        refuse_missing(spec.command)
    check_metrics(spec)
    return _data(spec) if spec.dataset else None


def asked_data(spec: SweepSpec) -> AnyData | None:
    """The data of a sweep that is asked for its trials; whoever asks has metrics of their own.

    Raises:
        ConfigurationError: its scheduler would copy weights that orch does not have, or it has
            seeds or folds.
    """
    check_asked(spec.scheduler)
    refuse_asked(spec)
    return _data(spec) if spec.dataset else None


def _data(spec: SweepSpec) -> AnyData:
    """The data of a spec that names some.

    Raises:
        ConfigurationError: nothing of its space can take them.
    """
    from trainables.data import load_folded_data, load_sweep_data

    data: AnyData = (
        load_folded_data(spec.dataset, folds=spec.folds, seed=spec.seed, split=spec.split)
        if spec.folds
        else load_sweep_data(spec.dataset, seed=spec.seed, split=spec.split)
    )
    refusal = spec.space.refuses(data.facts)
    if refusal:
        raise ConfigurationError(f"{refusal}.", place=f"{spec.trains} on {spec.dataset}")
    check_known(spec, data.facts)
    return data


def trial_of(spec: SweepSpec) -> tuple[type[Trial], dict[str, Any]]:
    """What trains one trial, and the keyword arguments of its ``prepare``; it needs no Ray.

    What asks for several processes runs in this one alone.
    """
    kind, settings = _training_of(spec)
    if spec.trainings == 1:
        return kind, settings
    from trainables.several import SeveralTrial

    return SeveralTrial, {
        **settings,
        "kind": kind,
        "metrics": (spec.metric, *(goal.metric for goal in spec.objective.others)),
        "apart": apart(spec),
        "seeds": spec.seeds,
        "folds": spec.folds or 1,
    }


def _training_of(spec: SweepSpec) -> tuple[type[Trial], dict[str, Any]]:
    """The same for one seed and fold."""
    named = {"target": spec.architecture, "epochs": spec.epochs}
    match spec.program.form:
        case Form.FUNCTION:
            from trainables.programs.function import FunctionTrial

            if spec.program.ranks:
                from trainables.programs.rank import AloneTrial

                return AloneTrial, named
            return FunctionTrial, named
        case Form.COMMAND:
            from trainables.programs.command import CommandTrial

            folder = str(Path.cwd())
            return CommandTrial, {"command": spec.command, "epochs": spec.epochs, "folder": folder}
        case Form.LIGHTNING:
            from trainables.programs.lightning import LightningTrial

            return LightningTrial, {**named, "device": spec.device}
    from trainables.architecture_trial import ArchitectureTrial

    own, limits = alone(spec)
    return ArchitectureTrial, {
        "architecture": spec.architecture,
        "space": spec.joint,
        "metric": own.metric,
        "mode": own.mode,
        "device": spec.device,
        "precision": spec.precision,
        "epochs": spec.epochs,
        "limits": limits,
    }


def worker_trial_of(spec: SweepSpec) -> tuple[type[Trial], dict[str, Any]]:
    """What a worker runs: the same, but that it starts the processes that are asked for.

    It is none of Ray Tune's Trainables: to import those takes every worker a second.
    """
    kind, settings = trial_of(spec)
    if spec.program.ranks:
        from trainables.programs.together import TogetherTrial

        return TogetherTrial, {**settings, "ranks": spec.program.ranks}
    return kind, settings


def trainable_of(spec: SweepSpec) -> tuple[type[TrialTrainable], dict[str, Any]]:
    """The same as one of Ray Tune's Trainables, and the keyword arguments of its ``setup``."""
    from trainables import trainables

    _, settings = trial_of(spec)
    if spec.trainings > 1:
        return trainables.SeveralTrainable, settings
    kinds: dict[Form, type[TrialTrainable]] = {
        Form.FUNCTION: trainables.FunctionTrainable,
        Form.COMMAND: trainables.CommandTrainable,
        Form.LIGHTNING: trainables.LightningTrainable,
    }
    return kinds.get(spec.program.form, trainables.ArchitectureTrainable), settings


def plan_of(spec: SweepSpec, data: AnyData | None, cluster: Joined | None = None) -> Plan:
    """What the engine needs to know about a sweep: with it, nothing in the spec is a name.

    Args:
        spec: the sweep.
        data: as :func:`load_data` has them.
        cluster: of Ray's, to run on; None is a Ray of its own.
    """
    trainable, settings = worker_trial_of(spec)
    return Plan(
        space=spec.joint,
        searcher=spec.searcher,
        scheduler=spec.scheduler,
        objective=spec.objective,
        trials=spec.planned_trials,
        max_epochs=spec.epochs,
        seed=spec.seed,
        trainable=trainable,
        settings=settings,
        data=data,
        facts=data.facts if data else None,
        split=data.split if data else "",
        warning=data.warning if data else "",
        fingerprint=data.fingerprint if data else "",
        workers=spec.concurrency,
        cpus=spec.cpus,
        gpus=spec.gpus,
        ranks=spec.program.ranks,
        cluster=cluster,
        checkpoint_seconds=spec.checkpoint_seconds,
        max_seconds=spec.max_time,
        rules=spec.stop_rules,
    )
