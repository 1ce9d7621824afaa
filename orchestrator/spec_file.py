"""Sweep files: YAML 1.2 in, YAML out, and errors that name file and line."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.representer import SafeRepresenter

from orchestrator.declared import assign
from orchestrator.spec import SweepSpec, spec_from
from searchspaces.errors import ConfigurationError, UnknownNameError, UsageError


class FileError(UsageError):
    """Something in a file that a person wrote.

    Attributes:
        path: the file.
        line: counted from 1; 0 when it is the whole file.
        problem: what is wrong and how to mend it.
    """

    def __init__(self, path: Path, line: int, problem: str) -> None:
        self.path = path
        self.line = line
        self.problem = problem
        super().__init__(f"{path}:{line}: {problem}" if line else f"{path}: {problem}")


def read_spec(path: Path, *overrides: Mapping[str, Any]) -> SweepSpec:
    """The spec in a file, with ``overrides`` on top.

    Raises:
        FileError: it cannot be read, is not YAML, or holds something that cannot be.
        ConfigurationError: an override cannot be.
    """
    values, lines = read_mapping(path)
    if isinstance(values.get("imported"), Mapping):
        raise FileError(
            path,
            0,
            f"imported from {values['imported'].get('from')}: there is no sweep to run or to go on "
            f"with. See: orch analyze {path.resolve().parent.name}",
        )
    try:
        return spec_from(values, *overrides)
    except (ConfigurationError, UnknownNameError) as error:
        place = _place_of(error)
        line = _line_of(place, lines)
        said = [override for override in overrides if override]
        if any(_says(override, place) for override in said) or (said and not line):
            raise
        raise FileError(path, line, str(error)) from error


def read_mapping(
    path: Path, *, example: str = "orch sweep gru-bohb --dry-run"
) -> tuple[dict[str, Any], dict[str, int]]:
    """The mapping in a YAML file, and the line of each of its dotted paths.

    Args:
        path: the file.
        example: where to see one, for the error of a file that holds no mapping.

    Raises:
        FileError: it cannot be read, is not YAML, or is no mapping.
    """
    if path.suffix == ".py":
        raise FileError(
            path,
            0,
            f'it is a program, no sweep. Write a file with the line command: "python {path} ...", '
            f"or {path.stem}:NAME for a function in it.",
        )
    values, lines = _read(path)
    if not isinstance(values, dict):
        raise FileError(path, 0, f"holds no mapping. See: {example}")
    return values, lines


def points_in(path: Path) -> list[Any]:
    """The configs in a YAML file, one or a list of them, as ``orch best`` prints one.

    Raises:
        FileError: it cannot be read, or holds something else.
    """
    values, _ = _read(path)
    points = values if isinstance(values, list) else [values]
    if not points or not all(isinstance(point, dict) for point in points):
        raise FileError(path, 0, "holds no configs. Write each as learning_rate: 0.003 and so on.")
    return points


def to_yaml(values: Mapping[str, Any]) -> str:
    """YAML of plain values, in their order; short lists and domains on one line."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Representer = _Representer
    yaml.default_flow_style = None
    # ruamel says None here and means a bool.
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.width = 100
    text = io.StringIO()
    yaml.dump(dict(values), text)
    return text.getvalue()


def setting(text: str, *, example: str = "") -> dict[str, Any]:
    """The mapping that ``--set KEY=VALUE`` means; VALUE is YAML.

    Args:
        text: what was typed.
        example: a whole command that takes such a word, if it is not ``--set``.

    Raises:
        ConfigurationError: no ``=``, no key, or a value that is no YAML.
    """
    key, equals, value = text.partition("=")
    if not equals or not all(key.split(".")):
        raise ConfigurationError(
            f"{text!r} is not KEY=VALUE. Write: {example or '--set space.hidden_size.high=512'}",
            place="" if example else "--set",
        )
    try:
        return assign(key, YAML(typ="safe", pure=True).load(value))
    except YAMLError as error:
        raise ConfigurationError(f"{value!r} is not YAML.", place=key) from error


class _Representer(SafeRepresenter):
    """Quotes what ruamel writes bare and cannot read back, as ``:0`` or ``?0`` in braces."""

    def represent_str(self, data: str) -> ScalarNode:
        style = None if data[:1].isalnum() else "'"
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_Representer.add_representer(str, _Representer.represent_str)


def _read(path: Path) -> tuple[Any, dict[str, int]]:
    """What is in a YAML file, and the line of each of its dotted paths."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise FileError(path, 0, f"cannot be read: {reason}.") from error
    yaml = YAML(typ="safe", pure=True)
    try:
        values = yaml.load(text)
        lines: dict[str, int] = {}
        _collect(YAML(typ="safe", pure=True).compose(text), "", lines, ())
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise FileError(path, line, f"not YAML: {error.problem}.") from error
    except (YAMLError, ValueError) as error:
        raise FileError(path, 0, f"not YAML: {' '.join(str(error).split())}.") from error
    except RecursionError as error:
        raise FileError(path, 0, "nested too deeply.") from error
    return values, lines


def _collect(node: Node | None, place: str, lines: dict[str, int], above: tuple[int, ...]) -> None:
    if id(node) in above:
        raise RecursionError  # an alias of something around it
    above = (*above, id(node))
    if isinstance(node, MappingNode):
        for key, value in node.value:
            path = f"{place}.{key.value}" if place else str(key.value)
            lines[path] = key.start_mark.line + 1
            _collect(value, path, lines, above)
    elif isinstance(node, SequenceNode):
        for index, item in enumerate(node.value):
            lines[f"{place}.{index}"] = item.start_mark.line + 1
            _collect(item, f"{place}.{index}", lines, above)


def _place_of(error: ConfigurationError | UnknownNameError) -> str:
    if isinstance(error, ConfigurationError):
        return error.place
    return error.kind if error.kind in {"strategy", "architecture"} else f"{error.kind}.kind"


def _line_of(place: str, lines: Mapping[str, int]) -> int:
    """The line of the nearest path above ``place`` that the file has."""
    while place:
        if place in lines:
            return lines[place]
        place = place.rpartition(".")[0]
    return 0


def _says(override: Mapping[str, Any], place: str) -> bool:
    """Whether an override sets ``place`` or something under it or above it."""
    value: Any = override
    for key in place.split("."):
        if not isinstance(value, Mapping):
            return True
        if key not in value:
            return False
        value = value[key]
    return True
