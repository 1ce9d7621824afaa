"""Parameters that any network has, and what their values may be whoever sets them.

A space's default domain can be replaced, from a file or with ``--set``. These types refuse,
when the space is made, what no network could be built from: no layer, a dropout of 1.5.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeAlias

from pydantic import AfterValidator

from searchspaces.domains import Choice, Domain, Float, Int, Parameter
from searchspaces.params import ChoiceParam, FloatParam, IntParam
from searchspaces.scalars import Scalar, problem, same


def lowest(parameter: int | Int) -> int:
    """The least value that a whole-number parameter takes."""
    return parameter.value_at(0) if isinstance(parameter, Int) else parameter


def _at_least_one(parameter: int | Int) -> int | Int:
    if lowest(parameter) < 1:
        raise problem(f"{lowest(parameter)} is too few. Give at least 1.")
    return parameter


def _odd(parameter: int | Int) -> int | Int:
    odd = lowest(_at_least_one(parameter)) % 2 == 1
    if isinstance(parameter, Int) and parameter.powers_of is not None:
        odd = parameter.powers_of % 2 == 1
    elif isinstance(parameter, Int) and parameter.size > 1:
        odd = odd and (parameter.step or 1) % 2 == 0
    if not odd:
        raise problem("an even kernel has no middle. Give odd numbers, such as low=3 and step=2.")
    return parameter


def _share(parameter: float | Float) -> float | Float:
    bounds = (
        (parameter.low, parameter.high) if isinstance(parameter, Float) else (parameter, parameter)
    )
    for bound in bounds:
        if not 0.0 <= bound <= 1.0:
            raise problem(f"{bound} is no share. Give a number from 0 to 1.")
    return parameter


def one_of(*allowed: Scalar) -> Callable[[Parameter], Parameter]:
    """A validator that refuses every value but these."""
    listed = ", ".join(str(value).lower() for value in allowed)

    def check(parameter: Parameter) -> Parameter:
        values = parameter.values if isinstance(parameter, Choice) else (parameter,)
        for value in values:
            if isinstance(value, Domain) or not any(same(value, known) for known in allowed):
                raise problem(f"{value!r} is not one of {listed}.")
        return parameter

    return check


CountParam: TypeAlias = Annotated[IntParam, AfterValidator(_at_least_one)]
"""Layers, units, heads: a whole number from 1."""

KernelParam: TypeAlias = Annotated[IntParam, AfterValidator(_odd)]
"""The width of a kernel, in steps or pixels: odd, so that it is centred on one of them."""

DropoutParam: TypeAlias = Annotated[FloatParam, AfterValidator(_share)]
"""The share of values that are dropped, from 0 to 1."""

SwitchParam: TypeAlias = Annotated[ChoiceParam, AfterValidator(one_of(False, True))]
"""Off or on."""

ReadoutParam: TypeAlias = Annotated[ChoiceParam, AfterValidator(one_of("last", "mean", "max"))]
"""How the outputs of all steps become one vector: the last valid step's, their mean or maximum."""
