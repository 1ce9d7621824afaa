from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from analysis import load_run
from searchspaces.errors import UsageError


def raw_meta(folder: Path) -> dict:
    return json.loads(pl.read_parquet_metadata(folder / "trials.parquet")["orch"])


def test_a_run_is_read_with_its_metadata_and_typed_parameters(make_run):
    run = load_run(make_run(trials=9))
    assert (run.meta.run, run.meta.metric, run.meta.mode) == (
        "1121-gru-bohb-7f3a",
        "valid_loss",
        "min",
    )
    assert run.meta.rungs == (1, 3, 9, 27)
    names = [(parameter.group, parameter.name) for parameter in run.meta.parameters]
    assert names == [
        ("space", "num_layers"),
        ("space", "hidden_size"),
        ("space", "dropout"),
        ("training", "learning_rate"),
        ("training", "batch_size"),
    ]
    assert run.metrics == ["train_loss", "valid_loss", "accuracy", "learning_rate"]
    assert run.notes == ()


def test_curves_hold_each_reported_value_at_its_trial_and_epoch(make_run):
    run = load_run(make_run(trials=9))
    curves = run.curves("valid_loss")
    for row in run.epochs.iter_rows(named=True):
        assert curves[row["number"], row["epoch"] - 1] == row["metric.valid_loss"]
    assert np.isfinite(curves).sum() == run.epochs.height


def test_an_epoch_that_ran_twice_counts_once_by_its_last_attempt(make_run, rewrite):
    folder = make_run(trials=4)
    trials, epochs = (pl.read_parquet(folder / f"{t}.parquet") for t in ("trials", "epochs"))
    again = epochs.filter(pl.col("number") == 0).with_columns(
        pl.lit(2, pl.Int64).alias("attempt"), pl.col("metric.valid_loss") + 1
    )
    rewrite(folder, trials, pl.concat([again, epochs]), raw_meta(folder))
    run = load_run(folder)
    assert run.epochs.height == epochs.height
    first = epochs.filter(number=0)["metric.valid_loss"].to_numpy()
    np.testing.assert_array_equal(run.curves("valid_loss")[0, : len(first)], first + 1)


def test_a_run_without_tables_says_how_to_get_them(tmp_path):
    folder = tmp_path / "1121-x-0000"
    (folder / "journal").mkdir(parents=True)
    with pytest.raises(UsageError) as caught:
        load_run(folder)
    path = folder / "trials.parquet"
    assert (
        str(caught.value)
        == f"run 1121-x-0000 has no results: no {path}. Run: orch resume {path.parent}"
    )
    assert caught.value.exit_code == 2


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"^no run folder .*nowhere\. Run: orch runs$"):
        load_run(tmp_path / "nowhere")


@pytest.mark.parametrize("table", ["trials.parquet", "epochs.parquet"])
def test_a_table_cut_or_overwritten_anywhere_is_one_clear_line(make_run, table):
    folder = make_run(trials=4)
    whole = (folder / table).read_bytes()
    damaged = [whole[:length] for length in range(0, len(whole) - 1, max(1, len(whole) // 40))]
    damaged += [b"PAR1" + b"\xff" * 64 + b"PAR1"]
    for content in damaged:
        (folder / table).write_bytes(content)
        with pytest.raises(UsageError) as caught:
            load_run(folder)
        assert str(caught.value).startswith(f"{folder / table} is damaged: ")
        assert "\n" not in str(caught.value)


def test_another_schema_is_refused_with_both_versions(make_run, rewrite):
    folder = make_run(trials=4)
    trials, epochs = (pl.read_parquet(folder / f"{t}.parquet") for t in ("trials", "epochs"))
    rewrite(folder, trials, epochs, raw_meta(folder) | {"schema": 7})
    with pytest.raises(UsageError) as caught:
        load_run(folder)
    assert str(caught.value) == (
        f"{folder / 'trials.parquet'} has schema 7; this orch reads schema 1. "
        "Use the orch that wrote it, or upgrade"
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"metric": None}, "has no column metric.None, the run's objective"),
        ({"parameters": {"a": {"kind": "complex"}}}, "parameters.a: unknown kind 'complex'"),
        ({"parameters": {"a": {"kind": "int", "low": 4, "high": 1}}}, "parameters.a: "),
        ({"parameters": 3}, "its metadata are damaged"),
        ({"max_epochs": "many"}, "its metadata are damaged"),
    ],
)
def test_metadata_that_make_no_sense_are_one_clear_line(make_run, rewrite, change, words):
    folder = make_run(trials=4)
    trials, epochs = (pl.read_parquet(folder / f"{t}.parquet") for t in ("trials", "epochs"))
    rewrite(folder, trials, epochs, raw_meta(folder) | change)
    with pytest.raises(UsageError) as caught:
        load_run(folder)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_foreign_parquet_file_is_not_taken_for_a_run(make_run):
    folder = make_run(trials=4)
    pl.DataFrame({"a": [1]}).write_parquet(folder / "trials.parquet")
    with pytest.raises(UsageError, match="was not written by orch"):
        load_run(folder)


