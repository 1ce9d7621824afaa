from __future__ import annotations

import os
import sys

import numpy as np
import polars as pl
import pytest

from analysis import load_run
from analysis.fidelity import at_epoch
from searchspaces.errors import ConfigurationError, UnknownNameError, UsageError


def row_of(run, number):
    return run.trials.filter(number=number).row(0, named=True)


def test_a_trial_holds_its_state_and_the_config_that_was_active(make_run):
    run = load_run(make_run(trials=20, fail=(3,)))
    off = run.trials.filter(pl.col("config.dropout").is_null())["number"][0]
    row, trial = row_of(run, off), run.trial(off)
    assert (trial.number, trial.trial_id, trial.state, trial.epochs, trial.error) == (
        off, row["trial_id"], row["state"], row["epochs"], None,
    )  # fmt: skip
    assert trial.config == {
        name: row[f"config.{name}"]
        for name in ("num_layers", "hidden_size", "learning_rate", "batch_size", "clip")
    }
    assert run.trial(3).state == "failed"
    assert run.trial(3).error == "loss became nan"


def test_a_curve_has_a_value_for_each_epoch_that_the_trial_did(make_run):
    run = load_run(make_run(trials=20, fail=(3,)))
    for number in (0, 3, 19):
        reported = run.epochs.filter(number=number)
        trial = run.trial(number)
        np.testing.assert_array_equal(trial.curve("accuracy"), reported["metric.accuracy"])
        np.testing.assert_array_equal(trial.curve(), reported["metric.valid_loss"])
    assert np.isnan(run.trial(3).curve()[-1])
    with pytest.raises(UnknownNameError) as caught:
        run.trial(0).curve("acuracy")
    assert str(caught.value).startswith("unknown metric 'acuracy'. Did you mean 'accuracy'?")


@pytest.mark.parametrize(("metric", "mode", "least", "place"), [
    ("valid_loss", "min", np.min, np.argmin), ("accuracy", "max", np.max, np.argmax),
])  # fmt: skip
def test_scores_compare_trials_at_one_epoch_and_none_that_did_not_come_so_far(
    make_run, metric, mode, least, place
):
    run = load_run(make_run(metric=metric, mode=mode))
    ends = run.epochs.group_by("number").agg(pl.col("epoch").max()).sort("number")["epoch"]
    for epoch in (1, 3, 9, 27):
        scores = [run.trial(number).score(epoch) for number in run.trials["number"]]
        assert [score is None for score in scores] == (ends < epoch).to_list()
        for number, score in enumerate(scores):
            if score is not None:
                first = run.epochs.filter(pl.col("epoch") <= epoch, number=number)
                assert score == least(first[f"metric.{metric}"].to_numpy())
    assert run.trial(0).score(28) is None
    assert run.trial(0).score() == run.trial(0).score(27)
    assert run.best().best_epoch == place(run.best().curve()) + 1
    with pytest.raises(ConfigurationError, match=r"^epoch: 0 is below 1\. Epochs count from 1\.$"):
        run.trial(0).score(0)


def test_the_best_trial_is_the_best_of_those_that_ran_all_epochs(make_run, rewrite):
    folder = make_run()
    run = load_run(folder)
    short = run.trials.filter(pl.col("epochs") == 1)["number"][0]
    wins = (pl.col("number") == short) & (pl.col("epoch") == 1)
    epochs = run.epochs.with_columns(
        pl.when(wins).then(-9.0).otherwise("metric.valid_loss").alias("metric.valid_loss")
    )
    rewrite(folder, run.trials, epochs, dict(run.meta.raw))
    run = load_run(folder)
    full = epochs.filter(pl.col("epoch").max().over("number") == 27)
    winner = full.sort("metric.valid_loss").row(0, named=True)
    best = run.best()
    assert best.number == winner["number"] != short
    assert best.best_epoch == winner["epoch"]
    assert best.score() == winner["metric.valid_loss"] == best.metrics["valid_loss"]
    assert list(best.metrics) == ["valid_loss", "train_loss", "accuracy", "learning_rate"]
    assert best.metrics["accuracy"] == winner["metric.accuracy"]
    assert run.trial(short).score() is None
    assert best.score(3) == at_epoch(run, 3, "").scores[
        list(at_epoch(run, 3, "").rows).index(best.number)
    ]  # fmt: skip


