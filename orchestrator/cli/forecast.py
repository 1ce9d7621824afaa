"""What a sweep on a cluster will take, before it starts: trials at a time, hours, money."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from orchestrator.cli.view.words import about, plural
from orchestrator.cluster.prices import estimate, fewest_nodes, running_nodes
from orchestrator.engine.room import Node, Room

if TYPE_CHECKING:
    from orchestrator.cluster.file import ClusterFile
    from orchestrator.cluster.launch import Up
    from orchestrator.preflight import CheckReport
    from orchestrator.spec import SweepSpec


def forecast(
    file: ClusterFile, there: Up, spec: SweepSpec, report: CheckReport | None
) -> tuple[str, ...]:
    """How many trials run at a time, for how long, and what that costs, in words.

    The time is what an epoch of the check took here, so it is as good as this machine is like
    those. Where the file lets workers come as they are needed, as many count as the sweep has
    work for.

    Args:
        file: the cluster.
        there: what is up; where nothing is, the head and the workers that always run count.
        spec: the sweep.
        report: of a check on this machine; None or one without times tells nothing of hours.

    Returns:
        parts of a line; empty where the file leaves it to Ray to find out what nodes have, and
        none is up.

    Raises:
        ConfigurationError: no node has what one trial takes.
    """
    counts = running_nodes(file, len(there.nodes)) if there else fewest_nodes(file)
    nodes = [Node(one.cpus, one.gpus) for one in there.nodes] or _nodes(file, counts or {})
    if not nodes:
        return ()
    size = _room(nodes, spec, file).size()
    up_to = ""
    if spec.concurrency is None and counts is not None:
        while size < spec.planned_trials and (more := _one_more(file, counts)):
            counts, up_to = more, "up to "
            nodes = _nodes(file, counts)
            size = _room(nodes, spec, file).size()
    said = [f"{up_to}{plural(size, 'trial')} at a time on {_many(nodes)}"]
    seconds = None if report is None else replace(report, at_a_time=size, cores=0).sweep_seconds
    if seconds is None:
        return tuple(said)
    seconds = min(seconds, spec.max_time or seconds)
    said.append(f"{about(seconds)}, if an epoch takes there what it takes here")
    cost = estimate(file, seconds, nodes=counts) if counts else ""
    return (*said, cost) if cost else tuple(said)


def _room(nodes: Sequence[Node], spec: SweepSpec, file: ClusterFile) -> Room:
    kind = file.largest
    return Room(
        lambda: nodes,
        cpus=spec.cpus or 1.0,
        gpus=spec.gpus,
        wants_gpu=spec.device in {"auto", "cuda"},
        wanted=spec.concurrency,
        trials=spec.planned_trials,
        largest=Node(kind.cpus, kind.gpus) if kind else None,
        ranks=spec.program.ranks,
    )


def _one_more(file: ClusterFile, counts: Mapping[str, int]) -> dict[str, int]:
    """The nodes with one more worker; empty where the file allows none, or says nothing of it."""
    workers = sum(counts.values()) - 1
    if workers >= file.most_workers:
        return {}
    for kind in file.node_types:
        has = counts.get(kind.name, 0) - (kind.name == file.head_type)
        if kind.cpus and kind.fewest < kind.most and has < kind.most:
            return {**counts, kind.name: counts.get(kind.name, 0) + 1}
    return {}


def _nodes(file: ClusterFile, counts: Mapping[str, int]) -> list[Node]:
    """The nodes that there will be; none where the file does not say what one of them has."""
    kinds = {one.name: one for one in file.node_types}
    found = [kinds[name] for name, count in counts.items() for _ in range(count)]
    return [Node(one.cpus, one.gpus) for one in found] if all(one.cpus for one in found) else []


def _many(nodes: Sequence[Node]) -> str:
    cpus, gpus = sum(node.cpus for node in nodes), sum(node.gpus for node in nodes)
    has = f"{cpus:g} cpus" + (f" and {gpus:g} gpu{'s' * (gpus != 1)}" if gpus else "")
    return f"{plural(len(nodes), 'node')} with {has}"
