"""How a network is trained, searched together with its architecture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Self, cast

from pydantic import ValidationInfo, field_validator, model_validator

from searchspaces.conditions import condition, conditional
from searchspaces.config import Config
from searchspaces.constraints import constraint
from searchspaces.domains import Choice, Float, Int, Parameter
from searchspaces.errors import ConfigurationError, did_you_mean
from searchspaces.facts import DataFacts
from searchspaces.params import ChoiceParam, FloatParam, IntParam
from searchspaces.scalars import Scalar, problem, same
from searchspaces.space import SearchSpace

OPTIMIZERS = ("adam", "adamw", "sgd", "rmsprop")
SCHEDULES = ("plateau", "cosine", "one-cycle", "none")
_NAMES: Mapping[str, tuple[Scalar, ...]] = {
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "nesterov": (False, True),
}
_LEAST = {
    "batch_size": 1,
    "weight_decay": 0.0,
    "momentum": 0.0,
    "plateau_factor": 0.0,
    "plateau_patience": 0,
    "cosine_floor": 0.0,
    "warmup": 0.0,
    "clip_norm": 0.0,
    "label_smoothing": 0.0,
    "patience": 0,
}
_BELOW_ONE = ("momentum", "plateau_factor", "cosine_floor", "warmup", "label_smoothing")


class Training(SearchSpace):
    """Search space of the training.

    Only the learning rate and the size of a batch are searched unless more is asked for;
    every other field is a constant, and each may be a domain instead. What belongs to one
    optimizer or one schedule is part of a config where that one is: ``momentum`` is absent
    from a config of Adam. There are no other conditions; a domain with ``when`` is refused.

    Attributes:
        learning_rate: the first one; of ``one-cycle`` the highest.
        batch_size: series a batch.
        optimizer: ``adam``, ``adamw``, ``sgd`` or ``rmsprop``.
        momentum: of ``sgd`` and ``rmsprop``; 0, torch's default, is none.
        nesterov: the momentum of ``sgd`` looks ahead.
        weight_decay: apart from the gradient in ``adamw``, else added to it (L2).
        schedule: of the learning rate. ``plateau`` cuts it when the validation loss stops
            falling, ``cosine`` lets it fall, ``one-cycle`` rise and fall, from batch to
            batch over the epochs of a trial that is never stopped; ``none`` keeps it.
        plateau_factor: what a cut multiplies it by.
        plateau_patience: epochs without improvement that are waited for.
        cosine_floor: the last rate as a share of the first.
        warmup: the share of the batches in which ``one-cycle`` rises.
        clip_norm: gradients are scaled down to this norm; 0 leaves them alone.
        label_smoothing: share of the label spread over all classes, in the training loss only.
        patience: a trial that was not better for so many epochs is complete; 0 never is.
    """

    learning_rate: FloatParam = Float(1e-4, 1e-1, log=True)
    batch_size: IntParam = Int(16, 256, powers_of=2)
    optimizer: ChoiceParam = "adam"
    momentum: FloatParam = 0.9
    nesterov: ChoiceParam = False
    weight_decay: FloatParam = 0.0
    schedule: ChoiceParam = "plateau"
    plateau_factor: FloatParam = 0.5
    plateau_patience: IntParam = 3
    cosine_floor: FloatParam = 0.0
    warmup: FloatParam = 0.3
    clip_norm: FloatParam = 1.0
    label_smoothing: FloatParam = 0.0
    patience: IntParam = 0

    needs: ClassVar[Mapping[str, tuple[str, tuple[Scalar, ...]]]] = {
        "momentum": ("optimizer", ("sgd", "rmsprop")),
        "nesterov": ("optimizer", ("sgd",)),
        "plateau_factor": ("schedule", ("plateau",)),
        "plateau_patience": ("schedule", ("plateau",)),
        "cosine_floor": ("schedule", ("cosine",)),
        "warmup": ("schedule", ("one-cycle",)),
    }
    """What a field means something to: the parent and its values."""

    @field_validator(*_NAMES)
    @classmethod
    def _check_names(cls, value: Parameter, info: ValidationInfo) -> Parameter:
        known = _NAMES[str(info.field_name)]
        for found in value.values if isinstance(value, Choice) else (value,):
            if not any(same(cast("Scalar", found), other) for other in known):
                close = did_you_mean(str(found), map(str, known))
                hint = f" Did you mean {close!r}?" if close else ""
                listed = ", ".join(map(_plain, known))
                raise problem(f"unknown {info.field_name} {found!r}.{hint} Known: {listed}.")
        return value

    @field_validator("learning_rate")
    @classmethod
    def _check_rate(cls, value: float | Float) -> float | Float:
        low = value.low if isinstance(value, Float) else value
        if low <= 0:
            raise problem(f"{low!r} is not above 0. Give more than 0.")
        return value

    @field_validator(*_LEAST)
    @classmethod
    def _check_bounds(cls, value: Parameter, info: ValidationInfo) -> Parameter:
        name = str(info.field_name)
        low, high = (value.low, value.high) if isinstance(value, Float | Int) else (value, value)
        if float(cast("float", low)) < _LEAST[name]:
            raise problem(f"{low!r} is below {_LEAST[name]:g}. Give {_LEAST[name]:g} or more.")
        if name in _BELOW_ONE and float(cast("float", high)) >= 1:
            raise problem(f"{high!r} is not below 1. Give a share from 0 to less than 1.")
        return value

    @model_validator(mode="after")
    def _check_conditions(self) -> Self:
        for name in type(self).model_fields:
            if condition(getattr(self, name)):
                raise ConfigurationError(
                    f"the training has its own conditions, and a trial without {name} would "
                    f"take its default. Leave it out.",
                    place=f"{type(self).__name__}.{name}.when",
                )
        return self

    @model_validator(mode="after")
    def _check_idle(self) -> Self:
        """What was set, and can never act, is refused: nobody sets it for nothing."""
        for name, (parent, values) in self.needs.items():
            given = getattr(self, name)
            if self._ever(parent, values) or given == type(self).model_fields[name].default:
                continue
            wanted = " or ".join(map(_plain, values))
            raise ConfigurationError(
                f"it is set, but {parent} never is {wanted}. "
                f"Leave it out, or set training.{parent}.",
                place=f"{type(self).__name__}.{name}",
            )
        return self

    def parameters(self) -> dict[str, Parameter]:
        """Domains and constants by name; what can never be active is left out.

        Where an optimizer or schedule is searched, what it alone needs is conditional on it,
        a constant too: as a domain of one value.
        """
        found = super().parameters()
        for name, (parent, values) in self.needs.items():
            if not self._ever(parent, values):
                del found[name]
            elif isinstance(choice := found[parent], Choice):
                able = tuple(value for value in values if choice.contains(value))
                if len(able) < choice.size:
                    found[name] = conditional(found[name], {parent: able})
        return found

    @constraint
    def nesterov_needs_momentum(self, config: Config, facts: DataFacts | None) -> bool:  # noqa: ARG002  # constraints get facts
        """Nesterov's momentum must be above 0."""
        return not config.get("nesterov", False) or config["momentum"] > 0

    def _ever(self, parent: str, values: tuple[Scalar, ...]) -> bool:
        """Whether the parent can have one of the values."""
        parameter = getattr(self, parent)
        if isinstance(parameter, Choice):
            return any(parameter.contains(value) for value in values)
        return any(same(parameter, value) for value in values)


def _plain(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
