"""What an imported run folder holds, and what orch does and refuses to do with it."""

from __future__ import annotations

import dataclasses
import json

import polars as pl
import pytest

from analysis import load_run
from analysis.fidelity import ranking
from analysis.warnings.bounds import at_bounds
from orchestrator import resume
from orchestrator.engine.trial import State
from orchestrator.importing.foreign import EPOCHS as COLUMNS
from orchestrator.importing.foreign import Foreign, ForeignTrial
from orchestrator.importing.write import AlreadyImportedError, write
from orchestrator.runs.folder import all_runs
from orchestrator.runs.refresh import refresh
from orchestrator.runs.tables import EPOCHS, TRIALS
from orchestrator.spec_file import FileError, read_spec
from searchspaces import Choice, Float
from searchspaces.errors import ConfigurationError, UnknownNameError, UsageError


def foreign(trials=20, **changes):
    """Trials of two epochs whose accuracy grows with ``lr``; the first fails, the second stops."""
    made = tuple(
        ForeignTrial(
            name=f"t-{number}",
            state={0: State.FAILED, 1: State.PRUNED}.get(number, State.COMPLETED),
            config={"lr": 0.01 * 1.3**number, "act": "relu" if number % 2 else "tanh", "n": 3},
            error="it broke" if number == 0 else None,
        )
        for number in range(trials)
    )
    rows = [
        {"trial": number, "epoch": epoch, "metric.accuracy": 0.02 * number + 0.1 * epoch,
         "metric.loss": 1.0 / epoch}
        for number in range(1, trials) for epoch in range(1, 2 if number == 1 else 3)
    ]  # fmt: skip
    names = dict.fromkeys(("metric.accuracy", "metric.loss"), pl.Float64)
    epochs = pl.DataFrame(rows, schema={**COLUMNS, **names})
    found = Foreign(kind="csv", source="/somewhere/my sweep.csv", name="my sweep", trials=made,
                    epochs=epochs, metric="accuracy", mode="max", chosen="as you said",
                    guessed=("a guess",), skipped=("a thing",))  # fmt: skip
    return dataclasses.replace(found, **changes)


def test_the_tables_have_the_columns_of_schema_1_and_the_ranks(tmp_path):
    run = write(foreign(), tmp_path).run
    trials = pl.read_parquet(run.trials)
    assert trials.columns[: len(TRIALS)] == list(TRIALS)
    assert {name: trials.schema[name] for name in TRIALS} == TRIALS
    epochs = pl.read_parquet(run.epochs)
    assert {name: epochs.schema[name] for name in EPOCHS} == EPOCHS
    assert trials["number"].to_list() == [*range(19, 1, -1), 1, 0]
    best = trials.row(0, named=True)
    assert best["trial_id"] == f"{run.suffix}-0019"
    assert best["original_id"] == "t-19"
    assert (best["objective"], best["best_epoch"], best["epochs"]) == (pytest.approx(0.58), 2, 2)
    assert best["metric.loss"] == 0.5
    failed = trials.row(-1, named=True)
    assert (failed["state"], failed["error"], failed["epochs"]) == ("failed", "it broke", 0)
    assert failed["objective"] is failed["seconds"] is failed["started_at"] is None


def test_the_metadata_say_where_it_came_from_and_what_was_guessed(tmp_path):
    run = write(foreign(), tmp_path).run
    meta = json.loads(pl.read_parquet_metadata(run.trials)["orch"])
    assert (meta["run"], meta["sweep"], meta["finished"]) == (run.id, "my sweep", True)
    said = meta["imported"]
    assert (said["from"], said["source"]) == ("csv", "/somewhere/my sweep.csv")
    assert said["guessed"] == [
        "a guess", "all domains: from the values seen; --domain NAME=... says better",
    ]  # fmt: skip
    assert said["skipped"] == ["a thing"]
    assert meta["parameters"]["n"] == {"group": "space", "kind": "constant", "value": 3}
    assert meta["parameters"]["act"] == {
        "group": "space", "kind": "choice", "values": ["relu", "tanh"], "inferred": True,
    }  # fmt: skip
    loaded = load_run(run.path)
    assert loaded.notes == ()
    assert [one.inferred for one in loaded.meta.parameters] == [True, True]


def test_the_id_says_that_it_was_imported_and_what(tmp_path):
    run = write(foreign(), tmp_path).run
    day, word, name, *rest, digits = run.id.split("-")
    assert (word, name, rest, len(day), len(digits)) == ("import", "my", ["sweep"], 4, 4)


