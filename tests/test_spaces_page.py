"""docs/spaces.md: its class and its mapping are one space, and what it says of them is so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML

from orchestrator.declared import declare, merge
from orchestrator.spec_file import setting
from searchspaces import ConfigurationError, JointSpace
from searchspaces.inline import NoTraining, inline_space

PAGE = (Path(__file__).parent.parent / "docs" / "spaces.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    [text] = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(text)


@pytest.fixture(scope="module")
def of_class() -> Any:
    names: dict[str, Any] = {"__name__": "spaces_page"}
    code = compile(block("python"), "spaces.md", "exec", dont_inherit=True)
    exec(code, names)  # the page's own example
    return names["NetSpace"]()


def test_the_class_and_the_mapping_are_the_same_space(of_class: Any) -> None:
    mapping = YAML(typ="safe", pure=True).load(block("yaml"))["space"]
    assert inline_space(mapping).parameters() == of_class.parameters()


def test_a_config_is_read_as_the_page_says(of_class: Any) -> None:
    space = JointSpace(of_class, NoTraining())
    for number in range(20):
        config = space.sample(np.random.default_rng(number))
        chosen = config[config.optimizer]
        assert chosen.rate == config[f"{config.optimizer}.rate"]
        assert ("adam" in config) == (config.optimizer == "adam")
        assert "sgd" not in config or config.sgd.rate + config.sgd.momentum < 1.5


def test_what_is_set_on_the_page_can_be_set(of_class: Any) -> None:
    base = of_class.model_dump(mode="json")
    for line in re.findall(r"--set (space\.\S+?)`", PAGE):
        declare(type(of_class), merge(base, setting(line)["space"]), place="space")
    with pytest.raises(
        ConfigurationError, match=r"where it is the value, \{values: \[\[3, 3\]\]\}"
    ):
        declare(type(of_class), merge(base, {"kernel_sizes": [3, 3]}), place="space")
