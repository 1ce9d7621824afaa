"""The versions of a run's space, as its tables tell of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.engine.steering import edited
from searchspaces import JointSpace
from searchspaces.describe import searched
from searchspaces.domains import Domain, Parameter
from searchspaces.versions import hull


class Spaces:
    """What was searched from which trial on.

    Args:
        space: that the run began with.
    """

    def __init__(self, space: JointSpace) -> None:
        self._space = space
        self._hull = space.parameters()
        self._versions = [{"from_trial": 0, "parameters": _described(space, self._hull)}]

    def edit(self, changes: Mapping[str, Any], from_trial: int) -> None:
        """Trials from this number on are from the space after these changes."""
        self._space = edited(self._space, changes)
        parameters = self._space.parameters()
        self._hull = {name: hull(self._hull[name], now) for name, now in parameters.items()}
        described = _described(self._space, parameters)
        self._versions.append({"from_trial": from_trial, "parameters": described})

    def metadata(self) -> dict[str, Any]:
        """``parameters``, which hold the values of all trials, and ``spaces`` if it changed."""
        found: dict[str, Any] = {"parameters": _described(self._space, self._hull)}
        if len(self._versions) > 1:
            found["spaces"] = self._versions
        return found


def _described(space: JointSpace, parameters: Mapping[str, Parameter]) -> dict[str, Any]:
    differ = searched(dict(parameters))
    return {
        name: {"group": space.groups[name], **_parameter(parameter, searched=name in differ)}
        for name, parameter in parameters.items()
    }


def _parameter(parameter: Parameter, *, searched: bool) -> Mapping[str, Any]:
    if not isinstance(parameter, Domain):
        return {"kind": "constant", "value": parameter}
    if searched:
        return parameter.as_mapping()
    # A range of one value, or a condition that never holds.
    return {"kind": "constant", "value": parameter.value_at(0) if parameter.size == 1 else None}
