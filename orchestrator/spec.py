"""The spec of a sweep: everything that is needed to run it again, declared and checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SerializeAsAny

from orchestrator.declared import check_whole, declare, merge, one_or_more, override, unknown_key
from orchestrator.engine.objective import Mode, Objective, goal
from orchestrator.engine.stopping import MaxEpochs, MaxTime, Plateau, StopRules, Target
from orchestrator.knowing import read_points
from orchestrator.runs.address import normal
from orchestrator.schedulers import Scheduler
from orchestrator.searchers import Searcher
from orchestrator.searchers.fresh import most_trials
from orchestrator.spec_checks import check_spec
from orchestrator.strategies import (
    DEFAULT_STRATEGY,
    STOPPING_STRATEGY,
    scheduler_from,
    searcher_from,
    strategy,
)
from orchestrator.tracking.settings import Tracking, tracking_from
from searchspaces import JointSpace, SearchSpace, Training
from searchspaces.errors import ConfigurationError
from searchspaces.inline import NoTraining, inline_class
from searchspaces.scalars import Integer, Number
from trainables.limits import limit
from trainables.programs import Form, Program, command_program, program_of
from trainables.programs.placeholders import arguments_of

SplitName = Literal["group", "stratified", "published"]
Device = Literal["auto", "cpu", "cuda", "mps"]
Precision = Literal["float32", "bfloat16", "float16"]

MOST = 1_000_000
"""Trials, and epochs of one, that a sweep can have: schedulers lay out all of them at the start."""


def _unless_auto(value: Any) -> Any:
    """``auto`` is what nothing is: it undoes what a file says."""
    return None if value == "auto" else value


def _whole_or_part(gpus: float | None) -> float | None:
    """Ray gives a trial a part of one GPU, or whole ones."""
    if gpus is not None and gpus > 1 and gpus != int(gpus):
        raise ValueError(f"{gpus:g} is neither a part of one GPU nor whole ones")
    return gpus


_Limits = Annotated[
    tuple[Annotated[str, AfterValidator(lambda text: str(limit(text)))], ...],
    one_or_more("limits", "'weights < 50000'"),
]
_Goals = Annotated[
    tuple[Annotated[str, AfterValidator(lambda text: str(goal(text)))], ...],
    one_or_more("objectives", "'weights min'"),
]
_Runs = Annotated[tuple[str, ...], one_or_more("runs", "'7f3a', a part of its id")]
_Points = Annotated[tuple[dict[str, Any], ...], BeforeValidator(read_points)]


class SweepSpec(BaseModel):
    """A sweep, resolved: no name in it stands for a default that may change.

    Attributes:
        version: of this format.
        name: of the sweep; part of the run's id.
        architecture: what trains: a registered name, or ``module:attribute`` of a network, a
            LightningModule or a training function.
        command: a program that trains, in place of an architecture.
        dataset: a registered name or ``module:Class``; empty for what reads its own data.
        split: how validation data are held out; None is the data set's own way.
        device: where trials compute; ``auto`` is a GPU where there is one.
        precision: of the matrix products on a GPU.
        space: the architecture's space.
        training: the space of how it is trained; searched together with ``space``.
        points: values of configs that are tried first, in this order; the rest of each is drawn.
        warm_start: earlier runs whose results the searcher is told: parts of ids, or paths.
        searcher: which config comes next.
        scheduler: how far each trial runs.
        trials: how many there are.
        epochs: of a trial that is never stopped.
        metric: the objective, one of the metrics that trials report.
        mode: whether it is to be small or large; an accuracy is to be large.
        objectives: further ones beside ``metric``, such as ``weights min``.
        outcomes: limits on metrics, such as ``weights < 50000``.
        seed: of the split, the searcher and every trial.
        seeds: with which every trial trains its config, side by side; it tells their mean.
        folds: of the training part, on each of which every trial trains; None is one split.
        concurrency: trials at a time; None is as many as there is room for.
        cpus: logical ones that a trial takes, and the threads it computes with; None is one.
        gpus: that a trial takes, parts of one too; None is an equal part of what is there.
        storage: URL or path that checkpoints go to; empty is the run's folder.
        max_time: seconds, or a text such as 2h, after which the sweep stops itself; None is
            never.
        max_epochs_total: epochs of all trials after which it does.
        target: value of the metric at which it does.
        plateau: gain of 20 more trials below which it does; ``auto`` as the run itself says.
        checkpoint_seconds: training time between checkpoints, beside those at rungs.
        tracking: where the sweep is told about while it runs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    version: Literal[1] = 1
    name: str = Field(min_length=1, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    architecture: str = ""
    command: str = ""
    dataset: str = "digits"
    split: SplitName | None = None
    device: Device = "auto"
    precision: Precision = "float32"
    space: SerializeAsAny[SearchSpace]
    training: SerializeAsAny[SearchSpace]
    points: _Points = ()
    warm_start: _Runs = ()
    searcher: SerializeAsAny[Searcher]
    scheduler: SerializeAsAny[Scheduler]
    trials: Integer = Field(default=46, ge=1, le=MOST)
    epochs: Integer = Field(default=27, ge=1, le=MOST)
    metric: str = Field(default="valid_loss", min_length=1)
    mode: Mode = "min"
    objectives: _Goals = ()
    outcomes: _Limits = ()
    seed: Integer = Field(default=0, ge=0, lt=2**63)
    seeds: Integer = Field(default=1, ge=1)
    folds: Integer | None = Field(default=None, ge=2)
    concurrency: Annotated[Integer | None, BeforeValidator(_unless_auto)] = Field(
        default=None, ge=1
    )
    cpus: Number | None = Field(default=None, ge=0.01)
    gpus: Annotated[Number | None, AfterValidator(_whole_or_part)] = Field(default=None, ge=0)
    storage: Annotated[str, AfterValidator(normal)] = ""
    max_time: MaxTime = None
    max_epochs_total: MaxEpochs = None
    target: Target = None
    plateau: Plateau = None
    checkpoint_seconds: Number = Field(default=5.0, gt=0)
    tracking: Tracking = Tracking()

    @property
    def program(self) -> Program:
        """What runs in the trials."""
        return command_program(self.command) if self.command else program_of(self.architecture)

    @property
    def trains(self) -> str:
        """The architecture, or the command, for people."""
        return self.architecture or self.command

    @property
    def title(self) -> str:
        """``gru-bohb on digits``."""
        return f"{self.name} on {self.dataset}" if self.dataset else self.name

    @property
    def joint(self) -> JointSpace:
        """Both spaces, searched together."""
        return JointSpace(self.space, self.training)

    @property
    def objective(self) -> Objective:
        """What is minimised or maximised."""
        return Objective(
            self.metric,
            self.mode,
            limits=tuple(map(limit, self.outcomes)),
            others=tuple(map(goal, self.objectives)),
        )

    @property
    def trainings(self) -> int:
        """Of a config in a trial: one for each seed and fold."""
        return self.seeds * (self.folds or 1)

    @property
    def stop_rules(self) -> StopRules:
        """What stops it by itself, beside the time."""
        return StopRules(self.max_epochs_total, self.target, self.plateau)

    @property
    def planned_trials(self) -> int:
        """``trials``, or fewer if the space or the searcher runs out of new configs before."""
        searcher, joint = self.searcher.model_copy(), self.joint
        searcher.begin(joint, seed=self.seed, facts=None)
        return most_trials(searcher, joint, self.trials)

    def dump(self) -> dict[str, Any]:
        """Plain values for a file; ``spec_from`` makes the same spec of them."""
        values = self.model_dump(mode="json", exclude_none=True)
        values["tracking"] = self.tracking.model_dump(mode="json", exclude_defaults=True)
        if self.seeds == 1:
            del values["seeds"]
        unsaid = ("architecture", "command", "dataset", "storage", "tracking", "objectives",
                  "outcomes", "points", "warm_start")  # fmt: skip
        return {key: value for key, value in values.items() if value or key not in unsaid}


def spec_from(values: Mapping[str, Any], *overrides: Mapping[str, Any]) -> SweepSpec:
    """The spec that ``values`` and then each of ``overrides`` describe.

    ``values`` names an ``architecture`` or a ``command`` and may name a ``strategy``; what is
    not said is that pair's default. A mapping without ``kind`` changes single keys of the
    default.

    Raises:
        ConfigurationError: an unknown key or a value that cannot be, at its dotted path.
        UnknownNameError: an unknown architecture, strategy, searcher or scheduler.
    """
    said = dict(values)
    for change in overrides:
        said = override(said, change)
    said.pop("provenance", None)
    program = _program(said)
    chosen = said.pop("strategy", None) or default_strategy(program)
    searcher, scheduler = strategy(str(chosen))
    space_class, space = _space(program, said)
    training_class: type[SearchSpace] = NoTraining if program.learns_by_itself else Training
    base: dict[str, Any] = {
        "space": space,
        "training": training_class().model_dump(mode="json"),
        "searcher": searcher.model_dump(mode="json"),
        "scheduler": scheduler.model_dump(mode="json"),
    }
    if program.learns_by_itself:
        base["dataset"] = ""
    if said.get("metric") == "accuracy":
        base["mode"] = "max"
    for key in said:
        if key not in SweepSpec.model_fields:
            raise unknown_key(str(key), [*SweepSpec.model_fields, "strategy"], place="")
    whole = merge(base, said)
    try:
        spaces = {
            "space": declare(space_class, _mapping(whole, "space"), place="space"),
            "training": declare(training_class, _mapping(whole, "training"), place="training"),
        }
    except ConfigurationError as error:
        check_whole(error, merge(base, values))
        raise
    parts: dict[str, BaseModel] = {
        **spaces,
        "searcher": searcher_from(whole["searcher"]),
        "scheduler": scheduler_from(whole["scheduler"]),
        "tracking": tracking_from(whole.get("tracking", {})),
    }
    whole.setdefault("name", _name(program, str(chosen), parts["searcher"], parts["scheduler"]))
    spec = declare(SweepSpec, {**whole, **parts})
    check_spec(spec, program)
    return spec


def default_strategy(program: Program) -> str:
    """What is taken for something that trains when nobody names a strategy."""
    return DEFAULT_STRATEGY if program.can_pause else STOPPING_STRATEGY


def _program(said: Mapping[str, Any]) -> Program:
    """What is to be trained; exactly one of ``architecture`` and ``command`` says it."""
    architecture, command = said.get("architecture") or None, said.get("command")
    if architecture is not None and command is not None:
        raise ConfigurationError(
            f"an architecture is given too, {architecture!r}. Give one of both.", place="command"
        )
    if command is not None:
        if not isinstance(command, str):
            raise ConfigurationError(f"{command!r} is no text.", place="command")
        return command_program(command)
    if not isinstance(architecture, str):
        raise ConfigurationError(
            "the name is missing. Give one, such as gru.", place="architecture"
        )
    return program_of(architecture)


def _space(program: Program, said: Mapping[str, Any]) -> tuple[type[SearchSpace], dict[str, Any]]:
    """The class of the space and its defaults; a program without one has it in the sweep."""
    if program.space is not None:
        return program.space, program.space().model_dump(mode="json")
    declared = said.get("space")
    if isinstance(declared, SearchSpace) and declared.constraints():
        name = type(declared).__name__
        if program.form is Form.FUNCTION:
            instead = f"Let the function carry it: train.space = {name}."
        elif program.form is Form.ASK:
            instead = (
                "Leave them out, and call study.fail(trial, reason, infeasible=True) where one is "
                "broken."
            )
        else:
            instead = "Leave them out, and let the program exit where one is broken."
        raise ConfigurationError(
            f"{name} has constraints, which a sweep's file cannot hold. {instead}", place="space"
        )
    if not declared:
        raise ConfigurationError(
            f"{program.target} has none of its own. Declare it here, such as "
            f"space: {{learning_rate: {{low: 1e-4, high: 1e-1, log: true}}}}.",
            place="space",
        )
    return inline_class(_mapping(said, "space")), {}


def _name(program: Program, chosen: str, *parts: Any) -> str:
    """What a sweep is called if nobody says: ``gru-bohb``, or ``gru-sobol-asha``.

    Args:
        program: what trains.
        chosen: its strategy.
        parts: its searcher and its scheduler, which may be others than the strategy's.
    """
    kinds = [part.kind for part in parts]
    if kinds == [part.kind for part in strategy(chosen)]:
        return f"{_stem(program)}-{chosen}"
    return "-".join([_stem(program), *(_word(kind) for kind in kinds)])


def _stem(program: Program) -> str:
    """The first part of that."""
    name = _word(program.target) or "sweep"
    if program.form is not Form.COMMAND:
        return name
    words = arguments_of(program.target)
    script = next((word for word in words if Path(word).suffix), words[0])
    return re.sub(r"[^A-Za-z0-9._-]+", "", Path(script).stem).lstrip("._-") or "command"


def _word(target: str) -> str:
    """``net`` of ``own:Net``."""
    return target.rpartition(":")[2].lower().lstrip("_.")


def _mapping(whole: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = whole[key]
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{value!r} is no mapping of parameters.", place=key)
    return value
