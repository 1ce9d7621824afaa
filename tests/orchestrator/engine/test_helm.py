"""Commands to a running sweep: followed once, in the journal, and followed by a resume too."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from orchestrator.engine.inbox import Change, GoOn, Pause, StopRun, StopTrial, send
from orchestrator.engine.ledger import Ledger
from orchestrator.engine.records import (
    Commanded,
    EpochReported,
    Record,
    TrialEnded,
    TrialPruned,
    TrialResumed,
    TrialStarted,
)
from orchestrator.engine.steering import edited, judged
from orchestrator.searchers.random_ import RandomSearch
from orchestrator.spec import spec_from
from orchestrator.spec_file import setting
from searchspaces import ConfigurationError, Int, JointSpace

MakeBench = Callable[..., Any]
NARROW = {"space": {"depth": {"high": 0.5}}}


def of(records: list[Record], kind: type) -> list[Any]:
    return [record for record in records if isinstance(record, kind)]


def whole(sweep: Any, trials: int = 24) -> None:
    """Every trial ended once, and no epoch is missing or there twice."""
    records = sweep.records()
    assert [record.number for record in of(records, TrialStarted)] == list(range(trials))
    epochs = Counter((record.number, record.epoch) for record in of(records, EpochReported))
    assert set(epochs.values()) == {1}
    for number in range(trials):
        own = [epoch for trial, epoch in epochs if trial == number]
        assert own == list(range(1, len(own) + 1))
    ends = [record.number for record in records if isinstance(record, TrialPruned | TrialEnded)]
    ends += [
        record.number
        for record in of(records, EpochReported)
        if record.verdict and record.verdict.kind == "stop"
    ]
    assert sorted(ends) == list(range(trials))


def at(sweep: Any, number: int, epoch: int, *commands: Any) -> Callable[[Record, Ledger], None]:
    """Sends commands when a trial reports an epoch."""

    def seen(record: Record, ledger: Ledger) -> None:
        if isinstance(record, EpochReported) and (record.number, record.epoch) == (number, epoch):
            for command in commands:
                send(sweep.folder / "inbox", command)

    return seen


@pytest.mark.parametrize("scheduler", ["fifo", "asha", "hyperband"])
def test_while_it_is_paused_nothing_runs_and_then_everything_goes_on(
    bench: MakeBench, scheduler: str
) -> None:
    sweep = bench(scheduler=scheduler, workers=3)
    waited = 0

    class Ticking:
        def note(self, record: Record) -> None: ...

        def tick(self) -> None:
            nonlocal waited
            if of(sweep.records(), Commanded):
                waited += 1
                if waited == 25:
                    send(sweep.folder / "inbox", GoOn())

    assert sweep.run(seen=at(sweep, 4, 1, Pause()), also=[Ticking()]) is None
    whole(sweep)
    records = sweep.records()
    [pause] = [
        i for i, r in enumerate(records) if isinstance(r, Commanded) and r.command == "pause"
    ]
    [go_on] = [
        i for i, r in enumerate(records) if isinstance(r, Commanded) and r.command == "go-on"
    ]
    assert waited >= 25
    between = records[pause:go_on]
    assert len(of(between, EpochReported)) <= 3  # what was on its way
    assert not of(between, TrialStarted)
    assert not of(between, TrialResumed)
    again = [record for record in of(records[go_on:], TrialResumed) if not record.promoted]
    assert again
    assert {record.reason for record in again} == {"its worker was let go"}


def test_pausing_often_is_no_loss_of_workers(bench: MakeBench) -> None:
    """Three lost workers in a row end a trial; people may pause as often as they like."""
    sweep = bench(scheduler="fifo", trials=1, workers=1, settings={"seconds": 0.0})
    pauses = 0

    def seen(record: Record, ledger: Ledger) -> None:
        nonlocal pauses
        resumed = isinstance(record, TrialResumed | TrialStarted)
        if resumed and pauses < 6:
            pauses += 1
            sweep.inbox.put(Pause())
            sweep.inbox.put(GoOn())

    assert sweep.run(seen=seen) is None
    whole(sweep, 1)
    assert not of(sweep.records(), TrialEnded)


def test_a_paused_run_that_is_resumed_by_another_process_goes_on(bench: MakeBench) -> None:
    sweep = bench(scheduler="asha")
    seen = at(sweep, 3, 1, Pause(), StopRun("enough"))
    assert sweep.run(seen=seen) == StopRun("stopped from outside")
    assert sweep.run() is None
    whole(sweep)


def test_concurrency_can_be_changed_and_a_resumed_run_keeps_it(bench: MakeBench) -> None:
    sweep = bench(scheduler="fifo", workers=2)
    most = 0

    def seen(record: Record, ledger: Ledger) -> None:
        nonlocal most
        most = max(most, len(ledger.live))
        at(sweep, 1, 2, Change("set", {"concurrency": 5}))(record, ledger)

    assert sweep.run(seen=seen) is None
    assert most == 5
    whole(sweep)
    ledger = sweep.ledger()
    for record in sweep.records():
        ledger.replay(record)
    assert ledger.settings == {"concurrency": 5}


def test_fewer_at_a_time_lose_no_epoch(bench: MakeBench) -> None:
    sweep = bench(scheduler="hyperband", workers=5)
    late: list[int] = []

    def seen(record: Record, ledger: Ledger) -> None:
        at(sweep, 2, 1, Change("set", {"concurrency": 1}))(record, ledger)
        if ledger.settings and isinstance(record, EpochReported):
            late.append(sum(trial.state == "running" for trial in ledger.live.values()))

    assert sweep.run(seen=seen) is None
    whole(sweep)
    assert max(late[8:]) == 1


def test_an_enqueued_config_is_the_next_trial_s(bench: MakeBench) -> None:
    sweep = bench(scheduler="asha", workers=2)
    wish = Change("enqueue", {"depth": 0.123})
    assert sweep.run(seen=at(sweep, 3, 1, wish)) is None
    whole(sweep)
    asked = [record for record in of(sweep.records(), TrialStarted) if record.enqueued]
    assert [record.config for record in asked] == [{"depth": 0.123}]
    assert asked[0].number > 3


@pytest.mark.parametrize("kill_after", range(1, 40, 3))
def test_an_enqueued_config_is_tried_once_whenever_the_process_is_killed(
    bench: MakeBench, kill_after: int
) -> None:
    sweep = bench(scheduler="asha", workers=2)
    send(sweep.folder / "inbox", Change("enqueue", {"depth": 0.123}))
    sweep.run(kill_after=kill_after)
    assert sweep.run() is None
    whole(sweep)
    asked = [record for record in of(sweep.records(), TrialStarted) if record.enqueued]
    assert [record.config for record in asked] == [{"depth": 0.123}]
    assert len(of(sweep.records(), Commanded)) == 1


def test_a_letter_is_there_until_the_journal_has_it(bench: MakeBench) -> None:
    """Killed while it follows the letter, a process leaves it to the next, which knows it."""
    sweep = bench(scheduler="asha", workers=2)
    send(sweep.folder / "inbox", Change("enqueue", {"depth": 0.123}))
    sweep.run(kill_after=1)
    assert [type(record) for record in sweep.records()] == [Commanded]
    assert len(list((sweep.folder / "inbox").glob("*.json"))) == 1
    sweep.run()
    assert not list((sweep.folder / "inbox").glob("*.json"))
    assert len(of(sweep.records(), Commanded)) == 1


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        (
            Change("enqueue", {"depth": 1.5}),
            "depth: 1.5 is not one of 0..1.",
        ),
        (
            Change("enqueue", {"dept": 0.5}),
            "dept: unknown parameter. Did you mean 'depth'? Known: depth.",
        ),
        (Change("enqueue", {}), "enqueue: no value is given. Give one with --set."),
        (
            Change("set", {"concurrency": 0}),
            "concurrency: 0 is not greater than or equal to 1.",
        ),
        (
            Change("set", {"trials": 3}),
            "trials: unknown key. Known: concurrency, max_time, ",
        ),
        (
            Change("edit", {"space": {"depth": {"high": -1.0}}}),
            "space.depth",
        ),
        (
            Change("edit", {"space": {"depth": "deep"}}),
            "space.depth",
        ),
        (
            Change("edit", {"trials": 100}),
            "trials: only space.* and training.* can change while a sweep runs.",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_reason_and_changes_nothing(
    bench: MakeBench, change: Change, refused: str
) -> None:
    sweep, same = bench(scheduler="asha", workers=1), bench("same", scheduler="asha", workers=1)
    send(sweep.folder / "inbox", change)
    assert sweep.run() is None
    [record] = of(sweep.records(), Commanded)
    assert record.refused.startswith(refused), record.refused
    same.run()
    configs = [record.config for record in of(sweep.records(), TrialStarted)]
    assert configs == [record.config for record in of(same.records(), TrialStarted)]


def test_nothing_is_enqueued_where_no_trial_is_left_for_it(bench: MakeBench) -> None:
    sweep = bench(scheduler="fifo", trials=3, workers=3)
    assert sweep.run(seen=at(sweep, 2, 1, Change("enqueue", {"depth": 0.5}))) is None
    [record] = of(sweep.records(), Commanded)
    assert record.refused == (
        "enqueue: all 3 trials of the sweep have a config already. Start a new sweep for more."
    )


def test_nothing_is_edited_where_every_trial_has_started(bench: MakeBench) -> None:
    sweep = bench(scheduler="fifo", trials=3, workers=3)
    assert sweep.run(seen=at(sweep, 2, 1, Change("edit", NARROW))) is None
    [record] = of(sweep.records(), Commanded)
    assert record.refused == (
        "edit: all 3 trials of the sweep have started. Start a new sweep for more."
    )


def test_a_grid_takes_no_config_between_its_own(bench: MakeBench) -> None:
    sweep = bench(searcher={"kind": "grid", "points": 24}, scheduler="fifo")
    send(sweep.folder / "inbox", Change("enqueue", {"depth": 0.5}))
    send(sweep.folder / "inbox", Change("edit", NARROW))
    assert sweep.run() is None
    refused = {record.refused for record in of(sweep.records(), Commanded)}
    assert refused == {"searcher: grid lays all configs out at the start. Start a new sweep."}


def test_no_edit_fixes_what_a_population_is_to_change(bench: MakeBench) -> None:
    pbt = {"kind": "pbt", "every": 2, "explore": ["depth"]}
    sweep = bench(scheduler=pbt, trials=4, epochs=6)
    send(sweep.folder / "inbox", Change("edit", {"space": {"depth": 0.5}}))
    assert sweep.run() is None
    [record] = of(sweep.records(), Commanded)
    assert record.refused == ("scheduler.explore: 'depth' is not searched. Searched are: none.")


def test_a_searcher_that_breaks_on_an_edit_refuses_it_and_the_sweep_goes_on(
    bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = RandomSearch.begin

    def broken(self: RandomSearch, space: JointSpace, **rest: Any) -> None:
        if space.parameters()["depth"].high == 0.5:
            raise KeyError("deep")
        begin(self, space, **rest)

    monkeypatch.setattr(RandomSearch, "begin", broken)
    sweep = bench(searcher="random", scheduler="fifo")
    send(sweep.folder / "inbox", Change("edit", NARROW))
    assert sweep.run() is None
    [record] = of(sweep.records(), Commanded)
    said = r"it cannot be followed: KeyError\('deep'\) in test_helm.py, line \d+\."
    assert re.fullmatch(said, record.refused), record.refused
    whole(sweep)


@pytest.mark.parametrize("searcher", ["random", "bohb", "hyperopt"])
def test_from_an_edit_on_configs_come_from_the_new_space(bench: MakeBench, searcher: str) -> None:
    sweep = bench(searcher=searcher, scheduler="asha", trials=40, workers=2)
    assert sweep.run(seen=at(sweep, 15, 1, Change("edit", NARROW))) is None
    whole(sweep, 40)
    started = of(sweep.records(), TrialStarted)
    first = [record.config["depth"] for record in started if record.space == 1]
    second = [record.config["depth"] for record in started if record.space == 2]
    assert len(first) >= 16
    assert max(first) > 0.5
    assert len(second) >= 20
    assert max(second) <= 0.5


@pytest.mark.parametrize("searcher", ["random", "bohb"])
@pytest.mark.parametrize("kill_after", [45, 60, 75])
def test_an_edited_sweep_that_is_killed_goes_on_as_if_it_had_not_been(
    bench: MakeBench, state_of: Callable[[Ledger], Any], searcher: str, kill_after: int
) -> None:
    sweep = bench(searcher=searcher, scheduler="asha", trials=40, workers=2)
    seen = at(sweep, 9, 1, Change("edit", NARROW), Change("enqueue", {"depth": 0.25}))
    sweep.run(kill_after=kill_after, seen=seen, snapshots=True)
    live = sweep.snapshots[-1]
    replayed = sweep.ledger()
    for record in sweep.records():
        replayed.replay(record)
    assert state_of(replayed) == live
    assert replayed.space.parameters()["depth"].high == 0.5
    sweep.run()
    whole(sweep, 40)


def test_any_commands_at_any_time_with_kills_between_lose_nothing(bench: MakeBench) -> None:
    for seed in range(12):
        rng = np.random.default_rng(seed)
        sweep = bench(
            f"run{seed}",
            scheduler=["fifo", "asha", "hyperband"][seed % 3],
            searcher=["random", "bohb"][seed % 2],
            workers=3,
            seed=seed,
            lost=0.02,
        )

        def seen(record: Record, ledger: Ledger, rng: Any = rng, sweep: Any = sweep) -> None:
            if rng.random() > 0.08:
                return
            command = [
                Pause,
                lambda: Change("set", {"concurrency": int(rng.integers(1, 6))}),
                lambda: Change("enqueue", {"depth": float(rng.random())}),
                lambda: Change("edit", {"space": {"depth": {"high": 0.5 + rng.random() / 2}}}),
                lambda: StopTrial(int(rng.integers(0, 30))),
            ][int(rng.integers(5))]()
            send(sweep.folder / "inbox", command)
            if isinstance(command, Pause):
                send(sweep.folder / "inbox", GoOn())

        for _ in range(4):
            sweep.run(kill_after=int(rng.integers(5, 40)), seen=seen)
        while sweep.run(seen=seen) is not None:
            pass
        whole(sweep)
        letters = [record.letter for record in of(sweep.records(), Commanded)]
        assert len(letters) == len(set(letters)) > 0


@pytest.mark.parametrize(("trials", "fits"), [(6, True), (7, False)])
def test_an_edit_that_leaves_too_few_new_configs_is_refused(
    bench: MakeBench, trials: int, fits: bool
) -> None:
    """Else configs would be trained twice: two have begun, and one is asked for."""
    sweep = bench(scheduler="fifo", workers=1, trials=trials)
    ledger = sweep.ledger()
    for config in ({"depth": 0.25}, {"depth": 0.1}):
        ledger.note(TrialStarted(ledger.started, config, 0, 0, 9, 0.0))
    ledger.note(judged(ledger, Change("enqueue", {"depth": 0.5})))
    record = judged(ledger, Change("edit", {"space": {"depth": {"step": 0.25}}}))
    assert record.refused == (
        ""
        if fits
        else "space: 5 trials are to start, and with what is asked for the new space has 4 configs "
        "for them that were not tried. Leave more of it, or allow repeats in a new sweep with "
        "--set searcher.repeats=true."
    )


@pytest.mark.parametrize(
    ("fixed", "change", "line"),
    [
        ({"num_layers": 2}, {"high": 3},
         "space.num_layers: it is a constant now, 2, and low is missing for a domain. Give all of "
         "it: --set 'space.num_layers={low: ..., high: ...}'"),
        ({"readout": "last"}, {"ordered": True},
         "space.readout: it is a constant now, last, and values is missing for a domain. Give all "
         "of it: --set 'space.readout={values: [..., ...]}'"),
        ({"num_layers": 2}, {"low": 5, "high": 3},
         "space.num_layers.high: 3 is below low=5. Give high >= low."),
    ],
)  # fmt: skip
def test_a_part_of_a_domain_for_a_constant_is_refused(
    fixed: dict[str, Any], change: dict[str, Any], line: str
) -> None:
    joint = spec_from({"architecture": "gru", "space": fixed}).joint
    with pytest.raises(ConfigurationError) as caught:
        edited(joint, {"space": dict.fromkeys(fixed, change)})
    assert str(caught.value) == line


def test_a_constant_becomes_a_domain_where_all_of_it_is_given() -> None:
    joint = spec_from({"architecture": "gru", "space": {"num_layers": 2}}).joint
    made = edited(joint, setting("space.num_layers={low: 1, high: 3}"))
    assert made.parameters()["num_layers"] == Int(1, 3)


def test_an_edit_that_brings_in_a_parameter_is_refused() -> None:
    joint = spec_from({"architecture": "gru"}).joint
    with pytest.raises(ConfigurationError) as caught:
        edited(joint, {"training": {"optimizer": {"values": ["adam", "sgd"]}}})
    assert str(caught.value) == (
        "training.momentum: the change brings it in, and the run's tables have no column for it. "
        "Start a new sweep for that."
    )
