"""``--notify``: who is told how a sweep ended, and in which words."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click

if TYPE_CHECKING:
    from orchestrator.cli.view.outline import Outline
    from orchestrator.engine.inbox import StopRun
    from orchestrator.notify import Kind

_KINDS: dict[str, Kind] = {"finished": "success", "stopped": "warning", "failed": "failure"}


def _checked(ctx: click.Context, param: click.Parameter, urls: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse what cannot be sent to before anything runs."""
    del param
    if urls and not ctx.resilient_parsing:
        from orchestrator.notify import check

        check(urls)
    return urls


option = click.option(
    "--notify", multiple=True, envvar="ORCH_NOTIFY", metavar="URL", callback=_checked,
    help="Tell somebody how it ended: an apprise URL, such as tgram://...; may come several "
    "times. The environment's ORCH_NOTIFY keeps it out of lists of processes.",
)  # fmt: skip


class News:
    """A block after which people are told how the sweep in it ended.

    Args:
        urls: whom to tell; with none nothing happens.
        title: of the sweep.

    Attributes:
        urls: whom to tell; secrets.
        outline: of the run, once there is one.
    """

    def __init__(self, urls: Sequence[str], title: str) -> None:
        self.urls = tuple(urls)
        self._title = title
        self._ended: tuple[str, list[str]] | None = None
        self.outline: Outline | None = None
        self._elsewhere = False

    def __enter__(self) -> Self:
        """Nothing is told before the end."""
        return self

    def ended(self, stopped: StopRun | None, lines: list[str]) -> None:
        """The sweep is finished or was stopped.

        Args:
            stopped: who ended it early; None when it is finished.
            lines: the closing lines of the terminal.
        """
        self._ended = ("finished" if stopped is None else "stopped", lines)

    def told_elsewhere(self) -> None:
        """Another process tells it from now on, as long as the machine lasts that has it."""
        self._elsewhere = True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Tell it; what cannot be told is one line of warning, whatever else happens."""
        if not self.urls or (self._elsewhere and not _lost(error)):
            return
        if isinstance(error, Exception):
            self._ended = ("failed", self._failed(error))
        if self._ended is None:
            return
        from orchestrator.cli.failures import say
        from orchestrator.notify import send

        how, lines = self._ended
        title, body = f"{self._title}: {how}", "\n".join(lines)
        problem = send(self.urls, title, body, kind=_KINDS[how])
        if problem:
            say(f"warning: {problem}")

    def _failed(self, error: Exception) -> list[str]:
        from orchestrator.cli.failures import describe
        from orchestrator.cli.view.words import block

        line, _ = describe(error)
        if self.outline is None:
            return [line]
        return [line, *block("run", [self.outline.path]), *block("next", [self.outline.resume])]


def _lost(error: BaseException | None) -> bool:
    """Whether the machine is gone with the process that would have told it."""
    if not isinstance(error, Exception):
        return False
    from orchestrator.cluster.lost import HeadLostError

    return isinstance(error, HeadLostError)
