"""Typed, conditional and constrained search spaces; knows nothing of trials.

Names are imported on first use, so that ``searchspaces.errors`` costs the command
line neither pydantic nor NumPy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from searchspaces.attention_gru import AttentionGruSpace
    from searchspaces.cnn import CnnSpace
    from searchspaces.config import Arguments, Config
    from searchspaces.constraints import constraint
    from searchspaces.conv_gru import ConvGruSpace
    from searchspaces.domains import Choice, Float, Int, Parameter
    from searchspaces.errors import (
        ConfigurationError,
        OrchError,
        UnknownNameError,
        UsageError,
    )
    from searchspaces.facts import DataFacts
    from searchspaces.flat import FlatSpace
    from searchspaces.gru import GruSpace
    from searchspaces.joint import JointSpace
    from searchspaces.lookup import space_of
    from searchspaces.lstm import LstmSpace
    from searchspaces.mlp import MlpSpace
    from searchspaces.params import ChoiceParam, FloatParam, IntParam
    from searchspaces.registry import Registry
    from searchspaces.rnn import RnnSpace
    from searchspaces.scalars import Scalar, Value
    from searchspaces.space import SearchSpace
    from searchspaces.training import Training
    from searchspaces.unit_cube import (
        UnitCube,
        domain_from_unit,
        domain_to_unit,
        interval_to_unit,
    )

__all__ = [
    "Arguments",
    "AttentionGruSpace",
    "Choice",
    "ChoiceParam",
    "CnnSpace",
    "Config",
    "ConfigurationError",
    "ConvGruSpace",
    "DataFacts",
    "FlatSpace",
    "Float",
    "FloatParam",
    "GruSpace",
    "Int",
    "IntParam",
    "JointSpace",
    "LstmSpace",
    "MlpSpace",
    "OrchError",
    "Parameter",
    "Registry",
    "RnnSpace",
    "Scalar",
    "SearchSpace",
    "Training",
    "UnitCube",
    "UnknownNameError",
    "UsageError",
    "Value",
    "constraint",
    "domain_from_unit",
    "domain_to_unit",
    "interval_to_unit",
    "space_of",
]

_HOMES = {
    "attention_gru": ("AttentionGruSpace",),
    "cnn": ("CnnSpace",),
    "config": ("Arguments", "Config"),
    "constraints": ("constraint",),
    "conv_gru": ("ConvGruSpace",),
    "domains": ("Choice", "Float", "Int", "Parameter"),
    "errors": ("ConfigurationError", "OrchError", "UnknownNameError", "UsageError"),
    "facts": ("DataFacts",),
    "flat": ("FlatSpace",),
    "gru": ("GruSpace",),
    "joint": ("JointSpace",),
    "lookup": ("space_of",),
    "lstm": ("LstmSpace",),
    "mlp": ("MlpSpace",),
    "params": ("ChoiceParam", "FloatParam", "IntParam"),
    "registry": ("Registry",),
    "rnn": ("RnnSpace",),
    "scalars": ("Scalar", "Value"),
    "space": ("SearchSpace",),
    "training": ("Training",),
    "unit_cube": ("UnitCube", "domain_from_unit", "domain_to_unit", "interval_to_unit"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'searchspaces' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"searchspaces.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
