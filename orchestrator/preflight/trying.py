"""What a check does in its own process: a few batches of each config, measured."""

from __future__ import annotations

import math
import sys
import time
import traceback
from collections.abc import Mapping
from typing import Any, Protocol

from orchestrator.engine.ledger import trial_seed
from orchestrator.planning import trial_of
from orchestrator.preflight import memory
from orchestrator.preflight.copies import check_copies
from orchestrator.preflight.corners import BATCH
from orchestrator.preflight.few import BATCHES, Few
from orchestrator.spec import SweepSpec, spec_from
from searchspaces.errors import ConfigurationError, OrchError, raised
from trainables.architecture_trial import ArchitectureTrial
from trainables.data import SweepData
from trainables.outcomes import EpochDone, EpochFailed, Outcome
from trainables.programs import Form
from trainables.several import SeveralTrial
from trainables.trial import Trial

ROWS = 8
"""Series whose logits are looked at."""
ENOUGH_SECONDS = 0.2
"""Of measured training; what takes longer in its first batch is not measured again."""


class Say(Protocol):
    """Tells the parent."""

    def __call__(self, kind: str, **facts: Any) -> None:
        """Send a line."""


def try_all(order: Mapping[str, Any], few: Few, say: Say) -> None:
    """Try the configs of an order, one after the other, until its seconds are used up.

    What a config raises ends the process's work: the parent is told which and why.

    Args:
        order: ``spec``, ``configs``, ``at_least`` and ``seconds``.
        few: what to train on.
        say: tells the parent.
    """
    configs: list[dict[str, Any]] = order["configs"]
    index = 0
    memory.go_first()
    try:
        say("trying", index=index)
        spec = spec_from(order["spec"])
        trying = _Trying(spec, few)
        # What only the first trial of a process pays for is not to be counted as a trial's.
        trying.run(configs[0], batches=1)
        say("ready", device=trying.device)
        memory.give_back()
        empty = memory.resident()
        began = time.monotonic()
        for index, config in enumerate(configs):  # says where it was when it failed
            if index >= order["at_least"] and time.monotonic() - began > order["seconds"]:
                break
            say("trying", index=index)
            say("tried", index=index, **_measured(trying, config, empty))
        if trying.is_network:
            check_copies(spec.scheduler, spec.joint, few.data.facts, trying.shapes)
    except Exception as error:  # noqa: BLE001  # a user's network may raise anything
        detail = traceback.format_exc()
        say("raised", index=index, reason=raised(error), code=_code(error), detail=detail)
        return
    say("done")


