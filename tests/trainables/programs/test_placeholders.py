"""Command lines and what fills them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from searchspaces import Choice, ConfigurationError, Float, Int
from trainables.programs.placeholders import arguments_of, check, filled, refuse_missing

PARAMETERS = {
    "learning_rate": Float(1e-4, 1e-1, log=True),
    "depth": Int(1, 4),
    "width": Int(1, 4, when={"depth": (2, 3, 4)}),
    "text": "a b",
}


@given(st.text(min_size=1))
def test_a_value_is_one_argument_whatever_it_holds(value: str) -> None:
    """No shell: quotes, spaces, newlines and dollars are the value's own."""
    assert filled("run --name {name} x{name}", {"name": value}) == [
        "run", "--name", value, f"x{value}",
    ]  # fmt: skip


def test_numbers_are_written_to_the_last_digit_and_the_general_names_are_there() -> None:
    config = {"learning_rate": 0.1 + 0.2, "flag": True, "depth": 3}
    command = "python 'my train.py' --lr={learning_rate} {flag} {{depth}} {epochs}/{seed}/{trial}"
    assert filled(f"{command} {{config}}", config, epochs=9, seed=2**40, trial="7f3a-0001") == [
        "python", "my train.py", "--lr=0.30000000000000004", "true", "{depth}",
        "9/1099511627776/7f3a-0001", json.dumps(config),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("run {learning_rat}", "command: {learning_rat} is no parameter of the space. "
         "Did you mean {learning_rate}? "
         "Known: learning_rate, depth, width, text, config, epochs, seed, trial."),
        ("run {learning_rate} {depth} {width}", "command: {width} is not there in every trial: "
         "it has a condition. Write {config}, which is JSON of what is there."),
        ("run {learning_rate}", "space.depth: it is searched, and the command does not use it. "
         "Write {depth} or {config} where it belongs, or make it a constant."),
        ("run 'a", "command: \"run 'a\": no closing quotation. Close it."),
        ("  ", 'command: it is empty. Give one, such as "python train.py --lr {learning_rate}".'),
    ],
)  # fmt: skip
def test_a_command_that_cannot_be_filled_in_is_refused(command: str, line: str) -> None:
    with pytest.raises(ConfigurationError) as failure:
        check(command, PARAMETERS)
    assert str(failure.value) == line


def test_the_whole_config_stands_for_all_parameters() -> None:
    check("run {config}", PARAMETERS)
    check("run {learning_rate} {depth}", {k: v for k, v in PARAMETERS.items() if k != "width"})
    check("run", {"kind": "constant"})
    with pytest.raises(ConfigurationError):
        check("run", {"kind": Choice(("a", "b"))})
    assert arguments_of("a 'b c' \"d\"") == ["a", "b c", "d"]


def test_a_program_that_is_not_there_is_refused() -> None:
    refuse_missing("python train.py")
    refuse_missing("{program} --depth 3")
    with pytest.raises(ConfigurationError) as failure:
        refuse_missing("no-such-program-anywhere --lr 3")
    assert str(failure.value) == (
        "command: no program 'no-such-program-anywhere' is found. Give its path, or put it on PATH."
    )
