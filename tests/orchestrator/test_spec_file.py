"""Sweep files: YAML 1.2, and errors that name file and line."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from orchestrator.names import compose, sweep_names
from orchestrator.schedulers.asha import Asha
from orchestrator.searchers.random_ import RandomSearch
from orchestrator.spec import spec_from
from orchestrator.spec_file import FileError, read_mapping, read_spec, setting, to_yaml
from searchspaces import ConfigurationError, Training, UnknownNameError
from searchspaces.space import field_names


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "my.yaml"


def line(file: Path, text: str | bytes, *overrides: dict[str, Any]) -> str:
    """What is said of a file, its folder left out."""
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(FileError) as failure:
        read_spec(file, *overrides)
    assert failure.value.exit_code == 2
    said = str(failure.value)
    assert "\n" not in said
    return said.removeprefix(f"{file.parent}/")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "my.yaml: holds no mapping. See: orch sweep gru-bohb --dry-run"),
        ("# nothing\n", "my.yaml: holds no mapping. See: orch sweep gru-bohb --dry-run"),
        ("- a\n- b\n", "my.yaml: holds no mapping. See: orch sweep gru-bohb --dry-run"),
        ("just text", "my.yaml: holds no mapping. See: orch sweep gru-bohb --dry-run"),
        ("a: 1\nb: c: d\n", "my.yaml:2: not YAML: mapping values are not allowed here."),
        ("a: 1\nb: [1\n", "my.yaml:3: not YAML: expected ',' or ']', but got '<stream end>'."),
        ("\ta: 1\n", r"my.yaml:1: not YAML: found character '\t' that cannot start any token."),
        (
            "a: 1\nb: 2\na: 3\n",
            'my.yaml:3: not YAML: found duplicate key "a" with value "3" (original value: "1").',
        ),
        ("a: 1\n---\nb: 1\n", "my.yaml:2: not YAML: but found another document."),
        (
            "a: !!python/object:os.system x\n",
            "my.yaml:1: not YAML: could not determine a constructor for the tag "
            "'tag:yaml.org,2002:python/object:os.system'.",
        ),
        (b"\xff\xfea", "my.yaml: cannot be read: not UTF-8 text."),
        ("a: &x\n  b: *x\n", "my.yaml: nested too deeply."),
        ("a: " + "[" * 5000, "my.yaml: nested too deeply."),
    ],
)
def test_what_is_no_mapping_in_yaml_is_told_with_its_line(
    file: Path, text: str | bytes, said: str
) -> None:
    assert line(file, text) == said


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    for path, reason in (
        (tmp_path / "no.yaml", "No such file or directory"),
        (tmp_path, "Is a directory"),
    ):
        with pytest.raises(FileError) as failure:
            read_spec(path)
        assert str(failure.value) == f"{path}: cannot be read: {reason}."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("trials: 0\n", "my.yaml:3: trials: 0 is not greater than or equal to 1."),
        (
            "space:\n  hidden_size:\n    high: 8\n",
            "my.yaml:5: space.hidden_size.high: 8 is below low=16. Give high >= low.",
        ),
        (
            "space:\n  hidden_size: {kind: int, low: 0, high: 8, log: true}\n",
            "my.yaml:4: space.hidden_size.log: a log scale needs low > 0, and low is 0. "
            "Raise low or drop log.",
        ),
        (
            "training:\n\n  learnin_rate: 1e-3\n",
            "my.yaml:5: training.learnin_rate: unknown key. Did you mean 'learning_rate'? "
            f"Known: {', '.join(field_names(Training))}.",
        ),
        (
            "space:\n  num_layers: {low: 1,\n    hgih: 3}\n",
            "my.yaml:5: space.num_layers.hgih: unknown key 'hgih'. Did you mean 'high'? "
            "Known: kind, low, high, log, step, powers_of, prior, confidence, when.",
        ),
        (
            "searcher:\n  kind: bobh\n",
            "my.yaml:4: unknown searcher 'bobh'. Did you mean 'bohb'? "
            "Known: bohb, sobol, auto, random, hyperopt, optuna-tpe, cmaes, grid.",
        ),
        (
            "scheduler: hyperbnad\n",
            "my.yaml:3: unknown scheduler 'hyperbnad'. Did you mean 'hyperband'? "
            "Known: hyperband, async-hyperband, pbt, asha, median, fifo.",
        ),
        (
            "strategy: ahsa\n",
            "my.yaml:3: unknown strategy 'ahsa'. Did you mean 'asha'? "
            "Known: asha, bohb-asha, asha-promotion, async-hyperband, auto, bohb, "
            "auto-stopping, median, random, hyperopt, hyperband, grid, pbt.",
        ),
        (
            "epochs: 2\nstrategy: bohb\n",
            "my.yaml:3: epochs: 2 epochs leave nothing to halve with scheduler.eta=3. "
            "Give at least 3 epochs, or choose scheduler fifo.",
        ),
        (
            "strategy: bohb\nscheduler: {eta: 30}\n",
            "my.yaml: epochs: 27 epochs leave nothing to halve with scheduler.eta=30. "
            "Give at least 30 epochs, or choose scheduler fifo.",
        ),
        (
            "space:\n  dropout:\n    when: {layers: [1]}\n",
            "my.yaml:5: space.dropout.when: unknown parent 'layers'. "
            "Did you mean 'num_layers'? "
            "Known: num_layers, hidden_size, dropout, bidirectional, readout.",
        ),
        ("version: 2\n", "my.yaml:3: version: 2 is not 1."),
    ],
)
def test_what_cannot_be_is_told_with_its_line(file: Path, text: str, said: str) -> None:
    assert line(file, f"# a sweep\narchitecture: gru\n{text}") == said


def test_an_unknown_architecture_is_told_with_its_line(file: Path) -> None:
    assert line(file, "trials: 3\narchitecture: grru\n") == (
        "my.yaml:2: unknown architecture 'grru'. Did you mean 'gru'? "
        "Known: gru, conv-gru, attention-gru, rnn, cnn, lstm, mlp."
    )
    assert line(file, "trials: 3\n") == (
        "my.yaml: architecture: the name is missing. Give one, such as gru."
    )


def test_what_an_override_breaks_is_not_blamed_on_the_file(file: Path) -> None:
    file.write_text("architecture: gru\nstrategy: bohb\nspace:\n  hidden_size: {low: 20}\n")
    for override, said in (
        ({"trials": 0}, "trials: 0 is not greater than or equal to 1."),
        (
            {"space": {"hidden_size": {"high": 8}}},
            "space.hidden_size.high: 8 is below low=20. Give high >= low.",
        ),
        ({"space": 3}, "space: 3 is no mapping of parameters."),
        (
            {"scheduler": {"eta": 30}},
            "epochs: 27 epochs leave nothing to halve with scheduler.eta=30. "
            "Give at least 30 epochs, or choose scheduler fifo.",
        ),
    ):
        with pytest.raises(ConfigurationError) as failure:
            read_spec(file, override)
        assert str(failure.value) == said
    with pytest.raises(UnknownNameError, match=r"^unknown searcher 'x'"):
        read_spec(file, {"searcher": {"kind": "x"}})
    assert line(file, "architecture: gru\ntrials: 0\n", {"epochs": 9}) == (
        "my.yaml:2: trials: 0 is not greater than or equal to 1."
    )


@pytest.mark.parametrize("name", sweep_names())
def test_what_a_dry_run_prints_is_a_file_of_the_same_sweep(file: Path, name: str) -> None:
    spec = spec_from(compose(name), {"training": {"learning_rate": {"low": 1e-5}}, "seed": 7})
    file.write_text(to_yaml(spec.dump()))
    assert read_spec(file) == spec
    assert to_yaml(read_spec(file).dump()) == file.read_text()


def test_a_strategy_is_short_for_a_searcher_and_a_scheduler(file: Path) -> None:
    file.write_text("architecture: mlp\nstrategy: asha\nscheduler:\n  eta: 4\n")
    spec = read_spec(file)
    assert (spec.name, spec.searcher, spec.scheduler) == ("mlp-asha", RandomSearch(), Asha(eta=4))
    file.write_text("architecture: mlp\nname: mine\nstrategy: asha\nsearcher: grid\n")
    assert (read_spec(file).name, read_spec(file).searcher.kind) == ("mine", "grid")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1E3", 1000.0),
        ("2.5e+4", 25000.0),
        (".5", 0.5),
        ("010", 10),
        ("0o17", 15),
        ("0x1F", 31),
        ("1:30", "1:30"),
        ("yes", "yes"),
        ("off", "off"),
        ("true", True),
        ("~", None),
        ("-.inf", -math.inf),
    ],
)
def test_scalars_are_those_of_yaml_1_2(file: Path, text: str, value: Any) -> None:
    file.write_text(f"a: {text}\n")
    found = read_mapping(file)[0]["a"]
    assert (found, type(found)) == (value, type(value))


_scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False)
_texts = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=30
) | st.sampled_from(
    ["1e-3", "yes", "null", "~", "0x10", "1:30", "a: b", "- x", "#x", "<<", "=", ":0", "x" * 300]
)


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.dictionaries(
        _texts,
        st.recursive(
            _scalars | _texts,
            lambda v: st.lists(v, max_size=3) | st.dictionaries(_texts, v, max_size=3),
            max_leaves=6,
        ),
        max_size=4,
    )
)
def test_plain_values_come_back_from_a_file_as_they_were(
    file: Path, values: dict[str, Any]
) -> None:
    file.write_text(to_yaml(values), encoding="utf-8", newline="")
    if values:
        assert read_mapping(file)[0] == values


@pytest.mark.parametrize("text", [":0", "?0", "-", "%a", "@a", "`a", "a?", "a:", "a: ?b"])
def test_marks_of_yaml_in_texts_are_quoted(file: Path, text: str) -> None:
    file.write_text(to_yaml({"a": {text: text}}))
    assert read_mapping(file)[0] == {"a": {text: text}}


def test_lines_are_known_for_every_path(file: Path) -> None:
    file.write_text("a:\n  b: 1\n  c:\n  - x\n  - {d: 1}\n\n'e f': 2\n")
    assert read_mapping(file)[1] == {
        "a": 1, "a.b": 2, "a.c": 3, "a.c.0": 4, "a.c.1": 5, "a.c.1.d": 5, "e f": 7,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("trials=10", {"trials": 10}),
        ("space.hidden_size.high=512", {"space": {"hidden_size": {"high": 512}}}),
        ("training.learning_rate=1e-3", {"training": {"learning_rate": 0.001}}),
        ("name=a=b", {"name": "a=b"}),
        ("searcher={kind: grid, points: 3}", {"searcher": {"kind": "grid", "points": 3}}),
        ("concurrency=", {"concurrency": None}),
    ],
)
def test_a_setting_is_a_dotted_path_and_yaml(text: str, value: dict[str, Any]) -> None:
    assert setting(text) == value


@pytest.mark.parametrize("text", ["trials", "=5", "a..b=1", ".a=1", "a.=1", ""])
def test_a_setting_that_is_none_says_how_to_write_one(text: str) -> None:
    with pytest.raises(ConfigurationError) as failure:
        setting(text)
    assert str(failure.value) == (
        f"--set: {text!r} is not KEY=VALUE. Write: --set space.hidden_size.high=512"
    )


def test_a_setting_whose_value_is_no_yaml_names_the_key() -> None:
    with pytest.raises(ConfigurationError) as failure:
        setting("space.hidden_size=[1")
    assert str(failure.value) == "space.hidden_size: '[1' is not YAML."
