"""Workers as Ray actors: what they are made of, and where they are placed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray
from ray import cloudpickle
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from orchestrator.engine.room import Share
from orchestrator.engine.worker import Blueprint, Worker

if TYPE_CHECKING:
    from trainables.programs.group import Group


class _Actor(Worker):
    """A worker that finds what this process finds: the user's modules, wherever they are.

    The blueprint comes packed, because to unpack it may need those modules.
    """

    def __init__(
        self, path: list[str], blueprint: bytes, data: object, more: Mapping[str, Any]
    ) -> None:
        sys.path += [folder for folder in path if folder not in sys.path]
        super().__init__(cloudpickle.loads(blueprint), data, more)

    def stand(self) -> str:
        """Make what trains; the node that it is on."""
        self.ready()
        return ray.get_runtime_context().get_node_id()


@dataclass(frozen=True)
class Started:
    """A worker that has been started.

    Attributes:
        actor: its handle.
        ready: resolves to the node that it stands on, whichever has room for it.
        end: ends it at once, with all that runs for it.
    """

    actor: Any
    ready: Any
    end: Callable[[], None]


class Actors:
    """Starts one worker after the other from the same blueprint.

    Args:
        blueprint: of the sweep.
        data: a reference in the object store; all workers share it.
    """

    def __init__(self, blueprint: Blueprint, data: Any) -> None:
        self._data = data
        self._groups: list[Group] = []
        self._ranks, self._settings = blueprint.ranks, blueprint.settings
        # Ray's pickler is not typed.
        self._packed: bytes = cloudpickle.dumps(blueprint)  # type: ignore[no-untyped-call]
        self._path = [str(Path(folder).absolute()) for folder in sys.path]

    def start(self, share: Share) -> Started:
        """Start a worker that takes so much, or each process of whose trials does."""
        return self._together(share) if self._ranks else self._alone(share)

    def close(self) -> None:
        """Wait for what ends in the background, once all workers have been ended."""
        for group in self._groups:
            group.join()

    def _alone(self, share: Share) -> Started:
        cpus, gpus = share
        remote: Any = ray.remote(_Actor).options(num_cpus=cpus, num_gpus=gpus, max_restarts=0)
        actor = remote.remote(self._path, self._packed, self._data, {})
        return Started(actor, actor.stand.remote(), partial(ray.kill, actor))

    def _together(self, share: Share) -> Started:
        """A worker whose trials run in processes of their own takes nothing itself.

        It stays on this machine, so that losing another costs only what runs there, and the
        data go past it.
        """
        from trainables.programs.group import Group

        group = Group(
            {
                "target": self._settings["target"],
                "epochs": self._settings["epochs"],
                "data": [self._data],
            },
            workers=self._ranks,
            share=share,
        )
        self._groups = [*(one for one in self._groups if not one.gone), group]
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=True)
        remote: Any = ray.remote(_Actor).options(
            num_cpus=0, max_restarts=0, scheduling_strategy=here
        )
        actor = remote.remote(self._path, self._packed, None, {"relay": group.relay})

        def end() -> None:
            ray.kill(actor)
            group.end()

        return Started(actor, actor.stand.remote(), end)
