"""The sinks that a spec asks for, each made when it is needed and made anew when it must be."""

from __future__ import annotations

from collections.abc import Callable

from orchestrator.tracking import login
from orchestrator.tracking.niceness import priority
from orchestrator.tracking.settings import Tracking
from orchestrator.tracking.sink import Sink, TrackedRun

Maker = Callable[[], Sink]
"""Makes a sink; imports what it needs."""


def sinks_of(run: TrackedRun, *, afterwards: bool = False) -> dict[str, Maker]:
    """What makes each sink that the run's spec asks for, by its name.

    Args:
        run: the run that is told about.
        afterwards: nobody runs it any more, and W&B's files are uploaded next.

    Raises:
        UsageError: W&B is to be told online, and nobody is logged in.
    """
    tracking = run.spec.tracking
    found: dict[str, Maker] = {}
    standing = login.standing(tracking.wandb)
    if standing.mode != "off":
        found["wandb"] = _wandb(run, online=standing.mode == "online", files_first=afterwards)
    if tracking.tensorboard:
        found["tensorboard"] = lambda: _tensorboard(run)
    if tracking.mlflow:
        found["mlflow"] = lambda: _mlflow(run, tracking.mlflow)
    return found


def ready(tracking: Tracking) -> None:
    """Refuse what cannot work, before anything runs; nothing heavy is imported.

    Raises:
        UsageError: a package is missing, nobody is logged in, or a variable of the environment
            is wrong.
    """
    if tracking.wandb.mode != "off":
        login.require()
        login.standing(tracking.wandb)
    if tracking.mlflow:
        from orchestrator.tracking.mlflow import require

        require()
    if tracking.on:
        priority()


def _wandb(run: TrackedRun, *, online: bool, files_first: bool) -> Maker:
    from orchestrator.tracking.wandb_sdk import Outage, Sdk, server

    sdk = Sdk(run.folder.path)
    outage = Outage(server) if online else None

    def make() -> Sink:
        from orchestrator.tracking.wandb_sink import WandbSink

        return WandbSink(run, sdk, outage, files_first=files_first)

    return make


def _tensorboard(run: TrackedRun) -> Sink:
    from orchestrator.tracking.tensorboard import TensorBoardSink

    return TensorBoardSink(run)


def _mlflow(run: TrackedRun, uri: str) -> Sink:
    from orchestrator.tracking.mlflow import MlflowSink

    return MlflowSink(run, uri)
