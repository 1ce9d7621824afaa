"""Checkpoints that lie elsewhere: ``orch clean`` and ``orch rm`` find them there."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from orchestrator.cli.main import cli
from orchestrator.engine.journal import Journal
from orchestrator.engine.records import Checkpoint, Closed, EpochReported, Opened
from orchestrator.runs import bucket as bucket_module
from orchestrator.runs.checkpoints import CheckpointError
from orchestrator.runs.distant import MARKER
from orchestrator.runs.folder import RunFolder, all_runs
from orchestrator.runs.removal import size_of
from orchestrator.runs.storage import elsewhere, proven


def output(*arguments):
    done = CliRunner().invoke(cli, arguments)
    assert (done.exit_code, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture(params=["bucket", "shared"])
def place(request, tmp_path):
    """A URL, and what goes away when the place does."""
    if request.param == "bucket":
        return f"s3://{request.getfixturevalue('s3').bucket()}/sweeps"
    (tmp_path / "mnt").mkdir()
    return str(tmp_path / "mnt")


@pytest.fixture
def made(tmp_path, monkeypatch, teller):
    """Makes a finished run of three trials with checkpoints of 1,000 bytes; the first is best."""
    monkeypatch.chdir(tmp_path)

    def make(url):
        spec = teller.spec("gru-random", trials=3, storage=url)
        run = RunFolder.create(Path("runs"), spec, {})
        journal = Journal(run.journal, lambda record: None)
        journal.append(Opened(teller.began, "here", 1, {}))
        for record in teller.told(run.spec()):
            last = isinstance(record, EpochReported) and record.verdict is not None
            kept = Checkpoint(key(run, record.number), record.epoch, "", 1000) if last else None
            journal.append(msgspec.structs.replace(record, checkpoint=kept) if last else record)
        journal.append(Closed(teller.began + 1000, "finished"))
        journal.close()
        store = elsewhere(run.path, run.id)
        proven(store)
        for number in range(3):
            store.write(key(run, number), bytes(1000))
        return run

    return make


def key(run, number):
    return f"{run.trial_id(number)}/001-000027.safetensors"


def left(run):
    """Numbers of the trials that have a checkpoint there."""
    return sorted(int(kept.key[5:9]) for kept in elsewhere(run.path, run.id).kept())


def gone(monkeypatch):
    """A server that is not there any more."""
    monkeypatch.setattr(bucket_module, "ATTEMPTS", 1)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")


def test_cleaning_keeps_the_best_trial_s_and_says_where_the_rest_was(made, place):
    run = made(place)
    said = f"{run.id}  2 checkpoints, 2.0 kB in {place}"
    assert output("clean", "--dry-run") == f"{said}\nwould free 2.0 kB\n"
    assert left(run) == [0, 1, 2]
    assert output("clean", run.suffix) == f"{said}\nfreed 2.0 kB\n"
    assert left(run) == [0]
    assert output("clean") == "nothing to free\n"
    [row] = json.loads(output("clean", "--keep-best", "0", "--json"))["runs"]
    assert row == {
        "run": run.id, "checkpoints": 1, "others": 0, "bytes": 1000, "storage": place,
        "problem": None,
    }  # fmt: skip
    assert left(run) == []


def test_a_deleted_run_takes_what_it_has_elsewhere_with_it(made, place):
    run, other = made(place), made(place)
    store = elsewhere(run.path, run.id)
    line = output("rm", "--yes", run.suffix)
    assert line.startswith(f"deleted {run.id}, ")
    assert line.endswith(f", and 3.0 kB in {place}\n")
    assert store.kept() == []
    with pytest.raises(CheckpointError):
        store.read(MARKER)
    assert [one.id for one in all_runs(Path("runs"))] == [other.id]
    assert left(other) == [0, 1, 2]
    here = size_of(other.path)
    [row] = json.loads(output("rm", "--yes", "--json", other.suffix))
    assert row == {
        "run": other.id, "bytes": here + 3000, "storage": place, "storage_bytes": 3000
    }  # fmt: skip


def test_it_can_be_told_to_leave_that_alone(made, place):
    run = made(place)
    store = elsewhere(run.path, run.id)
    assert " in " not in output("rm", "--yes", "--leave-storage", run.suffix)
    assert all_runs(Path("runs")) == []
    assert len(store.kept()) == 3


def test_where_nobody_answers_nothing_is_deleted(made, s3, monkeypatch):
    url = f"s3://{s3.bucket()}"
    run = made(url)
    with monkeypatch.context() as away:
        gone(away)
        done = CliRunner().invoke(cli, ["rm", "--yes", run.suffix])
        assert (done.exit_code, done.stdout) == (1, "")
        assert done.stderr == (
            f"error: {url}: nobody answers at 127.0.0.1:9. Nothing is deleted; to delete the runs "
            f"and leave alone what is there: --leave-storage\n"
        )
        assert output("clean") == (
            f"{run.id}  left alone: {url}: nobody answers at 127.0.0.1:9.\nfreed 0 B\n"
        )
    assert [one.id for one in all_runs(Path("runs"))] == [run.id]
    assert left(run) == [0, 1, 2]


def test_a_bucket_that_is_gone_is_not_taken_for_an_empty_one(made, s3):
    name = s3.bucket()
    run = made(f"s3://{name}")
    for one in s3.objects(name):
        s3.client().delete_object(Bucket=name, Key=one)
    s3.client().delete_bucket(Bucket=name)
    assert output("clean").startswith(
        f"{run.id}  left alone: s3://{name}: there is no bucket {name!r}.\n"
    )
    output("rm", "--yes", "--leave-storage", run.suffix)
    assert all_runs(Path("runs")) == []


def test_what_a_killed_rm_left_elsewhere_goes_with_the_next_cleaning(made, place):
    run = made(place)
    store = elsewhere(run.path, run.id)
    hidden = run.path.with_name(f".{run.id}.removed")
    run.path.rename(hidden)  # that is how far it came
    lines = output("clean").splitlines()
    assert lines[0].startswith(f"{hidden.name}  1 leftover, ")
    assert not hidden.exists()
    assert store.kept() == []


def test_what_is_half_deleted_stays_while_nobody_answers_elsewhere(made, s3, monkeypatch):
    run = made(f"s3://{s3.bucket()}")
    hidden = run.path.with_name(f".{run.id}.removed")
    run.path.rename(hidden)
    with monkeypatch.context() as away:
        gone(away)
        assert "left alone: " in output("clean")
    assert (hidden / "spec.yaml").exists()
    output("clean")
    assert not hidden.exists()


def test_a_dry_run_shows_the_place_and_a_bad_one_is_a_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = output("sweep", "gru-asha", "--dry-run", "--storage", "s3://data/x/")
    assert "\nstorage: s3://data/x\n" in said
    said = output("sweep", "gru-asha", "--dry-run", "--json", "--storage", "shared")
    assert json.loads(said)["spec"]["storage"] == f"{tmp_path}/shared"
    done = CliRunner().invoke(cli, ["sweep", "gru-asha", "--storage", "s3://me:s3cret@data"])
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("error: storage: a URL that holds a key or a password would be")
    assert "s3cret" not in done.stderr


def test_a_place_that_cannot_be_used_is_refused_before_there_is_a_run(tmp_path, monkeypatch, s3):
    monkeypatch.chdir(tmp_path)
    for url, said in (
        ("s3://no-such-bucket", "s3://no-such-bucket: there is no bucket 'no-such-bucket'."),
        ("away", f"{tmp_path}/away: there is no such folder. Make it, or mount its disk."),
    ):
        done = CliRunner().invoke(cli, ["sweep", "gru-asha", "--no-check", "--storage", url])
        assert (done.exit_code, done.stdout, done.stderr) == (1, "", f"error: {said}\n")
    assert list(tmp_path.iterdir()) == []
