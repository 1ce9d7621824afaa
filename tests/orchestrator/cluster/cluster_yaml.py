"""The cluster file of built hosts, in the form that users write."""

from __future__ import annotations

import secrets
from pathlib import Path

from tests.orchestrator.cluster.hosts import BuiltHost, Rig

FILE = """\
cluster_name: {name}
provider:
  type: local
  head_ip: {head}
  worker_ips: [{workers}]
auth:
  ssh_user: {user}
  ssh_private_key: {key}
file_mounts:
  ~/.ray/auth_token: {token}
head_start_ray_commands:
  - ray stop
  - >-
    RAY_AUTH_MODE=token RAY_enable_autoscaler_v2=0
    ray start --head --port=6379 --num-cpus={cpus} --object-store-memory={memory}
    --autoscaling-config=~/ray_bootstrap_config.yaml
worker_start_ray_commands:
  - ray stop
  - >-
    RAY_AUTH_MODE=token
    ray start --address=$RAY_HEAD_IP:6379 --num-cpus={cpus} --object-store-memory={memory}
"""
MEMORY = 80_000_000
"""Bytes of each host's object store; Ray takes no less than 75 MiB."""


def cluster_yaml(rig: Rig, folder: Path, *, hosts: list[BuiltHost] | None = None, cpus: int = 2):
    """Write a cluster file and the token that it names.

    Args:
        rig: with the login.
        folder: to write into.
        hosts: the head first; all of the rig's without it.
        cpus: logical ones of each host.
    """
    head, *workers = hosts or rig.hosts
    token = folder / "auth_token"
    token.touch(mode=0o600)
    token.write_text(secrets.token_hex(32))
    rig.environment["RAY_AUTH_TOKEN_PATH"] = str(token)
    path = folder / "cluster.yaml"
    path.write_text(
        FILE.format(
            name=rig.name,
            head=head.address,
            workers=", ".join(worker.address for worker in workers),
            user=rig.user,
            key=rig.key,
            token=token,
            cpus=cpus,
            memory=MEMORY,
        )
    )
    return path
