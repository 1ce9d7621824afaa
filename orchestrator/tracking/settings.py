"""What of tracking a spec says: where a sweep is told about while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, field_validator

from orchestrator.declared import declare, merge
from searchspaces.errors import ConfigurationError

WandbMode = Literal["off", "auto", "online", "offline"]
PROJECT = "orch"
"""W&B's project where neither the spec nor ``WANDB_PROJECT`` names one."""


class Wandb(BaseModel):
    """Weights & Biases.

    Attributes:
        mode: ``auto`` is online where somebody is logged in, else offline.
        project: of the runs; empty for ``WANDB_PROJECT``, or ``orch``.
        entity: user or team; empty for the account's own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: WandbMode = "off"
    project: str = ""
    entity: str = ""

    @field_validator("project", "entity")
    @classmethod
    def _name(cls, value: str) -> str:
        """W&B takes no such names, which would come out long after the start."""
        wrong = sorted(set(value) & set("/\\#?%:"))
        if wrong:
            raise ValueError(f"{value!r} has {' and '.join(wrong)} in it. W&B takes no such name.")
        if len(value) > 128:
            raise ValueError(
                f"{value[:20]!r}... is longer than 128 characters. Give a shorter name."
            )
        return value


class Tracking(BaseModel):
    """Where a sweep is told about; nowhere by default.

    Attributes:
        wandb: Weights & Biases.
        tensorboard: event files in the run's folder.
        mlflow: URI of an MLflow server; empty for none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    wandb: Wandb = Wandb()
    tensorboard: bool = False
    mlflow: str = ""

    @field_validator("mlflow")
    @classmethod
    def _without_secret(cls, uri: str) -> str:
        """The spec is written down, and shown: it holds no password."""
        try:
            secret = urlsplit(uri).password
        except ValueError as error:
            raise ValueError(f"it is no URI: {error}.") from error
        if secret is not None:
            raise ValueError(
                "the URI has a password in it, which must not be written down. Leave user and "
                "password out and set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD."
            )
        return uri

    @property
    def on(self) -> bool:
        """Anything is told anywhere."""
        return self.wandb.mode != "off" or self.tensorboard or bool(self.mlflow)


def tracking_from(values: Any, *, place: str = "tracking") -> Tracking:
    """The settings that a mapping describes; ``wandb: offline`` is short for its mode.

    Raises:
        ConfigurationError: an unknown key, or a value that cannot be, at its dotted path.
    """
    if isinstance(values, Tracking):
        return values
    said = dict(_mapping(values, place))
    wandb = said.get("wandb", {})
    if isinstance(wandb, str):
        wandb = {"mode": wandb}
    if not isinstance(wandb, Wandb):
        wandb = declare(Wandb, _mapping(wandb, f"{place}.wandb"), place=f"{place}.wandb")
    return declare(Tracking, {**said, "wandb": wandb}, place=place)


def changed(tracking: Tracking, changes: Mapping[str, Any]) -> Tracking:
    """Settings with changes on top.

    Raises:
        ConfigurationError: a change that cannot be.
    """
    said = dict(changes)
    if isinstance(said.get("wandb"), str):
        said["wandb"] = {"mode": said["wandb"]}
    return tracking_from(merge(tracking.model_dump(mode="json"), said))


def _mapping(values: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(values, Mapping):
        raise ConfigurationError(f"{values!r} is no mapping of settings.", place=place)
    return values
