from __future__ import annotations

import pytest
from ruamel.yaml import YAML

from analysis.warnings.settings import option, scalar, snippet


@pytest.mark.parametrize(
    "value", [512, 0.031, 1e-4, 2e-5, True, "relu", "true", "1", "a: b", "", ["gelu", "no", 3]]
)
def test_values_read_back_as_they_were(value):
    assert YAML(typ="safe", pure=True).load(f"x: {scalar(value)}") == {"x": value}


def test_options_are_quoted_for_the_shell_where_they_must():
    assert option("space.hidden_size.high", 512) == "--set space.hidden_size.high=512"
    assert option("space.act.values", ("a", "b")) == "--set 'space.act.values=[a, b]'"
    assert option("space.mode", "true") == "--set 'space.mode=\"true\"'"


def test_snippets_nest_and_share_what_they_have_in_common():
    text = snippet({"space.a.high": 3, "space.b": "x", "training.c": 1e-4})
    assert text == "space:\n  a:\n    high: 3\n  b: x\ntraining:\n  c: 1e-4"
    assert YAML(typ="safe", pure=True).load(text) == {
        "space": {"a": {"high": 3}, "b": "x"}, "training": {"c": 1e-4}
    }  # fmt: skip
