"""Registries: built-in modules and real entry points of an installed distribution."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from searchspaces import ConfigurationError, OrchError, Registry, UnknownNameError
from searchspaces.registry import load_object

GROUP = "orch.instruments"

BASE = "class Instrument:\n    pass\n"
MEMBER = "from {package}.base import Instrument\n\nclass {name}(Instrument):\n    pass\n"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def install(folder: Path, distribution: str, points: dict[str, str]) -> None:
    """Lay out a distribution's metadata as an installer does."""
    info = folder / f"{distribution}-1.0.dist-info"
    write(info / "METADATA", f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
    lines = [f"{name} = {target}" for name, target in points.items()]
    write(info / "entry_points.txt", "\n".join([f"[{GROUP}]", *lines, ""]))


@pytest.fixture
def registry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Registry[object]:
    """A registry over a package with the built-ins ``bass-drum``, ``lambda`` and no helpers."""
    package = f"orchestra_{abs(hash(request.node.name))}"
    write(tmp_path / package / "__init__.py", "")
    write(tmp_path / package / "base.py", BASE)
    write(tmp_path / package / "_tools.py", "")
    write(tmp_path / package / "testing.py", "raise RuntimeError('not to be imported')\n")
    write(tmp_path / package / "bass_drum.py", MEMBER.format(package=package, name="BassDrum"))
    write(tmp_path / package / "lambda_.py", MEMBER.format(package=package, name="Lambda"))
    plugin = f"{package}_plugin"
    write(
        tmp_path / f"{plugin}.py",
        f"from {package}.base import Instrument\n"
        "class Flute(Instrument):\n    class Piccolo(Instrument):\n        pass\n"
        "class Stone:\n    pass\n",
    )
    write(tmp_path / f"{package}_broken.py", "raise RuntimeError('a string snapped')\n")
    monkeypatch.syspath_prepend(tmp_path)
    return Registry(
        "instrument", package=package, group=GROUP, base=f"{package}.base:Instrument",
        skip=("testing",),
    )  # fmt: skip


def test_a_built_in_is_named_after_its_module(registry: Registry[object]) -> None:
    assert registry.names() == ("bass-drum", "lambda")
    assert registry.get("bass-drum").__name__ == "BassDrum"
    assert registry.get("lambda").__name__ == "Lambda"


def test_a_plug_in_is_found_by_its_entry_point(registry: Registry[object], tmp_path: Path) -> None:
    plugin = f"{registry.package}_plugin"
    install(tmp_path, "flutes", {"flute": f"{plugin}:Flute", "piccolo": f"{plugin}:Flute.Piccolo"})
    assert registry.names() == ("bass-drum", "flute", "lambda", "piccolo")
    assert registry.get("flute").__name__ == "Flute"
    assert registry.get("piccolo").__qualname__ == "Flute.Piccolo"


def test_a_class_is_found_by_module_and_attribute(registry: Registry[object]) -> None:
    assert registry.get(f"{registry.package}_plugin:Flute").__name__ == "Flute"


def test_an_unknown_name_lists_the_known_ones_nearest_first(registry: Registry[object]) -> None:
    with pytest.raises(UnknownNameError) as caught:
        registry.get("lamda")
    assert str(caught.value) == (
        "unknown instrument 'lamda'. Did you mean 'lambda'? Known: lambda, bass-drum."
    )
    assert caught.value.known == ("lambda", "bass-drum")


def test_two_plug_ins_of_one_name_are_an_error(registry: Registry[object], tmp_path: Path) -> None:
    plugin = f"{registry.package}_plugin"
    install(tmp_path, "flutes", {"flute": f"{plugin}:Flute"})
    install(tmp_path, "more-flutes", {"flute": f"{plugin}:Flute.Piccolo"})
    with pytest.raises(ConfigurationError) as caught:
        registry.names()
    one, other = sorted([f"{plugin}:Flute", f"{plugin}:Flute.Piccolo"])
    assert str(caught.value) in {
        f"{GROUP}: two plug-ins are called 'flute': {first} and {second}. Uninstall one of them."
        for first, second in ((one, other), (other, one))
    }


def test_a_plug_in_cannot_replace_a_built_in(registry: Registry[object], tmp_path: Path) -> None:
    plugin = f"{registry.package}_plugin"
    install(tmp_path, "drums", {"bass-drum": f"{plugin}:Flute"})
    with pytest.raises(ConfigurationError) as caught:
        registry.get("bass-drums")
    assert str(caught.value) == (
        f"{GROUP}: two plug-ins are called 'bass-drum': built in and {plugin}:Flute. "
        "Uninstall one of them."
    )


def test_a_broken_plug_in_is_listed_named_and_skipped(
    registry: Registry[object], tmp_path: Path
) -> None:
    install(tmp_path, "harps", {"harp": f"{registry.package}_broken:Harp"})
    assert registry.names() == ("bass-drum", "harp", "lambda")
    line = (
        "instrument 'harp' does not load: RuntimeError: a string snapped "
        f"({registry.package}_broken.py:1)"
    )
    with pytest.raises(ConfigurationError) as caught:
        registry.get("harp")
    assert str(caught.value) == line
    with pytest.warns(RuntimeWarning, match=re.escape(line)):
        assert sorted(registry.members()) == ["bass-drum", "lambda"]


OWN = """
import argparse, json
class Lyre:
    strings = 7
"""


@pytest.mark.parametrize(
    ("target", "line"),
    [
        ("own_lyre:Lyra", "module 'own_lyre' has no attribute 'Lyra'. Did you mean 'Lyre'?"),
        ("own_lyre:Lyre.size", "own_lyre:Lyre has no attribute 'size'"),
        ("own_lyr:Lyre", "no module 'own_lyr' in this folder or among installed packages. "
                         "Did you mean 'own_lyre'?"),
        ("nowhere.deep:Lyre", "no module 'nowhere.deep' in this folder or among installed "
                              "packages"),
        ("own_lyre.py:Lyre", "it is a file's name. Write own_lyre:Lyre"),
        ("own_lyre:", "it is no module:attribute"),
        (":Lyre", "it is no module:attribute"),
        ("./own_lyre:Lyre", "it is no module:attribute"),
        ("own_needs:x", "No module named 'no_such_thing' (own_needs.py:2)"),
        ("own_exits:x", "it exits when it is imported (own_exits.py:2): usage. Put what it runs "
                        "below if __name__ == '__main__':"),
        ("own_quits:x", "it exits when it is imported (own_quits.py:1). Put what it runs "
                        "below if __name__ == '__main__':"),
        ("own_key:x", "KeyError: 'HOME_OF_DATA' (own_key.py:3)"),
        ("own_json:x", "JSONDecodeError: Expecting value: line 1 column 1 (char 0) "
                       "(own_json.py:2)"),
        ("own_syntax:x", "'(' was never closed (own_syntax.py, line 2)"),
    ],
)  # fmt: skip
def test_what_does_not_load_says_where_and_what_was_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, line: str
) -> None:
    for name, text in {
        "own_lyre": OWN,
        "own_needs": "\nimport no_such_thing\n",
        "own_exits": "import sys\nsys.exit('usage')\n",
        "own_quits": "raise SystemExit(0)\n",
        "own_key": "import os\n\nos.environ['HOME_OF_DATA']\n",
        "own_json": "import json\njson.loads('')\n",
        "own_syntax": "\nprint(\n",
    }.items():
        write(tmp_path / f"{name}.py", text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigurationError) as caught:
        load_object("instrument", target, target)
    assert str(caught.value) == f"instrument {target!r} does not load: {line}"


