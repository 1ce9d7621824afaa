"""Names of sweeps: an architecture and a strategy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from orchestrator.strategies import STRATEGIES
from searchspaces.errors import UnknownNameError, UsageError
from trainables import architectures
from trainables.programs import ASK


def compose(name: str) -> dict[str, Any]:
    """What a sweep's name says: ``gru-bohb`` is architecture ``gru``, strategy ``bohb``.

    ``module:attribute`` may have a strategy at its end too: ``my_module:train-asha``.

    Raises:
        UnknownNameError: it is no pair of the two registries.
    """
    known = (*architectures.names(), ASK)
    if name in known:
        return {"architecture": name}
    for chosen in sorted(STRATEGIES, key=len, reverse=True):  # one may end as another does
        architecture = name.removesuffix(f"-{chosen}")
        if architecture != name and (architecture in known or ":" in architecture):
            return {"architecture": architecture, "strategy": chosen}
    if ":" in name:
        _, dash, chosen = name.rpartition(":")[2].partition("-")
        if dash:  # no attribute has one in its name
            raise UnknownNameError("strategy", chosen, STRATEGIES)
        return {"architecture": name}
    module, _, attribute = name.partition(".")
    if Path(f"{module}.py").is_file():
        what = f":{attribute}." if attribute else ":NAME, with the name of a class or function."
        raise UsageError(f"unknown sweep {name!r}. What {module}.py holds is {module}{what}")
    raise UnknownNameError("sweep", name, sweep_names())


def sweep_names() -> tuple[str, ...]:
    """Every pair of an architecture and a strategy."""
    return tuple(f"{left}-{right}" for left in architectures.names() for right in STRATEGIES)
