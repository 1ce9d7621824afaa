"""What a checkpoint costs a worker, by where it goes.

    python benchmarks/storage.py              # 40 kB to 100 MB
    python benchmarks/storage.py --rounds 5   # a quick look

folder    the run's folder, of a worker on the machine that runs the sweep.
home      the same folder, of a worker on another node: through Ray's object store. Two raylets
          on this machine, so the network between them is the loopback.
shared    a path that all machines have (``--storage PATH``). Here it is this machine's disk:
          what a network file system adds is not in it.
s3        moto's server on the loopback (``--storage s3://...``). It is written in Python and
          keeps everything in memory: its times say what orch and pyarrow add, not what S3 takes.

Medians of a write and of a read that follows it, in ms, in an actor on the second node; the
bytes are random. ``home`` with several workers writing at once says what the machine that runs
the sweep can take. From that and from what Amazon says of S3 follows on paper from which size a
bucket is the better choice.
"""

from __future__ import annotations

import argparse
import os
import re
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SIZES = {"40 kB": 40_000, "1 MB": 10**6, "10 MB": 10**7, "100 MB": 10**8}
AT_ONCE = (1, 2, 4, 8)
S3_SECONDS, S3_RATE = 0.15, 87e6
"""Of a small object, and bytes a second of one request: 100 to 200 ms and 85 to 90 MB/s by
Amazon's S3 user guide, "Performance guidelines" and "Performance design patterns"."""
LINKS = {"1 Gbit/s": 1.17e8, "10 Gbit/s": 1.17e9}
"""Payload of a link, bytes a second."""


@contextmanager
def s3_server(folder: Path) -> Iterator[str]:
    """A bucket at moto's server."""
    keys = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
    os.environ.update(keys, AWS_EC2_METADATA_DISABLED="true", AWS_DEFAULT_REGION="us-east-1")
    import boto3

    log = folder / "moto.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"],
            stdout=output, stderr=output,
        )  # fmt: skip
    try:
        while not (found := re.search(r"Running on (http://\S+)", log.read_text())):
            if process.poll() is not None:
                raise SystemExit(log.read_text())
            time.sleep(0.05)
        os.environ["AWS_ENDPOINT_URL"] = found[1]
        boto3.client("s3", endpoint_url=found[1]).create_bucket(Bucket="checkpoints")
        yield "s3://checkpoints"
    finally:
        process.kill()
        process.wait()


class Worker:
    """Writes and reads where it is put."""

    def rounds(self, store: Any, size: int, count: int) -> tuple[list[float], list[float]]:
        """Seconds of each write and of each read."""
        writes, reads = [], []
        store.write("warm/up", secrets.token_bytes(1000))
        for number in range(count):
            data = secrets.token_bytes(size)
            key = f"{secrets.token_hex(4)}/{number}"
            begun = time.perf_counter()
            saved = store.save(key, 1, data)
            between = time.perf_counter()
            back = store.load(saved)
            writes.append(between - begun)
            reads.append(time.perf_counter() - between)
            if back != data:
                raise SystemExit(f"{store}: other bytes came back")
        return writes, reads

    def writes(self, store: Any, size: int, seconds: float) -> tuple[int, float]:
        """How many writes for about so long, and how long that was."""
        data, count, begun = secrets.token_bytes(size), 0, time.perf_counter()
        while (spent := time.perf_counter() - begun) < seconds:
            store.write(f"{secrets.token_hex(4)}/1", data)
            count += 1
        return count, spent


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=30)
    arguments = parser.parse_args()

    from orchestrator.engine.machines import quiet_ray

    quiet_ray()
    with tempfile.TemporaryDirectory() as name, s3_server(Path(name)) as url:
        import ray
        from ray.cluster_utils import Cluster

        # Started after the server, so that the nodes' environment has its keys.
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2})
        other = cluster.add_node(num_cpus=8)
        cluster.wait_for_nodes()
        ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
        try:
            report(Path(name), url, other.node_id, arguments.rounds)
        finally:
            ray.shutdown()
            cluster.shutdown()


def report(folder: Path, url: str, node: str, rounds: int) -> None:
    """Measure and print."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    from orchestrator.engine.home import HomeStore
    from orchestrator.runs.checkpoints import FolderStore
    from orchestrator.runs.storage import proven, store_of

    there = NodeAffinitySchedulingStrategy(node, soft=False)
    remote: Any = ray.remote(Worker).options(num_cpus=1, scheduling_strategy=there)
    workers = [remote.remote() for _ in range(max(AT_ONCE))]
    (folder / "shared").mkdir()
    at_home = FolderStore(folder / "home")
    with HomeStore.open(at_home) as home:
        stores: dict[str, Any] = {
            "folder": FolderStore(folder / "folder"),
            "home": home,
            "shared": store_of(str(folder / "shared"), "run", folder),
            "s3": store_of(url, "run", folder),
        }
        for which in ("shared", "s3"):
            proven(stores[which])
        print(f"{'ms to write / read':20}" + "".join(f"{which:>18}" for which in stores))
        medians: dict[tuple[str, int], float] = {}
        for size_name, size in SIZES.items():
            row = ""
            count = rounds if size < 10**8 else max(3, rounds // 6)
            for which, store in stores.items():
                took = ray.get(workers[0].rounds.remote(store, size, count))
                write, read = (1000 * statistics.median(seconds) for seconds in took)
                medians[which, size] = write / 1000
                row += f"{write:9.1f} /{read:7.1f}"
                listed = at_home if store is home else store
                listed.forget(kept.key for kept in listed.kept())
            print(f"{size_name:20}{row}", flush=True)
        print()
        print("home, workers writing 10 MB at once, MB/s in all:")
        most = 0.0
        for workers_now in AT_ONCE:
            begun = [worker.writes.remote(home, 10**7, 4.0) for worker in workers[:workers_now]]
            rate = sum(count * 1e7 / spent for count, spent in ray.get(begun))
            most = max(most, rate)
            print(f"{workers_now:4} workers {rate / 1e6:8.0f}", flush=True)
            at_home.forget(kept.key for kept in at_home.kept())
    switch_over(medians["home", SIZES["40 kB"]], most)


def switch_over(small: float, rate: float) -> None:
    """From which size a bucket is quicker, if all workers write at the same time."""
    print()
    print("a bucket is quicker, where all workers write at once, from (on paper; MB):")
    counts = (1, 4, 16, 64, 256)
    print(f"{'workers':24}" + "".join(f"{count:>8}" for count in counts))
    for name, link in LINKS.items():
        line = ""
        for count in counts:
            slower = count / min(link, rate) - 1 / S3_RATE
            size = (S3_SECONDS - small) / slower / 1e6 if slower > 0 else float("inf")
            line += f"{size:8.1f}" if size < 1000 else f"{'never':>8}"
        print(f"{name + ' to the head':24}{line}")


if __name__ == "__main__":
    main()
