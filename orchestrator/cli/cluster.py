"""``orch cluster``: check a cluster file, start it, look at it, end it; sweeps as others' jobs."""

from __future__ import annotations

import dataclasses
import json
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli import options
from orchestrator.cli.given import changes_of, spec_of, sweep_again, sweep_options

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestrator.cluster.checking import Finding
    from orchestrator.cluster.file import ClusterFile
    from orchestrator.cluster.launch import Up, UpNode

_FILE = click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
_STEP = 9
"""Width of the column that names what was looked at."""


@click.group()
def cluster() -> None:
    """Check, start, see and end a Ray cluster.

    FILE is a Ray cluster-launcher file, such as cluster.yaml. A sweep on it:
    orch sweep gru-bohb --cluster FILE
    """


@cluster.command()
@_FILE
@options.as_json
def check(file: Path, *, as_json: bool) -> int:
    """Check a cluster file, this machine and the hosts; start nothing.

    Looks at the file (Ray's own schema, and what that cannot say), the private key, the token,
    the start commands, and asks every host that the file names for its Ray and Python. The exit
    code is 1 where a sweep could not run.
    """
    from orchestrator.cluster.checking import check as look
    from orchestrator.cluster.file import read_cluster

    tell: Callable[[Finding], None] = (lambda _: None) if as_json else _say
    described = read_cluster(file)
    found = look(described, tell=tell)
    wrong = sum(one.state == "error" for one in found)
    if as_json:
        document = {
            "cluster": described.name,
            "file": str(file),
            "ok": not wrong,
            "findings": [dataclasses.asdict(one) for one in found],
        }
        click.echo(json.dumps(document, indent=2))
    elif wrong:
        click.echo(f"\n{wrong} error{'s' * (wrong != 1)}; nothing was started")
    else:
        click.echo(f"\nnext   orch sweep gru-bohb --cluster {_typed(file)}")
    return 1 if wrong else 0


@cluster.command()
@_FILE
def up(file: Path) -> int:
    """Start a cluster, or take it as it is where it is up.

    Returns when the workers that always run have joined.
    """
    from orchestrator.cluster.file import read_cluster
    from orchestrator.cluster.launch import expected, wait
    from orchestrator.cluster.launch import up as start

    described = read_cluster(file)
    there = start(described, _step)
    if len(there.nodes) < expected(described):
        there = wait(described, expected(described), _step)
    for line in _up_lines(described, there):
        click.echo(line)
    return 0


@cluster.command()
@_FILE
@options.as_json
def status(file: Path, *, as_json: bool) -> int:
    """Say what of a cluster is up, since when, and what that costs.

    The exit code is 1 where it is not up.
    """
    from orchestrator.cluster.file import read_cluster
    from orchestrator.cluster.launch import found

    described = read_cluster(file)
    there = found(described)
    if as_json:
        document = {
            "cluster": described.name,
            "file": str(file),
            "up": bool(there),
            "nodes": [dataclasses.asdict(node) for node in there.nodes],
            "cost": _cost(described, there),
        }
        click.echo(json.dumps(document, indent=2))
    elif there:
        for line in _up_lines(described, there):
            click.echo(line)
    else:
        click.echo(f"cluster {described.name!r} is not up\n\nnext   orch cluster up {_typed(file)}")
    return 0 if there else 1


@cluster.command()
@_FILE
def down(file: Path) -> int:
    """End a cluster with everything that runs on it, without asking.

    Machines of a cloud end too; hosts that were there already stay, without Ray.
    """
    from orchestrator.cluster.file import read_cluster
    from orchestrator.cluster.launch import down as end

    described = read_cluster(file)
    silent = end(described, _step)
    if silent:
        click.echo(
            f"cluster {described.name!r} is down but for {', '.join(silent)}, which "
            f"{'does' if len(silent) == 1 else 'do'} not answer\n\n"
            f"next   orch cluster down {_typed(file)}"
        )
        return 1
    click.echo(f"cluster {described.name!r} is down")
    return 0


