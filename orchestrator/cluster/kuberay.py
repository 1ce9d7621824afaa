"""A sweep as a RayJob of KubeRay: a manifest for ``kubectl create -f``."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from orchestrator.cluster.job import Job

RUNS = "/orch/runs"
CONFIG = "/orch/config"
RETRIES = 3
"""A cluster whose head is lost is made again so often; each time the sweep goes on."""
_RUN = """\
set -u
if compgen -G '{runs}/*/spec.yaml' > /dev/null; then
    exec orch resume --runs {runs} --cluster auto
fi
exec orch sweep {sweep} --runs {runs} --cluster auto
"""


def manifest(job: Job, *, image: str, claim: str, from_file: bool) -> str:
    """A ConfigMap with what runs, and the RayJob.

    Args:
        job: what runs.
        image: with orch and the Ray of this machine in it.
        claim: the PersistentVolumeClaim that keeps run folders.
        from_file: the sweep is a file here, which the manifest takes along.
    """
    from orchestrator.spec_file import to_yaml

    runs = f"{RUNS}/{job.name}"
    sweep = f"{CONFIG}/sweep.yaml" if from_file else job.sweep
    texts = {"run.sh": _RUN.format(runs=runs, sweep=sweep)}
    if from_file:
        texts["sweep.yaml"] = job.spec
    return "\n".join([_config_map(job, texts), "---", to_yaml(_ray_job(job, image, claim))])


def _config_map(job: Job, texts: dict[str, str]) -> str:
    """Written by hand, since texts of many lines are to be read."""
    lines = ["apiVersion: v1", "kind: ConfigMap", "metadata:", f"  name: {job.name}", "data:"]
    for name, text in texts.items():
        lines.append(f"  {name}: |")
        lines += [f"    {line}" if line else "" for line in text.splitlines()]
    return "\n".join(lines)


def _ray_job(job: Job, image: str, claim: str) -> dict[str, Any]:
    cluster: dict[str, Any] = {
        "rayVersion": version("ray"),
        # KubeRay makes a Secret with a token of its own and gives it to all pods.
        "authOptions": {"mode": "token"},
        "headGroupSpec": {
            "rayStartParams": {},
            "template": _pod(job, image, "ray-head", claim, head=True),
        },
    }
    if job.most > 1:
        workers = _pod(job, image, "ray-worker", claim, head=False)
        cluster["workerGroupSpecs"] = [
            {
                "groupName": "workers",
                "replicas": job.fewest - 1,
                "minReplicas": job.fewest - 1,
                "maxReplicas": job.most - 1,
                "rayStartParams": {},
                "template": workers,
            }
        ]
    if job.fewest < job.most:
        cluster["enableInTreeAutoscaling"] = True
        cluster["autoscalerOptions"] = {"version": "v2", "idleTimeoutSeconds": 300}
    return {
        "apiVersion": "ray.io/v1",
        "kind": "RayJob",
        "metadata": {"name": job.name},
        "spec": {
            "entrypoint": f"bash {CONFIG}/run.sh",
            "backoffLimit": RETRIES,
            "shutdownAfterJobFinishes": True,
            "ttlSecondsAfterFinished": 60,
            "rayClusterSpec": cluster,
        },
    }


def _pod(job: Job, image: str, name: str, claim: str, *, head: bool) -> dict[str, Any]:
    """A pod; workers send their checkpoints to the head, which has the volume."""
    resources: dict[str, Any] = {"cpu": str(job.cpus)}
    if job.memory:
        resources["memory"] = f"{job.memory}G"
    if job.gpus:
        resources["nvidia.com/gpu"] = str(job.gpus)
    mounts: list[dict[str, Any]] = []
    volumes: list[dict[str, Any]] = []
    if head:
        mounts.append({"name": "config", "mountPath": CONFIG, "readOnly": True})
        volumes.append({"name": "config", "configMap": {"name": job.name}})
    if head or job.shared:
        mounts.append({"name": "runs", "mountPath": RUNS})
        volumes.append({"name": "runs", "persistentVolumeClaim": {"claimName": claim}})
    container = {
        "name": name,
        "image": image,
        "resources": {"requests": resources, "limits": dict(resources)},
        **({"volumeMounts": mounts} if mounts else {}),
    }
    return {"spec": {"containers": [container], **({"volumes": volumes} if volumes else {})}}
