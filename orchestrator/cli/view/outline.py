"""What is known of a run before its first result: names, plan, space in words."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from orchestrator import several
from orchestrator.cli.view.words import clock, plural
from orchestrator.engine.objective import Objective
from orchestrator.engine.plateau import MORE
from orchestrator.engine.stopping import StopRules
from orchestrator.runs.folder import RunFolder, all_runs
from orchestrator.schedulers import Rung
from orchestrator.spec import SweepSpec
from searchspaces import DataFacts, JointSpace
from searchspaces.describe import searched
from searchspaces.errors import OrchError

DEFAULT_RUNS = "runs"


@dataclass(frozen=True)
class Outline:
    """A run as planned.

    Attributes:
        run: its id; empty if there is none yet.
        short: what to type for it: a part of the id, or a path.
        path: of its folder, as a person would type it.
        title: ``gru-bohb on digits``.
        space: the search space, a line a part.
        brackets: the scheduler's plan: of each bracket its rungs.
        trials: how many.
        epochs: the plan amounts to.
        max_epochs: of a trial that is never stopped.
        workers: trials at a time; 0 until that is known.
        objective: what ranks trials.
        exact: the plan is exact unless trials fail; otherwise it is what is to be expected.
        most: epochs that it comes to at most, whatever the results are.
        max_time: seconds after which the run stops itself.
        rules: what else stops it.
        check: what a check found, in a line; empty without one.
        estimate: seconds that it will take, from a check; None where nobody knows.
        searched: parameters of more than one value; None where all are worth a word.
        joint: the search space itself; None where only its words are known.
        go_on: what to type to go on with the run; empty for ``orch resume``.
        ranks: processes of a trial; 0 is the worker's own.
        several: how often a trial trains its config, such as ``3 seeds each``; empty if once.
        asked: trials asked for; there may be fewer configs than that.
    """

    run: str
    short: str
    path: str
    title: str
    space: tuple[str, ...]
    brackets: tuple[tuple[Rung, ...], ...]
    trials: int
    epochs: int
    max_epochs: int
    workers: int
    objective: Objective
    exact: bool = True
    most: int = 0
    max_time: float | None = None
    rules: StopRules = field(default_factory=StopRules)
    check: str = ""
    estimate: float | None = None
    searched: frozenset[str] | None = None
    joint: JointSpace | None = None
    go_on: str = ""
    ranks: int = 0
    several: str = ""
    asked: int = 0

    def shown(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """What tells trials apart: a config without what is the same in all of them."""
        return {
            name: value
            for name, value in config.items()
            if self.searched is None or name in self.searched
        }

    @property
    def resume(self) -> str:
        """What to type to go on with the run."""
        return self.go_on or f"orch resume {self.short}"

    @cached_property
    def levels(self) -> list[int]:
        """The epochs at which trials are compared, in any bracket, ascending."""
        return sorted({rung.epochs for bracket in self.brackets for rung in bracket})

    @property
    def rungs(self) -> list[Rung]:
        """How many trials reach each of the levels, in all brackets together."""
        return [
            Rung(level, sum(_reaching(bracket, level) for bracket in self.brackets))
            for level in self.levels
        ]

    @property
    def reaches(self) -> str:
        """The rungs in a line: ``46 trials to epoch 1, 28 to 3, 16 to 9, 8 to 27``."""
        first, *others = self.rungs
        about = "" if self.exact else "about "
        return ", ".join([
            f"{first.trials:,} trial{'s' * (first.trials != 1)} to epoch {first.epochs:,}",
            *(f"{about}{rung.trials:,} to {rung.epochs:,}" for rung in others),
        ])  # fmt: skip

    @property
    def stops(self) -> str:
        """What stops it early, in a line; empty if nothing does."""
        rules, name = self.rules, self.objective.metric
        most, target, plateau = rules.max_epochs_total, rules.target, rules.plateau
        words = []
        if self.max_time is not None:
            words.append(f"after {clock(self.max_time)}")
        if most is not None:
            words.append(f"after {plural(most, 'epoch')} in all")
        if target is not None:
            side = "less" if self.objective.mode == "min" else "more"
            words.append(f"at {name} {target:g} or {side}")
        if plateau is not None:
            gain = "what matters" if plateau == "auto" else f"{plateau:g} in {name}"
            words.append(f"when {MORE} more trials are not expected to gain {gain}")
        return ", or ".join(words)

    @property
    def plan(self) -> str:
        """The plan in a line: ``46 trials, 342 epochs, 4 brackets, 2 at a time``."""
        about = "" if self.exact or self.epochs == self.most else "about "
        at_most = f" (at most {self.most:,})" if self.most > self.epochs else ""
        scarce = " (there are no more configs)" * (self.asked > self.trials)
        words = [
            f"{self.trials:,} trial{'s' * (self.trials != 1)}{scarce}",
            f"{about}{self.epochs:,} epoch{'s' * (self.epochs != 1)}{at_most}",
        ]
        if len(self.brackets) > 1:
            words.append(f"{len(self.brackets):,} brackets")
        if self.workers:
            words.append(f"{self.workers:,} at a time")
        if self.several:
            words.append(self.several)
        if self.ranks:
            words.append(f"{self.ranks:,} process{'es' * (self.ranks != 1)} each")
        return ", ".join(words)


def outline_of(
    spec: SweepSpec,
    folder: RunFolder | None = None,
    *,
    elsewhere: bool = False,
    facts: DataFacts | None = None,
) -> Outline:
    """The outline of a sweep, and of its run if there is one.

    Args:
        spec: the sweep.
        folder: of its run.
        elsewhere: it runs on a cluster, and how large that is will be told.
        facts: of its data, where they are known; of a run that has begun its journal has them.
    """
    from orchestrator.engine.machines import at_a_time
    from orchestrator.runs.warm_start import trials_of

    trials, joint, ranks = trials_of(spec, folder, facts), spec.joint, _ranks(spec)
    scheduler = spec.scheduler.model_copy()
    scheduler.begin(trials=trials, max_epochs=spec.epochs)
    brackets = tuple(tuple(bracket) for bracket in scheduler.plan())
    return Outline(
        run=folder.id if folder else "",
        short=short_name(folder) if folder else "",
        path=shown_path(folder.path) if folder else "",
        title=spec.title,
        space=tuple(joint.describe()),
        brackets=brackets,
        trials=trials,
        epochs=scheduler.total_epochs(),
        max_epochs=spec.epochs,
        workers=0 if elsewhere else at_a_time(spec.concurrency, spec.cpus, trials, ranks),
        objective=spec.objective,
        exact=spec.scheduler.exact,
        most=scheduler.most_epochs(),
        max_time=spec.max_time,
        rules=spec.stop_rules,
        searched=frozenset(searched(joint.parameters())),
        joint=joint,
        ranks=ranks,
        several=several.words(spec),
        asked=spec.trials,
    )


def _reaching(bracket: tuple[Rung, ...], level: int) -> int:
    """Trials of a bracket that come to an epoch."""
    return next((rung.trials for rung in bracket if rung.epochs >= level), 0)


def _ranks(spec: SweepSpec) -> int:
    """Processes of a trial; none are told where what runs there cannot be imported."""
    try:
        return spec.program.ranks
    except OrchError:
        return 0


def short_name(folder: RunFolder) -> str:
    """What finds this run again: the end of its id in ``./runs``, else its path."""
    runs = folder.path.parent
    if runs.resolve() != Path(DEFAULT_RUNS).resolve():
        return shlex.quote(shown_path(folder.path))
    matches = [run for run in all_runs(runs) if folder.suffix in run.id]
    return folder.suffix if len(matches) <= 1 else folder.id


def shown_path(path: Path) -> str:
    """A path below the present folder as relative, others as they are."""
    try:
        return os.path.relpath(path) if path.resolve().is_relative_to(Path.cwd()) else str(path)
    except OSError:
        return str(path)