class _Trying:
    """Trials of a few batches.

    Args:
        spec: of the sweep.
        few: what to train on.
    """

    def __init__(self, spec: SweepSpec, few: Few) -> None:
        from trainables.devices import resolve

        self._trial, self._settings = trial_of(spec)
        self._architecture, self._space = spec.architecture, spec.joint
        self.is_network = spec.program.form is Form.ARCHITECTURE
        self._trainings = spec.trainings
        self._objective = spec.objective
        self._few = few
        self._seed = trial_seed(spec.seed, 0)
        self.device = resolve(spec.device)

    def run(self, config: Mapping[str, Any], *, batches: int) -> tuple[Outcome, float, float]:
        """Train and validate once on so many batches: outcome, seconds, share of an epoch."""
        size = int(config.get(BATCH, 64))
        data = self._few.batches(size, batches)
        trial = self._trial.bare(data=data, **self._settings)
        _one_thread()
        trial.begin(config, seed=self._seed)
        try:
            _check_logits(trial, data)
            started = time.perf_counter()
            outcome = self._objective.judged(trial.run_epoch(), 1)
            seconds = time.perf_counter() - started
        finally:
            trial.release()
        return outcome, seconds, self._few.share(data, size)

    def shapes(self, config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
        """Those of the weights of a config's network, by name."""
        trial = self._trial.bare(data=self._few.batches(ROWS, 1), **self._settings)
        trial.begin(config, seed=self._seed)
        try:
            network = _network(trial)
            weights = network.learner.model.state_dict() if network is not None else {}
            return {name: tuple(getattr(each, "shape", ())) for name, each in weights.items()}
        finally:
            trial.release()

    def lack(self, config: Mapping[str, Any]) -> str:
        """Why there is no room for a config on this machine, told without building it."""
        free = memory.available()
        if free is None or self.device != "cpu" or not self.is_network:
            return ""
        from trainables import architectures

        made = self._space.validate(config, self._few.data.facts)
        try:
            weights = architectures.get(self._architecture).weights(made, self._few.data.facts)
        except Exception:  # noqa: BLE001  # it need not say so, and may be a user's
            return ""
        copies = 3 if made.get("optimizer") == "sgd" else 4  # weights, gradients, moments
        needed = 4 * copies * weights * self._trainings
        if needed <= free:
            return ""
        return f"needs at least {needed / 1e9:,.1f} GB of memory, and {free / 1e9:,.1f} GB are free"


def _measured(trying: _Trying, config: Mapping[str, Any], empty: int) -> dict[str, Any]:
    """Seconds of an epoch, bytes and weights of a config.

    Args:
        trying: runs it.
        config: of the trial.
        empty: bytes that the process took before any trial.
    """
    gpu = _Gpu()
    lack = trying.lack(config)
    if lack:
        return {"seconds": None, "memory": 0, "gpu": None, "weights": None, "failure": lack}
    memory.give_back()
    memory.reset_peak()
    outcome, seconds, share = trying.run(config, batches=1)
    if isinstance(outcome, EpochDone) and seconds < ENOUGH_SECONDS:
        batches = max(2, min(BATCHES, int(ENOUGH_SECONDS / seconds)))
        outcome, seconds, share = trying.run(config, batches=batches)
    failed = outcome if isinstance(outcome, EpochFailed) else None
    weights = getattr(outcome, "metrics", {}).get("weights", math.nan)
    return {
        "seconds": None if failed else seconds * share,
        "memory": max(0, memory.peak() - empty),
        "gpu": gpu.peak(),
        "weights": None if math.isnan(weights) else int(weights),
        "failure": failed.reason if failed else "",
    }


def _check_logits(trial: Trial, data: SweepData) -> None:
    """A network gives a row of logits per series; its loss might not notice if it did not."""
    network = _network(trial)
    if network is None:
        return
    import torch

    from trainables.devices import is_out_of_memory

    try:
        learner = network.learner
        batch = learner.task.valid[0]
        learner.model.eval()
        with torch.inference_mode(), learner.task.compute.mixed():
            logits = learner.model(batch.values[:ROWS], batch.lengths[:ROWS])
    except (OrchError, RuntimeError) as error:
        if isinstance(error, OrchError) or is_out_of_memory(error):
            return  # there was no room, which the epoch will say
        raise
    found = tuple(getattr(logits, "shape", ()))
    wanted = (len(batch.labels[:ROWS]), data.facts.classes)
    if found != wanted:
        raise OrchError(f"logits have shape {found}, not {wanted}, which is (batch, classes)")


def _network(trial: Trial) -> ArchitectureTrial | None:
    """What trains the network, of several trainings the first; None where a program trains."""
    one = trial.first if isinstance(trial, SeveralTrial) else trial
    return one if isinstance(one, ArchitectureTrial) else None


def _one_thread() -> None:
    """As in a sweep's worker."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)


class _Gpu:
    """What torch takes of a GPU at most from now on, if there is one."""

    def __init__(self) -> None:
        torch = sys.modules.get("torch")
        self._cuda = torch.cuda if torch is not None and torch.cuda.is_initialized() else None
        if self._cuda is not None:
            self._cuda.empty_cache()
            self._cuda.reset_peak_memory_stats()

    def peak(self) -> int | None:
        """Bytes; None without a GPU. What is allocated counts, not what torch has in reserve."""
        return None if self._cuda is None else int(self._cuda.max_memory_allocated())


def _code(error: BaseException) -> int:
    """Bad input is the person's to mend: exit code 2; everything else 1."""
    return error.exit_code if isinstance(error, ConfigurationError) else 1
