"""``--wandb``, ``--tensorboard`` and ``--mlflow``, and what is said of them at the end."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from shlex import quote
from typing import TYPE_CHECKING, Any, TypeVar

import click

from orchestrator.cli.options import all_of
from searchspaces.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from orchestrator.runs.folder import RunFolder
    from orchestrator.spec import SweepSpec
    from orchestrator.tracking.settings import Tracking

F = TypeVar("F", bound=Callable[..., Any])
MODES = ("auto", "online", "offline", "off")
VARIABLE = "ORCH_WANDB"


class TrackingCommand(click.Command):
    """A command in which ``--wandb`` may stand without a value; what follows stays what it is."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the line, ``--wandb`` without a mode being ``--wandb auto``."""
        end = args.index("--") if "--" in args else len(args)
        said: list[str] = []
        for word, following in zip(args[:end], [*args[1:end], ""], strict=False):
            bare = word == "--wandb" and following not in MODES
            said.append("--wandb=auto" if bare else word)
        return super().parse_args(ctx, [*said, *args[end:]])


def options(function: F) -> F:
    """Where the sweep is told about while it runs; see :func:`changes_of`."""
    return all_of(_OPTIONS, function)


def changes_of(given: dict[str, Any], *, new: bool = True) -> dict[str, Any]:
    """Take the tracking options out of what a line gives; what they change in the tracking.

    Args:
        given: values of all options, by name; those of tracking are removed.
        new: of a new run, which takes W&B's project from the environment for good: whoever
            resumes it elsewhere has another environment and means the same project.
    """
    wandb, tensorboard, mlflow = (given.pop(key) for key in ("wandb", "tensorboard", "mlflow"))
    changes: dict[str, Any] = {}
    if wandb is not None:
        changes["wandb"] = {"mode": wandb}
        for key, variable in (("project", "WANDB_PROJECT"), ("entity", "WANDB_ENTITY")):
            if new and wandb != "off" and os.environ.get(variable):
                changes["wandb"][key] = os.environ[variable]
    if tensorboard is not None:
        changes["tensorboard"] = tensorboard
    if mlflow is not None:
        changes["mlflow"] = mlflow
    return changes


def default_of(spec: SweepSpec) -> dict[str, Any]:
    """What the environment changes, where neither the line nor the file says W&B's mode.

    Raises:
        ConfigurationError: it is no mode.
    """
    mode = os.environ.get(VARIABLE, "").strip().lower()
    if not mode or "mode" in spec.tracking.wandb.model_fields_set:
        return {}
    return changes_of({"wandb": _mode(mode, VARIABLE), "tensorboard": None, "mlflow": None})


def closing_items(folder: RunFolder, tracking: Tracking) -> list[tuple[str, list[str]]]:
    """What there is to say at the end of each place that was told: a label, and items."""
    from orchestrator.cli.view.outline import short_name, shown_path
    from orchestrator.tracking.login import Standing, standing
    from orchestrator.tracking.status import read_status

    items: list[tuple[str, list[str]]] = []
    said = read_status(folder.path)
    if tracking.wandb.mode != "off":
        status: Mapping[str, Any] = said.get("wandb", {})
        try:
            stands = standing(tracking.wandb)
        except UsageError:  # it was told online from elsewhere
            stands = Standing("online")
        mode, why = status.get("mode", stands.mode), status.get("why") or stands.why
        because = f" ({why})" if why else ""
        if mode == "online":
            items.append(("wandb", [str(status.get("url") or "online")]))
        elif mode == "off":
            items.append(("wandb", [f"off{because}"]))
        else:
            where = f"offline in {shown_path(folder.path / 'wandb')}{because}"
            items.append(("wandb", [where, f"orch sync {short_name(folder)}"]))
    if tracking.tensorboard:
        where = shown_path(folder.path / "tensorboard")
        items.append(("board", [f"tensorboard --logdir {quote(where)}"]))
    if tracking.mlflow:
        items.append(("mlflow", [tracking.mlflow]))
    troubles = [f"{sink}: {status['trouble']}" for sink, status in said.items()
                if "trouble" in status]  # fmt: skip
    return [*items, *((("", [trouble])) for trouble in troubles)]


def _mode(value: str, place: str) -> str:
    if value not in MODES:
        raise ConfigurationError(
            f"{value!r} is not auto, online, offline or off. Give one of them.", place=place
        )
    return value


def _checked(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    del ctx
    return None if value is None else _mode(value, param.opts[0])


_OPTIONS = (
    click.option(
        "--wandb", metavar="[auto|online|offline|off]", callback=_checked,
        help="Tell W&B: online where you are logged in, else offline, for orch sync; "
        "ORCH_WANDB is the default.",
    ),
    click.option(
        "--tensorboard/--no-tensorboard", default=None, help="Write TensorBoard's event files too."
    ),
    click.option("--mlflow", metavar="URI", help="Tell an MLflow server."),
)  # fmt: skip
