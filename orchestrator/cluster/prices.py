"""What nodes cost: ``[cluster.prices]`` of ``orch.toml``, and an estimate in words."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from orchestrator.declared import declare
from searchspaces.errors import ConfigurationError

if TYPE_CHECKING:
    from orchestrator.cluster.file import ClusterFile

Price = Annotated[float, Field(ge=0, allow_inf_nan=False, strict=True)]


class ClusterSettings(BaseModel):
    """The table ``[cluster]`` of ``orch.toml``.

    Attributes:
        currency: of all prices.
        prices: of a node per hour, by node type.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    currency: str = "USD"
    prices: dict[str, Price] = {}


class Settings(BaseModel):
    """``orch.toml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cluster: ClusterSettings = ClusterSettings()


class Prices(BaseModel):
    """What a node costs per hour, by node type; empty where nobody said so."""

    model_config = ConfigDict(frozen=True)

    currency: str = "USD"
    by_type: dict[str, float] = {}


def read_prices(path: Path) -> Prices:
    """The prices in ``orch.toml``; none where there is no such file.

    Raises:
        FileError: it is no TOML, or says something that cannot be.
    """
    from orchestrator.spec_file import FileError

    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Prices()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise FileError(path, 0, f"cannot be read: {reason}.") from error
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        said = re.fullmatch(r"(.*) \(at line (\d+), column \d+\)", str(error))
        line, reason = (int(said[2]), said[1]) if said else (0, str(error))
        raise FileError(path, line, f"not TOML: {reason}.") from error
    try:
        cluster = _declared(values)
    except ConfigurationError as error:
        raise FileError(path, _line(text, error.place), str(error)) from error
    return Prices(currency=cluster.currency, by_type=cluster.prices)


def estimate(file: ClusterFile, seconds: float, *, nodes: Mapping[str, int] | None = None) -> str:
    """What a time on the cluster costs, in words; empty where a price is not known.

    Args:
        file: the cluster.
        seconds: for which its nodes are up.
        nodes: how many of each type; by default the head and the workers that always run.
    """
    counts = dict(nodes) if nodes is not None else fewest_nodes(file)
    prices = {one.name: one.price for one in file.node_types}
    known = [prices.get(name) for name, count in counts.items() if count]
    if not known or None in known:
        return ""
    total = sum((prices[name] or 0.0) * count for name, count in counts.items()) * seconds / 3600
    number = sum(counts.values())
    many = "node" if number == 1 else "nodes"
    return f"about {total:.2f} {file.currency}: {number:,} {many} for {_time(seconds)}"


def fewest_nodes(file: ClusterFile) -> dict[str, int]:
    """The head and the workers that always run, by node type."""
    counts = {one.name: one.fewest for one in file.node_types}
    counts[file.head_type] = counts.get(file.head_type, 0) + 1
    return {name: count for name, count in counts.items() if count}


def running_nodes(file: ClusterFile, nodes: int) -> dict[str, int] | None:
    """So many nodes by type, the head among them; None where the workers' types are not known."""
    types = [one.name for one in file.node_types if one.most]
    if nodes > 1 and len(types) != 1:
        return None
    counts = dict.fromkeys(types, nodes - 1)
    counts[file.head_type] = counts.get(file.head_type, 0) + 1
    return {name: count for name, count in counts.items() if count}


def unused(file: ClusterFile, prices: Iterable[str]) -> list[str]:
    """Names in ``orch.toml`` that are no node type of this cluster."""
    known = {one.name for one in file.node_types}
    return [name for name in prices if name not in known]


def _declared(values: Mapping[str, Any]) -> ClusterSettings:
    """The table, or the error at its dotted path.

    Raises:
        ConfigurationError: an unknown key, or a value that cannot be.
    """
    declare(Settings, {key: value for key, value in values.items() if key != "cluster"})
    cluster = values.get("cluster", {})
    if not isinstance(cluster, Mapping):
        raise ConfigurationError(f"{cluster!r} is no table. Write: [cluster]", place="cluster")
    prices = cluster.get("prices", {})
    for name, price in prices.items() if isinstance(prices, Mapping) else ():
        if isinstance(price, Mapping):
            inner = next(iter(price), "")
            raise ConfigurationError(
                f'a dot in a name needs quotes. Write: "{name}.{inner}" = 0.10',
                place=f"cluster.prices.{name}",
            )
    return declare(ClusterSettings, cluster, place="cluster")


def _line(text: str, place: str) -> int:
    """The line of a dotted path, or of what is nearest to it; 0 where nothing is."""
    table = ""
    places: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*\[\s*([^\[\]]+?)\s*\]", line)
        key = re.match(r"""\s*((?:[\w.-]+|"[^"]*"|'[^']*'))\s*=""", line)
        if header:
            table = here = header[1]
        elif key:
            here = f"{table}.{key[1]}" if table else key[1]
        else:
            continue
        places.setdefault(here.replace('"', "").replace("'", ""), number)
    below = [number for here, number in places.items() if f"{here}.".startswith(f"{place}.")]
    above = [number for here, number in places.items() if place.startswith(f"{here}.")]
    return below[0] if below else above[-1] if above else 0


def _time(seconds: float) -> str:
    """A duration as a person says it: ``12 min``, ``2 h 5 min``."""
    minutes = max(1, round(seconds / 60))
    hours, rest = divmod(minutes, 60)
    if not hours:
        return f"{minutes} min"
    return f"{hours} h {rest} min" if rest else f"{hours} h"
