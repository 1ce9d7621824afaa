"""Whether somebody is logged in to W&B: told as W&B itself tells it, without W&B."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from orchestrator.tracking.login import Standing, logged_in, server_of, standing
from orchestrator.tracking.settings import Wandb
from searchspaces import UsageError

KEY = "0" * 40
AUTO = Wandb(mode="auto")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A person who has just bought this computer."""
    for name in list(os.environ):
        if name.startswith("WANDB_") or name == "NETRC":
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_nobody_is_logged_in_on_a_new_computer():
    assert not logged_in(os.environ)
    assert standing(AUTO, os.environ) == Standing("offline", "not logged in")


NETRC = "machine {}\n  login user\n  password " + KEY + "\n"
PLACES = {
    "variable": ({"WANDB_API_KEY": KEY}, {}),
    "token": ({"WANDB_IDENTITY_TOKEN_FILE": "token"}, {}),
    "netrc": ({}, {".netrc": NETRC.format("api.wandb.ai")}),
    "netrc-of-the-new-host": ({}, {".netrc": NETRC.format("api.forge.coreweave.com")}),
    "netrc-windows": ({}, {"_netrc": NETRC.format("api.wandb.ai")}),
    "netrc-elsewhere": ({"NETRC": "~/other"}, {"other": NETRC.format("api.wandb.ai")}),
    "own-server": (
        {"WANDB_BASE_URL": "http://wandb.here:8080/"}, {".netrc": NETRC.format("wandb.here:8080")}
    ),
    "own-server-in-settings": (
        {},
        {".config/wandb/settings": "[default]\nbase_url = http://wandb.here\n",
         ".netrc": NETRC.format("wandb.here")},
    ),
    "settings-elsewhere": (
        {"WANDB_CONFIG_DIR": "~/conf"},
        {"conf/settings": "[default]\nbase_url = http://wandb.here\n",
         ".netrc": NETRC.format("wandb.here")},
    ),
    "folder-settings": (
        {},
        {"wandb/settings": "[default]\nbase_url = http://wandb.here\n",
         ".netrc": NETRC.format("wandb.here")},
    ),
}  # fmt: skip
NOT = {
    "another-host": ({}, {".netrc": NETRC.format("github.com")}),
    "no-key": ({}, {".netrc": "machine api.wandb.ai\n  login user\n  password \n"}),
    "broken-netrc": ({}, {".netrc": "machine api.wandb.ai login\n  pass"}),
    "broken-settings": ({}, {".config/wandb/settings": "no section\n= =\n"}),
    "another-server": (
        {"WANDB_BASE_URL": "http://wandb.here"}, {".netrc": NETRC.format("api.wandb.ai")}
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PLACES)
def test_a_key_is_found_where_w_and_b_finds_it(home, monkeypatch, name):
    variables, files = PLACES[name]
    for path, text in files.items():
        write(home / path, text)
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    assert standing(AUTO, os.environ) == Standing("online")


@pytest.mark.parametrize("name", NOT)
def test_what_is_no_key_for_this_server_is_none(home, monkeypatch, name):
    variables, files = NOT[name]
    for path, text in files.items():
        write(home / path, text)
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    assert standing(AUTO, os.environ) == Standing("offline", "not logged in")


ASKS = """
import json, os, sys
import wandb
from wandb.sdk import wandb_setup
from wandb.sdk.lib.wbauth import authenticate
for name, folder, variables in json.load(sys.stdin):
    for key in [key for key in os.environ if key.startswith("WANDB_") or key == "NETRC"]:
        del os.environ[key]
    os.environ |= {**variables, "WANDB_SILENT": "true"}
    os.chdir(folder)
    wandb_setup._singleton = None
    authenticate._session_auth = None
    host = wandb_setup.singleton().settings.base_url
    found = authenticate.authenticate_session(host=host, source="test", prompt=False)
    print(name, found is not None)
"""


def test_w_and_b_itself_finds_the_same(home):
    """Each place above, asked of the SDK in one process."""
    pytest.importorskip("wandb", reason="W&B is not installed")
    cases = []
    for name, (variables, files) in {**PLACES, **NOT}.items():
        folder = home / "people" / name
        folder.mkdir(parents=True)
        for path, text in files.items():
            write(folder / path, text)
        cases.append((name, str(folder), {**variables, "HOME": str(folder)}))
    done = subprocess.run(
        [sys.executable, "-c", ASKS], input=json.dumps(cases), capture_output=True, text=True,
        env={"HOME": str(home), "WANDB_ERROR_REPORTING": "false"}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = dict(line.split() for line in done.stdout.splitlines())
    assert said == {**dict.fromkeys(PLACES, "True"), **dict.fromkeys(NOT, "False")}


@pytest.mark.parametrize(
    ("mode", "said", "found"),
    [
        ("auto", "offline", Standing("offline", "W&B's own mode is offline")),
        ("auto", "dryrun", Standing("offline", "W&B's own mode is dryrun")),
        ("auto", "disabled", Standing("off", "W&B's own mode is disabled")),
        ("auto", "online", Standing("online")),
        ("online", "offline", Standing("online")),
        ("offline", "online", Standing("offline")),
        ("off", "online", Standing("off")),
    ],
)
def test_auto_honours_what_w_and_b_is_told_and_a_mode_of_ours_comes_before(mode, said, found):
    environ = {**os.environ, "WANDB_MODE": said, "WANDB_API_KEY": KEY}
    assert standing(Wandb(mode=mode), environ) == found


def test_wandb_offline_on_the_command_line_is_honoured_too(home):
    write(home / ".config/wandb/settings", "[default]\nmode = offline\n")
    environ = {**os.environ, "WANDB_API_KEY": KEY}
    assert standing(AUTO, environ).mode == "offline"
    assert standing(AUTO, {**environ, "WANDB_MODE": "online"}).mode == "online"


def test_online_without_a_key_is_refused():
    with pytest.raises(UsageError) as caught:
        standing(Wandb(mode="online"), {**os.environ, "WANDB_BASE_URL": "http://wandb.here/"})
    assert str(caught.value) == (
        "W&B: nobody is logged in at http://wandb.here. Run: wandb login, or set WANDB_API_KEY, "
        "or take --wandb offline."
    )


def test_the_server_is_the_public_one_unless_somebody_says_otherwise():
    assert server_of(os.environ) == "https://api.wandb.ai"
    assert server_of({**os.environ, "WANDB_BASE_URL": "http://h/"}) == "http://h"
