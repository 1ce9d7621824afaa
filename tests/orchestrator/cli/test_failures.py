"""Whatever is raised becomes a line and an exit code."""

from __future__ import annotations

import subprocess
import sys
import warnings

import click
import pytest
from click.testing import CliRunner

from orchestrator.cli.failures import Failures, describe
from orchestrator.cli.main import cli
from searchspaces.errors import ConfigurationError, OrchError, UsageError


@pytest.mark.parametrize(
    ("error", "line", "code"),
    [
        (OrchError("the disk\nis full"), "error: the disk is full", 1),
        (UsageError("no such thing"), "error: no such thing", 2),
        (ConfigurationError("too low.", place="trials"), "error: trials: too low.", 2),
        (click.ClickException("cannot"), "error: cannot", 1),
        (KeyboardInterrupt(), "stopped by you before anything ran", 130),
        (click.Abort(), "stopped by you before anything ran", 130),
        (
            KeyError("x"),
            "error: KeyError: 'x'. This is a bug of orch or of a plug-in; --debug shows where.",
            1,
        ),
        (
            RuntimeError(),
            "error: RuntimeError. This is a bug of orch or of a plug-in; --debug shows where.",
            1,
        ),
    ],
)
def test_each_error_has_its_line_and_its_code(error, line, code):
    assert describe(error) == (line, code)


def test_there_is_no_traceback_unless_it_is_asked_for(capsys):
    for debug in (False, True):
        with Failures(debug=debug) as failures:
            raise OrchError("it broke")
        assert failures.code == 1
        lines = capsys.readouterr().err.splitlines()
        assert lines[-1] == "error: it broke"
        assert (lines[0] == "Traceback (most recent call last):") == debug


@pytest.mark.parametrize("arguments", [["--debug", "best", "x"], ["best", "x", "--debug"]])
def test_debug_may_stand_before_and_after_the_command(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 2
    assert "Traceback" in done.stderr
    assert done.stderr.splitlines()[-1] == "error: no run 'x' in runs. List them: orch runs"


def test_exits_go_through():
    with pytest.raises(SystemExit, match="7"), Failures(debug=False):
        raise SystemExit(7)


def test_warnings_of_ours_are_plain_lines_and_those_of_others_are_not_shown(capsys):
    with Failures(debug=False):
        warnings.simplefilter("always")
        warnings.warn_explicit("plug-in 'x'\ndoes not load", RuntimeWarning, cli_file(), 1)
        warnings.warn_explicit("NVML is missing", UserWarning, "/elsewhere/torch/cuda.py", 1)
    assert capsys.readouterr().err == "warning: plug-in 'x' does not load\n"
    with Failures(debug=True):
        warnings.simplefilter("always")
        warnings.warn_explicit("NVML is missing", UserWarning, "/elsewhere/torch/cuda.py", 8)
    assert capsys.readouterr().err == (
        "warning: NVML is missing (UserWarning, /elsewhere/torch/cuda.py:8)\n"
    )


def cli_file():
    import orchestrator.cli.main

    return orchestrator.cli.main.__file__


def test_a_broken_plug_in_is_named_in_a_line_and_hides_nothing(tmp_path):
    info = tmp_path / "broken-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[orch.datasets]\nbroken = no_such_module:Data\n")
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator", "list", "datasets"],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PYTHONPATH": str(tmp_path), "PATH": "", "HOME": str(tmp_path)},
        check=True,
    )
    assert done.stderr == (
        "warning: data set 'broken' does not load: no module 'no_such_module' in this folder or "
        "among installed packages\n"
    )
    listed = [line.split()[0] for line in done.stdout.splitlines()]
    assert listed == ["digits", "fashion-mnist", "gestures", "spoken-arabic-digits"]
