"""A sweep as a job of somebody else's scheduler, held against that scheduler's own schema."""

from __future__ import annotations

import json
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from orchestrator.cli.main import cli

SCHEMA = Path(__file__).parents[2] / "assets" / "kuberay" / "rayjob.schema.json"


def rendered(*words: str) -> str:
    done = CliRunner().invoke(cli, ["cluster", "render", *words])
    assert done.exit_code == 0, done.stderr
    return done.stdout


def refused(*words: str) -> str:
    done = CliRunner().invoke(cli, ["cluster", "render", *words])
    assert (done.exit_code, done.stdout) == (2, "")
    return done.stderr


def documents(text: str) -> list[dict]:
    return list(YAML(typ="safe", pure=True).load_all(text))


def kuberay(*words: str) -> list[dict]:
    return documents(rendered("--kuberay", "--image", "lab/orch:1", *words))


def directives(text: str) -> dict[str, str]:
    """What the script asks Slurm for."""
    found = re.findall(r"^#SBATCH --([\w-]+)(?:=(.*))?$", text, re.MULTILINE)
    return dict(found)


def test_a_script_asks_for_its_nodes_and_for_notice_before_the_limit():
    text = rendered("--slurm", "gru-bohb", "--gpus", "0.5", "--time", "26h", "--nodes", "2-4")
    assert directives(text) == {
        "job-name": "gru-bohb", "nodes": "2-4", "ntasks-per-node": "1", "cpus-per-task": "8",
        "gpus-per-node": "1", "time": "1-02:00:00", "signal": "B:USR1@120",
        "open-mode": "append", "output": "gru-bohb-%j.log", "requeue": "",
    }  # fmt: skip


def test_a_script_runs_the_sweep_that_was_asked_for_and_is_bash():
    text = rendered(
        "--slurm", "gru-bohb", "--set", "training.optimizer={values: [adam, sgd]}",
        "--node-memory", "16",
    )  # fmt: skip
    assert (
        "        orch sweep gru-bohb --set 'training.optimizer={values: [adam, sgd]}' "
        '--runs "$runs" --cluster "$ip:$port" &\n' in text
    )
    assert directives(text)["mem"] == "16G"
    done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_a_folder_with_a_space_and_a_dollar_is_one_folder(tmp_path):
    text = rendered("--slurm", "gru-bohb", "--runs", "/shared/my $runs")
    line = next(line for line in text.splitlines() if line.startswith("runs="))
    shell = f'{line}\nprintf %s "$runs"'
    done = subprocess.run(
        ["bash", "-c", shell], capture_output=True, text=True, check=True,
        env={"SLURM_JOB_ID": "7"},
    )  # fmt: skip
    assert done.stdout == "/shared/my $runs/slurm-7"


def test_no_secret_is_in_a_script():
    text = rendered("--slurm", "gru-bohb")
    assert "umask 077" in text
    assert 'export RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH="$token"' in text
    assert "RAY_AUTH_TOKEN=" not in text


def test_a_manifest_keeps_to_the_published_fields():
    _, job = kuberay("gru-bohb", "--nodes", "2-5", "--gpus", "0.5", "--node-memory", "16")
    jsonschema.validate(job, json.loads(SCHEMA.read_text()), jsonschema.Draft7Validator)
    cluster = job["spec"]["rayClusterSpec"]
    assert job["spec"]["entrypoint"] == "bash /orch/config/run.sh"
    assert cluster["rayVersion"] == version("ray")
    assert cluster["authOptions"] == {"mode": "token"}
    assert cluster["enableInTreeAutoscaling"] is True
    (group,) = cluster["workerGroupSpecs"]
    assert [group[f"{kind}eplicas"] for kind in ("r", "minR", "maxR")] == [1, 1, 4]
    (container,) = group["template"]["spec"]["containers"]
    asked = {"cpu": "8", "memory": "16G", "nvidia.com/gpu": "1"}
    assert container["resources"] == {"requests": asked, "limits": asked}


@pytest.mark.parametrize("words", [(), ("--nodes", "1"), ("--storage", "/orch/runs/shared")])
def test_the_pods_and_the_map_of_a_manifest_are_kubernetes(words):
    kubernetes = pytest.importorskip("kubernetes_validate")
    config, job = kuberay("gru-bohb", *words)
    cluster = job["spec"]["rayClusterSpec"]
    groups = [cluster["headGroupSpec"], *cluster.get("workerGroupSpecs", [])]
    pods = [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, **group["template"]}
        for group in groups
    ]
    for document in (config, *pods):
        kubernetes.validate(document, kubernetes.latest_version(), strict=True)


