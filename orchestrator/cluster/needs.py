"""Packages that a sweep's process needs on the head beside orch's own: trackers, notifications."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.cluster.errors import ClusterError
from orchestrator.cluster.last_words import last_words
from orchestrator.cluster.ssh import Host
from orchestrator.tracking.settings import Tracking

_LOOK = """
import importlib.util as util, sys
found = {name: util.find_spec(name) for name in sys.argv[1:]}
print("ORCH-LACKS", *(name for name, spec in found.items() if spec is None or not spec.origin))
"""


@dataclass(frozen=True)
class Need:
    """A package that has to be there.

    Attributes:
        package: as Python imports it.
        option: of the command line that needs it.
        extra: of orch's that brings it.
    """

    package: str
    option: str
    extra: str


def needs_of(tracking: Tracking, *, notifies: bool) -> tuple[Need, ...]:
    """What a sweep needs there.

    Args:
        tracking: where it is told about.
        notifies: somebody is told how it ended.
    """
    wanted: Mapping[Need, bool] = {
        Need("wandb", "--wandb", "wandb"): tracking.wandb.mode != "off",
        Need("mlflow", "--mlflow", "mlflow"): bool(tracking.mlflow),
        Need("apprise", "--notify", "notify"): notifies,
    }
    return tuple(need for need, is_wanted in wanted.items() if is_wanted)


def refuse_lacking(host: Host, python: str, needs: tuple[Need, ...]) -> None:
    """Make sure that packages are there, without importing them.

    Args:
        host: the head.
        python: its interpreter.
        needs: by :func:`needs_of`.

    Raises:
        ClusterError: one is not, or the head cannot be asked.
    """
    if not needs:
        return
    done = host.run(python, "-P", "-c", _LOOK, *(need.package for need in needs))
    said = [line for line in done.stdout.decode(errors="replace").splitlines()
            if line.startswith("ORCH-LACKS")]  # fmt: skip
    if not said:
        why = last_words(done.stderr) or f"exit code {done.returncode}"
        raise ClusterError(f"{host.address}: {python} does not say what is installed: {why}.")
    lacking = set(said[-1].split()[1:])
    for need in needs:
        if need.package in lacking:
            raise ClusterError(
                f"{host.address}: {need.option} needs {need.package} there, and it is not "
                f"installed. Run there: {python} -m pip install 'orch-sweep[{need.extra}]'"
            )