def test_a_run_of_which_every_trial_failed_at_once_has_no_best(make_run, rewrite):
    folder = make_run(trials=2, fail=(0, 1), max_epochs=2, hyperband=False)
    run = load_run(folder)
    assert run.best() is None
    assert run.trial(1).best_epoch is None
    assert run.trial(1).metrics == {}
    assert run.trial(1).score() is None
    rewrite(folder, run.trials.clear(), run.epochs.clear(), dict(run.meta.raw))
    assert load_run(folder).best() is None
    with pytest.raises(UsageError, match=r"^run 1121-gru-bohb-7f3a has no trial 0; it has none$"):
        load_run(folder).trial(0)


def test_a_run_that_was_imported_with_the_least_columns_is_read_alike(make_run, rewrite):
    folder = make_run(trials=9)
    run = load_run(folder)
    trials = run.trials.select(
        "trial_id", "number", pl.lit(None, pl.String).alias("state"),
        pl.lit(None, pl.Int64).alias("epochs"), "config.learning_rate",
    )  # fmt: skip
    epochs = run.epochs.select("number", "epoch", "metric.valid_loss")
    rewrite(folder, trials, epochs, dict(run.meta.raw))
    imported = load_run(folder)
    for number in range(9):
        np.testing.assert_array_equal(imported.trial(number).curve(), run.trial(number).curve())
        assert imported.trial(number).epochs == run.trial(number).epochs
    assert imported.trial(0).state == ""
    assert "9 unknown" in imported._repr_html_()
    assert imported.best().number == run.best().number
    assert "learning_rate" in imported.best()._repr_html_()


def test_a_number_that_no_trial_has_is_one_line(make_run):
    with pytest.raises(UsageError) as caught:
        load_run(make_run(trials=9)).trial(17)
    assert str(caught.value) == "run 1121-gru-bohb-7f3a has no trial 17; its trials are 0 to 8"


def test_configs_are_named_as_the_parameters_and_null_where_inactive(make_run):
    run = load_run(make_run(trials=9))
    assert run.configs.columns == [
        "number", "num_layers", "hidden_size", "dropout", "learning_rate", "batch_size", "clip",
    ]  # fmt: skip
    assert run.configs["dropout"].is_null().to_list() == (run.configs["num_layers"] == 1).to_list()


def test_a_parameter_called_number_keeps_its_prefix(make_run, rewrite):
    folder = make_run(trials=4)
    run = load_run(folder)
    trials = run.trials.rename({"config.clip": "config.number"})
    rewrite(folder, trials, run.epochs, dict(run.meta.raw))
    configs = load_run(folder).configs
    assert configs["number"].to_list() == [0, 1, 2, 3]
    assert configs["config.number"].to_list() == [1.0] * 4
    assert load_run(folder).trial(0).config["number"] == 1.0


@pytest.mark.parametrize("table", ["trials", "epochs", "configs"])
def test_pandas_and_arrow_get_the_same_values(make_run, table):
    run = load_run(make_run(trials=9))
    frame = getattr(run, table)
    pandas, arrow = run.to_pandas(table), run.to_arrow(table)
    assert list(pandas.columns) == frame.columns == arrow.column_names
    assert pl.from_arrow(arrow).equals(frame)
    for name in frame.columns:
        # A value that differs from itself is NaN, or pandas' NaT.
        values = [None if value != value else value for value in pandas[name].tolist()]
        assert values == frame[name].to_list()
    assert run.to_pandas().shape == run.trials.shape


@pytest.mark.parametrize("call", ["to_pandas", "to_arrow"])
def test_an_unknown_table_is_one_line(make_run, call):
    with pytest.raises(UnknownNameError) as caught:
        getattr(load_run(make_run(trials=4)), call)("trial")
    assert str(caught.value) == (
        "unknown table 'trial'. Did you mean 'trials'? Known: trials, configs, epochs."
    )


