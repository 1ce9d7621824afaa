"""A space as other libraries know one: floats, whole numbers and choices, with conditions.

Whatever a library has is used: log scales, steps, categories. A log grid, which none has,
becomes a float on a log scale that is rounded to the grid; powers become their exponents.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from searchspaces import Config, JointSpace
from searchspaces.conditions import is_active
from searchspaces.domains import Choice, Domain, Float, Int
from searchspaces.errors import ConfigurationError

REFUSED = 20
"""Suggestions that constraints may refuse in a row before a random config is taken."""


@dataclass(frozen=True)
class Dim:
    """One parameter as a library sees it.

    Attributes:
        name: the parameter's.
        kind: ``float``, ``int`` or ``choice``.
        low: least value; of a choice 0.
        high: greatest value; of a choice its number of values less one.
        log: on a log scale.
        step: of a grid; None is 1 for ``int`` and continuous for ``float``.
        domain: orch's.
    """

    name: str
    kind: Literal["float", "int", "choice"]
    low: float
    high: float
    log: bool
    step: float | None
    domain: Any

    def decode(self, value: Any) -> Any:
        """The domain's member of a library's value, of a choice of its index.

        What lies outside, as Syne Tune's densities suggest at times, is taken to the bound.
        """
        value = min(max(float(value), self.low), self.high)
        if self.kind == "choice":
            return self.domain.value_at(int(value))
        if isinstance(self.domain, Int):
            if self.domain.powers_of is not None:
                return self.domain.value_at(round(value - self.low))
            return self.domain.value_at(self.domain.index_of(float(value)))
        if self.domain.step is not None:
            return self.domain.value_at(self.domain.index_of(float(value)))
        return float(value)

    def encode(self, member: Any) -> Any:
        """The library's value of a member; of a choice its index."""
        if self.kind == "choice":
            return self.domain.index_of(member)
        if isinstance(self.domain, Int) and self.domain.powers_of is not None:
            return round(math.log(member, self.domain.powers_of))
        return float(member) if self.kind == "float" else int(member)


def dims_of(space: JointSpace) -> dict[str, Dim]:
    """Every searched parameter, parents first."""
    parameters = space.parameters()
    return {
        name: _dim(name, parameters[name])
        for name in space.order()
        if isinstance(parameters[name], Domain)
    }


def _dim(name: str, domain: Any) -> Dim:
    if isinstance(domain, Choice):
        return Dim(name, "choice", 0, domain.size - 1, False, None, domain)
    if isinstance(domain, Float):
        return Dim(name, "float", domain.low, domain.high, domain.log, domain.step, domain)
    if domain.powers_of is not None:
        base = domain.powers_of
        low, high = (round(math.log(domain.value_at(i), base)) for i in (0, domain.size - 1))
        return Dim(name, "int", low, high, False, None, domain)
    if domain.log and (domain.step or 1) > 1:
        return Dim(name, "float", domain.low, domain.high, True, None, domain)
    return Dim(name, "int", domain.low, domain.high, domain.log, domain.step, domain)


def config_from(space: JointSpace, dims: Mapping[str, Dim], ask: Callable[[Dim], Any]) -> Config:
    """A config whose active parameters are asked for, parents first.

    Args:
        space: whose config.
        dims: its parameters.
        ask: gives the library's value of one.

    Raises:
        ConfigurationError: a constraint refuses it.
    """
    values: dict[str, Any] = {}
    parameters = space.parameters()
    for name in space.order():
        if name not in dims:
            values[name] = parameters[name]
        elif is_active(parameters[name], values):
            values[name] = dims[name].decode(ask(dims[name]))
    return space.validate({name: values[name] for name in parameters if name in values})


def encoded(dims: Mapping[str, Dim], config: Config) -> dict[str, Any]:
    """The library's values of a config's active parameters."""
    return {name: dim.encode(config[name]) for name, dim in dims.items() if name in config}


__all__ = ["REFUSED", "ConfigurationError", "Dim", "config_from", "dims_of", "encoded"]