@cluster.command()
@sweep_options
@click.option("--slurm", "job_for", flag_value="slurm", help="An sbatch script.")
@click.option("--kuberay", "job_for", flag_value="kuberay", help="A RayJob manifest.")
@click.option("--nodes", default="2", metavar="N|A-B", show_default=True, help="Head included.")
@click.option("--node-cpus", type=click.IntRange(min=1), metavar="N", help="Of a node; 8.")
@click.option("--node-gpus", type=click.IntRange(min=0), metavar="N", help="Of a node.")
@click.option("--node-memory", type=click.IntRange(min=0), metavar="GB", help="Of a node.")
@click.option(
    "--time", "limit", callback=options.duration, default="4h", metavar="TIME", show_default=True,
    help="Limit of one turn; Slurm only.",
)  # fmt: skip
@click.option("--image", metavar="NAME", help="Has orch and Ray in it; KubeRay only.")
@click.option(
    "--claim", default="orch-runs", metavar="NAME", show_default=True,
    help="PersistentVolumeClaim for run folders; KubeRay only.",
)  # fmt: skip
@options.runs_folder
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write it here."
)
def render(
    name: str,
    *,
    settings: tuple[str, ...],
    job_for: str | None,
    nodes: str,
    node_cpus: int | None,
    node_gpus: int | None,
    node_memory: int | None,
    limit: float,
    image: str | None,
    claim: str,
    runs: Path,
    output: Path | None,
    **given: Any,
) -> None:
    """Write a sweep as a job for Slurm or KubeRay.

    The job starts Ray on its nodes and runs the sweep there. Started again, it goes on with
    orch resume: before Slurm's time limit the sweep stops with checkpoints and the job requeues
    itself; KubeRay makes a new cluster where the head was lost.
    """
    from orchestrator.cluster.job import job_of, nodes_of
    from searchspaces.errors import UsageError

    if job_for is None:
        raise UsageError("render what? Give --slurm or --kuberay.")
    spec = spec_of(name, changes_of(settings, given))
    job = job_of(
        spec,
        sweep_again(name, given, settings),
        nodes=nodes_of(nodes),
        cpus=node_cpus,
        gpus=node_gpus,
        memory=node_memory or 0,
        suffix=secrets.token_hex(2) if job_for == "kuberay" else "",
    )
    if job_for == "slurm":
        from orchestrator.cluster.slurm import sbatch_script

        text = sbatch_script(job, seconds=limit, runs=runs)
        again = "sbatch"
    else:
        from orchestrator.cluster.kuberay import manifest
        from orchestrator.sweep import is_file

        if not image:
            raise UsageError(
                "--image: missing. Name one with orch and Ray in it; docs/cluster.md builds one."
            )
        text = manifest(job, image=image, claim=claim, from_file=is_file(name))
        again = "kubectl create -f"
    if output is None:
        click.echo(text, nl=False)
        return
    _write(output, text)
    click.echo(f"{output}\n\nnext   {again} {output}")


def _step(text: str) -> None:
    click.echo(f"{'step':7}{text}")


def _typed(file: Path) -> str:
    import shlex

    return shlex.quote(str(file))


def _up_lines(file: ClusterFile, there: Up) -> list[str]:
    """What is up: a line a node, what it costs, what to type next."""
    from orchestrator.cli.view.words import clock, plural

    now = time.time()
    width = max((len(node.address) for node in there.nodes), default=0)
    has = ", ".join([plural(len(there.nodes), "node"), *_has(there)])
    lines = [f"cluster {file.name!r} is up: {has}, for {clock(now - there.since)}"]
    for node in there.nodes:
        role = "head" if node.head else "worker"
        words = [f"{role:6} {node.address:{width}}", *_has(node), clock(now - node.since)]
        lines.append("  ".join(words))
    cost = _cost(file, there)
    return [
        *lines,
        *([f"cost   {cost}"] if cost else []),
        "",
        f"next   orch sweep gru-bohb --cluster {_typed(file.path)}",
        f"       orch cluster down {_typed(file.path)}",
    ]


def _has(what: Up | UpNode) -> list[str]:
    """``8 cpus``, ``1 gpu``: what there is."""
    counts = {"cpu": what.cpus, "gpu": what.gpus}
    return [f"{many:g} {kind}{'s' * (many != 1)}" for kind, many in counts.items() if many]


def _cost(file: ClusterFile, there: Up) -> str:
    """What it has cost as it stands, in words; empty where that is not known."""
    from orchestrator.cluster.prices import estimate, running_nodes

    nodes = running_nodes(file, len(there.nodes)) if there else None
    return estimate(file, time.time() - there.since, nodes=nodes) if nodes else ""


def _say(finding: Finding) -> None:
    click.echo(f"{finding.state:8} {finding.step:{_STEP}}{finding.said}")


def _write(path: Path, text: str) -> None:
    """Replace a file at once.

    Raises:
        OrchError: it cannot be written.
    """
    from searchspaces.errors import OrchError

    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise OrchError(f"{path}: cannot be written: {error.strerror}.") from error
