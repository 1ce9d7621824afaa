"""Architectures, data sets and the Ray Tune Trainable that trains any of them.

Names are imported on first use: ``import trainables`` costs neither torch nor Ray.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from trainables import architectures

if TYPE_CHECKING:
    from trainables.architectures.base import Architecture
    from trainables.data.part import Part, SweepData
    from trainables.learner import Learner, Task
    from trainables.outcomes import EpochDone, EpochFailed
    from trainables.trainable import TrialTrainable
    from trainables.trainables import ArchitectureTrainable

__all__ = [
    "Architecture",
    "ArchitectureTrainable",
    "EpochDone",
    "EpochFailed",
    "Learner",
    "Part",
    "SweepData",
    "Task",
    "TrialTrainable",
    "architecture",
    "architectures",
]

_HOMES = {
    "architectures.base": ("Architecture",),
    "data.part": ("Part", "SweepData"),
    "learner": ("Learner", "Task"),
    "outcomes": ("EpochDone", "EpochFailed"),
    "trainable": ("TrialTrainable",),
    "trainables": ("ArchitectureTrainable",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}


def architecture(name: str) -> type[Architecture]:
    """The architecture of that name, or of ``module:attribute``.

    Raises:
        UnknownNameError: no such name.
        OrchError: its module does not load, or holds no architecture.
    """
    return architectures.get(name)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'trainables' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"trainables.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
