"""``orch sync``: bring W&B, TensorBoard and MLflow up to date with a run."""

from __future__ import annotations

import json
import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli import options, tracking
from orchestrator.cli.failures import say
from searchspaces.errors import OrchError, UsageError

if TYPE_CHECKING:
    from orchestrator.runs.folder import RunFolder
    from orchestrator.tracking.settings import Tracking


@click.command(cls=tracking.TrackingCommand)
@options.run_argument
@tracking.options
@options.runs_folder
@options.as_json
def sync(run: str, *, runs: Path, as_json: bool, **given: Any) -> None:
    """Bring W&B, TensorBoard and MLflow up to date with a run that has ended.

    What was not told while it ran is told from the journal, and what W&B has on this disk
    alone is uploaded. A run that was not tracked is told afterwards: orch sync RUN --wandb.
    RUN is any unique part of its id, or its path; the latest run by default.
    """
    from orchestrator.runs.folder import find_run
    from orchestrator.tracking.settings import changed
    from orchestrator.tracking.telling import alone

    changes = tracking.changes_of(given)
    folder = find_run(runs, run)
    told = changed(folder.spec().tracking, changes)
    _refuse(folder, told)
    uploads = told.wandb.mode != "off" and changes.get("wandb", {}).get("mode") != "offline"
    waiting = f"the tracking process of run {folder.id} is not done yet; waiting for it"
    sent: dict[str, Any] = {}
    with alone(folder.path, lambda: say(waiting)):
        away = _away() if uploads else ""
        troubles = _tell(folder, told, online=uploads and not away)
        if away:
            raise OrchError(f"W&B: {away}")
        if uploads and "wandb" not in troubles:
            sent = _upload(folder, quiet=as_json)
    if troubles:
        raise OrchError("; ".join(f"{sink}: {why}" for sink, why in troubles.items()))
    if as_json:
        click.echo(json.dumps(_facts(folder, sent), indent=2))
        return
    from orchestrator.cli.view.words import block

    for label, text in _said(folder, told, sent):
        click.echo("\n".join(block(label, [text])))


def _refuse(folder: RunFolder, told: Tracking) -> None:
    """Refuse what cannot be synced now, or at all."""
    from orchestrator.cli.view.outline import short_name
    from orchestrator.tracking.sinks import ready

    name = short_name(folder)
    if folder.is_owned():
        raise UsageError(
            f"run {folder.id} is running and is told of as it goes. When it has ended: "
            f"orch sync {name}"
        )
    if not folder.journal.is_dir():
        raise UsageError(f"run {folder.id} has no journal: there is nothing to tell yet.")
    if not told.on:
        raise UsageError(
            f"run {folder.id} is told nowhere. Say where: orch sync {name} --wandb, "
            f"--tensorboard or --mlflow URI"
        )
    ready(told)


def _away() -> str:
    """Why W&B's server cannot be told anything now; empty if it can."""
    from orchestrator.tracking.login import logged_in
    from orchestrator.tracking.wandb_sdk import server, silence

    url = server()
    if not logged_in():
        return f"nobody is logged in at {url}. Run: wandb login, or set WANDB_API_KEY."
    why = silence(url)
    return f"{url} does not answer ({why}). Nothing is lost; call this again later." if why else ""


def _tell(folder: RunFolder, told: Tracking, *, online: bool) -> dict[str, str]:
    """Tell what has not been told; what went wrong, by sink."""
    from orchestrator.tracking.start import LOG
    from orchestrator.tracking.status import read_status
    from orchestrator.tracking.telling import tell

    logging.basicConfig(
        filename=folder.path / LOG, level=logging.WARNING, format="%(asctime)s %(message)s"
    )
    logging.getLogger("orchestrator.tracking").setLevel(logging.INFO)
    values = told.model_dump(mode="json")
    if told.wandb.mode != "off":
        values["wandb"]["mode"] = "online" if online else "offline"
    gone = threading.Event()
    gone.set()
    if tell(folder.path.absolute(), values, gone, afterwards=True):
        return {}
    status = read_status(folder.path)
    return {sink: said["trouble"] for sink, said in status.items() if "trouble" in said} or {
        "tracking": f"not all was told; see {folder.path / LOG}"
    }


def _upload(folder: RunFolder, *, quiet: bool) -> dict[str, Any]:
    from orchestrator.tracking.wandb_upload import upload

    def progress(done: int, of: int) -> None:
        if 0 < done < of and not quiet:
            say(f"{done:,} of {of:,} runs are at W&B")

    sent = upload(folder.path / "wandb", progress)
    return {"sent": sent.runs, "url": sent.url}


def _facts(folder: RunFolder, sent: dict[str, Any]) -> dict[str, Any]:
    from orchestrator.tracking.status import read_status

    sinks = read_status(folder.path)
    if sent:
        sinks["wandb"] = {**sinks.get("wandb", {}), **sent}
    return {"run": folder.id, **sinks}


def _said(folder: RunFolder, told: Tracking, sent: dict[str, Any]) -> list[tuple[str, str]]:
    """A line for each place that has everything now."""
    from orchestrator.cli.view.outline import short_name, shown_path
    from orchestrator.cli.view.words import plural

    lines = []
    if sent:
        how = f"{plural(sent['sent'], 'run')} sent" if sent["sent"] else "nothing was left to send"
        lines.append(("wandb", "    ".join([how, *([sent["url"]] if sent["url"] else [])])))
    elif told.wandb.mode != "off":
        where = shown_path(folder.path / "wandb")
        lines.append(("wandb", f"offline in {where}    orch sync {short_name(folder)}"))
    if told.tensorboard:
        lines.append(("board", f"tensorboard --logdir {shown_path(folder.path / 'tensorboard')}"))
    if told.mlflow:
        lines.append(("mlflow", told.mlflow))
    return lines
