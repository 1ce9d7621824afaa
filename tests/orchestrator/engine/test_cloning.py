"""Population based training in the engine: who copied whom, with what, and after kills."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from orchestrator.engine.inbox import StopRun
from orchestrator.engine.ledger import Ledger
from orchestrator.engine.records import EpochReported, Record, TrialCloned, TrialStarted
from orchestrator.engine.testing import Curve
from orchestrator.engine.trial import State
from trainables.outcomes import EpochDone, Outcome

MakeBench = Callable[..., Any]
PBT = {"kind": "pbt", "every": 2, "quantile": 0.25}


class Adding(Curve):
    """Its weight is the sum of the depths it was trained with; the loss falls with it."""

    def start(self, config: Mapping[str, Any], *, seed: int) -> None:
        super().start(config, seed=seed)
        self._weight = 0.0

    def run_epoch(self) -> Outcome:
        done = super().run_epoch()
        self._weight += self._depth
        if not isinstance(done, EpochDone):
            return done
        return EpochDone({"valid_loss": 100 - self._weight})

    def freeze(self) -> bytes:
        return struct.pack("<qd", self._epoch, self._weight)

    def thaw(self, state: bytes) -> int:
        self._epoch, self._weight = struct.unpack("<qd", state)
        return self._epoch


def of(sweep: Any, kind: type) -> list[Any]:
    return [record for record in sweep.records() if isinstance(record, kind)]


def clones(sweep: Any) -> list[tuple[Any, ...]]:
    """Who copied whom, and with what config; without when, and on which attempt."""
    return sorted((r.number, r.source, r.config["depth"]) for r in of(sweep, TrialCloned))


def reported(sweep: Any) -> dict[tuple[int, int], Any]:
    return {(r.number, r.epoch): r.metrics for r in of(sweep, EpochReported)}


def made(bench: MakeBench, name: str, **changes: Any) -> Any:
    settings = {"trials": 8, "epochs": 6, "scheduler": PBT, "trainable": Adding}
    return bench(name, **{**settings, **changes})


def check_whole(sweep: Any) -> None:
    """Every epoch once; what was trained is what the records say; one checkpoint each is left."""
    counts = Counter((r.number, r.epoch) for r in of(sweep, EpochReported))
    assert counts == {(n, e): 1 for n in range(8) for e in range(1, 7)}
    depth: dict[int, float] = {}
    weight: dict[int, float] = {}
    for record in sweep.records():
        match record:
            case TrialStarted():
                depth[record.number], weight[record.number] = record.config["depth"], 0.0
            case TrialCloned():
                depth[record.number] = record.config["depth"]
                weight[record.number] = weight[record.source]
            case EpochReported():
                weight[record.number] += depth[record.number]
                assert record.metrics["valid_loss"] == 100 - weight[record.number]
    files = [name for name in sweep.files() if name.endswith(".safetensors")]
    assert len(files) == 8
    assert [name for name in sweep.files() if ".part" in name] == []


def test_a_bad_trial_goes_on_from_a_good_ones_weights_with_a_changed_config(
    bench: MakeBench,
) -> None:
    sweep = made(bench, "run")
    assert sweep.run() is None
    check_whole(sweep)
    copied = of(sweep, TrialCloned)
    assert len(copied) == 2 * 2  # a quarter of eight, after epochs 2 and 4
    known = {r.number: r.config["depth"] for r in of(sweep, TrialStarted)}
    for record in copied:
        assert record.source != record.number
        assert record.config["depth"] != known[record.number]
        known[record.number] = record.config["depth"]


@pytest.mark.parametrize("workers", [2, 3, 5, 8])
def test_what_is_copied_does_not_depend_on_how_many_run_at_a_time(
    bench: MakeBench, workers: int
) -> None:
    alone, together = made(bench, "1", workers=1), made(bench, "n", workers=workers, seed=workers)
    assert alone.run() is None
    assert together.run() is None
    assert clones(alone) == clones(together)
    assert reported(alone) == reported(together)


def test_a_driver_killed_after_any_record_copies_the_same_and_loses_nothing(
    bench: MakeBench,
) -> None:
    whole = made(bench, "whole", workers=2)
    whole.run()
    total = len(whole.records())
    for after in range(1, total, 2):
        sweep = made(bench, f"{after}", workers=2, lost=0.03 if after % 3 == 1 else 0.0)
        assert sweep.run(kill_after=after) == StopRun("killed")
        assert sweep.run() is None
        check_whole(sweep)
        assert clones(sweep) == clones(whole)
        assert reported(sweep) == reported(whole)


def test_a_copy_that_no_record_tells_of_leaves_nothing(
    bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Gone(BaseException):
        pass

    sweep = made(bench, "run")

    def die(*_: Any) -> None:
        raise Gone

    with monkeypatch.context() as broken:
        broken.setattr("orchestrator.engine.controller.TrialCloned", die)
        with pytest.raises(Gone):
            sweep.run()
    assert of(sweep, TrialCloned) == []
    assert len([name for name in sweep.files() if name.endswith(".safetensors")]) == 9
    assert sweep.run() is None
    check_whole(sweep)


def test_replay_gives_the_state_that_was_left(
    bench: MakeBench, state_of: Callable[[Ledger], Any]
) -> None:
    sweep = made(bench, "run", workers=3)
    sweep.run(snapshots=True)
    ledger = sweep.ledger()
    for record, snapshot in zip(sweep.records(), sweep.snapshots, strict=True):
        ledger.replay(record)
        assert state_of(ledger) == snapshot


def test_a_trial_whose_model_cannot_be_read_goes_on_as_it_is(bench: MakeBench) -> None:
    sweep = made(bench, "run", workers=1)

    def seen(record: Record, ledger: Ledger) -> None:
        paused = [t for t in ledger.live.values() if t.state is State.PAUSED and t.epoch == 2]
        if isinstance(record, EpochReported) and len(paused) == 8:
            for trial in paused:
                assert trial.checkpoint is not None
                path = sweep.store.folder / trial.checkpoint.key
                path.write_bytes(path.read_bytes() + b"x")

    sweep.run(seen=seen)
    first = of(sweep, TrialCloned)[:2]
    assert [r.source for r in first] == [r.number for r in first]
    assert [r.checkpoint for r in first] == [None, None]
    assert len(reported(sweep)) == 48
