"""The sbatch script on a real Slurm of two nodes, which are on this machine."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from orchestrator.cli.main import cli
from orchestrator.engine.journal import read
from orchestrator.engine.records import EpochReported, Opened, TrialStarted
from orchestrator.runs.folder import all_runs

SEARCHED = f"{os.environ['PATH']}:/usr/sbin:/sbin"
TRIALS = 24
CONF = """\
ClusterName=orch
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmctldPort={ports[0]}
AuthType=auth/none
CredType=cred/none
AuthInfo=cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SchedulerType=sched/builtin
SchedulerParameters=sched_interval=1,batch_sched_delay=0
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
ReturnToService=2
KillWait=5
NodeName=one NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=1 State=UNKNOWN
NodeName=two NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=1 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
TRAIN = """\
import time

from searchspaces import Float, FloatParam, SearchSpace


class Space(SearchSpace):
    rate: FloatParam = Float(1e-3, 1.0, log=True)


def train(config, state):
    kept = state.load() or {"weight": 0.0}
    while state.epoch < state.epochs:
        time.sleep(0.1)
        kept["weight"] += config["rate"] * (1 - kept["weight"])
        state.save(kept)
        yield {"valid_loss": (1 - kept["weight"]) ** 2}


train.space = Space
"""


def lacking() -> str:
    """Why no Slurm can run here; empty where one can."""
    for program in ("slurmctld", "slurmd", "sbatch"):
        if shutil.which(program, path=SEARCHED) is None:
            return f"needs {program}: apt-get install slurm-wlm"
    return "" if os.geteuid() == 0 else "slurmd needs root"


pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(lacking()), reason=lacking() or "-")]


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(closing(socket.socket())) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


class Slurm:
    """A controller and two nodes, in a folder of a test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("state", "one", "two", "home"):
            (folder / name).mkdir()
        host = platform.node().partition(".")[0]
        (folder / "slurm.conf").write_text(
            CONF.format(host=host, folder=folder, ports=free_ports(3))
        )
        self.environment = {
            "PATH": f"{Path(sys.executable).parent}:{SEARCHED}",
            "SLURM_CONF": str(folder / "slurm.conf"),
            "HOME": str(folder / "home"),
            "PYTHONPATH": str(folder),
            "LANG": "C.UTF-8",
        }
        self.processes = [self._start("slurmctld", "-D", "-i")]
        self.processes += [self._start("slurmd", "-D", "-N", name) for name in ("one", "two")]
        self.until(lambda: self.did("sinfo", "-h", "-t", "idle", "-o", "%D") == "2")

    def did(self, *words: str) -> str:
        done = subprocess.run(
            words, cwd=self.folder, env=self.environment, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        return done.stdout.strip()

    def until(self, so, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not so():
            logs = [*self.folder.glob("*.log"), *self.folder.glob("*.out")]
            told = "\n".join(f"{path}: {path.read_text()[-2000:]}" for path in logs)
            assert time.monotonic() < deadline, told
            time.sleep(0.2)

    def close(self) -> None:
        self.did("scancel", "--state=RUNNING", "--state=PENDING")
        try:
            self.until(lambda: not self.did("squeue", "-h"))
        finally:
            for process in reversed(self.processes):
                process.terminate()
                process.wait(60)

    def _start(self, *words: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{words[0]}-{words[-1]}.out").open("wb") as said:
            return subprocess.Popen(
                words, cwd=self.folder, env=self.environment, stdout=said, stderr=said,
                start_new_session=True,
            )  # fmt: skip


@pytest.fixture
def slurm(tmp_path):
    made = Slurm(tmp_path)
    yield made
    made.close()


def script(slurm: Slurm, monkeypatch, *words: str) -> str:
    monkeypatch.chdir(slurm.folder)
    monkeypatch.syspath_prepend(slurm.folder)
    (slurm.folder / "slow_train.py").write_text(TRAIN)
    done = CliRunner().invoke(
        cli,
        ["cluster", "render", "--slurm", "slow_train:train-hyperband", "--trials", str(TRIALS),
         "--epochs", "9", "--nodes", "2", "--node-cpus", "1", "-o", "job.sh", *words],
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    return "job.sh"


def test_a_job_near_its_limit_stops_requeues_and_goes_on_where_it_was(slurm, monkeypatch):
    job = slurm.did("sbatch", "--parsable", script(slurm, monkeypatch, "--time", "30m"))
    runs = slurm.folder / "runs" / f"slurm-{job}"
    log = slurm.folder / f"train-hyperband-{job}.log"
    token = slurm.folder / "home" / ".ray" / f"slurm-{job}"

    def epochs() -> list[EpochReported]:
        found = all_runs(runs) if runs.exists() else []
        return [
            entry.record
            for run in found
            for entry in read(run.journal)
            if isinstance(entry.record, EpochReported)
        ]

    slurm.until(lambda: len(epochs()) > 20)
    secret = token.read_text()
    assert len(secret) == 64
    assert token.stat().st_mode & 0o777 == 0o600
    # What Slurm does two minutes before the limit, now.
    slurm.did("scancel", "--signal=USR1", "--batch", job)
    slurm.until(lambda: "goes on\n" in log.read_text())
    before = {(one.number, one.epoch) for one in epochs()}
    slurm.until(lambda: slurm.did("squeue", "-h", "-j", job) == "", seconds=120)

    (run,) = all_runs(runs)
    records = [entry.record for entry in read(run.journal)]
    assert sum(isinstance(record, Opened) for record in records) == 2
    told = [(one.number, one.epoch) for one in records if isinstance(one, EpochReported)]
    assert before <= set(told)
    assert sum(isinstance(record, TrialStarted) for record in records) == TRIALS
    states = pl.read_parquet(run.path / "trials.parquet")["state"].to_list()
    assert len(states) == TRIALS
    assert set(states) == {"completed", "pruned"}
    said = log.read_text()
    assert "2 trials at a time on 2 nodes" in said
    assert f"the time limit is near: job {job} waits for its next turn and goes on\n" in said
    assert f"{TRIALS} trials in" in said
    assert not token.exists()
    assert not Path(f"/tmp/orch-{job}").exists()
    holders = [path for path in run.path.rglob("*") if path.is_file()]
    assert not any(secret.encode() in path.read_bytes() for path in [*holders, log])


def test_slurm_itself_reads_every_line_of_the_script(slurm, monkeypatch):
    name = script(slurm, monkeypatch, "--time", "26h", "--node-memory", "1")
    held = slurm.did("sbatch", "--parsable", "--hold", name)
    shown = dict(
        part.split("=", 1)
        for part in slurm.did("scontrol", "show", "job", held).split()
        if "=" in part
    )
    assert shown["JobName"] == "train-hyperband"
    assert shown["TimeLimit"] == "1-02:00:00"
    assert (shown["NumNodes"], shown["NumCPUs"], shown["CPUs/Task"]) == ("2-2", "2", "1")
    assert shown["Requeue"] == "1"
    assert shown["MinMemoryNode"] == "1G"
    slurm.did("scancel", held)
