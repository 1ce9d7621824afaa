"""The spec of a sweep: everything that is needed to run it again, declared and checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny

from orchestrator.declared import declare, merge, placed, unknown_key
from orchestrator.engine.objective import Mode, Objective
from orchestrator.schedulers import Scheduler
from orchestrator.searchers import Searcher
from orchestrator.strategies import (
    DEFAULT_STRATEGY,
    STRATEGIES,
    scheduler_from,
    searcher_from,
    strategy,
)
from searchspaces import JointSpace, SearchSpace, Training, space_of
from searchspaces.errors import ConfigurationError, UnknownNameError
from searchspaces.scalars import Integer
from trainables import architectures

SplitName = Literal["group", "stratified", "published"]
Device = Literal["auto", "cpu", "cuda", "mps"]
Precision = Literal["float32", "bfloat16", "float16"]


class SweepSpec(BaseModel):
    """A sweep, resolved: no name in it stands for a default that may change.

    Attributes:
        version: of this format.
        name: of the sweep; part of the run's id.
        architecture: a registered name or ``module:Class``.
        dataset: a registered name or ``module:Class``.
        split: how validation data are held out; None is the data set's own way.
        device: where trials compute; ``auto`` is a GPU where there is one.
        precision: of the matrix products on a GPU.
        space: the architecture's space.
        training: the space of how it is trained; searched together with ``space``.
        searcher: which config comes next.
        scheduler: how far each trial runs.
        trials: how many there are.
        epochs: of a trial that is never stopped.
        metric: the objective, one of the metrics that trials report.
        mode: whether it is to be small or large.
        seed: of the split, the searcher and every trial.
        concurrency: trials at a time; None is one per core.
        max_time: seconds after which the sweep stops itself; None is never.
        checkpoint_seconds: training time between checkpoints, beside those at rungs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    version: Literal[1] = 1
    name: str = Field(min_length=1, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    architecture: str
    dataset: str = "digits"
    split: SplitName | None = None
    device: Device = "auto"
    precision: Precision = "float32"
    space: SerializeAsAny[SearchSpace]
    training: SerializeAsAny[SearchSpace]
    searcher: SerializeAsAny[Searcher]
    scheduler: SerializeAsAny[Scheduler]
    trials: Integer = Field(default=46, ge=1)
    epochs: Integer = Field(default=27, ge=1)
    metric: str = Field(default="valid_loss", min_length=1)
    mode: Mode = "min"
    seed: Integer = Field(default=0, ge=0, lt=2**63)
    concurrency: Integer | None = Field(default=None, ge=1)
    max_time: float | None = Field(default=None, gt=0)
    checkpoint_seconds: float = Field(default=5.0, gt=0)

    @property
    def joint(self) -> JointSpace:
        """Both spaces, searched together."""
        return JointSpace(self.space, self.training)

    @property
    def objective(self) -> Objective:
        """What is minimised or maximised."""
        return Objective(self.metric, self.mode)

    @property
    def planned_trials(self) -> int:
        """``trials``, or fewer if the searcher runs out of new configs before."""
        searcher, joint = self.searcher.model_copy(), self.joint
        searcher.begin(joint, seed=self.seed, facts=None)
        limit = searcher.limit(joint)
        return self.trials if limit is None else min(self.trials, limit)

    def dump(self) -> dict[str, Any]:
        """Plain values for a file; ``spec_from`` makes the same spec of them."""
        return self.model_dump(mode="json", exclude_none=True)


def spec_from(values: Mapping[str, Any], *overrides: Mapping[str, Any]) -> SweepSpec:
    """The spec that ``values`` and then each of ``overrides`` describe.

    ``values`` names an ``architecture`` and may name a ``strategy``; what is not said is
    that pair's default. A mapping without ``kind`` changes single keys of the default.

    Raises:
        ConfigurationError: an unknown key or a value that cannot be, at its dotted path.
        UnknownNameError: an unknown architecture, strategy, searcher or scheduler.
    """
    said = dict(values)
    for override in overrides:
        said = merge(said, override)
    said.pop("provenance", None)
    chosen = said.pop("strategy", None) or DEFAULT_STRATEGY
    architecture = said.get("architecture")
    if not isinstance(architecture, str):
        raise ConfigurationError(
            "the name is missing. Give one, such as gru.", place="architecture"
        )
    searcher, scheduler = strategy(str(chosen))
    space_class = _space_class(architecture)
    base: dict[str, Any] = {
        "name": f"{architecture.rpartition(':')[2].lower()}-{chosen}",
        "space": space_class().model_dump(mode="json"),
        "training": Training().model_dump(mode="json"),
        "searcher": searcher.model_dump(mode="json"),
        "scheduler": scheduler.model_dump(mode="json"),
    }
    for key in said:
        if key not in SweepSpec.model_fields:
            raise unknown_key(str(key), [*SweepSpec.model_fields, "strategy"], place="")
    whole = merge(base, said)
    parts: dict[str, BaseModel] = {
        "space": declare(space_class, _mapping(whole, "space"), place="space"),
        "training": declare(Training, _mapping(whole, "training"), place="training"),
        "searcher": searcher_from(whole["searcher"]),
        "scheduler": scheduler_from(whole["scheduler"]),
    }
    spec = declare(SweepSpec, {**whole, **parts})
    _check(spec)
    return spec


def compose(name: str) -> dict[str, Any]:
    """What a sweep's name says: ``gru-bohb`` is architecture ``gru``, strategy ``bohb``.

    Raises:
        UnknownNameError: it is no pair of the two registries.
    """
    known = architectures.names()
    if name in known or ":" in name:
        return {"architecture": name}
    for chosen in STRATEGIES:
        architecture = name.removesuffix(f"-{chosen}")
        if architecture != name and architecture in known:
            return {"name": name, "architecture": architecture, "strategy": chosen}
    raise UnknownNameError("sweep", name, sweep_names())


def sweep_names() -> tuple[str, ...]:
    """Every pair of an architecture and a strategy."""
    return tuple(f"{left}-{right}" for left in architectures.names() for right in STRATEGIES)


def _space_class(architecture: str) -> type[SearchSpace]:
    """The space of an architecture, without importing torch where that can be."""
    if architecture not in architectures.names() and ":" not in architecture:
        raise UnknownNameError("architecture", architecture, architectures.names())
    found = space_of(architecture)
    return architectures.get(architecture).space if found is None else found


def _mapping(whole: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = whole[key]
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{value!r} is no mapping of parameters.", place=key)
    return value


def _check(spec: SweepSpec) -> None:
    """What only the parts together can tell; nothing is started yet."""
    try:
        spec.joint  # noqa: B018  # names and conditions are checked where the two spaces meet
    except ConfigurationError as error:
        mine = placed(error, type(spec.space), "space")
        raise placed(mine, type(spec.training), "training") from error
    spec.scheduler.model_copy().begin(trials=spec.planned_trials, max_epochs=spec.epochs)
