"""Runs that live on a cluster, for commands that mean the process that runs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from orchestrator.runs.folder import RunFolder


def reach(folder: RunFolder) -> None:
    """Until the command ends, letters to a run on a cluster go there, and what is new comes.

    Raises:
        OrchError: the cluster cannot be reached.
    """
    from orchestrator.runs.whereabouts import read_whereabouts

    if read_whereabouts(folder.path) is not None:
        from orchestrator.cli.remote import reached

        click.get_current_context().with_resource(reached(folder))
