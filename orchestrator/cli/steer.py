"""``orch stop``, ``pause``, ``enqueue``, ``set``, ``edit``: telling a running sweep something."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli import options
from orchestrator.cli.reaching import reach

if TYPE_CHECKING:
    from orchestrator.engine.inbox import Command
    from orchestrator.engine.records import Closed, Commanded
    from orchestrator.runs.folder import RunFolder

ANSWER_SECONDS = 20.0
"""A running sweep looks for letters several times a second; one that starts, when it has."""

_settings = click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE",
    help="A value, such as hidden_size=64; may come several times.",
)  # fmt: skip
_changes = click.option(
    "--set", "settings", multiple=True, required=True, metavar="KEY=VALUE",
    help="A change, such as space.hidden_size.high=512; may come several times.",
)  # fmt: skip


@click.command()
@options.run_argument
@click.option("--trial", type=click.IntRange(min=0), metavar="N", help="This trial only.")
@options.runs_folder
@options.as_json
def stop(run: str, *, trial: int | None, runs: Path, as_json: bool) -> None:
    """Stop a running sweep, or one of its trials, with everything kept.

    RUN is any unique part of its id, or its path; the latest run by default. A stopped
    sweep can go on: orch resume. A stopped trial counts as pruned and does not.
    """
    from orchestrator.engine.inbox import StopRun, StopTrial
    from orchestrator.engine.records import FINISHED

    folder = _running(runs, run, "stop")
    command = StopRun("stopped from outside") if trial is None else StopTrial(trial)
    record = _tell(folder, command, as_json=as_json)
    if record is None or as_json:
        return
    if getattr(record, "reason", "") == FINISHED:
        _next(folder, "show", "analyze")
    else:
        _next(folder, "resume", "show") if trial is None else _next(folder, "watch")


@click.command()
@options.run_argument
@options.runs_folder
@options.as_json
def pause(run: str, *, runs: Path, as_json: bool) -> None:
    """Have a running sweep wait: its workers go, and with them their memory.

    Running trials end with their present epoch and go on from their checkpoints when
    orch resume says so. RUN is as for orch stop.
    """
    from orchestrator.engine.inbox import Pause

    folder = _running(runs, run, "pause")
    if _tell(folder, Pause(), as_json=as_json) is not None and not as_json:
        _next(folder, "resume", "stop")


@click.command()
@options.run_argument
@_settings
@click.option(
    "--config", "file", type=click.Path(path_type=Path), metavar="FILE",
    help="Values from a YAML file, such as orch best writes.",
)  # fmt: skip
@options.runs_folder
@options.as_json
def enqueue(
    run: str, *, settings: tuple[str, ...], file: Path | None, runs: Path, as_json: bool
) -> None:
    """Try a config of your own, as the sweep's next trial.

    What is not given is the searcher's choice. RUN is as for orch stop; a run that is
    interrupted tries it when it goes on.
    """
    from orchestrator.declared import merge

    values = _file_values(file) if file else {}
    for key, value in _merged(settings).items():
        whole = key in {"space", "training"} and isinstance(value, dict)
        values = merge(values, value if whole else {key: value})
    _change(runs, run, "enqueue", values, as_json=as_json)


@click.command("set")
@click.argument("words", nargs=-1, required=True, metavar="[RUN] KEY=VALUE...")
@options.runs_folder
@options.as_json
def set_(words: tuple[str, ...], *, runs: Path, as_json: bool) -> None:
    """Change how a sweep runs: concurrency=4, max_time=2h (from now on), target=0.05.

    When it stops by itself: max_time, max_epochs_total, target and plateau; none is without.
    RUN is as for orch stop; an interrupted run takes it when it goes on. Where trials have
    to leave their worker for it they go on from their checkpoints.
    """
    from searchspaces.errors import UsageError

    run, settings = ("", words) if "=" in words[0] else (words[0], words[1:])
    example = " ".join(filter(None, ["orch set", run, "target=0.05"]))
    if not settings:
        raise UsageError(f"no setting is given. Write: {example}")
    _change(runs, run, "set", _merged(settings, example=example), as_json=as_json)


@click.command()
@options.run_argument
@_changes
@options.runs_folder
@options.as_json
def edit(run: str, *, settings: tuple[str, ...], runs: Path, as_json: bool) -> None:
    """Change the space of a running sweep, for the trials that start from now on.

    What was learnt counts as far as it lies in the new space; the tables say which trial is
    from which. RUN is as for orch stop; an interrupted run takes it when it goes on.
    """
    _change(runs, run, "edit", _merged(settings), as_json=as_json)


def end_pause(run: RunFolder, changes: Mapping[str, Any], *, as_json: bool) -> None:
    """Have a run go on whose process waits, with other settings if there are any."""
    from orchestrator.engine.inbox import Change, GoOn
    from orchestrator.engine.records import Closed
    from orchestrator.runs.letters import tell

    if changes:
        record = tell(run, Change("set", dict(changes)), seconds=ANSWER_SECONDS)
        _check_followed(run, record)
        over = isinstance(record, Closed)  # by what was set
        if over or not as_json:
            _say(run, record, as_json=as_json, waiting=record is None)
        if over:
            return
    record = _tell(run, GoOn(), as_json=as_json)
    if record is not None and not as_json:
        _next(run, "show" if isinstance(record, Closed) else "watch")


def _merged(settings: tuple[str, ...], *, example: str = "") -> dict[str, Any]:
    from orchestrator.declared import merge
    from orchestrator.spec_file import setting

    values: dict[str, Any] = {}
    for text in settings:
        values = merge(values, setting(text, example=example))
    return values


def _file_values(file: Path) -> dict[str, Any]:
    from orchestrator.spec_file import read_mapping

    return read_mapping(file, example="orch best --format yaml")[0]


def _found(runs: Path, part: str) -> tuple[RunFolder, bool]:
    """The run that is meant, and whether a process runs it.

    One whose own program asks for trials takes no letters.

    Raises:
        UsageError: it takes none.
    """
    from orchestrator.runs.folder import find_run
    from orchestrator.runs.refresh import is_study
    from searchspaces.errors import UsageError

    folder = find_run(runs, part)
    nobody = reach(folder)
    if not folder.journal.is_dir():
        raise UsageError(f"run {folder.id} was imported, or never began: nothing runs there.")
    if is_study(folder):
        raise UsageError(f"run {folder.id} is asked for its trials by a program. Steer it there.")
    return folder, not nobody() if nobody is not None else folder.is_owned()


def _running(runs: Path, part: str, wanted: str) -> RunFolder:
    from orchestrator.runs.letters import NotRunningError

    folder, runs_now = _found(runs, part)
    if not runs_now:
        raise NotRunningError(folder.id, wanted)
    return folder


def _change(runs: Path, part: str, kind: str, values: dict[str, Any], *, as_json: bool) -> None:
    """Have a change followed now, or left for whoever goes on with the run."""
    from orchestrator.engine.inbox import Change
    from orchestrator.runs.letters import leave

    folder, runs_now = _found(runs, part)
    change = Change(kind, values)
    if runs_now:
        _tell(folder, change, as_json=as_json)
        return
    record = leave(folder, change)
    _say(folder, record, as_json=as_json, waiting=True)
    if not as_json:
        _next(folder, "resume")


def _tell(folder: RunFolder, command: Command, *, as_json: bool) -> Commanded | Closed | None:
    from orchestrator.runs.letters import tell

    record = tell(folder, command, seconds=ANSWER_SECONDS)
    _say(folder, record, as_json=as_json, waiting=record is None)
    return record


def _say(
    folder: RunFolder, record: Commanded | Closed | None, *, as_json: bool, waiting: bool
) -> None:
    """What became of a command.

    Raises:
        UsageError: it was refused.
    """
    from orchestrator.engine.records import Commanded

    _check_followed(folder, record)
    if as_json:
        values = record.values if isinstance(record, Commanded) else {}
        trial = record.number if isinstance(record, Commanded) else None
        said = {"run": folder.id, "followed": not waiting, "trial": trial, "values": values}
        click.echo(json.dumps(said, indent=2))
        return
    if record is None:
        line = f"left for run {folder.id}, which has not answered yet"
    elif isinstance(record, Commanded):
        line = f"run {folder.id}: {_words(folder, record)}"
        line += ", when it goes on" if waiting else ""
    else:
        line = f"run {folder.id}: {record.reason}; everything reported is kept"
    click.echo(line)


def _check_followed(folder: RunFolder, record: Commanded | Closed | None) -> None:
    from orchestrator.engine.records import Commanded
    from searchspaces.errors import UsageError

    if isinstance(record, Commanded) and record.refused:
        raise UsageError(f"run {folder.id}: {record.refused}")


def _words(folder: RunFolder, record: Commanded) -> str:
    from orchestrator.cli.view.outline import outline_of
    from orchestrator.cli.view.steering import outline_after, said

    if record.command == "pause":
        return "paused; its process waits"
    outline = outline_of(folder.spec(), folder)
    if record.command == "edit":
        outline = outline_after(outline, record.values)
    return said(record, outline, record.number or 0)


def _next(folder: RunFolder, *commands: str) -> None:
    from orchestrator.cli.view.outline import short_name
    from orchestrator.cli.view.words import block

    run = short_name(folder)
    for line in block("next", ["    ".join(f"orch {command} {run}" for command in commands)]):
        click.echo(line)
