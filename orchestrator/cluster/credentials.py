"""Secrets that a sweep needs elsewhere: found here, sent as files, read there into one process.

They are never part of a command line, a job's description or an environment that is listed.
"""

from __future__ import annotations

import json
import netrc
import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from orchestrator.cluster.tokens import Token
from orchestrator.masking import masked
from orchestrator.spec import SweepSpec
from orchestrator.tracking.login import server_of, standing
from searchspaces.errors import OrchError, UsageError

TOKEN = "RAY_AUTH_TOKEN"  # noqa: S105  # the name of a variable
NOTIFY = "ORCH_NOTIFY_URLS"
"""The name of the secret that holds whom to notify, as JSON; it never becomes a variable."""
_WANDB = ("WANDB_ENTITY", "WANDB_PROJECT")
_MODES = {"off": "disabled", "online": "online", "offline": "offline"}
_MLFLOW = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")
_S3 = (
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION",
    "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3",
)  # fmt: skip
_PUBLIC = ("api.wandb.ai", "api.forge.coreweave.com", "forge.coreweave.com")


def secrets_of(
    spec: SweepSpec,
    environ: Mapping[str, str] = os.environ,
    *,
    token: Token | None = None,
    notify: Sequence[str] = (),
) -> dict[str, bytes]:
    """Environment variables that a sweep's tracking and storage need elsewhere, and their values.

    W&B's mode is settled here: who is logged out here is not logged in by another's account there.

    Args:
        spec: the sweep.
        environ: variables here.
        token: of the cluster's Ray, if the sweep's process is to be told.
        notify: URLs of whom to tell how it ended.

    Raises:
        UsageError: W&B's key is known here, and cannot be handed on; or a tracker's server is
            this machine's own.
    """
    found: dict[str, str] = {}
    wandb = spec.tracking.wandb
    mode = standing(wandb, environ).mode
    if wandb.mode == "auto":
        found["WANDB_MODE"] = _MODES[mode]
    if mode == "online":
        server = server_of(environ)
        _refuse_own(server, "W&B", "WANDB_BASE_URL")
        found |= {"WANDB_BASE_URL": server, "WANDB_API_KEY": _wandb_key(environ)}
        found |= _those(environ, _WANDB)
    if spec.tracking.mlflow:
        _refuse_own(spec.tracking.mlflow, "MLflow", "--mlflow")
        found |= _those(environ, _MLFLOW)
    if notify:
        found[NOTIFY] = json.dumps(list(notify))
    if spec.storage.startswith("s3://"):
        found |= _those(environ, _S3)
    if token is not None and token.text:
        found[TOKEN] = token.text
    return {name: value.encode() for name, value in found.items() if value}


def notified(folder: Path) -> tuple[str, ...]:
    """Whom to tell how the sweep ended; the file with that is gone then.

    Args:
        folder: as of :func:`adopt`.

    Raises:
        OrchError: others can read it.
    """
    path = folder / NOTIFY
    if not path.exists():
        return ()
    urls = json.loads(_text(path))
    path.unlink()
    return tuple(urls)


def adopt(folder: Path, names: Iterable[str] = ()) -> tuple[str, ...]:
    """Take secrets from their files into this process's environment; their names.

    Args:
        folder: as :meth:`orchestrator.cluster.shipping.Shipper.hide` made it.
        names: take these alone; all of them by default.

    Raises:
        OrchError: they are gone, or others can read them.
    """
    wanted, taken = set(names), []
    try:
        for path in sorted(folder.iterdir()):
            text = _text(path)
            if not wanted or path.name in wanted:
                os.environ[path.name] = text
                taken.append(path.name)
    except OSError as error:
        raise OrchError(f"{folder}: secrets cannot be read: {error.strerror}.") from error
    return tuple(taken)


def _text(path: Path) -> str:
    """A secret that nobody else can read."""
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode) or status.st_mode & 0o077:
        raise OrchError(f"{path}: others can read this secret, so it is not used. Make it anew.")
    return path.read_text(encoding="utf-8")


def _refuse_own(url: str, what: str, place: str) -> None:
    """The sweep's process runs on the head, which means itself by such an address."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"}:
        raise UsageError(
            f"{place}: {masked(url)} lies on this machine, and the sweep runs on the cluster's "
            f"head. Give the address of a server that the head can reach."
        )
    host = parts.hostname or ""
    if host == "localhost" or host.startswith("127.") or host == "::1":
        raise UsageError(
            f"{place}: {masked(url)} is this machine's own {what}, and the sweep runs on the "
            f"cluster's head. Give an address by which the head reaches it."
        )


def _those(environ: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    return {name: environ[name] for name in names if name in environ}


def _wandb_key(environ: Mapping[str, str]) -> str:
    """The key of whoever is logged in to W&B here."""
    if key := environ.get("WANDB_API_KEY", "").strip():
        return key
    file = environ.get("NETRC") or "~/.netrc"
    host = urlsplit(server_of(environ)).netloc
    with suppress(OSError, netrc.NetrcParseError, UnicodeDecodeError):
        entries = netrc.netrc(str(Path(file).expanduser()))
        for name in (host, *(_PUBLIC if host in _PUBLIC else ())):
            if (entry := entries.authenticators(name)) and entry[2]:
                return entry[2]
    raise UsageError(
        "W&B: somebody is logged in here, but the key cannot be handed to the cluster. Set "
        "WANDB_API_KEY, or take --wandb offline."
    )
