"""How a cluster file starts Ray: its ``ray start`` commands, and what they switch on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from orchestrator.cluster.installed import file_of_ray

Where = Literal["head", "worker"]
LOOPBACK = ("127.0.0.1", "localhost", "::1")
_START = re.compile(r"(?:^|(?<=[\s;&|(]))((?:[^\s;&|()]*/)?ray)\s+start\b")
_HARMLESS = re.compile(r"\s*(?:source|\.|export|ulimit|conda\s+activate|cd)\s")
_ENDS = re.compile(r"\s*(?:;|&&|\|\||\||&)\s*")


@dataclass(frozen=True)
class Start:
    """One ``ray start``; each item of the file's list is a shell of its own.

    Attributes:
        where: on the head or on a worker.
        place: dotted path of the item; of the list where the file leaves it to Ray's defaults.
        before: the text before it in the same item.
        program: ``ray`` as it is written there.
        options: the text after it.
    """

    where: Where
    place: str
    before: str
    program: str
    options: str

    def variable(self, name: str) -> str | None:
        """What an environment variable is set to for it; None if the item does not say."""
        found = re.findall(rf"(?:^|[\s;&|(]){name}=(\"[^\"]*\"|'[^']*'|[^\s;&|)]*)", self.before)
        return found[-1].strip("\"'") if found else None

    def option(self, name: str) -> str | None:
        """The value of ``--NAME``; empty for a bare one, None if it is not there."""
        found = re.search(
            rf"--{name}(?:(?:=|\s+)(\"[^\"]*\"|'[^']*'|[^\s;&|)-][^\s;&|)]*))?(?=[\s;&|)]|$)",
            self.options,
        )
        return (found[1] or "").strip("\"'") if found else None

    @property
    def shell(self) -> str:
        """Shell text that leads to the same ``ray`` and starts nothing: paths and variables."""
        parts = [part for part in _ENDS.split(self.before) if _HARMLESS.match(part)]
        return "\n".join([*parts, f"ORCH_RAY=$(command -v {self.program})"])


def starts(values: Mapping[str, Any]) -> tuple[Start, ...]:
    """Every ``ray start`` of a cluster file, the head's first."""
    return tuple(_starts(values))


def _starts(values: Mapping[str, Any]) -> Iterator[Start]:
    for where in ("head", "worker"):
        key = f"{where}_start_ray_commands"
        said = values.get(key)
        items = said if said is not None else _defaults(values["provider"]["type"]).get(key) or []
        for index, item in enumerate(items):
            for found in _START.finditer(item):
                place = key if said is None else f"{key}.{index}"
                yield Start(where, place, item[: found.start(1)], found[1], item[found.end() :])


def _defaults(provider: str) -> Mapping[str, Any]:
    """What Ray takes where a file says nothing."""
    from ruamel.yaml import YAML

    defaults = file_of_ray(f"autoscaler/{provider}/defaults.yaml")
    if defaults is None:
        return {}
    return dict(YAML(typ="safe", pure=True).load(defaults.read_text(encoding="utf-8")))
