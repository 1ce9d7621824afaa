"""One ssh round trip to a host: is it there, which Ray and Python would start on it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from orchestrator.cluster.file import ClusterFile
from orchestrator.cluster.starting import Start, starts
from searchspaces.errors import OrchError

SECONDS = 30.0
_MARK = "ORCH-PROBE "
# The Python that a `ray` runs with: its first line names it, or it lies beside it.
_SHELL = r"""
ORCH_PY=$(sed -n '1s/^#! *//p' "$ORCH_RAY" 2>/dev/null)
case "$ORCH_PY" in *python*) ;; *) ORCH_PY=$(dirname "${ORCH_RAY:-/}")/python3 ;; esac
[ -x "$ORCH_PY" ] || ORCH_PY=$(command -v python3)
command -v rsync >/dev/null && ORCH_RSYNC=1 || ORCH_RSYNC=
export ORCH_RAY ORCH_RSYNC
[ -n "$ORCH_PY" ] || { echo 'ORCH-PROBE {}'; exit 0; }
exec "$ORCH_PY" - <<'ORCH_END'
"""
_PYTHON = """
import json, os, platform, sys
from importlib import util
from importlib.metadata import PackageNotFoundError, version
def installed(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
parts = ("aiohttp", "aiohttp_cors", "opencensus", "opentelemetry", "prometheus_client")
token = os.path.expanduser("~/.ray/auth_token")
print("ORCH-PROBE " + json.dumps({
    "hostname": platform.node(),
    "interpreter": sys.executable,
    "python": platform.python_version(),
    "ray": installed("ray") if os.environ.get("ORCH_RAY") else "",
    "orch": installed("orch-sweep"),
    "rsync": bool(os.environ.get("ORCH_RSYNC")),
    "jobs": all(util.find_spec(part) for part in parts),
    "token_mode": oct(os.stat(token).st_mode & 0o777)[2:] if os.path.exists(token) else "",
}))
"""


@dataclass(frozen=True)
class Probe:
    """What a host says of itself.

    Attributes:
        address: as the cluster file names it.
        problem: why it does not answer; empty if it does.
        hostname: as it calls itself.
        interpreter: path of the Python that its Ray runs with.
        python: version of the Python that its Ray runs with.
        ray: version; empty where there is none.
        orch: version; empty where there is none.
        rsync: whether it is installed; ``ray up`` copies files with it.
        jobs: whether Ray's job server can start, which ``ray[default]`` brings.
        token_mode: mode of ``~/.ray/auth_token``, in octal; empty where there is none.
    """

    address: str
    problem: str = ""
    hostname: str = ""
    interpreter: str = ""
    python: str = ""
    ray: str = ""
    orch: str = ""
    rsync: bool = False
    jobs: bool = False
    token_mode: str = ""


def probe_all(file: ClusterFile) -> tuple[Probe, ...]:
    """Ask every host that the file names, all at the same time; in the file's order."""
    known = starts(file.values)
    by_where = {start.where: start for start in reversed(known)}
    asked = [
        (address, by_where.get("head" if address == file.head else "worker"))
        for address in file.hosts
    ]
    if not asked:
        return ()
    with ThreadPoolExecutor(max_workers=min(32, len(asked))) as threads:
        return tuple(threads.map(lambda one: probe(file, *one), asked))


def probe(file: ClusterFile, address: str, start: Start | None) -> Probe:
    """Ask one host."""
    from orchestrator.cluster.last_words import last_words
    from orchestrator.cluster.ssh import Host, as_ray_does

    lead = start.shell if start else "ORCH_RAY=$(command -v ray)"
    script = f"{lead}\n{_SHELL}{_PYTHON}ORCH_END\n"
    try:
        done = Host(address, file.login).run(*as_ray_does(script), timeout=SECONDS)
    except OrchError as error:
        return Probe(address, problem=str(error))
    said = _said(done.stdout.decode(errors="replace"))
    if said is None:
        reason = last_words(done.stderr) or f"exit code {done.returncode}"
        return Probe(address, problem=f"{address}: the shell there does not answer: {reason}.")
    return Probe(address, **said)


def _said(text: str) -> dict[str, Any] | None:
    """The answer, among what login scripts print."""
    for line in text.splitlines():
        if line.startswith(_MARK):
            try:
                said = json.loads(line.removeprefix(_MARK))
            except ValueError:
                return None
            return said if isinstance(said, dict) else None
    return None
