"""Runs that live on a cluster, for commands that mean the process that runs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestrator.runs.folder import RunFolder


def reach(folder: RunFolder) -> Callable[[], bool] | None:
    """Until the command ends, letters to a run on a cluster go there, and what is new comes.

    Returns:
        what says whether nobody runs it there any more; None for a run that lives here, or
        that another process follows.

    Raises:
        OrchError: the cluster cannot be reached.
    """
    from orchestrator.runs.whereabouts import read_whereabouts

    if read_whereabouts(folder.path) is None:
        return None
    from orchestrator.cli.remote import reached

    over: Callable[[], bool] | None = click.get_current_context().with_resource(reached(folder))
    return over
