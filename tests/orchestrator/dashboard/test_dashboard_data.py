"""What pages are told about runs: while they run, after, and where something is wrong."""

from __future__ import annotations

import gzip
import json
import shutil
import time
from pathlib import Path

import polars as pl
import pytest

from analysis import load_run
from orchestrator import Study
from orchestrator.dashboard.sources import Sources
from orchestrator.engine.journal import Journal, read
from orchestrator.engine.records import Closed, Commanded, Opened
from orchestrator.runs.about import change_about
from orchestrator.runs.folder import RunFolder

ASSET = Path(__file__).parents[2] / "assets" / "1121-gru-bohb-70db"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Runs of all kinds; the dashboard is started once and sees what tests do to them."""
    runs = tmp_path_factory.mktemp("runs") / "runs"
    runs.mkdir()
    shutil.copytree(ASSET, runs / ASSET.name)
    return runs


@pytest.fixture(scope="module")
def served(start, place):
    with start(place) as found:
        yield found


def row(served, run_id, fits=lambda row: True):
    """A run in the list, once it is there and fits."""

    def found(data):
        return [run for run in data["runs"] if run["id"] == run_id and fits(run)]

    return found(served.until("home", found))[0]


def test_a_trial_is_told_seconds_after_it_was_journaled_and_not_when_tables_are_written(
    served, place, told
):
    sweep = told(place)
    written = (sweep.path / "trials.parquet").stat().st_mtime_ns
    sweep.trials(3)
    began = time.monotonic()
    found = served.until(f"runs/{sweep.id}", lambda data: data["run"]["trials"] == 3)
    assert found["run"]["state"] == "running"
    assert found["run"]["epochs"] == sweep.epochs
    assert found["report"]["trials"]["number"] == [0, 1, 2]
    sweep.trials(2)
    served.until(f"runs/{sweep.id}", lambda data: data["report"]["trials"]["number"][-1] == 4)
    assert time.monotonic() - began < 20
    # The run's own tables are as they were: nobody writes them but who runs the sweep.
    assert (sweep.path / "trials.parquet").stat().st_mtime_ns == written


def test_a_report_of_a_running_sweep_says_what_the_run_itself_says_when_it_is_over(
    served, place, told
):
    """The same journal read by two: tables in the shadow, and those of the run."""
    sweep = told(place, trials=6)
    while not sweep.study.finished:
        sweep.trials(1)
    live = served.until(f"runs/{sweep.id}", lambda data: data["run"]["epochs"] == sweep.epochs)
    assert live["run"]["state"] == "running"
    sweep.close()
    over = served.until(f"runs/{sweep.id}", lambda data: data["run"]["state"] == "finished")
    kept = ("trials", "curves", "levels", "axes", "importance", "winner", "effects", "made")
    assert {name: live["report"][name] for name in kept} == {
        name: over["report"][name] for name in kept
    }
    assert "still running" not in json.dumps(live["report"])


def test_a_run_without_results_says_so_and_fills_when_they_come(served, place, told):
    sweep = told(place)
    found = served.data(f"runs/{sweep.id}")
    assert found["report"] is None
    assert found["waiting"] == "No trial has finished an epoch yet."
    sweep.trials(1)
    found = served.until(f"runs/{sweep.id}", lambda data: data["report"])
    assert found["waiting"] == ""


def test_a_folder_in_which_nothing_has_begun_is_waited_for(served, place, told):
    sweep = told(place)
    shutil.copytree(sweep.path, place / "1121-begins-0000",
                    ignore=shutil.ignore_patterns("journal", "*.parquet"))  # fmt: skip
    found = served.data("runs/1121-begins-0000")
    assert (found["run"]["state"], found["waiting"]) == ("waiting", "The sweep has not begun yet.")


def test_a_run_whose_process_died_is_interrupted_and_all_of_its_journal_is_shown(
    served, place, told
):
    sweep = told(place)
    sweep.trials(4)
    # As kill -9 leaves it: the journal whole, the tables old, no last record. What opened it
    # was another process, which is gone.
    dead = place / "1121-killed-dead"
    shutil.copytree(sweep.path, dead)
    shutil.rmtree(dead / "journal")
    journal = Journal(dead / "journal", lambda record: None)
    for record in records(sweep.path):
        journal.append(
            Opened(record.at, record.host, 2**22 + 1, record.versions, asked=True)
            if isinstance(record, Opened) else record
        )  # fmt: skip
    journal.close()
    found = served.data("runs/1121-killed-dead")
    assert found["run"]["state"] == "interrupted"
    assert found["run"]["trials"] == 4
    states = found["report"]["trials"]["states"]
    assert "running" not in states
    assert (dead / "trials.parquet").read_bytes() == (sweep.path / "trials.parquet").read_bytes()


def records(path):
    return [entry.record for entry in read(path / "journal")]


def test_a_run_that_was_let_go_and_goes_on_is_followed_again(served, place, told):
    sweep = told(place)
    sweep.trials(2)
    sweep.close()
    served.until(f"runs/{sweep.id}", lambda data: data["run"]["state"] == "interrupted")
    sweep.study = Study.resume(RunFolder(sweep.path))
    sweep.trials(2)
    found = served.until(f"runs/{sweep.id}", lambda data: data["run"]["trials"] == 4)
    assert found["run"]["state"] == "running"


@pytest.mark.parametrize(
    ("commands", "state"),
    [((("pause", ""),), "paused"), ((("pause", "not now"),), "running"),
     ((("pause", ""), ("go-on", "")), "running")],
    ids=["paused", "refused", "gone on"],
)  # fmt: skip
def test_a_pause_is_shown_until_the_sweep_goes_on(tmp_path, told, commands, state):
    sweep = told(tmp_path)
    sweep.trials(1)
    for command, refused in commands:
        sweep.study._journal.append(Commanded(command, time.time(), refused=refused))
    assert Sources(tmp_path / "shadows").look(RunFolder(sweep.path)).state == state


def test_runs_that_are_over_are_read_as_they_lie_there(served):
    found = served.data(f"runs/{ASSET.name}")
    run = load_run(ASSET)
    assert found["run"]["trials"] == len(run.trials) == len(found["report"]["trials"]["number"])
    assert found["run"]["best"]["number"] == run.best().number
    assert found["run"]["state"] == ("finished" if run.meta.finished else "interrupted")


def test_the_list_has_every_run_newest_first_with_its_curve(served, place, told):
    sweep = told(place, trials=3)
    while not sweep.study.finished:
        sweep.trials(1)
    sweep.close()
    row(served, sweep.id, lambda row: row["curve"])
    found = served.data("home")
    assert found["runs"][0]["id"] == sweep.id
    assert {path.parent.name for path in place.glob("*/spec.yaml")} == {
        run["id"] for run in found["runs"]
    }
    curve = found["runs"][0]["curve"]
    epochs = pl.read_parquet(sweep.path / "epochs.parquet").sort("reported_at")
    least = epochs["metric.valid_loss"].cum_min()
    assert curve["scores"] == [float(f"{value:.4g}") for value in least.unique(maintain_order=True)]
    assert curve["spent"] == len(epochs) == sweep.epochs
    assert curve["epochs"][0] == 1


def test_tags_and_notes_are_shown_and_a_new_one_comes_without_a_result(served, place, told):
    sweep = told(place)
    sweep.trials(1)
    assert row(served, sweep.id)["tags"] == []
    change_about(RunFolder(sweep.path), lambda about: about.tagged("good", "<b>").noted("why"))
    found = row(served, sweep.id, lambda row: row["tags"])
    assert (found["tags"], found["note"]) == (["good", "<b>"], "why")


@pytest.mark.parametrize("spoiled", ["journal", "tables", "spec", "about"])
def test_a_damaged_run_says_what_is_wrong_and_hides_no_other(served, place, told, spoiled):
    sweep = told(place)
    sweep.trials(2)
    bad = place / f"1121-bad-{spoiled}"
    sweep.close()
    shutil.copytree(sweep.path, bad)
    if spoiled == "journal":
        log = bad / "journal" / "000001.log"
        log.write_bytes(log.read_bytes().replace(b'"epoch"', b'"eqoch"', 1))
        (bad / "trials.parquet").unlink()
    elif spoiled == "tables":
        shutil.rmtree(bad / "journal")
        (bad / "trials.parquet").write_bytes(b"PAR1 no table PAR1")
    elif spoiled == "spec":
        (bad / "spec.yaml").write_text("name: [", encoding="utf-8")
        (bad / "trials.parquet").unlink()
    else:
        (bad / "about.yaml").write_text("tags: [", encoding="utf-8")
    found = served.data(f"runs/{bad.name}")
    assert found["run"]["problem"]
    assert "\n" not in found["run"]["problem"]
    assert (found["report"] is None) == (spoiled != "about")
    assert row(served, ASSET.name)["best"]


def test_an_answer_that_is_known_is_not_sent_again(served):
    path = f"/data/runs/{ASSET.name}"
    _, headers, body = served.ask(path)
    status, again, nothing = served.ask(path, If_None_Match=headers["etag"])
    assert (status, nothing, again["etag"]) == (304, b"", headers["etag"])
    assert served.ask(path, If_None_Match='"old"')[2] == body
    assert again["cache-control"] == "no-store"


def test_answers_are_compressed_for_those_who_can_read_them(served):
    path = f"/data/runs/{ASSET.name}"
    _, headers, packed = served.ask(path, Accept_Encoding="gzip")
    assert headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed) == served.ask(path)[2]
    assert len(packed) < len(served.ask(path)[2]) / 2


def test_runs_side_by_side_have_curves_over_epochs_and_time_and_words(served, place, told):
    several = [told(place, trials=4, seed=seed) for seed in (1, 2)]
    for sweep in several:
        while not sweep.study.finished:
            sweep.trials(1)
    ids = [sweep.id for sweep in several]
    found = served.data(f"compare?runs={','.join(ids)}")
    assert [run["id"] for run in found["runs"]] == ids
    [group] = found["groups"]
    assert [curve["id"] for curve in group["curves"]] == ids
    for curve, sweep in zip(group["curves"], several, strict=True):
        assert curve["spent"] == sweep.epochs
        assert len(curve["epochs"]) == len(curve["seconds"]) == len(curve["scores"]) > 0
        assert curve["seconds"] == sorted(curve["seconds"])
    assert group["words"][0].startswith("ask-asha after ")
    assert group["configs"]["runs"] == ids
    assert [name for name, *_ in group["configs"]["rows"]] == ["depth", "rate"]


def test_runs_that_are_judged_differently_stand_apart(served, place, told):
    sweep = told(place)
    sweep.trials(2)
    found = served.data(f"compare?runs={ASSET.name},{sweep.id}")
    assert [len(group["curves"]) for group in found["groups"]] == [1, 1]
    assert all(group["words"] == [] for group in found["groups"])


@pytest.mark.parametrize("runs", ["", "a", ASSET.name, ",".join("abcdefghijklmno")])
def test_a_comparison_needs_a_few_runs(served, runs):
    for path in ("/compare", "/data/compare"):
        status, _, body = served.ask(f"{path}?runs={runs}")
        assert (status, body) == (400, b"Give 2 to 12 runs: /compare?runs=A,B\n")


def test_named_runs_are_shown_and_no_others(start, place, told):
    sweep = told(place)
    with start(place, ASSET.name[5:]) as served:  # a part of its id
        assert [run["id"] for run in served.data("home")["runs"]] == [ASSET.name]
        assert served.ask(f"/runs/{ASSET.name}")[0] == 200
        for path in (f"/runs/{sweep.id}", f"/data/runs/{sweep.id}",
                     f"/data/compare?runs={ASSET.name},{sweep.id}"):  # fmt: skip
            assert served.ask(path)[0] == 404


def test_a_process_that_dies_of_a_question_is_started_again(start, place):
    import psutil

    with start(place) as served:
        served.data("home")
        [child] = psutil.Process(served.process.pid).children()
        child.kill()
        time.sleep(0.5)  # nobody but its parent can wait for it
        assert served.data(f"runs/{ASSET.name}")["report"]


def test_a_run_that_is_over_and_closed_by_a_person_says_why(served, place, told):
    sweep = told(place)
    sweep.trials(1)
    sweep.study._journal.append(Closed(time.time(), "time is up"))
    found = served.until(f"runs/{sweep.id}", lambda data: data["run"]["reason"])
    assert (found["run"]["state"], found["run"]["reason"]) == ("interrupted", "time is up")
