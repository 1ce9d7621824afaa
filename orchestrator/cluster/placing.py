"""A run's folder brought to a host, whole or not at all."""

from __future__ import annotations

import tarfile
import tempfile

from orchestrator.cluster.errors import CommandFailedError
from orchestrator.cluster.last_words import last_words
from orchestrator.cluster.ssh import Host
from orchestrator.runs.folder import SPEC, RunFolder
from orchestrator.runs.warm_start import TABLE

PARTS = ("journal", "checkpoints", "wandb", "tensorboard", TABLE)
"""What a sweep goes on from; trackers do not write twice what is there."""
_PLACE = """
set -e
rm -rf "$1.part"
mkdir -p "$1.part"
tar -x -C "$1.part"
cat > /dev/null
test -e "$1.part/spec.yaml"
if [ -e "$1" ]; then mv "$1" "$1.before-$(date +%s)-$$"; fi
mv "$1.part" "$1"
"""


def place(run: RunFolder, host: Host, path: str) -> None:
    """Bring a run's folder as it is here; another state of it there is put aside.

    What is here is the newest: a run that lived there has been brought home.

    Args:
        run: its folder here; the caller owns it.
        host: that it goes to.
        path: of its folder there.

    Raises:
        ClusterError: it does not arrive.
    """
    with tempfile.TemporaryFile() as packed:
        with tarfile.open(fileobj=packed, mode="w") as tar:
            for part in (*PARTS, SPEC):  # the spec says that all has come
                if (run.path / part).exists():
                    tar.add(run.path / part, part, filter=_no_link)
        packed.seek(0)
        done = host.run("sh", "-c", _PLACE, "sh", path, input=packed, timeout=None)
    if done.returncode:
        raise CommandFailedError(host.address, last_words(done.stderr) or "tar failed")


def _no_link(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Links lead elsewhere there."""
    return None if entry.issym() else entry
