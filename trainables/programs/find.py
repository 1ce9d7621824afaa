"""What it is that a name stands for, found without importing torch for it."""

from __future__ import annotations

import inspect
import sys
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from searchspaces.errors import ConfigurationError, UnknownNameError
from searchspaces.lookup import space_of
from searchspaces.registry import load_object
from searchspaces.space import SearchSpace
from trainables import architectures


class Form(StrEnum):
    """How something trains."""

    ARCHITECTURE = "architecture"
    """A network that orch trains: registered, or any ``torch.nn.Module``."""
    LIGHTNING = "lightning"
    """A LightningModule, which Lightning's own Trainer trains."""
    FUNCTION = "function"
    """A generator function that yields an epoch's metrics."""
    COMMAND = "command"
    """Any program that prints an epoch's metrics."""
    ASK = "ask"
    """Nothing of orch's: a program asks for trials and tells what they did."""


ASK = "ask"
"""What stands for an architecture where trials are asked for."""


@dataclass(frozen=True)
class Program:
    """What runs in a sweep's trials.

    Attributes:
        form: how it trains.
        target: a registered name, ``module:attribute`` or a command line.
        space: the class of its search space; None if the sweep has to declare one.
        can_pause: its trials keep their state, so that schedulers may send them to sleep.
        ranks: processes that a trial runs in, each with CPUs and GPUs of its own; 0 is the
            worker's own process.
    """

    form: Form
    target: str
    space: type[SearchSpace] | None
    can_pause: bool = True
    ranks: int = 0

    @property
    def learns_by_itself(self) -> bool:
        """Optimizer, batches and data are its own affair, and so are its metrics."""
        return self.form is not Form.ARCHITECTURE


def program_of(name: str) -> Program:
    """What a registered name or ``module:attribute`` is.

    Raises:
        UnknownNameError: no such name.
        ConfigurationError: its module does not load, or it is nothing that trains.
    """
    if name == ASK:
        return Program(Form.ASK, name, None)
    if ":" not in name:
        if name not in architectures.names():
            raise UnknownNameError("architecture", name, architectures.names())
        found = space_of(name)
        return Program(
            Form.ARCHITECTURE, name, architectures.get(name).space if found is None else found
        )
    if name.startswith("__main__:"):
        raise ConfigurationError(
            f"{name} lies in the script that runs, which workers cannot import. Put it into a "
            f"module of its own.",
            place="architecture",
        )
    value = load_object("architecture", name, name)
    ranks = ranks_of(name, value)
    if isinstance(value, type):
        form = Form.LIGHTNING if is_lightning(value) else Form.ARCHITECTURE
        if form is Form.ARCHITECTURE:
            architectures.get(name)  # says what it must be
        return Program(form, name, own_space(name, value, required=True))
    pauses = takes_state(name, value)
    if ranks and not pauses:
        function = name.rpartition(":")[2]
        raise ConfigurationError(
            f"{name} has workers = {ranks} and takes no state, which would tell each its rank. "
            f"Write {function}(config, state).",
            place="architecture",
        )
    return Program(Form.FUNCTION, name, own_space(name, value), can_pause=pauses, ranks=ranks)


def command_program(command: str) -> Program:
    """A program by its command line."""
    return Program(Form.COMMAND, command, None, can_pause=False)


def own_space(name: str, value: Any, *, required: bool = False) -> type[SearchSpace] | None:
    """The class of the space that something carries as its attribute ``space``.

    Raises:
        ConfigurationError: that is no space, or it is required and absent.
    """
    space = getattr(value, "space", None)
    if isinstance(space, type) and issubclass(space, SearchSpace):
        return space
    if space is None and not required:
        return None
    problem = "has no attribute space" if space is None else f"has {space!r} as its space"
    raise ConfigurationError(
        f"{name} {problem}. Give it a class of SearchSpace: space = MySpace.", place="architecture"
    )


def takes_state(name: str, value: Any) -> bool:
    """Whether a training function takes ``state`` after ``config``.

    Raises:
        ConfigurationError: it is no generator function, or takes something else.
    """
    if not inspect.isgeneratorfunction(value):
        kind = "no generator function" if callable(value) else f"a {type(value).__name__}"
        raise ConfigurationError(
            f"{name} is {kind}. Give a function that yields a dict of metrics per epoch, or a "
            f"class of torch.nn.Module.",
            place="architecture",
        )
    parameters = list(inspect.signature(value).parameters.values())
    plain = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = [one for one in parameters if one.default is one.empty or one.name == "state"]
    callable_so = needed == parameters[: len(needed)] and all(one.kind in plain for one in needed)
    count = len(needed) if callable_so else 0
    if count not in {1, 2}:
        raise ConfigurationError(
            f"{name}{inspect.signature(value)} cannot be called by orch. "
            f"Write train(config) or train(config, state).",
            place="architecture",
        )
    return count == 2


def ranks_of(name: str, value: Any) -> int:
    """Processes that a training function asks for, by its attribute ``workers``; 0 if it does not.

    Raises:
        ConfigurationError: that is no whole number of 1 or more, or this is no function.
    """
    workers = getattr(value, "workers", None)
    if isinstance(value, type):
        if isinstance(workers, int):
            raise ConfigurationError(
                f"{name} has workers = {workers}, and is a class: only a training function runs "
                f"in several processes. Leave it out, or give it another name.",
                place="architecture",
            )
        return 0
    if workers is None:
        return 0
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        raise ConfigurationError(
            f"{name} has workers = {workers!r}. Give a whole number of 1 or more.",
            place="architecture",
        )
    return workers


def is_lightning(value: type) -> bool:
    """Whether a class is a LightningModule; one can be so only if Lightning is imported."""
    for package in ("pytorch_lightning", "lightning.pytorch"):
        module = sys.modules.get(package)
        if module is not None and issubclass(value, module.LightningModule):
            return True
    return False
