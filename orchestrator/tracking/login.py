"""Whether somebody is logged in to W&B here, told without importing W&B.

The same places in the same order as W&B looks: settings files, environment, netrc.
"""

from __future__ import annotations

import configparser
import importlib.util
import netrc
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from orchestrator.tracking.settings import Wandb
from searchspaces.errors import UsageError

PUBLIC = "https://api.wandb.ai"
_SAME = {"api.wandb.ai", "api.forge.coreweave.com", "forge.coreweave.com"}
"""Hosts that serve the one public W&B; a key for one of them is good for all."""
Mode = Literal["off", "online", "offline"]
_MODES: dict[str, Mode] = {"offline": "offline", "dryrun": "offline", "disabled": "off"}
"""Those of W&B's own modes that keep a sweep from its server."""


@dataclass(frozen=True)
class Standing:
    """What W&B's mode comes down to, here and now.

    Attributes:
        mode: ``off``, ``online`` or ``offline``.
        why: it is not what one might expect, in a few words; may be empty.
    """

    mode: Mode
    why: str = ""


def standing(
    wandb: Wandb, environ: Mapping[str, str] = os.environ, folder: Path | None = None
) -> Standing:
    """What W&B's mode comes down to.

    ``auto`` does what ``WANDB_MODE`` or ``wandb offline`` says, else is online where somebody
    is logged in.

    Args:
        wandb: its settings in the spec.
        environ: environment variables.
        folder: the present one by default.

    Raises:
        UsageError: ``online``, and nobody is logged in.
    """
    if wandb.mode in {"off", "offline"}:
        return Standing("off" if wandb.mode == "off" else "offline")
    known = _Known(environ, folder or Path.cwd())
    if wandb.mode == "auto":
        said = _MODES.get(known.mode, "online")
        if said != "online":
            return Standing(said, f"W&B's own mode is {known.mode}")
        return Standing("online") if known.logged_in else Standing("offline", "not logged in")
    if not known.logged_in:
        raise UsageError(
            f"W&B: nobody is logged in at {known.url}. Run: wandb login, or set WANDB_API_KEY, "
            f"or take --wandb offline."
        )
    return Standing("online")


def logged_in(environ: Mapping[str, str] = os.environ, folder: Path | None = None) -> bool:
    """Whether there is a key for W&B's server."""
    return _Known(environ, folder or Path.cwd()).logged_in


def server_of(environ: Mapping[str, str] = os.environ, folder: Path | None = None) -> str:
    """URL of W&B's server."""
    return _Known(environ, folder or Path.cwd()).url


def require() -> None:
    """Make sure that W&B is there, without importing it.

    Raises:
        UsageError: it is not.
    """
    found = importlib.util.find_spec("wandb")
    # A folder of that name, in which runs lie, is no package although Python takes it for one.
    if found is None or found.origin is None:
        raise UsageError("--wandb needs W&B. Install it: pip install 'orch-sweep[wandb]'")


class _Known:
    """W&B's settings as its settings files and the environment have them."""

    def __init__(self, environ: Mapping[str, str], folder: Path) -> None:
        self._environ = environ
        config = Path(environ.get("WANDB_CONFIG_DIR") or "~/.config/wandb").expanduser()
        hidden = folder / ".wandb"
        own = hidden if hidden.exists() else folder / "wandb"
        said = {**_settings(config / "settings"), **_settings(own / "settings")}
        self._key = said.get("api_key", "")
        self.mode = environ.get("WANDB_MODE") or said.get("mode", "")
        self.url = (environ.get("WANDB_BASE_URL") or said.get("base_url") or PUBLIC).rstrip("/")

    @property
    def logged_in(self) -> bool:
        environ = self._environ
        if environ.get("WANDB_API_KEY") or environ.get("WANDB_IDENTITY_TOKEN_FILE") or self._key:
            return True
        try:
            entries = netrc.netrc(_netrc(environ))
        except (OSError, netrc.NetrcParseError, UnicodeDecodeError):
            return False
        host = urlsplit(self.url).netloc
        hosts = _SAME if host in _SAME else {host}
        return any((entries.authenticators(name) or ("", "", ""))[2] for name in hosts)


def _settings(path: Path) -> dict[str, str]:
    """A settings file of W&B's; empty where there is none that can be read."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(path, encoding="utf-8")
        return dict(parser.items("default"))
    except (OSError, UnicodeDecodeError, configparser.Error):
        return {}


def _netrc(environ: Mapping[str, str]) -> str:
    """The netrc file that W&B reads."""
    if environ.get("NETRC"):
        return str(Path(environ["NETRC"]).expanduser())
    usual, windows = Path("~/.netrc").expanduser(), Path("~/_netrc").expanduser()
    return str(windows if windows.exists() and not usual.exists() else usual)
