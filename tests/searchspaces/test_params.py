"""Fields of a space: constants, domains, mappings from files, and their errors."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML

from searchspaces import (
    Choice,
    ChoiceParam,
    Float,
    FloatParam,
    GruSpace,
    Int,
    IntParam,
    MlpSpace,
    SearchSpace,
    Training,
)


class Every(SearchSpace):
    """One field of each kind."""

    rate: FloatParam = Float(1e-4, 1e-1, log=True)
    depth: IntParam = Int(1, 4)
    batch: IntParam = Int(16, 256, powers_of=2)
    rounded: FloatParam = Float(0.0, 1.0, step=0.1)
    cell: ChoiceParam = Choice(("gru", "lstm"), when={"depth": (1, 2)})
    skip: ChoiceParam = Choice((True, False))


class Spec(BaseModel):
    """A space where a file would have it: inside something else."""

    space: GruSpace = GruSpace()


def errors(model: type[BaseModel], **fields: Any) -> list[tuple[tuple[Any, ...], str]]:
    """Places and messages of a refusal."""
    with pytest.raises(ValidationError) as caught:
        model(**fields)
    return [(error["loc"], error["msg"]) for error in caught.value.errors()]


@pytest.mark.parametrize("space", [Every(), GruSpace(), MlpSpace(), Training()])
def test_a_space_survives_python_json_and_yaml(space: SearchSpace) -> None:
    kind = type(space)
    assert kind.model_validate(space.model_dump()) == space
    assert kind.model_validate_json(space.model_dump_json()) == space
    text = StringIO()
    YAML(typ="safe").dump(space.model_dump(), text)
    assert kind.model_validate(YAML(typ="safe").load(text.getvalue())) == space


def test_a_dump_holds_what_was_declared_and_nothing_else() -> None:
    assert GruSpace(hidden_size=64).model_dump() == {
        "num_layers": {"kind": "int", "low": 1, "high": 4},
        "hidden_size": 64,
        "dropout": {"kind": "float", "low": 0.0, "high": 0.5, "when": {"num_layers": [2, 3, 4]}},
        "bidirectional": False,
        "readout": "last",
    }


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"kind": "int", "low": 16, "high": 512, "log": True}, Int(16, 512, log=True)),
        ({"low": 16, "high": 512}, Int(16, 512)),
        ({"low": 16.0, "high": 5e2}, Int(16, 500)),
        (Int(1, 2), Int(1, 2)),
        (64, 64),
        (64.0, 64),
    ],
)
def test_a_constant_or_a_domain_fits_a_field(given: Any, expected: Any) -> None:
    assert GruSpace(hidden_size=given).hidden_size == expected


def test_constants_become_the_fields_type() -> None:
    assert type(GruSpace(hidden_size=64.0).hidden_size) is int
    assert type(Training(learning_rate=1).learning_rate) is float
    assert Every(skip=True).skip is True
    assert Every(cell="gru").cell == "gru"


@pytest.mark.parametrize(
    ("given", "place", "message"),
    [
        ({"low": 16, "high": 8}, ("high",), "8 is below low=16. Give high >= low."),
        (
            {"kind": "float", "low": 1, "high": 2},
            (),
            "a domain of kind 'float' does not fit here. Give one of kind 'int', or a constant.",
        ),
        (
            Float(0, 1),
            (),
            "a domain of kind 'float' does not fit here. Give one of kind 'int', or a constant.",
        ),
        ("64", (), "'64' is not a whole number."),
        (64.5, (), "64.5 is not a whole number."),
        (True, (), "True is not a whole number."),
        (None, (), "None is not a whole number."),
        ([16, 32], (), "[16, 32] is not a whole number."),
        (
            {"low": 16, "hgih": 8, "high": 32},
            ("hgih",),
            "unknown key 'hgih'. Did you mean 'high'? "
            "Known: kind, low, high, log, step, powers_of, prior, confidence, when.",
        ),
        ({"low": 16}, ("high",), "Field required"),
        ({"low": "{16}", "high": 32}, ("low",), "'{16}' is not a whole number."),
    ],
)
def test_a_bad_field_gives_one_error_at_the_place_it_is_about(
    given: Any, place: tuple[str, ...], message: str
) -> None:
    assert errors(Spec, space={"hidden_size": given}) == [
        (("space", "hidden_size", *place), message)
    ]


def test_an_unknown_parameter_is_refused() -> None:
    assert errors(GruSpace, hiden_size=64)[0][0] == ("hiden_size",)


def test_the_json_schema_offers_a_constant_or_the_domain() -> None:
    schema = Every.model_json_schema()
    assert schema["properties"]["depth"]["anyOf"] == [{"type": "integer"}, {"$ref": "#/$defs/Int"}]
    assert schema["properties"]["depth"]["default"] == {"kind": "int", "low": 1, "high": 4}
    assert schema["properties"]["rate"]["anyOf"] == [{"type": "number"}, {"$ref": "#/$defs/Float"}]
    assert set(schema["$defs"]["Int"]["properties"]) == {
        "kind", "low", "high", "log", "step", "powers_of", "prior", "confidence", "when",
    }  # fmt: skip
    assert schema["$defs"]["Int"]["required"] == ["low", "high"]
    assert schema["additionalProperties"] is False
    json.dumps(schema)