def test_the_same_content_is_refused_and_other_content_is_not(tmp_path):
    run = write(foreign(), tmp_path).run
    with pytest.raises(AlreadyImportedError) as error:
        write(foreign(source="elsewhere"), tmp_path)
    assert str(error.value) == (
        f"the same results were imported before, as run {run.id}. Use that one, or delete "
        f"{run.path} first."
    )
    write(foreign(metric="loss", mode="min"), tmp_path)
    write(foreign(), tmp_path, {"lr": Float(1e-3, 10, log=True)})
    write(foreign(19), tmp_path)
    assert len(all_runs(tmp_path)) == 4
    assert not list(tmp_path.glob(".*"))


def test_a_run_that_is_no_longer_readable_does_not_stop_an_import(tmp_path):
    run = write(foreign(), tmp_path).run
    run.trials.write_bytes(b"damaged")
    assert write(foreign(), tmp_path).run.id != run.id


def test_bringing_tables_up_to_date_leaves_an_imported_run_alone(tmp_path):
    run = write(foreign(), tmp_path).run
    before = {path.name: path.read_bytes() for path in run.path.iterdir()}
    refresh(run)
    assert {path.name: path.read_bytes() for path in run.path.iterdir()} == before


def test_there_is_nothing_to_run_again_or_to_go_on_with(tmp_path):
    run = write(foreign(), tmp_path).run
    line = (
        f"{run.path / 'spec.yaml'}: imported from csv: there is no sweep to run or to go on with. "
        f"See: orch analyze {run.id}"
    )
    for attempt in (
        lambda: resume(run.id, runs=tmp_path),
        lambda: read_spec(run.path / "spec.yaml"),
    ):
        with pytest.raises(FileError) as error:
            attempt()
        assert str(error.value) == line


def test_bounds_that_were_guessed_are_not_warned_of(tmp_path):
    """The best trials lie at the upper end of ``lr`` by construction."""
    guessed = load_run(write(foreign(60), tmp_path / "a").run.path)
    said = write(foreign(60), tmp_path / "b", {"lr": Float(0.01, 6e4, log=True)})
    known = load_run(said.run.path)
    assert at_bounds(guessed, ranking(guessed)) == ()
    assert [warning.name for warning in at_bounds(known, ranking(known))] == ["lr"]


def test_given_domains_replace_guesses_and_are_checked_against_the_values(tmp_path):
    made = write(foreign(), tmp_path, {"lr": Float(0.02, 5, log=True)})
    assert made.columns["lr"].parameter == Float(0.02, 5, log=True)
    assert made.foreign.guessed[1:] == (
        "lr: 3 trials of 20 outside 2e-2..5 log count as at its end",
        "act: from the values seen; --domain NAME=... says better",
    )
    with pytest.raises(ConfigurationError) as error:
        write(foreign(), tmp_path, {"act": Choice(("relu",))})
    assert str(error.value) == (
        "--domain act: 10 trials of 20 have another value than relu. Name every value."
    )
    with pytest.raises(UnknownNameError) as unknown:
        write(foreign(), tmp_path, {"rl": Float(0, 1)})
    assert str(unknown.value) == "unknown parameter 'rl'. Did you mean 'lr'? Known: lr, act, n."


def test_epochs_at_which_most_pruned_trials_ended_are_rungs(tmp_path):
    stopped = tuple(
        dataclasses.replace(trial, state=State.PRUNED) if trial.name in {"t-2", "t-3"} else trial
        for trial in foreign().trials
    )
    ends = foreign().epochs.filter(~(pl.col("trial").is_in([2, 3]) & (pl.col("epoch") > 1)))
    halved = dataclasses.replace(foreign(), trials=stopped, epochs=ends)
    assert load_run(write(halved, tmp_path).run.path).meta.rungs == (1, 2)
    assert load_run(write(foreign(), tmp_path).run.path).meta.rungs == (2,)
    at_the_end = dataclasses.replace(foreign(), trials=stopped)
    assert load_run(write(at_the_end, tmp_path).run.path).meta.rungs == (2,)


def test_nothing_to_import_is_refused_and_leaves_nothing(tmp_path):
    empty = dataclasses.replace(foreign(), trials=())
    with pytest.raises(UsageError) as error:
        write(empty, tmp_path / "runs")
    assert str(error.value) == (
        "/somewhere/my sweep.csv: there is no trial in it. Nothing was imported."
    )
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError) as error:
        write(foreign(), tmp_path / "file")
    assert str(error.value) == (
        f"{tmp_path / 'file'}: no run can be written there (File exists). Give another folder: "
        "--runs FOLDER"
    )


def test_a_thousand_trials_of_which_all_failed_are_a_run(tmp_path):
    made = foreign(1000)
    failed = tuple(dataclasses.replace(trial, state=State.FAILED) for trial in made.trials)
    bare = dataclasses.replace(made, trials=failed, epochs=made.epochs.clear())
    loaded = load_run(write(bare, tmp_path).run.path)
    assert loaded.failed.all()
    assert loaded.meta.max_epochs == 1