def test_a_missing_column_is_named(make_run, rewrite):
    folder = make_run(trials=4)
    trials, epochs = (pl.read_parquet(folder / f"{t}.parquet") for t in ("trials", "epochs"))
    rewrite(folder, trials.drop("state"), epochs, raw_meta(folder))
    with pytest.raises(UsageError, match=r"trials\.parquet has no column state\. Run: orch show"):
        load_run(folder)


def _line(segment: int, sequence: int, record: dict) -> bytes:
    payload = json.dumps({"seq": sequence, "record": record}, separators=(",", ":")).encode()
    return b"%08x %d %s\n" % (zlib.crc32(payload, segment), len(payload), payload)


def test_tables_behind_their_journal_say_by_how_much(make_run):
    folder = make_run(trials=4)
    written = raw_meta(folder)["journal"]["sequence"]
    journal = folder / "journal"
    journal.mkdir()
    first = b"".join(_line(1, k, {"type": "result"}) for k in range(1, written + 1))
    (journal / "000001.log").write_bytes(first)
    assert load_run(folder).notes == ()
    # The header of a new segment is no record, and a torn line is none yet.
    header = _line(2, written + 1, {"type": "segment"})
    (journal / "000002.log").write_bytes(header)
    assert load_run(folder).notes == ()
    more = header + _line(2, written + 2, {"type": "result"}) + _line(2, written + 3, {})[:-9]
    (journal / "000002.log").write_bytes(more)
    assert load_run(folder).notes == (
        f"the tables lack the journal's last 2 records; orch show {folder}",
    )


def test_an_unfinished_sweep_says_how_to_go_on(make_run):
    folder = make_run(trials=4, finished=False)
    assert load_run(folder).notes == (f"the sweep is not finished; orch resume {folder}",)


def test_a_run_among_the_others_is_typed_by_its_id(make_run, monkeypatch):
    folder = make_run(trials=4, finished=False)
    runs = folder.parent / "runs"
    runs.mkdir()
    folder = folder.rename(runs / folder.name)
    monkeypatch.chdir(runs.parent)
    assert load_run(folder).notes == (f"the sweep is not finished; orch resume {folder.name}",)


@pytest.mark.parametrize(
    ("told", "command"),
    [
        ({"limit": "target"}, "orch resume RUN --target none"),
        ({"limit": "max_epochs_total"}, "orch resume RUN --max-epochs-total none"),
        ({"limit": "max_time"}, "orch resume RUN"),
        ({"asked": True}, "Study.resume('RUN')"),
        ({"asked": True, "limit": "target"}, "Study.resume('RUN', target='none')"),
    ],
)
def test_what_goes_on_with_a_run_goes_past_the_limit_that_stopped_it(
    make_run, rewrite, told, command
):
    folder = make_run(trials=4, finished=False)
    trials, epochs = (pl.read_parquet(folder / f"{name}.parquet") for name in ("trials", "epochs"))
    meta = json.loads(pl.read_parquet_metadata(folder / "trials.parquet")["orch"])
    rewrite(folder, trials, epochs, {**meta, **told})
    command = command.replace("RUN", str(folder))
    assert load_run(folder).notes == (f"the sweep is not finished; {command}",)


def test_a_sweep_that_was_asked_for_its_trials_goes_on_from_python(make_run, rewrite):
    folder = make_run(trials=4, finished=False)
    trials, epochs = (pl.read_parquet(folder / f"{name}.parquet") for name in ("trials", "epochs"))
    meta = json.loads(pl.read_parquet_metadata(folder / "trials.parquet")["orch"])
    rewrite(folder, trials, epochs, {**meta, "architecture": "ask"})
    assert load_run(folder).notes == (f"the sweep is not finished; Study.resume({str(folder)!r})",)