@pytest.mark.parametrize(("call", "missing", "way"), [
    ("to_pandas", "pandas", "pandas pyarrow"),
    ("to_pandas", "pyarrow", "pandas pyarrow"),
    ("to_arrow", "pyarrow", "pyarrow"),
])  # fmt: skip
def test_a_library_that_is_not_there_is_one_line(make_run, monkeypatch, call, missing, way):
    run = load_run(make_run(trials=4))
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(UsageError) as caught:
        getattr(run, call)()
    assert str(caught.value) == (
        f"{call} needs {missing}, which is not installed. Run: pip install {way}"
    )


def test_a_run_is_found_by_any_part_of_its_id_that_no_other_has(make_run, monkeypatch):
    runs = make_run("1121-gru-bohb-7f3a", trials=4).parent
    make_run("1121-gru-random-10ad", trials=5)
    make_run("1121-gru-random-10ad-again", trials=6)
    assert load_run("7f3a", runs=runs).meta.run == "1121-gru-bohb-7f3a"
    assert load_run("again", runs=str(runs)).meta.trials == 6
    assert load_run("1121-gru-random-10ad", runs=runs).meta.trials == 5  # all of it, before parts
    monkeypatch.chdir(runs.parent)
    assert load_run("bohb").meta.trials == 4


def test_a_path_to_a_run_goes_before_an_id(make_run, monkeypatch, tmp_path):
    make_run("1121-gru-bohb-7f3a", trials=4)
    other = make_run("other", trials=5)
    other.rename(tmp_path / "7f3a")
    monkeypatch.chdir(tmp_path)
    assert load_run("7f3a").meta.trials == 5
    (tmp_path / "bohb").mkdir()  # a folder that is no run hides none
    assert load_run("bohb").meta.trials == 4
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"^empty is no run: it has no trials\.parquet\."):
        load_run("empty")


def test_without_a_name_it_is_the_run_that_was_begun_last(make_run, monkeypatch):
    first, last = make_run("2-first", trials=4), make_run("1-last", trials=5)
    for folder, began in ((first, 1_000), (last, 2_000)):
        (folder / "spec.yaml").touch()
        os.utime(folder / "spec.yaml", (began, began))
    os.utime(first / "trials.parquet", (9_000, 9_000))  # it went on later
    os.utime(last / "trials.parquet", (3_000, 3_000))
    monkeypatch.chdir(first.parent.parent)
    assert load_run().meta.run == "1-last"


def test_a_name_that_fits_no_run_or_several_is_one_line_that_lists_them(make_run, tmp_path):
    runs = make_run("1121-gru-bohb-7f3a", trials=4).parent
    make_run("1121-mlp-bohb-10ad", trials=4)
    (runs / "notes").mkdir()
    (runs / ".1121-gru-bohb-beef.part").mkdir()
    (runs / ".1121-gru-bohb-beef.part" / "spec.yaml").touch()

    def line(part, below=runs):
        with pytest.raises(UsageError) as caught:
            load_run(part, runs=below)
        return str(caught.value)

    assert line("bohb") == (
        "'bohb' is part of 2 runs: 1121-gru-bohb-7f3a, 1121-mlp-bohb-10ad. Give more of the id."
    )
    assert line("mlp-bohb-beef") == (
        f"no run 'mlp-bohb-beef' in {runs}. Known: 1121-mlp-bohb-10ad, 1121-gru-bohb-7f3a."
    )
    nowhere = tmp_path / "nowhere"
    assert line("7f3a", nowhere) == (
        f"no run '7f3a': there are no runs in {nowhere}. "
        "Give their folder: load_run('7f3a', runs=FOLDER)"
    )
    assert line("", nowhere) == f"no runs in {nowhere}. Start one: orch sweep gru-bohb"
    for k in range(9):
        make_run(f"1121-cnn-asha-{k}", trials=1)
    assert line("cnn").endswith("1121-cnn-asha-7 and 1 more. Give more of the id.")
