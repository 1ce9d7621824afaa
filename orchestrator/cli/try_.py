"""``orch try``: one trial in this process, an epoch a line."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli import options
from orchestrator.cli.given import changes_of, dataset, device, folds, name, seeds, spec_of, split

if TYPE_CHECKING:
    from orchestrator.spec import SweepSpec
    from searchspaces import Config
    from trainables.data import AnyData
    from trainables.outcomes import Outcome

FAILED, STOPPED = 3, 130
_UNSAID = frozenset({"epoch_seconds", "weights", "learning_rate"})


@click.command("try")
@name
@click.option(
    "--set", "settings", multiple=True, metavar="NAME=VALUE",
    help="Value of a parameter, as learning_rate=1e-3, or any part of the sweep, as "
    "space.hidden_size=64; may come several times.",
)  # fmt: skip
@click.option(
    "--epochs", type=click.IntRange(min=1), metavar="N",
    help="How many; those of a sweep's trial by default.",
)  # fmt: skip
@click.option("--seed", type=int, metavar="N", help="Of the split and of the trial.")
@seeds
@folds
@dataset
@split
@device
@options.as_json
def try_(
    name: str, *, settings: tuple[str, ...], epochs: int | None, as_json: bool, **given: Any
) -> int:
    """Run one trial in this process, for debugging.

    No Ray and no other process: breakpoint() and python -m pdb work, and what your
    code raises comes with its whole traceback. Parameters that --set does not name have the
    value in the middle of their range. The trial is the one that a sweep would run with that
    config, with one thread. Nothing is written.

    Exit codes: 0, 3 when the trial diverges, 1 when it raises.
    """
    from orchestrator.planning import load_data

    spec, named = _spec(name, settings, given, epochs)
    trial = _Trial(spec, load_data(spec), epochs or spec.epochs)
    _refuse_idle(trial, settings)
    if not as_json:
        for line in _head(spec, trial, named):
            click.echo(line)
    try:
        for epoch, outcome in trial.run():
            if not as_json:
                click.echo(_line(epoch, outcome, trial))
    except KeyboardInterrupt:
        click.echo(f"stopped by you after {len(trial.epochs)} of {trial.most} epochs", err=True)
        return STOPPED
    if as_json:
        reported = [  # JSON has no number that is not finite
            {key: value if math.isfinite(value) else None for key, value in metrics.items()}
            for metrics in trial.epochs
        ]
        found = {"config": dict(trial.config), "epochs": reported, "ended": trial.ended}
        click.echo(json.dumps({**found, "failed": trial.failed}, indent=2))
    return FAILED if trial.failed else 0


@dataclass
class _Trial:
    """One trial, epoch by epoch.

    Attributes:
        spec: of the sweep it is of.
        data: of that sweep; None if it reads its own.
        most: epochs to run.
        config: its parameters.
        epochs: metrics of each epoch so far.
        ended: why there are no more epochs, where it was the trial that said so.
        failed: the trial has diverged or cannot be run here.
    """

    spec: SweepSpec
    data: AnyData | None
    most: int
    config: Config = field(init=False)
    epochs: list[dict[str, float]] = field(default_factory=list)
    ended: str = ""
    failed: bool = False

    def __post_init__(self) -> None:
        from orchestrator.preflight.corners import middle

        self.config = middle(self.spec.joint, self.data.facts if self.data else None)

    def run(self) -> Iterator[tuple[int, Outcome]]:
        """Run epoch after epoch."""
        from orchestrator.engine.ledger import trial_seed
        from orchestrator.planning import trial_of
        from trainables.outcomes import EpochDone, EpochFailed, NothingLeft

        kind, settings = trial_of(self.spec)
        trial = kind.bare(data=self.data, **settings)
        torch = sys.modules.get("torch")
        if torch is not None:
            torch.set_num_threads(1)  # as in a sweep's worker
        try:
            trial.begin(self.config, seed=trial_seed(self.spec.seed, 0))
            for epoch in range(1, self.most + 1):
                outcome = self.spec.objective.judged(trial.run_epoch(), epoch)
                match outcome:
                    case EpochDone():
                        self.epochs.append(outcome.metrics)
                        self.ended = outcome.finished
                    case EpochFailed() | NothingLeft():
                        self.ended = outcome.reason
                        self.failed = isinstance(outcome, EpochFailed)
                yield epoch, outcome
                if self.ended:
                    return
        finally:
            trial.release()


def _spec(
    name: str, settings: tuple[str, ...], given: dict[str, Any], epochs: int | None
) -> tuple[SweepSpec, list[str]]:
    """The spec in which every ``--set`` is a constant, and the names of parameters to show."""
    from orchestrator.declared import merge
    from orchestrator.spec import SweepSpec
    from orchestrator.spec_file import setting
    from searchspaces.domains import Domain, has_lists
    from searchspaces.errors import UnknownNameError
    from searchspaces.space import field_names

    keys = {text: text.partition("=")[0].strip() for text in settings}
    parts = [*SweepSpec.model_fields]
    dotted = tuple(text for text, key in keys.items() if key.partition(".")[0] in parts
                   and "." in key)  # fmt: skip
    # What is set of the training may mean something beside the settings without dots alone.
    space = tuple(text for text in dotted if not text.startswith("training."))
    changes, base = changes_of(dotted, given), spec_of(name, changes_of(space, given))
    groups = {
        key: group
        for group, part in (("space", base.space), ("training", base.training))
        for key in (*field_names(type(part)), *part.parameters())
    }
    known = [*parts, "strategy"]
    parameters = base.joint.parameters()
    shown = [key for key, value in parameters.items() if isinstance(value, Domain)]
    for text, key in keys.items():
        if text in dotted:
            continue
        ((head, value),) = setting(text).items()
        if key in groups:
            parameter = parameters.get(key)
            if isinstance(parameter, Domain):
                if has_lists(parameter) or "." in key:
                    value = _fixed(value, parameter)
                elif parameter.when and not isinstance(value, dict):
                    value = {**_fixed(value, parameter), "when": parameter.when}
            changes = merge(changes, {groups[key]: {head: value}})
            shown.append(key)
        elif key in known:
            changes = merge(changes, {head: value})
        else:
            raise UnknownNameError("parameter", key, groups)
    spec = spec_of(name, changes)
    if epochs is not None and epochs > spec.epochs:
        spec = spec_of(name, merge(changes, {"epochs": epochs}))
    return spec, shown


def _refuse_idle(trial: _Trial, settings: tuple[str, ...]) -> None:
    """Raise ConfigurationError where a value is set that the trial has no use for."""
    from searchspaces.conditions import condition
    from searchspaces.errors import ConfigurationError
    from searchspaces.flat import inactive

    keys = [text.partition("=")[0].strip() for text in settings]
    for path, parameter in trial.spec.joint.parameters().items():
        key = next((key for key in keys if f"{path}.".startswith(f"{key}.")), "")
        if key and key not in trial.config and condition(parameter):
            raise ConfigurationError(inactive(parameter, trial.config), place=key)


def _fixed(value: Any, domain: Any) -> Any:
    """A domain of that value alone.

    A list is no constant, a group has one domain at least, and no constant has a condition.
    """
    if isinstance(value, dict):
        return {key: _fixed(inner, domain) for key, inner in value.items()}
    if domain.kind == "choice":
        return {"kind": "choice", "values": [value]}
    return {"kind": domain.kind, "low": value, "high": value}


def _head(spec: SweepSpec, trial: _Trial, named: list[str]) -> list[str]:
    """What is tried."""
    from orchestrator.cli.view.choose import columns
    from orchestrator.cli.view.words import LABEL, block, config_items, fold, wrap

    width = columns(sys.stdout)
    items = config_items({key: value for key, value in trial.config.items() if key in named})
    lines = [f"{spec.trains} on {spec.dataset}" if spec.dataset else spec.trains]
    lines += block("config", fold(items, width - LABEL)) if items else []
    cares = [trial.data.warning] if trial.data and trial.data.warning else []
    if ranks := spec.program.ranks:
        cares.append(
            f"in a sweep, a trial is {ranks} process{'es' * (ranks != 1)}; here it is one, rank 0 "
            f"of 1"
        )
    return [*lines, *(line for care in cares for line in block("care", wrap(care, width - LABEL)))]


def _line(epoch: int, outcome: Outcome, trial: _Trial) -> str:
    """``epoch  1  train_loss 2.154  valid_loss 1.988  accuracy 0.345  0.12 s``.

    Of several trainings ``valid_loss 1.988 ± 0.04``.
    """
    from orchestrator.cli.view.checked import brief
    from orchestrator.cli.view.words import give_or_take, metric
    from trainables.outcomes import EpochDone, NothingLeft, spread

    head = f"epoch {epoch:>{len(str(trial.most))}}"
    if isinstance(outcome, NothingLeft):
        return f"complete: {outcome.reason}"
    told = outcome.metrics
    apart = {key: spread(key) for key in told if spread(key) in told and trial.spec.trainings > 1}
    items = [
        f"{key} {metric(value, key)}{give_or_take(told.get(apart.get(key, '')))}"
        for key, value in told.items()
        if key not in {*_UNSAID, *apart.values()} and math.isfinite(value)
    ]
    seconds = outcome.metrics.get("epoch_seconds")
    if seconds is not None:
        items.append(f"{brief(seconds)} s")
    if not isinstance(outcome, EpochDone):
        items.append(f"failed: {outcome.reason}")
    elif outcome.finished:
        items.append(f"complete: {outcome.finished}")
    return "  ".join([head, *items])
