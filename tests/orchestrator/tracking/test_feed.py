"""What a sink is told of a run, held against the run's tables; what it raises stays with it."""

from __future__ import annotations

import json

import polars as pl
import pytest
from msgspec import structs

from orchestrator import Study
from orchestrator.engine.journal import read
from orchestrator.engine.records import (
    Closed,
    EpochReported,
    Opened,
    TrialCloned,
    TrialResumed,
    TrialStarted,
)
from orchestrator.engine.trial import State
from orchestrator.tracking.feed import GIVE_UP, Feed, SinkFailed, SinkGone
from orchestrator.tracking.sink import TrackedRun
from orchestrator.tracking.wandb_layout import sweep_summary


class Recorder:
    """Keeps what it is told; raises when it is told to."""

    def __init__(self, *broken):
        self.said = []
        self.broken = broken

    def note(self, what, trial, **more):
        self.said.append((what, trial.number, trial.state, trial.epoch, more))
        if any(what == kind and number in (None, trial.number) for kind, number in self.broken):
            raise RuntimeError(f"{what} does not work\nat all")

    def begin(self, trial):
        self.note("begin", trial)

    def epoch(self, trial, record):
        assert trial.epoch == record.epoch
        self.note("epoch", trial, best=trial.best_epoch)

    def end(self, trial):
        self.note("end", trial, best=trial.best, reason=trial.reason)

    def tick(self):
        self.said.append(("tick",))

    def close(self, ending):
        self.said.append(("close", ending))


@pytest.fixture
def told(story):
    """Tells a sink a run from its journal; the feed, and the lines about what went wrong."""

    def tell(run, sink, records=None):
        lines = []
        feed = Feed(TrackedRun(run, run.spec()), sink, lines.append)
        for record in records or [entry.record for entry in read(run.journal)]:
            feed.note(record)
        return feed, lines

    return tell


def test_trials_are_told_as_the_tables_have_them(story, told):
    run = story.run(fail=4)
    sink = Recorder()
    feed, lines = told(run, sink)
    ended = {said[1]: said for said in sink.said if said[0] == "end"}
    tables = pl.read_parquet(run.trials)
    assert len(ended) == len(tables) == feed.told == 9
    for row in tables.rows(named=True):
        _, _, state, epoch, more = ended[row["number"]]
        assert (state.value, epoch) == (row["state"], row["epochs"])
        assert more["best"]["valid_loss"] == row["objective"]
        assert more["reason"] == (row["error"] or "")
    epochs = [said[1:2] + said[3:4] for said in sink.said if said[0] == "epoch"]
    assert sorted(epochs) == pl.read_parquet(run.epochs).select("number", "epoch").rows()
    assert feed.epochs == len(epochs)
    assert (feed.trials, lines) == ({}, [])


@pytest.mark.parametrize("most", [0, 1, 5, 9, 11, 14, 19])
def test_the_ending_ranks_and_counts_as_the_tables_do(story, told, most):
    run = story.run(most=most, fail=4)
    feed, _ = told(run, Recorder())
    ending = feed.ending()
    tables = pl.read_parquet(run.trials)
    counts = dict(tables.group_by("state").len().rows())
    assert {state.value: count for state, count in ending.trials.items() if count} == counts
    finished = json.loads(pl.read_parquet_metadata(run.trials)["orch"])["finished"]
    assert (ending.finished, ending.reason == "finished") == (finished, finished)
    best = tables.row(0, named=True) if most else None
    assert (ending.best and ending.best.name) == (best and best["trial_id"])


@pytest.mark.parametrize(
    ("limit", "completed", "first"), [("target", True, True), ("", True, False), ("", False, True)]
)
def test_at_the_target_and_without_a_completed_trial_the_objective_alone_ranks(
    story, told, limit, completed, first
):
    run = story.run(fail=4)
    trials = pl.read_parquet(run.trials)
    early = trials.filter(state="pruned").sort("epochs")["number"][0]
    left = set(trials.filter(pl.col("state") == "completed")["number"]) - {early}
    records = [
        structs.replace(record, metrics={**record.metrics, "valid_loss": -1.0})
        if isinstance(record, EpochReported) and (record.number, record.epoch) == (early, 1)
        else record
        for record in (entry.record for entry in read(run.journal))
        if not isinstance(record, Closed)
        and (completed or getattr(record, "number", None) not in left)
    ]
    feed, lines = told(run, Recorder(), [*records, Closed(2e9, "stopped", limit=limit)])
    best = feed.ending().best
    assert ((best.number, best.best_epoch) == (early, 1)) is first
    assert lines == []


