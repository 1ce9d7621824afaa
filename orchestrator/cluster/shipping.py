"""Sending parcels and secrets to a cluster's head, and having every file verified there."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from orchestrator.cluster import unpack
from orchestrator.cluster.errors import ClusterError, CommandFailedError
from orchestrator.cluster.parcel import Parcel

Run = Callable[[list[str], bytes | None], "subprocess.CompletedProcess[bytes]"]
"""Runs words on the other machine, with a standard input."""
ROOT = "~/orch"
BATCH = 8 << 20
"""Bytes that are sent in one call; what has come stays when the next one breaks."""
ROUNDS = 3
"""So often what is not there is sent again: another parcel may be on its way too."""
OLD_SECONDS = 7 * 86400.0
"""Parcels that nobody needs, and runs that were put aside, are kept for so long."""
_LOADER = (
    "import sys; n = int(sys.stdin.buffer.readline()); "
    "exec(compile(sys.stdin.buffer.read(n), 'unpack.py', 'exec'))"
)


@dataclass(frozen=True)
class Shipped:
    """What of a parcel is where, on the other machine.

    Attributes:
        root: the folder of all parcels.
        library: folder of orch, to be searched for modules first.
        modules: folders to be searched for modules last, as the present folder is here.
        runs_in: folder to start the driver in; empty where it does not matter.
        data: folder of all data sets, for ``ORCH_DATA``.
        dataset: what the sweep's data set is called there; empty where it is called as here.
        sent: bytes that were sent.
    """

    root: str
    library: str
    modules: tuple[str, ...]
    runs_in: str
    data: str
    dataset: str
    sent: int

    @property
    def runs(self) -> str:
        """The folder of all runs."""
        return f"{self.root}/runs"

    def mirror_words(self, python: str = "python3") -> list[str]:
        """What starts the far side of a mirror there, for ``Host.command``."""
        program = [python, "-P", "-m", "orchestrator.cluster.far", self.runs]
        return ["env", f"PYTHONPATH={self.library}", *program]


class Shipper:
    """Talks to the unpacking script, which it sends along each time.

    Args:
        run: runs words on the other machine.
        where: what a message calls that machine.
        root: folder there; ``~`` is the account's home.
        python: the interpreter there.
    """

    def __init__(self, run: Run, *, where: str, root: str = ROOT, python: str = "python3") -> None:
        self._run = run
        self._where = where
        self._root = root
        self._python = python
        self._script = Path(unpack.__file__).read_bytes()

    def ship(self, parcel: Parcel, progress: Callable[[int, int], None] | None = None) -> Shipped:
        """Send what is not there, and have everything verified.

        Args:
            parcel: what must be there.
            progress: called with the bytes sent, and those to be sent.

        Raises:
            ClusterError: it did not arrive whole, or there is no room for it.
        """
        by_sum = {item.sha256: item for item in parcel.items}
        answer, sent = self._ask("need", parcel.manifest), 0
        for _ in range(ROUNDS):
            need: dict[str, int] = answer["need"]
            left = sum(by_sum[sha256].size - there for sha256, there in need.items())
            if left > answer["free"]:
                raise ClusterError(
                    f"{self._where}: {left / 1e6:,.0f} MB are to be sent, and there is room for "
                    f"{answer['free'] / 1e6:,.0f} MB in {answer['root']}. Make room there."
                )
            total = sent + left
            for batch, size in _batches(parcel, need):
                self._ask("take", batch)
                sent += size
                if progress is not None:
                    progress(sent, total)
            placed = self._ask("place", parcel.manifest)
            if not placed["problems"]:
                return self._shipped(parcel, placed["root"], sent)
            answer = self._ask("need", parcel.manifest)
        raise self._problem(placed["problems"])

    def check(self, parcel: Parcel) -> list[str]:
        """What of a parcel is not there as it was sent, a line each."""
        problems: list[str] = self._ask("check", parcel.manifest)["problems"]
        return problems

    def hide(self, name: str, secrets: Mapping[str, bytes]) -> str:
        """Keep secrets there as files that nobody else can read; the folder they are in.

        Args:
            name: of the folder; secrets that were there under it are gone then.
            secrets: by name.

        Raises:
            ClusterError: that did not work.
        """
        texts = {key: base64.b64encode(value).decode() for key, value in secrets.items()}
        order = json.dumps({"name": name, "secrets": texts}).encode()
        folder: str = self._ask("hide", order)["folder"]
        return folder

    def forget(self, name: str) -> None:
        """Remove secrets; those that are not there are no error.

        Raises:
            ClusterError: that did not work.
        """
        self._ask("forget", json.dumps({"name": name}).encode())

    def use(self, run: str, shipped: Shipped) -> None:
        """Keep what a run needs there until it has been fetched.

        Args:
            run: its id.
            shipped: with what it runs.

        Raises:
            ClusterError: that did not work.
        """
        folders = [shipped.library, *shipped.modules]
        inside = [folder.removeprefix(f"{shipped.root}/") for folder in folders]
        self._ask("use", json.dumps({"run": run, "folders": inside}).encode())

    def prune(self, seconds: float = OLD_SECONDS) -> list[str]:
        """Remove what is older than that and needed by nobody; paths below the root.

        Raises:
            ClusterError: that did not work.
        """
        removed: list[str] = self._ask("prune", json.dumps({"seconds": seconds}).encode())[
            "removed"
        ]
        return removed

    def _ask(self, command: str, order: bytes) -> dict[str, Any]:
        content = b"%d\n%s%s" % (len(self._script), self._script, order)
        done = self._run([self._python, "-c", _LOADER, command, self._root], content)
        lines = done.stdout.decode(errors="replace").strip().splitlines()
        try:
            answer: dict[str, Any] = json.loads(lines[-1])
            answer["problems"], answer["root"]
        except (IndexError, ValueError, TypeError, KeyError):
            said = done.stderr.decode(errors="replace").strip().splitlines() or lines
            why = " ".join((said or [f"exit code {done.returncode}"])[-1].split())
            raise CommandFailedError(self._where, why) from None
        return answer

    def _shipped(self, parcel: Parcel, root: str, sent: int) -> Shipped:
        kind, _, file = parcel.dataset.partition(":")
        return Shipped(
            root=root,
            library=f"{root}/{parcel.library}",
            modules=tuple(f"{root}/{folder}" for folder in parcel.modules),
            runs_in=f"{root}/{parcel.runs_in}" if parcel.runs_in else "",
            data=f"{root}/data",
            dataset=f"{kind}:{root}/{file}" if parcel.dataset else "",
            sent=sent,
        )

    def _problem(self, problems: list[str]) -> ClusterError:
        more = f", and {len(problems) - 1} more" if problems[1:] else ""
        return ClusterError(
            f"{self._where}: what was sent is not what is there: {problems[0]}{more}. "
            f"Was it changed on the way? Try again."
        )


def used_by(path: str) -> str:
    """The file there that keeps what a run needs.

    Args:
        path: of the run's folder there.
    """
    run = PurePosixPath(path)
    return str(run.parents[1] / "uses" / f"{run.name}.json")


def _batches(parcel: Parcel, need: Mapping[str, int]) -> Iterator[tuple[bytes, int]]:
    """What is to be sent, in pieces of a size, each with the bytes of files in it."""
    batch, size = bytearray(), 0
    for item in {item.sha256: item for item in parcel.items}.values():
        offset = need.get(item.sha256, item.size)
        while offset < item.size:
            data = item.read(offset, min(item.size - offset, BATCH - size))
            if not data:
                break  # it was cut here meanwhile, which the sums will tell
            batch += b"%s %d %d\n%s" % (item.sha256.encode(), offset, len(data), data)
            offset, size = offset + len(data), size + len(data)
            if size >= BATCH:
                yield bytes(batch), size
                batch, size = bytearray(), 0
    if size:
        yield bytes(batch), size