def test_fixed_nodes_need_no_autoscaler_and_one_node_needs_no_workers():
    _, job = kuberay("gru-bohb", "--nodes", "3")
    cluster = job["spec"]["rayClusterSpec"]
    assert "enableInTreeAutoscaling" not in cluster
    assert cluster["workerGroupSpecs"][0]["maxReplicas"] == 2
    _, job = kuberay("gru-bohb", "--nodes", "1")
    assert "workerGroupSpecs" not in job["spec"]["rayClusterSpec"]


def test_run_folders_lie_on_the_volume_and_a_second_start_goes_on(tmp_path):
    config, job = kuberay("gru-bohb", "--trials", "5")
    head = job["spec"]["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]
    assert head["volumes"] == [
        {"name": "config", "configMap": {"name": job["metadata"]["name"]}},
        {"name": "runs", "persistentVolumeClaim": {"claimName": "orch-runs"}},
    ]
    assert [mount["mountPath"] for mount in head["containers"][0]["volumeMounts"]] == [
        "/orch/config", "/orch/runs",
    ]  # fmt: skip
    said = tmp_path / "said"
    orch = tmp_path / "orch"
    orch.write_text(f'#!/bin/sh\necho "$@" >> {said}\n')
    orch.chmod(0o755)
    script = config["data"]["run.sh"].replace("/orch/runs", str(tmp_path / "runs"))
    folder = f"{tmp_path}/runs/{job['metadata']['name']}"
    for _ in range(2):
        subprocess.run(
            ["bash", "-c", script], check=True, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}
        )
        (Path(folder) / "one").mkdir(parents=True, exist_ok=True)
        (Path(folder) / "one" / "spec.yaml").touch()
    assert said.read_text().splitlines() == [
        f"sweep gru-bohb --trials 5 --runs {folder} --cluster auto",
        f"resume --runs {folder} --cluster auto",
    ]


def test_a_file_of_a_sweep_travels_in_the_manifest(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spec = CliRunner().invoke(cli, ["sweep", "gru-bohb", "--dry-run"]).stdout
    Path("my.yaml").write_text(spec)
    config, _ = kuberay("my.yaml", "--trials", "7")
    assert "orch sweep /orch/config/sweep.yaml --runs" in config["data"]["run.sh"]
    inside = YAML(typ="safe", pure=True).load(config["data"]["sweep.yaml"])
    assert inside == {**YAML(typ="safe", pure=True).load(spec), "trials": 7}


def test_two_manifests_of_one_sweep_are_two_jobs():
    names = {kuberay("gru-bohb")[1]["metadata"]["name"] for _ in range(2)}
    assert len(names) == 2
    assert all(re.fullmatch(r"gru-bohb-[0-9a-f]{4}", name) for name in names)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("gru-bohb",), "error: render what? Give --slurm or --kuberay.\n"),
        (("--kuberay", "gru-bohb"),
         "error: --image: missing. Name one with orch and Ray in it; docs/cluster.md builds "
         "one.\n"),
        (("--slurm", "gru-bohb", "--nodes", "4-2"),
         "error: --nodes: '4-2' is no number of nodes. Write 4, or 2-8.\n"),
        (("--slurm", "gru-bohb", "--cpus", "16", "--node-cpus", "8"),
         "error: --node-cpus: a trial takes 16, a node has 8. Give --node-cpus 16 or more, "
         "or fewer --cpus.\n"),
        (("--slurm", "gru-bohb", "--gpus", "2", "--node-gpus", "1"),
         "error: --node-gpus: a trial takes 2, a node has 1. Give --node-gpus 2 or more, "
         "or fewer --gpus.\n"),
    ],
)  # fmt: skip
def test_what_cannot_be_rendered_is_one_line(words, line):
    assert refused(*words) == line


def test_a_file_is_written_whole_and_the_next_command_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = rendered("--slurm", "gru-bohb", "-o", "job.sh")
    assert said == "job.sh\n\nnext   sbatch job.sh\n"
    assert [path.name for path in tmp_path.iterdir()] == ["job.sh"]
    assert Path("job.sh").read_text().startswith("#!/bin/bash\n#SBATCH --job-name=gru-bohb\n")
