"""What people get wrong about code of their own: one line, and what to write instead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from orchestrator import Study, Sweep
from orchestrator.cli.main import cli
from orchestrator.engine.worker import Blueprint, Fault, Lease, Worker
from orchestrator.planning import plan_of
from orchestrator.runs.checkpoints import FolderStore
from orchestrator.sweep import resume
from searchspaces import Int, IntParam, SearchSpace, UsageError, constraint
from trainables.data import check_dataset_name

MODULE = """
from searchspaces import Float, FloatParam, SearchSpace

class Depth(SearchSpace):
    depth: FloatParam = Float(0.0, 1.0)

def stops(config):
    yield {"valid_loss": config["depth"]}

def text(config):
    yield {"valid_loss": "0.3"}

def breaks(config):
    yield {"valid_loss": config["dept"]}

stops.space = text.space = breaks.space = Depth
"""
SPACE = {"depth": {"low": 0.0, "high": 1.0}}


class Even(SearchSpace):
    depth: IntParam = Int(1, 4)

    @constraint
    def even(self, config: Any, facts: Any) -> bool:
        """The depth is even."""
        return bool(config["depth"] % 2 == 0)


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a module, a program and a file of data."""
    (tmp_path / "own_depth.py").write_text(MODULE, encoding="utf-8")
    (tmp_path / "train.py").write_text("import sys\nprint(sys.argv)\n", encoding="utf-8")
    (tmp_path / "own.csv").write_text("series,x,label\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def line_of(name: str, **changes: Any) -> str:
    with pytest.raises(UsageError) as failure:
        Sweep(name, **changes)
    return str(failure.value)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("own_depth", "unknown sweep 'own_depth'. What own_depth.py holds is own_depth:NAME, with "
                      "the name of a class or function."),
        ("own_depth.stops", "unknown sweep 'own_depth.stops'. What own_depth.py holds is "
                            "own_depth:stops."),
        ("own_depth:stops-hyprband", "unknown strategy 'hyprband'. Did you mean 'hyperband'? "
                                     "Known: hyperband, async-hyperband, random, hyperopt, "
                                     "asha-promotion, pbt, bohb-asha, asha, bohb, grid, median, "
                                     "auto-stopping, auto."),
        ("own_depth:stops-hyperband", "scheduler: own_depth:stops cannot be paused (it takes no "
                                      "state), and hyperband pauses trials. Write "
                                      "stops(config, state), or use --set scheduler.kind=asha."),
        ("train.py", "train.py: it is a program, no sweep. Write a file with the line "
                     "command: \"python train.py ...\", or train:NAME for a function in it."),
        ("__main__:stops", "architecture: __main__:stops lies in the script that runs, which "
                           "workers cannot import. Put it into a module of its own."),
    ],
)  # fmt: skip
def test_what_is_swept_and_how_it_is_written(name: str, line: str) -> None:
    assert line_of(name) == line


def test_a_function_that_cannot_see_a_data_set_is_given_none() -> None:
    assert line_of("own_depth:stops", dataset="digits") == (
        "dataset: own_depth:stops takes no state, which would hand it the data. "
        "Write stops(config, state), or leave it out."
    )


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("", 'command: it is empty. Give one, such as "python train.py --lr {learning_rate}".'),
        ("python train.py {depth} | tee log",
         "command: '|' is for a shell, and none reads this line. Give a program and its "
         "arguments, or: sh -c '...'"),
        ("cd src && python train.py {depth}",
         "command: '&&' is for a shell, and none reads this line. Give a program and its "
         "arguments, or: sh -c '...'"),
        ("SEED=3 python train.py {depth}",
         "command: 'SEED=3' is for a shell, and none reads this line. Write: env SEED=3 ..."),
        ("python train.py {depth} > log",
         "command: '>' is for a shell, and none reads this line. Give a program and its "
         "arguments, or: sh -c '...'"),
    ],
)  # fmt: skip
def test_a_command_is_no_line_of_a_shell(own: Path, command: str, line: str) -> None:
    (own / "my.yaml").write_text(f"command: {command!r}\nspace: {SPACE}\n", encoding="utf-8")
    assert line_of("my.yaml") == f"my.yaml:1: {line}"


def test_the_constraints_of_a_space_without_a_class_to_name_have_another_place() -> None:
    assert line_of("ask", space=Even()) == (
        "space: Even has constraints, which a sweep's file cannot hold. Leave them out, and call "
        "study.fail(trial, reason, infeasible=True) where one is broken."
    )
    assert line_of("own_depth:Depth", space=Even()).startswith("architecture")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("text", "own_depth:text yielded '0.3' as 'valid_loss', which is no number."),
        ("breaks", "KeyError: 'dept'"),
    ],
)
def test_a_trial_that_fails_by_its_function_says_why_in_a_line(
    own: Path, name: str, reason: str
) -> None:
    """What orch says itself needs no name of an exception before it."""
    plan = plan_of(Sweep(f"own_depth:{name}", epochs=3).spec, None)
    store = FolderStore(own / "checkpoints")
    worker = Worker(Blueprint(plan.trainable, plan.settings, 1, store, 5.0), None)
    lease = Lease(0, 1, "ab12-0000", {"depth": 0.5}, seed=1, epoch=0, until=3, checkpoint=None)
    [fault] = worker.run(lease)
    assert isinstance(fault, Fault)
    assert fault.reason == reason
    assert "own_depth.py" in fault.detail or name == "text"


def test_a_study_is_resumed_from_python(own: Path) -> None:
    with Sweep("ask-random", space=SPACE, trials=2).ask_tell() as study:
        trial = study.ask()
        assert trial is not None
    with pytest.raises(UsageError) as failure:
        resume()
    assert str(failure.value) == (
        f"run {study.run.id} is asked for its trials. Go on with it from Python: "
        f"Study.resume({study.run.id!r})."
    )
    shown = CliRunner().invoke(cli, ["show"]).output.splitlines()
    assert f"next   Study.resume({study.run.id!r})" in shown
    for call in (study.ask, lambda: study.tell(trial, {}), lambda: study.fail(trial, "")):
        with pytest.raises(UsageError) as failure:
            call()
        assert str(failure.value) == (
            f"the study is closed. Go on with it: Study.resume({study.run.id!r})."
        )


def test_a_study_in_another_folder_is_resumed_by_its_path(own: Path) -> None:
    with Sweep("ask-random", space=SPACE, trials=2).ask_tell("mine") as study:
        study.ask()
    for command in (["show"], ["watch", "--once"]):
        shown = CliRunner().invoke(cli, [*command, "--runs", "mine"]).output
        assert f"next   Study.resume('mine/{study.run.id}')" in shown
    Study.resume(f"mine/{study.run.id}").close()


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("own.csv", "unknown data set 'own.csv'. Write csv:own.csv for the file."),
        ("npx:own.npz", "unknown data set 'npx:own.npz'. Did you mean 'npz:own.npz'?"),
        ("CSV:own.csv", "unknown data set 'CSV:own.csv'. Did you mean 'csv:own.csv'?"),
    ],
)  # fmt: skip
def test_a_file_of_data_says_what_it_is(name: str, line: str) -> None:
    with pytest.raises(UsageError) as failure:
        check_dataset_name(name)
    assert str(failure.value) == line
