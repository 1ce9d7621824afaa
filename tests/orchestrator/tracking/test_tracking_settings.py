"""Where a sweep is told about: in its spec, on the command line, in the environment."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from orchestrator.cli.main import cli
from orchestrator.cli.tracking import closing_items
from orchestrator.names import compose
from orchestrator.runs.folder import RunFolder
from orchestrator.spec import spec_from
from orchestrator.spec_file import FileError, read_spec
from orchestrator.tracking.settings import Tracking, Wandb, changed
from orchestrator.tracking.status import Status, read_status
from searchspaces import ConfigurationError


@pytest.fixture(autouse=True)
def nowhere(tmp_path, monkeypatch):
    """A folder of its own, and an environment that says nothing."""
    for name in ("ORCH_WANDB", "WANDB_PROJECT", "WANDB_ENTITY", "WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def made(**tracking):
    return spec_from(compose("mlp-asha"), {"tracking": tracking} if tracking else {})


def dry(*arguments, code=0):
    """What a line makes of the tracking, or the error."""
    done = CliRunner().invoke(cli, ["sweep", "mlp-asha", *arguments, "--dry-run", "--json"])
    assert done.exit_code == code
    return json.loads(done.stdout)["spec"].get("tracking") if code == 0 else done.stderr


def test_a_sweep_is_told_nowhere_and_says_nothing_of_it():
    assert made().tracking == Tracking()
    assert not made().tracking.on
    assert "tracking" not in made().dump()
    assert dry() is None


def test_what_is_said_is_in_the_spec_and_comes_back():
    spec = made(wandb={"mode": "auto", "project": "p"}, mlflow="http://host:5000")
    assert spec.tracking.on
    said = {"wandb": {"mode": "auto", "project": "p"}, "mlflow": "http://host:5000"}
    assert spec.dump()["tracking"] == said
    assert spec_from(spec.dump()) == spec
    assert made(wandb="offline").tracking.wandb == Wandb(mode="offline")


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ({"wandb": "offlin"},
         "tracking.wandb.mode: 'offlin' is not 'off', 'auto', 'online' or 'offline'."),
        ({"wanb": {}},
         "tracking.wanb: unknown key. Did you mean 'wandb'? Known: wandb, tensorboard, mlflow."),
        ({"wandb": {"projet": "p"}},
         "tracking.wandb.projet: unknown key. Did you mean 'project'? "
         "Known: mode, project, entity."),
        ({"wandb": {"project": "a/b"}},
         "tracking.wandb.project: 'a/b' has / in it. W&B takes no such name."),
        ({"wandb": {"project": "p" * 129}},
         f"tracking.wandb.project: '{'p' * 20}'... is longer than 128 characters. "
         "Give a shorter name."),
        ({"wandb": 3}, "tracking.wandb: 3 is no mapping of settings."),
        ("wandb", "tracking: 'wandb' is no mapping of settings."),
        ({"mlflow": "http://me:geheim@host"},
         "tracking.mlflow: the URI has a password in it, which must not be written down. Leave "
         "user and password out and set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD."),
        ({"mlflow": "http://[host"}, "tracking.mlflow: it is no URI: Invalid IPv6 URL."),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_line_at_its_place(said, line):
    with pytest.raises(ConfigurationError) as caught:
        spec_from(compose("mlp-asha"), {"tracking": said})
    assert str(caught.value) == line


def test_an_error_in_a_file_names_its_line(nowhere):
    path = nowhere / "my.yaml"
    path.write_text("architecture: mlp\ntracking:\n  wandb: {mode: on}\n")
    with pytest.raises(FileError) as caught:
        read_spec(path)
    assert str(caught.value).startswith(f"{path}:3: tracking.wandb.mode: 'on' is not 'off',")


@pytest.mark.parametrize(
    ("arguments", "tracking"),
    [
        (["--wandb"], {"wandb": {"mode": "auto"}}),
        (["--wandb", "--trials", "3"], {"wandb": {"mode": "auto"}}),
        (["--wandb", "offline"], {"wandb": {"mode": "offline"}}),
        (["--wandb=online"], {"wandb": {"mode": "online"}}),
        (["--wandb", "off"], None),
        (["--tensorboard", "--wandb"], {"wandb": {"mode": "auto"}, "tensorboard": True}),
        (["--mlflow", "http://h"], {"mlflow": "http://h"}),
        (["--wandb", "--set", "tracking.wandb.project=p"],
         {"wandb": {"mode": "auto", "project": "p"}}),
        (["--set", "tracking.tensorboard=true"], {"tensorboard": True}),
    ],
)  # fmt: skip
def test_the_line_says_where(arguments, tracking):
    assert dry(*arguments) == tracking


def test_wandb_without_a_mode_may_stand_before_the_name():
    done = CliRunner().invoke(cli, ["sweep", "--wandb", "mlp-asha", "--dry-run", "--json"])
    assert json.loads(done.stdout)["spec"]["tracking"] == {"wandb": {"mode": "auto"}}


def test_a_mode_that_is_none_is_refused():
    assert dry("--wandb=on", code=2) == (
        "error: --wandb: 'on' is not auto, online, offline or off. Give one of them.\n"
    )


def test_the_environment_is_the_default_and_no_more(monkeypatch, nowhere):
    monkeypatch.setenv("ORCH_WANDB", "offline")
    assert dry() == {"wandb": {"mode": "offline"}}
    assert dry("--wandb", "off") is None
    assert dry("--wandb", "online") == {"wandb": {"mode": "online"}}
    assert dry("--set", "tracking.wandb.mode=auto") == {"wandb": {"mode": "auto"}}
    path = nowhere / "my.yaml"
    path.write_text("architecture: mlp\ntracking: {wandb: {mode: 'off'}}\n")
    done = CliRunner().invoke(cli, ["sweep", str(path), "--dry-run", "--json"])
    assert "tracking" not in json.loads(done.stdout)["spec"]
    monkeypatch.setenv("ORCH_WANDB", "maybe")
    assert dry(code=2) == (
        "error: ORCH_WANDB: 'maybe' is not auto, online, offline or off. Give one of them.\n"
    )


def test_w_and_bs_own_project_is_written_down_for_whoever_resumes(monkeypatch):
    monkeypatch.setenv("WANDB_PROJECT", "mine")
    monkeypatch.setenv("WANDB_ENTITY", "team")
    said = {"mode": "auto", "project": "mine", "entity": "team"}
    assert dry("--wandb") == {"wandb": said}
    assert dry("--wandb", "--set", "tracking.wandb.project=p")["wandb"]["project"] == "p"
    assert dry() is None


def test_a_resume_changes_what_it_names_and_keeps_the_rest():
    tracking = made(wandb={"mode": "online", "project": "p"}, tensorboard=True).tracking
    assert changed(tracking, {"wandb": "off"}).wandb == Wandb(mode="off", project="p")
    assert changed(tracking, {}) == tracking
    assert changed(tracking, {"tensorboard": False, "mlflow": "http://h"}).mlflow == "http://h"
    with pytest.raises(ConfigurationError, match="unknown key"):
        changed(tracking, {"mlfow": ""})


@pytest.mark.parametrize(
    ("status", "items"),
    [
        ({}, [("wandb", ["offline in {path} (not logged in)", "orch sync {short}"])]),
        ({"mode": "online", "url": "https://w.ai/me/p"}, [("wandb", ["https://w.ai/me/p"])]),
        ({"mode": "offline", "why": "W does not answer"},
         [("wandb", ["offline in {path} (W does not answer)", "orch sync {short}"])]),
        ({"trouble": "disk full", "done": True},
         [("wandb", ["offline in {path} (not logged in)", "orch sync {short}"]),
          ("", ["wandb: disk full"])]),
    ],
)  # fmt: skip
def test_the_closing_lines_say_where_it_is_to_be_seen(nowhere, status, items):
    spec = made(wandb="auto")
    run = RunFolder.create(nowhere / "runs", spec, {})
    if status:
        Status(run.path).note("wandb", **{"done": True, **status})
    path = f"runs/{run.id}/wandb"
    wanted = [
        (label, [text.format(path=path, short=run.id[-4:]) for text in texts])
        for label, texts in items
    ]
    assert closing_items(run, spec.tracking) == wanted


def test_a_status_that_is_damaged_says_nothing(nowhere):
    assert read_status(nowhere) == {}
    for text in ("", "{", "[]", '{"sinks": 3}'):
        (nowhere / "tracking.json").write_text(text)
        assert read_status(nowhere) == {}
