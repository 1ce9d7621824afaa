"""How many trials the machines have room for, and what each of them takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from searchspaces.errors import ConfigurationError

Share = tuple[float, float]
"""Logical CPUs and GPUs that one process takes; parts of one are allowed."""

UNIT = 10_000
"""Ray counts resources in ten thousandths."""


@dataclass(frozen=True)
class Node:
    """What one machine has for trials.

    Attributes:
        cpus: logical ones.
        gpus: of them.
        name: its address.
    """

    cpus: float
    gpus: float = 0.0
    name: str = ""


class Room:
    """How many trials run at a time, and what each takes.

    Args:
        machines: those that are there now.
        cpus: a process takes; None is one, or less where more trials than CPUs are wanted.
        gpus: a process takes; None is an equal part, if ``wants_gpu``.
        ranks: processes of a trial, which may lie on several machines; 0 is the worker's own.
        wants_gpu: trials compute on a GPU where there is one; then machines without do not
            count where others have some.
        wanted: trials at a time; None is as many as there is room for, now and later.
        trials: never more than these.
        largest: machine that may still come, if that is known; None is none.

    Raises:
        ConfigurationError: no machine has what one trial takes.
    """

    def __init__(
        self,
        machines: Callable[[], Sequence[Node]],
        *,
        cpus: float | None = None,
        gpus: float | None = None,
        wants_gpu: bool = False,
        wanted: int | None = None,
        trials: int,
        largest: Node | None = None,
        ranks: int = 0,
    ) -> None:
        self._machines = machines
        self._cpus = cpus
        self._gpus = gpus
        self._wants_gpu = wants_gpu if gpus is None else gpus > 0
        self._trials = trials
        self._ranks = max(1, ranks)
        self.wanted = wanted
        there = machines()
        self._refuse([*there, largest] if largest else there)
        if ranks:
            self._refuse_together(there, largest)
        self._had_gpus = any(node.gpus for node in there)
        self._each = self._equal(there)

    @property
    def nodes(self) -> int:
        """Machines that trials may run on now."""
        return len(self._usable(self._machines()))

    def size(self) -> int:
        """Trials at a time, as the machines are now; at least one."""
        there = self._machines()
        if self._had_gpus != any(node.gpus for node in there):
            self._had_gpus = not self._had_gpus
            self._each = self._equal(there)
        nodes = self._usable(there)
        most = self._trials if self.wanted is None else min(self.wanted, self._trials)
        if self.wanted is not None and self._cpus is None:
            return most  # they share what is there
        return max(1, min(most, fitting(nodes, self._each) // self._ranks))

    def share(self, workers: int) -> Share:
        """What each process of so many trials takes, so that all of them find room if they can."""
        if self.wanted is None:
            return self._each
        nodes, places = self._usable(self._machines()), workers * self._ranks
        cpus = self._cpus or part([node.cpus for node in nodes], places)
        return cpus, self._gpu(nodes, places)

    def bundles(self, trials: int) -> list[Share]:
        """What so many trials take at the same time: each bundle has its place on one machine."""
        return [self.share(trials)] * (trials * self._ranks)

    def _equal(self, nodes: Sequence[Node]) -> Share:
        """What a trial takes where as many run as there is room for."""
        usable, cpus = self._usable(nodes), self._cpus or 1.0
        fit = fitting(usable, (cpus, self._gpus or 0.0)) // self._ranks
        return cpus, self._gpu(usable, min(self._trials, max(1, fit)) * self._ranks)

    def _gpu(self, nodes: Sequence[Node], workers: int) -> float:
        if self._gpus is not None or not self._wants_gpu:
            return self._gpus or 0.0
        return part([1.0 for node in nodes for _ in range(int(node.gpus))], workers)

    def _usable(self, nodes: Sequence[Node]) -> Sequence[Node]:
        """Those with a GPU, if trials want one and any has."""
        return [node for node in nodes if node.gpus] or nodes if self._wants_gpu else nodes

    def _refuse(self, nodes: Sequence[Node]) -> None:
        """A trial that can never be placed."""
        needed = (self._cpus or 0.0, self._gpus or 0.0)
        if fitting(nodes, needed):
            return
        best = max(nodes, key=lambda node: (node.gpus >= needed[1], node.cpus), default=Node(0.0))
        here = "this machine has" if len(nodes) <= 1 else f"the largest of {len(nodes)} nodes has"
        what, unit = ("gpus", "GPU") if best.gpus < needed[1] else ("cpus", "CPU")
        value = needed[1] if what == "gpus" else needed[0]
        has = best.gpus if what == "gpus" else best.cpus
        way = f"Give {what} of {has:g} or less." if has else f"Leave {what} out."
        raise ConfigurationError(
            f"a trial takes {value:g} {unit}{'s' * (value != 1)}, and {here} {has:g}: it could "
            f"never be placed. {way}",
            place=what,
        )

    def _refuse_together(self, nodes: Sequence[Node], largest: Node | None) -> None:
        """A trial of several processes that can never have room for all of them."""
        shared = self.wanted is not None and self._cpus is None
        cpus, gpus = self._cpus or (0.0 if shared else 1.0), self._gpus or 0.0
        fit = fitting(nodes, (cpus, gpus))
        if fit >= self._ranks or (largest and fitting([largest], (cpus, gpus))):
            return  # of machines that may still come there may be several
        what = "gpus" if fitting(nodes, (cpus, 0.0)) >= self._ranks else "cpus"
        has = [node.gpus if what == "gpus" else node.cpus for node in nodes]
        each = f"{cpus:g} CPU{'s' * (cpus != 1)}"
        if gpus:
            each += f" and {gpus:g} GPU{'s' * (gpus != 1)}"
        here = "this machine has" if len(nodes) <= 1 else f"the {len(nodes)} nodes have"
        most = part(has, self._ranks, most=max(has, default=0.0))
        if what == "gpus" and most > 1:
            most = int(most)  # parts of one are of one
        way = f"Give {what} of {most:g} or less." if most else f"Leave {what} out."
        raise ConfigurationError(
            f"a trial has {self._ranks} processes of {each} each, and {here} room for {fit}: it "
            f"could never be placed. {way}",
            place=what,
        )


def fitting(nodes: Iterable[Node], share: Share) -> int:
    """How many trials with that share fit on the machines at the same time."""
    return sum(min(_of_cpus(node.cpus, share[0]), _of_gpus(node.gpus, share[1])) for node in nodes)


def _of_cpus(has: float, takes: float) -> int:
    return round(has * UNIT) // round(takes * UNIT) if round(takes * UNIT) else UNIT


def _of_gpus(has: float, takes: float) -> int:
    """A part of a GPU is of one GPU: two halves of different ones are none."""
    if takes >= 1 or not round(takes * UNIT):
        return _of_cpus(has, takes)
    return int(has) * (UNIT // round(takes * UNIT))


def part(sizes: Sequence[float], workers: int, *, most: float = 1.0) -> float:
    """The largest share, up to ``most``, of which so many fit into bins of these sizes.

    0 where there is none.
    """
    kinds = Counter(round(size * UNIT) for size in sizes if round(size * UNIT))
    limit = round(most * UNIT)
    shares = {min(limit, size // count) for size in kinds for count in range(1, workers + 1)} - {0}
    for share in sorted(shares, reverse=True):
        if sum(number * (size // share) for size, number in kinds.items()) >= workers:
            return share / UNIT
    return 0.0
