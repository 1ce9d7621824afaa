"""A head with Ray's own autoscaler, whose nodes are raylets on this machine.

``ray.cluster_utils.AutoscalingCluster`` does the same, but it calls ``ray stop``, which ends all
Ray of the machine, and reads a file that Ray's wheels do not have.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import uuid
from pathlib import Path

import psutil

from orchestrator.engine.machines import quiet_ray

quiet_ray()  # which Ray heeds only if it comes first

from ray.util import get_node_ip_address  # noqa: E402

HEAD = "f" * 51 + "00000"
"""The fake provider's name of its head."""
KIND = "ray.head.default"
"""And of what kind it is."""
NOTHING = (
    "setup_commands",
    "head_setup_commands",
    "worker_setup_commands",
    "head_start_ray_commands",
    "worker_start_ray_commands",
    "initialization_commands",
    "cluster_synced_files",
    "rsync_exclude",
    "rsync_filter",
)
"""That a fake node does not need, and Ray wants to see."""
MARK = "ORCH_TEST_CLUSTER"
PROVIDER = "ray.autoscaler._private.fake_multi_node.node_provider.FakeMultiNodeProvider"


def _port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


class AutoscaledCluster:
    """A head of one logical CPU, and up to so many nodes of two when somebody asks.

    Args:
        folder: for its logs; Ray wants a short path.
        version: of the autoscaler, 1 or 2.
        workers: nodes at most.
        idle_seconds: after which a node is ended.
    """

    def __init__(
        self, folder: Path, *, version: int, workers: int = 2, idle_seconds: float = 3.0
    ) -> None:
        self.address = f"{get_node_ip_address()}:{_port()}"
        self._mark = uuid.uuid4().hex
        kinds = {
            KIND: {"resources": {"CPU": 1}, "node_config": {}, "max_workers": 0},
            "worker": {"resources": {"CPU": 2}, "node_config": {}, "max_workers": workers},
        }
        provider = {
            "type": "external",
            "module": PROVIDER,
            "use_node_id_as_ip": True,
            "disable_node_updaters": True,
            "disable_launch_config_check": True,
            "launch_multiple": True,
            "gcs_address": self.address,
            "head_node_id": HEAD,
        }
        config = {
            "cluster_name": "fake",
            "max_workers": workers,
            "provider": provider,
            "auth": {},
            "available_node_types": kinds,
            "head_node_type": KIND,
            "idle_timeout_minutes": idle_seconds / 60,
            "file_mounts": {},
            **{key: [] for key in NOTHING},
        }
        file = folder / "cluster.json"
        file.write_text(json.dumps(config))
        words = [str(Path(sys.executable).with_name("ray")), "start", "--head", "--num-cpus=1"]
        words += [f"--port={self.address.rpartition(':')[2]}", f"--temp-dir={folder}"]
        words += [f"--ray-client-server-port={_port()}", "--dashboard-agent-listen-port=0"]
        words += ["--min-worker-port=0", "--max-worker-port=0", "--include-dashboard=false"]
        words += [f"--autoscaling-config={file}", "--disable-usage-stats"]
        told = {
            "RAY_enable_autoscaler_v2": str(int(version == 2)),
            "RAY_FAKE_CLUSTER": "1",
            "RAY_CLOUD_INSTANCE_ID": HEAD,
            "RAY_OVERRIDE_NODE_ID_FOR_TESTING": HEAD,
            "AUTOSCALER_UPDATE_INTERVAL_S": "1",
            MARK: self._mark,
        }
        env = {**os.environ, **without_token(), **told}
        try:
            done = subprocess.run(
                words, env=env, capture_output=True, text=True, check=False, timeout=120
            )
            assert done.returncode == 0, done.stdout + done.stderr
        except BaseException:
            self.shutdown()
            raise

    @property
    def nodes(self) -> int:
        """That run now, the head among them."""
        return sum(process.info["name"] == "raylet" for process in self._processes())

    def shutdown(self) -> None:
        """End what was started here, and nothing else."""
        while processes := self._processes():  # some start others meanwhile
            for process in processes:
                process.kill()
            psutil.wait_procs(processes, timeout=2)

    def _processes(self) -> list[psutil.Process]:
        """All that have the mark, which children inherit."""
        return [
            process
            for process in psutil.process_iter(["name", "status", "environ"])
            if process.info["status"] != psutil.STATUS_ZOMBIE
            and (process.info["environ"] or {}).get(MARK) == self._mark
        ]


def without_token() -> dict[str, str]:
    """What says that no token is needed, whatever the machine has."""
    return {"RAY_AUTH_MODE": "disabled"}
