"""A sweep as a job of somebody else's scheduler: what runs, on how many nodes of which size."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from searchspaces.errors import ConfigurationError

if TYPE_CHECKING:
    from orchestrator.spec import SweepSpec

CPUS = 8
"""Logical CPUs of a node where nobody says, or as many as a trial takes."""


@dataclass(frozen=True)
class Job:
    """What is rendered.

    Attributes:
        name: lower case, digits and dashes.
        sweep: what stands after ``orch sweep``, quoted for a shell.
        spec: the sweep as a file's text.
        fewest: nodes, the head among them, that it starts with.
        most: nodes that it may have.
        cpus: logical ones of a node.
        gpus: of a node.
        memory: of a node in GB; 0 leaves it to the scheduler.
        shared: a folder that all nodes share and checkpoints go to; empty without one.
    """

    name: str
    sweep: str
    spec: str
    fewest: int
    most: int
    cpus: int
    gpus: int
    memory: int
    shared: str = ""


def job_of(
    spec: SweepSpec,
    sweep: str,
    *,
    nodes: tuple[int, int],
    cpus: int | None = None,
    gpus: int | None = None,
    memory: int = 0,
    suffix: str = "",
) -> Job:
    """The job of a sweep.

    Args:
        spec: the sweep.
        sweep: what stands after ``orch sweep``, quoted for a shell.
        nodes: fewest and most, the head among them.
        cpus: logical ones of a node; None is :data:`CPUS`, or what a trial takes.
        gpus: of a node; None is what a trial takes.
        memory: of a node in GB.
        suffix: tells jobs of the same sweep apart, where names must.

    Raises:
        ConfigurationError: a trial takes more than a node has.
    """
    from orchestrator.spec_file import to_yaml

    takes = {"cpus": spec.cpus or 1, "gpus": spec.gpus or 0}
    has = {
        "cpus": max(CPUS, math.ceil(takes["cpus"])) if cpus is None else cpus,
        "gpus": math.ceil(takes["gpus"]) if gpus is None else gpus,
    }
    for kind, many in takes.items():
        if many > has[kind]:
            raise ConfigurationError(
                f"a trial takes {many:g}, a node has {has[kind]}. "
                f"Give --node-{kind} {math.ceil(many)} or more, or fewer --{kind}.",
                place=f"--node-{kind}",
            )
    storage = spec.storage or ""
    return Job(
        name="-".join(filter(None, (_plain(spec.name), suffix))),
        sweep=sweep,
        spec=to_yaml(spec.dump()),
        fewest=nodes[0],
        most=nodes[1],
        cpus=has["cpus"],
        gpus=has["gpus"],
        memory=memory,
        shared="" if "://" in storage else storage,
    )


def nodes_of(text: str) -> tuple[int, int]:
    """Fewest and most nodes of ``4`` or ``2-8``.

    Raises:
        ConfigurationError: it is neither.
    """
    found = re.fullmatch(r"(\d+)(?:-(\d+))?", text.strip())
    fewest = int(found[1]) if found else 0
    most = int(found[2]) if found and found[2] else fewest
    if not 1 <= fewest <= most:
        raise ConfigurationError(
            f"{text!r} is no number of nodes. Write 4, or 2-8.", place="--nodes"
        )
    return fewest, most


def _plain(name: str) -> str:
    """A name that Kubernetes takes for a job, and room for what it adds."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40].strip("-")
    return plain if plain[:1].isalpha() else f"sweep-{plain}".rstrip("-")