@pytest.mark.parametrize("target", ["_plugin:Harp", "_plugin", "_nowhere:Harp"])
def test_a_plug_in_that_leads_nowhere_is_named(
    registry: Registry[object], tmp_path: Path, target: str
) -> None:
    install(tmp_path, "harps", {"harp": f"{registry.package}{target}"})
    with pytest.raises(ConfigurationError, match=r"^instrument 'harp' does not load: "):
        registry.get("harp")


def test_a_plug_in_of_another_kind_is_refused(registry: Registry[object], tmp_path: Path) -> None:
    install(tmp_path, "stones", {"stone": f"{registry.package}_plugin:Stone"})
    with pytest.raises(ConfigurationError) as caught:
        registry.get("stone")
    assert str(caught.value) == "instrument 'stone' is no subclass of Instrument"


def test_a_built_in_module_without_a_member_is_an_error(
    registry: Registry[object], tmp_path: Path
) -> None:
    write(tmp_path / registry.package / "empty.py", "")
    with pytest.raises(
        OrchError, match=r"\.empty must define one Instrument subclass; it has none"
    ):
        registry.get("empty")


def test_a_class_from_outside_is_adapted_where_the_registry_knows_how(
    registry: Registry[object], tmp_path: Path
) -> None:
    plugin = f"{registry.package}_plugin"
    write(
        tmp_path / f"{registry.package}_adapt.py",
        f"from {registry.package}.base import Instrument\n"
        "def adapt(cls):\n"
        "    return type(cls.__name__, (Instrument,), {}) if cls.__name__ == 'Stone' else None\n",
    )
    write(tmp_path / f"{plugin}2.py", "class Stone:\n    pass\nclass Sand:\n    pass\n")
    registry.adapt = f"{registry.package}_adapt:adapt"
    assert registry.get(f"{plugin}2:Stone").__name__ == "Stone"
    assert issubclass(registry.get(f"{plugin}2:Stone"), registry._base)
    with pytest.raises(ConfigurationError, match="Sand' is no subclass of Instrument"):
        registry.get(f"{plugin}2:Sand")