def test_a_run_that_was_killed_says_so_and_what_ran_is_interrupted(story, told):
    run = story.run(most=5)
    records = [e.record for e in read(run.journal) if not isinstance(e.record, Closed)]
    started = next(record for record in records if isinstance(record, TrialStarted))
    begun = [record for record in records if isinstance(record, Opened)]
    sink = Recorder()
    feed, _ = told(run, sink, [*begun, started])
    feed.close()
    _, ending = sink.said[-1]
    assert (ending.finished, ending.reason) == (False, "killed")
    assert ending.trials == {State.INTERRUPTED: 1}


def test_the_best_config_is_that_of_the_best_epoch_whatever_the_trial_runs_with_later(story, told):
    run = story.run(most=1)
    records = [entry.record for entry in read(run.journal)]
    first = next(record for record in records if isinstance(record, EpochReported))
    began = next(record for record in records if isinstance(record, TrialStarted))
    upto = records[: records.index(first) + 1]
    other = {**began.config, "learning_rate": 0.5}
    cloned = TrialCloned(first.number, first.number, 2, other, None, 0.0)
    worse = structs.replace(first, epoch=2, metrics={**first.metrics, "valid_loss": 1e6})
    feed, _ = told(run, Recorder(), [*upto, cloned, worse])
    best = feed.ending().best
    assert best.config == other
    assert (best.best_epoch, best.best_config) == (1, began.config)
    assert sweep_summary(feed.ending())["best_config"] == began.config


def test_a_resumed_trial_begins_again_with_its_attempt(story, told):
    run = story.run(most=4)
    with Study.resume(run) as study:
        story.go(study)
    records = [entry.record for entry in read(run.journal)]
    again = {r.number for r in records if isinstance(r, TrialResumed) and not r.promoted}
    sink = Recorder()
    told(run, sink, records)
    for number in again:
        assert [said[0] for said in sink.said if said[1:2] == (number,)].count("begin") >= 2


@pytest.mark.parametrize("kind", ["begin", "epoch", "end"])
def test_a_trial_that_a_sink_cannot_take_is_reported_once_and_the_others_go_on(story, told, kind):
    run = story.run()
    sink = Recorder((kind, 1))
    _, lines = told(run, sink)
    assert lines == [f"trial 1: RuntimeError: {kind} does not work at all. It is told of no more."]
    calls = [said[0] for said in sink.said if said[1:2] == (1,)]
    assert calls.count(kind) == 1
    assert calls[-1] == kind
    assert {said[1] for said in sink.said if said[0] == "end"} >= set(range(9)) - {1}


def test_a_sink_that_takes_nothing_is_given_up(story, told):
    run = story.run(trials=27)
    sink = Recorder(("begin", None))
    with pytest.raises(SinkFailed, match=f"{GIVE_UP} trials in a row could not be told"):
        told(run, sink)
    assert len(sink.said) == GIVE_UP


def test_a_sink_that_is_gone_is_not_taken_for_one_that_fails(story, told):
    class Lost(Recorder):
        def epoch(self, trial, record):
            raise SinkGone

    with pytest.raises(SinkGone):
        told(story.run(), Lost())


def test_memory_does_not_grow_with_the_trials_that_are_over(story, told):
    run = story.run(trials=27)
    records = [entry.record for entry in read(run.journal)]
    feed = Feed(TrackedRun(run, run.spec()), Recorder(), lambda line: None)
    most = 0
    for record in records:
        feed.note(record)
        most = max(most, len(feed.trials))
    live = 0
    for record in records:  # begun and not over, by the journal alone
        live += isinstance(record, TrialStarted)
        over = isinstance(record, EpochReported) and record.verdict is not None
        live -= (over and record.verdict.kind == "stop") or type(record).__name__ == "TrialPruned"
    assert live == 0
    assert feed.trials == {}
    assert most <= 27
    assert feed._dropped == set()
