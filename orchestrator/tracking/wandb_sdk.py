"""W&B's SDK as a sink uses it: light, silent, never asking, and begun anew when it dies."""

from __future__ import annotations

import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from orchestrator.tracking.niceness import step_back
from searchspaces.errors import OrchError

ANSWER_SECONDS = 5.0
"""A server that has said nothing for so long does not answer."""
SETTLE_SECONDS = 60.0
_FOREIGN = (
    "WANDB_SERVICE", "WANDB_SWEEP_ID", "WANDB_RUN_ID", "WANDB_RESUME", "WANDB_NAME",
    "WANDB_RUN_GROUP", "WANDB_JOB_TYPE", "WANDB_TAGS", "WANDB_DIR", "WANDB_MODE",
    "WANDB_LAUNCH", "WANDB_CONFIG_PATHS",
)  # fmt: skip
"""Variables that are about a run of the caller's own, and not about those of a sweep."""
_SETTINGS: dict[str, Any] = {
    "silent": True,
    "console": "off",
    "disable_code": True,
    "disable_git": True,
    "disable_job_creation": True,
    "label_disable": True,
    "save_code": False,
    "symlink": False,
    "use_dot_wandb": False,
    "program": "orch",
    "stop_fn": lambda: None,
    "login_timeout": 30,
    "init_timeout": 30.0,
    "finish_timeout": 60.0,
    "finish_timeout_raises": True,
    "x_service_wait": 300.0,
    "x_disable_meta": True,
    "x_disable_stats": True,
    "x_disable_machine_info": True,
    "x_save_requirements": False,
    "x_transaction_log_flush_interval": 0.5,
}
"""Nothing that costs time and says nothing about a trial; what is told is on disk soon.

On a machine that is busy to the last core, processes that wait for idle time wait long.
"""


class Sdk:
    """W&B's SDK and its service process.

    Args:
        folder: of the run; W&B's lies in it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "wandb"
        self._root = folder
        self._used = False
        own_environment(self.folder)

    def open(self, *, online: bool, again: bool, **about: Any) -> Any:
        """A W&B run beside those that are open.

        Args:
            online: tell the server.
            again: it is known, here or there, and goes on.
            about: ``id``, ``name``, ``group``, ``job_type``, ``tags``, ``config``,
                ``project``, ``entity``.

        Raises:
            Exception: whatever W&B raises.
        """
        import wandb

        known = wandb.Settings.model_fields  # an older W&B lacks some
        settings = {key: value for key, value in _SETTINGS.items() if key in known}
        if not online:
            settings |= {"init_timeout": 300.0, "finish_timeout": 300.0}
        run = wandb.init(
            dir=str(self._root),
            mode="online" if online else "offline",
            resume="allow" if again else None,
            reinit="create_new",
            settings=wandb.Settings(**settings),
            **about,
        )
        if not self._used:
            self._used = True
            for core in _cores():
                step_back(core.pid)
        return run

    def settle(self) -> None:
        """Wait for the service process of an earlier tracker that was killed to write its last.

        Raises:
            OrchError: it, or somebody's ``wandb sync``, does not let go of the files.
        """
        deadline = time.monotonic() + SETTLE_SECONDS
        while writer := _writer(self.folder):
            if time.monotonic() > deadline:
                raise OrchError(f"process {writer} of W&B's still works on {self.folder}")
            time.sleep(0.1)

    @property
    def alive(self) -> bool:
        """The service process is there."""
        return bool(_cores())

    def restart(self) -> None:
        """Let go of everything that is open; what is on disk stays."""
        if not self._used and not self.alive:
            return
        import wandb

        for core in _cores():
            with suppress(Exception):
                core.kill()
                core.wait(5)
        with suppress(Exception):  # it says that its service is gone
            wandb.teardown()
        os.environ.pop("WANDB_SERVICE", None)
        self._used = False


def own_environment(folder: Path) -> None:
    """Make W&B, in this process and its children, look at nothing but what it is given.

    Its own reports about itself are not sent, unless ``WANDB_ERROR_REPORTING`` says so; what
    an artifact holds waits in the run's folder.
    """
    for name in _FOREIGN:
        os.environ.pop(name, None)
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    os.environ["WANDB_SILENT"] = "true"
    os.environ["WANDB_DATA_DIR"] = str(folder.absolute())


def server() -> str:
    """URL of the server that W&B would tell."""
    import wandb

    return str(wandb.setup().settings.base_url)


def silence(url: str) -> str:
    """Ask a server for anything at all; why it does not answer, empty if it does."""
    try:
        with urllib.request.urlopen(url, timeout=ANSWER_SECONDS):  # noqa: S310  # W&B's own URL
            return ""
    except urllib.error.HTTPError:
        return ""  # it does not like the question, and it answers
    except OSError as error:
        reason = getattr(error, "reason", error)
        said = getattr(reason, "strerror", None) or str(reason) or type(error).__name__
        return " ".join(str(said).split()).rstrip(".")
    except ValueError as error:
        return f"it is no URL: {error}"


class Outage:
    """Remembers for a while that the server was away, beyond the life of a sink.

    Args:
        url: of the server; asked for when it is needed.
    """

    AWAY = 300.0
    """Seconds after which the server is asked again."""
    THERE = 30.0
    """Seconds for which an answer counts."""

    def __init__(self, url: Callable[[], str]) -> None:
        self._url = url
        self._until = 0.0
        self._answered = -self.THERE
        self.why = ""

    def note(self, why: str) -> None:
        """The server has failed somebody."""
        self.why = why
        self._until = time.monotonic() + self.AWAY

    @property
    def away(self) -> bool:
        """Whether not to try it."""
        now = time.monotonic()
        if now < self._until:
            return True
        if now - self._answered > self.THERE:
            why = silence(self._url())
            if why:
                self.note(f"{self._url()} does not answer ({why})")
                return True
            self._answered, self.why = now, ""
        return False


def _writer(folder: Path) -> int | None:
    """A service process of W&B's that has a file open in that folder, and is not ours."""
    import psutil

    if not folder.is_dir():
        return None
    inside, own = f"{folder.resolve()}{os.sep}", os.getpid()
    for process in psutil.process_iter(["name", "ppid"]):
        if "wandb-core" not in (process.info["name"] or "") or process.info["ppid"] == own:
            continue
        with suppress(psutil.Error):
            if any(file.path.startswith(inside) for file in process.open_files()):
                return int(process.pid)
    return None


def _cores() -> list[Any]:
    """W&B's service processes that this process has started."""
    import psutil

    found = []
    for child in psutil.Process().children():
        with suppress(psutil.Error):
            if "wandb-core" in child.name() and child.status() != psutil.STATUS_ZOMBIE:
                found.append(child)
    return found
