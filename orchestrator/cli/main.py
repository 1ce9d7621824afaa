"""``orch``: the root command, its subcommands by name, and how it ends."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from typing import Any

import click

from orchestrator.cli.failures import Failures
from orchestrator.cli.lazy import LazyGroup

COMMANDS = {
    "sweep": ("orchestrator.cli.sweep:sweep", "Run a sweep: NAME or FILE."),
    "check": ("orchestrator.cli.check:check", "Try a few batches: does it run, what does it cost?"),
    "try": ("orchestrator.cli.try_:try_", "Run one trial in this process, for debugging."),
    "resume": ("orchestrator.cli.resume:resume", "Go on with a run that was interrupted."),
    "stop": ("orchestrator.cli.steer:stop", "Stop a running sweep, or one of its trials."),
    "pause": ("orchestrator.cli.steer:pause", "Have a running sweep wait and free its memory."),
    "enqueue": ("orchestrator.cli.steer:enqueue", "Try a config of your own next."),
    "set": (
        "orchestrator.cli.steer:set_",
        "Change how a sweep runs: concurrency, max_time, target.",
    ),
    "edit": ("orchestrator.cli.steer:edit", "Change the space that a sweep searches from now on."),
    "watch": ("orchestrator.cli.watch:watch", "Watch a run from another shell."),
    "list": (
        "orchestrator.cli.listing:list_",
        "List architectures, strategies, data sets, sweeps.",
    ),
    "runs": ("orchestrator.cli.runs:runs", "List the runs in a folder."),
    "show": ("orchestrator.cli.show:show", "Show a run: its state, its best trials."),
    "best": ("orchestrator.cli.best:best", "Print the winning config of a run."),
    "analyze": ("orchestrator.cli.analyze:analyze", "Say what a run found, and draw its figures."),
    "dashboard": ("orchestrator.cli.dashboard:dashboard", "Show runs as live pages in a browser."),
    "tag": ("orchestrator.cli.tag:tag", "Tag a run, or print its tags."),
    "note": ("orchestrator.cli.note:note", "Note something about a run, or print its note."),
    "diff": ("orchestrator.cli.diff:diff", "Compare two runs: settings and results side by side."),
    "rm": ("orchestrator.cli.rm:rm", "Delete runs."),
    "clean": ("orchestrator.cli.clean:clean", "Free the disk of what runs do not need any more."),
    "sync": ("orchestrator.cli.sync:sync", "Bring W&B, TensorBoard and MLflow up to date."),
    "attach": ("orchestrator.cli.attach:attach", "Follow a run on a cluster, and fetch it."),
    "cluster": ("orchestrator.cli.cluster:cluster", "Check, start, see and end a Ray cluster."),
    "import": ("orchestrator.cli.import_:import_", "Take in a sweep of Ray Tune, Optuna or a CSV."),
    "data": ("orchestrator.cli.data:data", "List, fetch and describe data sets."),
}
OWN_CODE = frozenset({"try"})
"""Commands that run a person's own code in this process: its errors keep their traceback."""


class Orch(LazyGroup):
    """The root group; whatever happens in a command becomes a line and an exit code here."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # click's signature
        **extra: Any,
    ) -> Any:
        """Run a command and exit: 0, or as the error says."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        given = list(sys.argv[1:] if args is None else args)
        named = next((word for word in given if not word.startswith("-")), "")
        with Failures(debug="--debug" in given, through=named in OWN_CODE) as failures:
            code = super().main(
                given, prog_name or "orch", complete_var, standalone_mode=False, **extra
            )
            failures.code = code if isinstance(code, int) else 0
        sys.exit(failures.code)


def _print_version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"orch {version('orch-sweep')}")
        ctx.exit()


@click.group(
    "orch", cls=Orch, commands_by_name=COMMANDS, no_args_is_help=False, invoke_without_command=True
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the version.",
)
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Hyperparameter sweeps that lose nothing.

    Start with: orch sweep gru-bohb
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main() -> None:
    """The console script; ``module:Class`` is found in the present folder too, last of all."""
    sys.path.append("")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")  # a config may have any text
    cli()
