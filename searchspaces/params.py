"""The types of a space's fields: a domain of one kind, or a constant in its place."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, core_schema

from searchspaces.domains import Choice, Domain, Float, Int
from searchspaces.errors import did_you_mean
from searchspaces.scalars import Scalar, integer, number, problem, scalar


class _Param:
    """Reads a mapping or a domain as one kind of domain, anything else as a constant.

    A plain union would report the errors of both branches; this one knows which
    branch was meant and reports where in it the problem is.
    """

    def __init__(
        self,
        domain: type[Domain],
        kind: str,
        constant: Callable[[object], Scalar],
        types: list[str],
    ) -> None:
        self.domain = domain
        self.kind = kind
        self.constant = constant
        self.types = types

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_wrap_validator_function(
            self._read,
            handler.generate_schema(self.domain),
            serialization=core_schema.plain_serializer_function_ser_schema(_write),
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        constants = [{"type": name} for name in self.types]
        return {"anyOf": [*constants, handler(schema)]}

    def _read(self, value: Any, handler: core_schema.ValidatorFunctionWrapHandler) -> Any:
        if not isinstance(value, Mapping | Domain):
            if isinstance(value, list) and self.domain is Choice:
                listed = ", ".join(str(item) for item in value)
                raise problem(
                    f"a list is no value. To search it, write {{values: [{listed}]}}; where it is "
                    f"the value, {{values: [[{listed}]]}}."
                )
            return self.constant(value)
        given = value.get("kind", self.kind) if isinstance(value, Mapping) else _kind(value)
        if given != self.kind:
            raise problem(
                f"a domain of kind {given!r} does not fit here. "
                f"Give one of kind {self.kind!r}, or a constant."
            )
        if isinstance(value, Mapping):
            _check_keys(value, self.domain)
        return handler(value)


def _check_keys(mapping: Mapping[Any, Any], domain: type[Domain]) -> None:
    """Refuse unknown keys, each at its own place and with its nearest known key."""
    known = [item.name for item in dataclasses.fields(domain)]
    known.sort(key=lambda name: {"kind": 0, "when": 2}.get(name, 1))
    unknown = [str(key) for key in mapping if key not in known]
    errors: list[InitErrorDetails] = []
    for key in unknown:
        if key == "values":
            message = (
                "numbers have a range, no list of values. Give low and high, and step "
                + ("or powers_of " if "powers_of" in known else "")
                + "where not every number in it will do."
            )
        else:
            close = did_you_mean(key, known)
            hint = f" Did you mean {close!r}?" if close else ""
            message = f"unknown key {key!r}.{hint} Known: {', '.join(known)}."
        error = PydanticCustomError("extra_forbidden", "{problem}", {"problem": message})
        errors.append({"type": error, "loc": (key,), "input": mapping})
    if errors:
        raise ValidationError.from_exception_data(domain.__name__, errors)


def _kind(domain: Domain) -> Any:
    return domain.as_mapping()["kind"]


def _write(value: Scalar | Domain) -> Any:
    return value.as_mapping() if isinstance(value, Domain) else value


FloatParam: TypeAlias = Annotated[float | Float, _Param(Float, "float", number, ["number"])]
"""A real parameter: a :class:`Float` or a constant."""

IntParam: TypeAlias = Annotated[int | Int, _Param(Int, "int", integer, ["integer"])]
"""A whole-number parameter: an :class:`Int` or a constant."""

ChoiceParam: TypeAlias = Annotated[
    Scalar | Choice, _Param(Choice, "choice", scalar, ["boolean", "number", "string"])
]
"""A parameter of any plain values: a :class:`Choice` or a constant."""
