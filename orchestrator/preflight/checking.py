"""The check itself: the data, then a few batches at the corners of the space."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from orchestrator.engine.machines import at_a_time, cores
from orchestrator.preflight import memory
from orchestrator.preflight.batches import has_batches
from orchestrator.preflight.corners import BATCH, Corner, corners, shown
from orchestrator.preflight.data import findings, one_split
from orchestrator.preflight.estimate import mean_seconds
from orchestrator.preflight.few import few
from orchestrator.preflight.process import ProcessError, messages
from orchestrator.preflight.report import CheckError, CheckReport, Tried
from orchestrator.spec import SweepSpec
from searchspaces import Config, JointSpace
from searchspaces.errors import ConfigurationError
from trainables.data import AnyData
from trainables.programs.placeholders import filled

SAMPLES = 9
"""Points inside the space that are tried, if there is time."""
AT_LEAST = 3
"""Of them, whatever time it takes."""
SECONDS = 2.0
"""Until no further one is begun."""
WORKER_BYTES = 400 * 2**20
"""What a worker takes before its first trial: Python, Ray and torch."""
_BATCH = 64
"""Series in a batch where no parameter says how many."""


def check(
    spec: SweepSpec,
    data: AnyData | None,
    *,
    sweep: str = "",
    tell: Callable[[str], None] = lambda _: None,
    meanwhile: Callable[[], None] = lambda: None,
) -> CheckReport:
    """Try a few batches of the configs at the corners of a space, before anything is spent.

    That an epoch ends well says that logits have a row per series and a column per class, and
    that loss and gradients are finite. It runs in a process of its own, on the sweep's device
    and with one thread, on a few series that are sent there: torch is not imported here, the
    data are not loaded twice, and a config that takes all memory takes that process only.

    What trains by itself, a function, a command or a LightningModule with data of its own, has
    no batch to try: its configs are made and filled in, and the report says that its cost is
    not known.

    Args:
        spec: the sweep.
        data: its data; None if it reads its own.
        sweep: what a person types after ``orch try`` for it; by default its architecture.
        tell: is told what is being tried.
        meanwhile: is called once the process is on its way, which takes seconds.

    Raises:
        CheckError: a config raises, kills its process or never ends; or all of them diverge.
        ConfigurationError: the data cannot be trained on, or the space has no valid config.
    """
    began = time.monotonic()
    if data is None or not has_batches(spec):
        return _made(spec, data)
    sweep = sweep or f"{spec.trains} --dataset {spec.dataset}"
    line, warnings = findings(data)
    joint = spec.joint
    places = corners(joint, data.facts, samples=SAMPLES)
    inside = [place for place in places if place.is_sample]
    largest = max(int(place.config.get(BATCH, _BATCH)) for place in places)
    words, content = few(one_split(data), largest).packed()
    order = {
        "spec": spec.dump(),
        "few": words,
        "configs": [dict(place.config) for place in places],
        "at_least": len(places) - max(0, len(inside) - AT_LEAST),
        "seconds": SECONDS,
    }
    tried: list[Tried] = []
    measured: list[tuple[Config, float]] = []
    device = ""
    current = places[0]
    try:
        for message in messages(order, content, meanwhile):
            match message["kind"]:
                case "trying":
                    current = places[message["index"]]
                    tell(f"checking {current.name}, {message['index'] + 1} of {len(places)}")
                case "ready":
                    device = message["device"]
                case "tried":
                    tried.append(_tried(message, current, joint))
                    if message["seconds"] is not None:
                        measured.append((current.config, message["seconds"]))
    except ProcessError as error:
        if error.code == ConfigurationError.exit_code:
            raise ConfigurationError(error.reason) from error
        config = shown(current.config, joint)
        raise CheckError(
            error.reason, config, detail=error.detail, sweep=sweep, again=not error.hungry
        ) from None
    _require_one(tried, sweep)
    report = replace(
        _planned(spec),
        tried=tuple(tried),
        epoch_seconds=mean_seconds(measured, joint),
        data=line,
        care=data.warning,
        device=device,
        took=time.monotonic() - began,
    )
    return replace(report, warnings=(*warnings, *_scarce(report)))


def _planned(spec: SweepSpec) -> CheckReport:
    """A report of the plan alone."""
    trials = spec.planned_trials
    scheduler = spec.scheduler.model_copy()
    scheduler.begin(trials=trials, max_epochs=spec.epochs)
    epochs, most = scheduler.total_epochs(), scheduler.most_epochs()
    return CheckReport(
        tried=(),
        epochs=min(epochs, spec.max_epochs_total or epochs),
        most=min(most, spec.max_epochs_total or most),
        max_epochs=spec.epochs,
        at_a_time=at_a_time(spec.concurrency, spec.cpus, trials),
        cores=cores(),
        max_time=spec.max_time,
    )


def _made(spec: SweepSpec, data: AnyData | None) -> CheckReport:
    """The report of what trains by itself: its configs are made and written, none is run."""
    line, warnings = ("", []) if data is None else findings(data)
    facts = None if data is None else data.facts
    places = corners(spec.joint, facts, samples=SAMPLES)
    what = f"{len(places)} configs can be made"
    if spec.command:
        for place in places:
            filled(spec.command, place.config, epochs=spec.epochs, seed=0, trial=0)
        what = f"{len(places)} configs fill in the command line"
    return replace(
        _planned(spec),
        unchecked=f"{what}; none was run, since "
        f"{'a command' if spec.command else spec.architecture} trains by itself: the first "
        f"trials will tell what an epoch takes",
        data=line,
        care="" if data is None else data.warning,
        warnings=tuple(warnings),
    )


def _tried(message: dict[str, Any], place: Corner, joint: JointSpace) -> Tried:
    return Tried(
        name=place.name,
        config=shown(place.config, joint),
        seconds=message["seconds"],
        memory=message["memory"],
        gpu=message["gpu"],
        weights=message["weights"],
        failure=message["failure"],
    )


def _require_one(tried: list[Tried], sweep: str) -> None:
    if tried and all(one.failure for one in tried):
        first = tried[0]
        raise CheckError(
            f"all {len(tried)} configs that were tried failed: {first.failure}",
            first.config,
            sweep=sweep,
        )


def _scarce(report: CheckReport) -> list[str]:
    """A line if the memory will not do."""
    free = memory.available()
    needed = report.at_a_time * (report.memory + WORKER_BYTES)
    if free is None or needed <= free:
        return []
    return [
        f"memory: {report.at_a_time:,} trials at a time may take {needed / 1e9:.1f} GB, and "
        f"{free / 1e9:.1f} GB are free. Run fewer at a time: --concurrency"
    ]
