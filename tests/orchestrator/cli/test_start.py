"""``orch`` starts at once, says what it knows, and names the nearest of what it does not."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest
from click.testing import CliRunner

from orchestrator.cli.main import COMMANDS, cli
from orchestrator.cli.view.choose import is_terminal

CLICK_AND_OURS = {
    "click", "orchestrator", "orchestrator.cli", "orchestrator.cli.main",
    "orchestrator.cli.lazy", "orchestrator.cli.failures",
}  # fmt: skip


def loaded(*arguments):
    """Modules that a command imports beyond those of Python itself and of click."""
    code = (
        "import sys, click\n"
        "before = set(sys.modules)\n"
        f"sys.argv = ['orch', *{list(arguments)!r}]\n"
        "from orchestrator.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "names = {name for name in set(sys.modules) - before}\n"
        "builtin = sys.stdlib_module_names\n"
        "print('LOADED', *(n for n in names if n.split('.')[0] not in builtin))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    return set(done.stdout.rpartition("LOADED")[2].split())


def test_help_imports_click_and_nothing_else_that_is_not_pythons_own():
    found = {name for name in loaded("--help") if not name.startswith("click.")}
    assert found <= CLICK_AND_OURS


@pytest.mark.parametrize(
    "arguments",
    [("list",), ("list", "architectures", "--json"), ("runs", "--runs", "nowhere", "--json"),
     ("sweep", "gru-bohb", "--dry-run")],
    ids=" ".join,
)  # fmt: skip
def test_commands_that_run_nothing_import_neither_torch_nor_ray(arguments):
    heavy = {"torch", "ray", "rich", "pandas", "matplotlib", "sklearn"}
    if arguments[0] == "runs":
        heavy -= {"pandas"}
    assert not heavy & {name.split(".")[0] for name in loaded(*arguments)}


def test_help_lists_every_command():
    text = CliRunner().invoke(cli, ["--help"]).stdout
    width = max(map(len, COMMANDS))
    for name, (_, line) in COMMANDS.items():
        assert f"  {name:<{width}}  {line}" in text
    assert CliRunner().invoke(cli, []).stdout == text


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_takes_debug(name):
    done = CliRunner().invoke(cli, [name, "--help"])
    assert done.exit_code == 0
    assert done.stdout.startswith(f"Usage: orch {name} ")
    assert "--debug" in done.stdout


def test_the_version_is_that_of_the_distribution():
    assert CliRunner().invoke(cli, ["--version"]).stdout == f"orch {version('orch-sweep')}\n"


def test_the_module_runs_as_the_script_does():
    command = [sys.executable, "-m", "orchestrator", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == f"orch {version('orch-sweep')}\n"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["swep"], "error: unknown command 'swep'. Did you mean 'sweep'? Known: sweep, set, show, "
                   "stop, pause, resume, cluster, best, edit, list, note, runs, sync, check, "
                   "clean, watch, import, analyze, enqueue, dashboard, attach, data, diff, rm, "
                   "tag, try."),
        (["sweep", "gru-bohb", "--trails", "3"],
         "error: unknown option '--trails'. Did you mean '--trials'? See: orch sweep --help"),
        (["--bebug"], "error: unknown option '--bebug'. Did you mean '--debug'? See: orch --help"),
        (["data", "fetsh"], "error: unknown command 'fetsh'. Did you mean 'fetch'? "
                            "Known: fetch, info, list."),
        (["sweep"], "error: Missing argument 'NAME|FILE'. See: orch sweep --help"),
        (["sweep", "gru-bohb", "--trials", "many"],
         "error: Invalid value for '--trials': 'many' is not a valid integer. "
         "See: orch sweep --help"),
        (["list", "strategy"], "error: unknown list 'strategy'. Did you mean 'strategies'? "
                               "Known: strategies, datasets, architectures, sweeps."),
    ],
)  # fmt: skip
def test_a_line_that_makes_no_sense_is_one_line_and_exit_code_2(arguments, line):
    done = CliRunner().invoke(cli, arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == line + "\n"


class Stream:
    def __init__(self, tty):
        self._tty = tty

    def isatty(self):
        return self._tty


@pytest.mark.parametrize(
    ("said", "table"),
    [
        ({}, True),
        ({"TERM": "dumb"}, False),
        ({"CI": "true"}, False),
        ({"CI": "1"}, False),
        ({"CI": "false"}, True),
        ({"CI": ""}, True),
        ({"CI": "true", "TTY_INTERACTIVE": "1"}, True),
        ({"TTY_INTERACTIVE": "0"}, False),
        ({"TERM": "dumb", "TTY_INTERACTIVE": "1"}, False),
    ],
    ids=str,
)
def test_dumb_terminals_and_those_of_a_ci_get_plain_lines(monkeypatch, said, table):
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("CI", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    assert is_terminal(Stream(True)) is table
    assert not is_terminal(Stream(False))
