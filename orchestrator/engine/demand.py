"""What a sweep asks of a cluster's autoscaler, as long as it lives and needs it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import ray

from orchestrator.engine.room import Share

MOST_ASKED = 200
"""Bundles that are asked for beyond those that there are."""


class _Place:
    """Takes what it is told to take and does nothing with it."""

    def ready(self) -> None:
        """Resolves once there is a place for it."""


class Demand:
    """Room that a sweep lacks, as actors that wait for it.

    Ray's autoscalers count what waits. They are this process's, so that they go with it,
    whatever ends it, and those of several sweeps add up. ``request_resources`` does neither;
    and where the newer autoscaler cannot make room for all of that, it adds no node at all.
    An actor that is placed has shown that there is room now, and leaves it to the workers.
    """

    def __init__(self) -> None:
        self._waiting: dict[Any, tuple[Share, Any]] = {}

    def ask(self, bundles: Sequence[Share]) -> None:
        """Have an autoscaler, where there is one, make room for these beside what there is.

        To be called every now and then. How far it goes is for the cluster's file to say.
        """
        if self._waiting:
            refs = list(self._waiting)
            for ref in ray.wait(refs, num_returns=len(refs), timeout=0)[0]:
                self._leave(ref)
        wanted = Counter(bundles[:MOST_ASKED])
        for ref, (share, _) in list(self._waiting.items()):
            if wanted[share]:
                wanted[share] -= 1
            else:
                self._leave(ref)
        for share in wanted.elements():
            cpus, gpus = share
            place: Any = ray.remote(_Place).options(num_cpus=cpus, num_gpus=gpus).remote()
            self._waiting[place.ready.remote()] = share, place

    def close(self) -> None:
        """Ask for nothing any more."""
        self.ask([])

    def _leave(self, ref: Any) -> None:
        _, place = self._waiting.pop(ref)
        ray.kill(place)
