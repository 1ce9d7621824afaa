"""What a name stands for."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from searchspaces import ConfigurationError, MlpSpace, UnknownNameError
from trainables.programs import Form, program_of

MODULE = """
import functools
from searchspaces import Float, FloatParam, SearchSpace

class Depth(SearchSpace):
    depth: FloatParam = Float(0.0, 1.0)

def stops(config):
    yield {"valid_loss": 1.0}

def keeps(config, state):
    yield {"valid_loss": 1.0}

def optional(config, extra=1):
    yield {"valid_loss": 1.0}

keeps.space = Depth

def many(a, b, c):
    yield {}

def named(*, config):
    yield {}

def returns(config):
    return 1.0

def odd(config):
    yield {}

odd.space = {"depth": 1}
value = 3

class NotANetwork:
    space = Depth
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Writes a module and gives its name."""

    def make(name: str, text: str) -> str:
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
        monkeypatch.syspath_prepend(tmp_path)
        return name

    return make


def test_a_registered_name_is_an_architecture_with_its_space() -> None:
    found = program_of("mlp")
    assert (found.form, found.space, found.can_pause) == (Form.ARCHITECTURE, MlpSpace, True)
    with pytest.raises(UnknownNameError, match="Did you mean 'mlp'"):
        program_of("mlpp")


def test_a_generator_function_can_pause_if_it_takes_state(write: Callable[..., str]) -> None:
    name = write("own_functions", MODULE)
    found = {key: program_of(f"{name}:{key}") for key in ("stops", "keeps", "optional")}
    assert {program.form for program in found.values()} == {Form.FUNCTION}
    assert {key: program.can_pause for key, program in found.items()} == {
        "stops": False, "keeps": True, "optional": False,
    }  # fmt: skip
    spaces = {key: program.space and program.space.__name__ for key, program in found.items()}
    assert spaces == {"stops": None, "keeps": "Depth", "optional": None}


@pytest.mark.parametrize(
    ("attribute", "line"),
    [
        ("many", "architecture: own_refused:many(a, b, c) cannot be called by orch. "
                 "Write train(config) or train(config, state)."),
        ("named", "architecture: own_refused:named(*, config) cannot be called by orch. "
                  "Write train(config) or train(config, state)."),
        ("returns", "architecture: own_refused:returns is no generator function. Give a function "
                    "that yields a dict of metrics per epoch, or a class of torch.nn.Module."),
        ("value", "architecture: own_refused:value is a int. Give a function that yields a dict "
                  "of metrics per epoch, or a class of torch.nn.Module."),
        ("odd", "architecture: own_refused:odd has {'depth': 1} as its space. Give it a class "
                "of SearchSpace: space = MySpace."),
        ("nothing", "architecture 'own_refused:nothing' does not load: "
                    "module 'own_refused' has no attribute 'nothing'"),
        ("NotANetwork", "architecture: own_refused:NotANetwork is no network. Give a class of "
                        "torch.nn.Module or LightningModule, or a function that yields a dict of "
                        "metrics per epoch."),
    ],
)  # fmt: skip
def test_what_does_not_train_is_one_line(
    write: Callable[..., str], attribute: str, line: str
) -> None:
    name = write("own_refused", MODULE)
    with pytest.raises(ConfigurationError) as failure:
        program_of(f"{name}:{attribute}")
    assert str(failure.value).startswith(line)


def test_a_script_that_exits_when_it_is_imported_is_told(write: Callable[..., str]) -> None:
    name = write("own_script", "import sys\nsys.exit('usage: train.py FILE')\n")
    with pytest.raises(ConfigurationError, match=r"does not load: it exits when it .*: usage"):
        program_of(f"{name}:train")


def test_finding_a_function_costs_no_torch(tmp_path: Path) -> None:
    (tmp_path / "own_light.py").write_text(MODULE, encoding="utf-8")
    code = (
        "import sys; from orchestrator.spec import spec_from\n"
        "spec_from({'architecture': 'own_light:keeps'})\n"
        "print(*sorted({'torch', 'ray', 'pytorch_lightning'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
