"""``orch clean``: the disk is freed of what nobody needs, and of nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from orchestrator.cli.main import cli
from orchestrator.engine.journal import Journal
from orchestrator.engine.records import Checkpoint, Closed, EpochReported, Opened
from orchestrator.runs.folder import RunFolder

TABLE = "trial,lr,val_loss\n" + "".join(f"{n},{0.001 * 2**n},{1 / (n + 1)}\n" for n in range(6))


def output(*arguments):
    done = CliRunner().invoke(cli, arguments)
    assert (done.exit_code, done.stderr) == (0, "")
    return done.stdout


def left(run):
    """Numbers of the trials that have a checkpoint."""
    return sorted(int(path.parent.name[-4:]) for path in run.checkpoints.rglob("*.safetensors"))


@pytest.fixture
def made(tmp_path, monkeypatch, teller):
    """Makes a run of three trials, the first the best, with a checkpoint of 1,000 bytes each.

    The records name the checkpoint of a trial that has come to its end.
    """
    monkeypatch.chdir(tmp_path)

    def make(reason="finished", epochs=10**9, **settings):
        spec = teller.spec("gru-random", trials=3, **settings)
        run = RunFolder.create(Path("runs"), spec, {})
        journal = Journal(run.journal, lambda record: None)
        journal.append(Opened(teller.began, "here", 1, {}))
        for record in teller.told(run.spec(), epochs=epochs):
            last = isinstance(record, EpochReported) and record.verdict is not None
            kept = Checkpoint(key(run, record.number), record.epoch, "", 1000) if last else None
            journal.append(msgspec.structs.replace(record, checkpoint=kept) if last else record)
        if reason:
            journal.append(Closed(teller.began + 1000, reason))
        journal.close()
        for number in range(3):
            path = run.checkpoints / key(run, number)
            path.parent.mkdir(parents=True)
            path.write_bytes(bytes(1000))
        return run

    return make


def key(run, number):
    return f"{run.trial_id(number)}/1-27.safetensors"


def test_a_finished_run_keeps_the_checkpoint_of_its_best_trial(made):
    run = made()
    assert output("clean", run.suffix) == f"{run.id}  2 checkpoints, 2.0 kB\nfreed 2.0 kB\n"
    assert left(run) == [0]
    assert output("clean", run.suffix) == "nothing to free\n"


def test_a_run_with_limits_is_cleaned_like_any_other(made):
    run = made(outcomes=["valid_loss < 10"])
    assert output("clean").splitlines()[-1] == "freed 2.0 kB"
    assert left(run) == [0]


@pytest.mark.parametrize(("keep", "stay"), [("0", []), ("2", [0, 1]), ("9", [0, 1, 2])])
def test_so_many_of_the_best_keep_theirs(made, keep, stay):
    run = made()
    output("clean", "--keep-best", keep)
    assert left(run) == stay


def test_a_rehearsal_deletes_nothing(made):
    run = made()
    line = f"{run.id}  2 checkpoints, 2.0 kB\nwould free 2.0 kB\n"
    assert output("clean", "--dry-run") == line
    assert left(run) == [0, 1, 2]


@pytest.mark.parametrize("reason", ["stopped by you", ""])
def test_a_run_that_can_be_resumed_loses_only_what_no_trial_goes_on_from(made, reason):
    run = made(reason, epochs=60)  # two trials are complete, the third has no checkpoint of its own
    output("clean", "--keep-best", "0")
    assert left(run) == [0, 1]


def test_a_run_that_a_process_runs_is_left_alone(made):
    run, other = made(), made()
    with run.owned():
        lines = output("clean").splitlines()
        done = CliRunner().invoke(cli, ["clean", run.suffix])
    assert lines == [
        f"{run.id}  left alone: run {run.id} is running in another process. Wait for it, "
        f"or stop it.",
        f"{other.id}  2 checkpoints, 2.0 kB",
        "freed 2.0 kB",
    ]
    assert (left(run), left(other)) == ([0, 1, 2], [0])
    assert (done.exit_code, done.stderr[:7]) == (1, "error: ")


def test_a_damaged_run_loses_nothing_and_keeps_no_other_from_being_cleaned(made):
    run, other = made(), made()
    path = run.journal / "000001.log"
    path.write_bytes(path.read_bytes().replace(b'"epoch":27', b'"epoch":28', 1))
    first, *_ = output("clean").splitlines()
    assert first.startswith(f"{run.id}  left alone: ")
    assert "damaged" in first
    assert (left(run), left(other)) == ([0, 1, 2], [0])


def test_what_was_half_deleted_goes_too(made):
    run = made()
    hidden = run.path.with_name(".1121-gru-bohb-7f3a.removed")
    hidden.mkdir()
    (hidden / "big").write_bytes(bytes(500_000))
    document = json.loads(output("clean", "--json"))
    assert document["bytes"] == 502_000
    assert [row["run"] for row in document["runs"]] == [run.id, hidden.name]
    assert (
        document["runs"][0] | {"bytes": 2000, "checkpoints": 2, "others": 0}
        == (document["runs"][0])
    )
    assert not hidden.exists()


def test_an_imported_run_has_nothing_to_free(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sweep.csv").write_text(TABLE)
    output("import", "csv", "sweep.csv", "--metric", "val_loss")
    before = sorted(path.name for path in tmp_path.rglob("*"))
    assert output("clean") == "nothing to free\n"
    after = sorted(path.name for path in tmp_path.rglob("*"))
    assert set(after) - set(before) <= {"owner.lock"}


def test_after_a_cleaning_the_run_is_as_it_was_for_everybody_else(made):
    run = made()
    before = output("show", "--json")
    output("clean", run.suffix)
    assert output("show", "--json") == before
