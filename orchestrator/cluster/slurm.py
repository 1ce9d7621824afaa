"""A sweep as an sbatch script that stops before its time limit, requeues and goes on."""

from __future__ import annotations

import shlex
from pathlib import Path

from orchestrator.cluster.job import Job

NOTICE = 120
"""Seconds before the time limit at which Slurm says so; Slurm may be up to a minute early."""


def sbatch_script(job: Job, *, seconds: float, runs: Path) -> str:
    """The script.

    Args:
        job: what runs.
        seconds: the time limit of one allocation.
        runs: where run folders lie; the nodes share it.
    """
    return "\n".join([_header(job, seconds), _body(job, runs)])


def _header(job: Job, seconds: float) -> str:
    nodes = str(job.fewest) if job.fewest == job.most else f"{job.fewest}-{job.most}"
    asked = {
        "job-name": job.name,
        "nodes": nodes,
        "ntasks-per-node": "1",
        "cpus-per-task": str(job.cpus),
        **({"gpus-per-node": str(job.gpus)} if job.gpus else {}),
        **({"mem": f"{job.memory}G"} if job.memory else {}),
        "time": _limit(seconds),
        "signal": f"B:USR1@{NOTICE}",
        "open-mode": "append",
        "output": f"{job.name}-%j.log",
    }
    lines = [f"#SBATCH --{name}={value}" for name, value in asked.items()]
    return "\n".join(["#!/bin/bash", *lines, "#SBATCH --requeue"])


def _limit(seconds: float) -> str:
    """A time as Slurm reads it: ``h:mm:ss``, or ``d-hh:mm:ss``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, within = divmod(hours, 24)
    clock = f"{minutes:02}:{rest:02}"
    return f"{days}-{within:02}:{clock}" if days else f"{hours}:{clock}"


def _body(job: Job, runs: Path) -> str:
    return _SCRIPT.format(
        sweep=job.sweep, runs=shlex.quote(str(runs)), gpus=job.gpus, cpus=job.cpus
    )


# The head is this script's node. Each job has ports, a token and a temporary folder of its own,
# since nodes may be shared; no `ray stop`, which would end the Ray of other jobs too.
_SCRIPT = r"""
# A sweep of orch. Start it: sbatch FILE; with what your site wants: sbatch -p PARTITION -A ACCOUNT.
# What is loaded when you type sbatch (modules, a virtual environment) is loaded here too.
set -u
cd "${{SLURM_SUBMIT_DIR:?start this with sbatch}}" || exit 1

runs={runs}/slurm-"$SLURM_JOB_ID"  # on a disk that the nodes share
port=$((20000 + SLURM_JOB_ID % 5000))
client=$((port + 5000))
folder="/tmp/orch-$SLURM_JOB_ID"  # short: Ray's sockets lie below it
head="${{SLURMD_NODENAME:-$(hostname -s)}}"
ip="${{ORCH_HEAD_IP:-$(hostname -I | cut -d' ' -f1)}}"

# All nodes show the same token, from a file that only you can read.
token="$HOME/.ray/slurm-$SLURM_JOB_ID"
if [ ! -s "$token" ]; then
    (umask 077; mkdir -p "$HOME/.ray" && od -An -N32 -tx1 /dev/urandom | tr -d ' \n' > "$token")
fi
unset RAY_AUTH_TOKEN RAY_ADDRESS
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH="$token"

driver=""
late=""
stop() {{ [ -z "$driver" ] || kill -TERM "$driver" 2>/dev/null; }}
trap 'late=yes; stop' USR1  # the time limit is near
trap 'ended=yes; stop' TERM INT  # scancel
ended=""

ray start --head --node-ip-address="$ip" --port="$port" --ray-client-server-port="$client" \
    --include-dashboard=false --dashboard-agent-listen-port=0 --temp-dir="$folder" \
    --num-cpus={cpus} --num-gpus={gpus} --disable-usage-stats --block > "$folder.log" 2>&1 &
started=$!
others=""
if [ "$SLURM_JOB_NUM_NODES" -gt 1 ]; then
    others=$((SLURM_JOB_NUM_NODES - 1))
    srun --overlap --nodes="$others" --ntasks="$others" --ntasks-per-node=1 --exclude="$head" \
        --cpus-per-task={cpus} --kill-on-bad-exit=0 bash -c '
            trap "rm -rf $1" EXIT
            trap "exit 143" TERM
            for _ in $(seq 60); do
                ray start --address="$0" --dashboard-agent-listen-port=0 --temp-dir="$1" \
                    --num-cpus={cpus} --num-gpus={gpus} --block && exit
                sleep 2
            done' "$ip:$port" "$folder" > "$folder.workers.log" 2>&1 &
    others=$!
fi
for _ in $(seq 120); do
    [ -z "$late$ended" ] && kill -0 "$started" 2>/dev/null || break
    ray status --address="$ip:$port" > /dev/null 2>&1 && break
    sleep 1
done

code=1
if ! kill -0 "$started" 2>/dev/null; then
    echo "Ray does not start on $head:" >&2
    tail -n 20 "$folder.log" >&2
elif [ -z "$late$ended" ]; then
    if compgen -G "$runs/*/spec.yaml" > /dev/null; then
        orch resume --runs "$runs" --cluster "$ip:$port" &
    else
        orch sweep {sweep} --runs "$runs" --cluster "$ip:$port" &
    fi
    driver=$!
    [ -z "$late$ended" ] || stop
    while wait "$driver"; code=$?; kill -0 "$driver" 2>/dev/null; do :; done
fi

trap '' USR1 TERM INT
kill -TERM "$started" $others 2>/dev/null
wait
rm -rf "$folder" "$folder.log" "$folder.workers.log"
if [ -n "$late" ] && [ -z "$ended" ] && [ "$code" -ne 0 ]; then
    echo "the time limit is near: job $SLURM_JOB_ID waits for its next turn and goes on"
    scontrol requeue "$SLURM_JOB_ID"
    exit "$code"
fi
rm -f "$token"
exit "$code"
"""
