from __future__ import annotations

import json

import polars as pl
import pytest

from analysis import analyze, load_run
from analysis.summary import block
from searchspaces.errors import ConfigurationError, UnknownNameError, UsageError


def test_the_words_answer_what_people_ask_after_a_sweep(make_run):
    folder = make_run(trials=300, fail=(7, 12), seed=2)
    lines = analyze(folder, only=["learning_curves"], formats=("png",)).lines
    heads = [line[:10].strip() for line in lines]
    assert [head for head in heads if head] == [
        "best", "split", "epochs", "matters", "look out", "more", "figures"
    ]  # fmt: skip
    text = "\n".join(lines)
    assert "of 27\n          num_layers " in text
    assert "from the best 5 of 49 full trials" in text
    assert "matters   learning_rate 0." in text
    assert "at epoch 27, 49 trials, forest explains 0." in text
    assert "--set space.hidden_size.high=512" in text
    assert "2 of 300 trials failed: loss became nan" in text
    assert lines[-1] == f"figures   {folder / 'figures'} (1)    orch analyze {folder} --html"
    assert max(len(line) for line in lines[:-1]) <= 80


def test_the_best_trial_is_the_best_that_ran_all_epochs(make_run):
    folder = make_run()
    best = analyze(folder, only=[]).findings.best
    table = load_run(folder).trials.filter(pl.col("epochs") == 27).sort("objective", "number")
    row = table.row(0, named=True)
    assert best.number == row["number"]
    assert best.epoch == row["best_epoch"]
    assert best.objective == row["objective"]
    assert best.metrics["accuracy"] == row["metric.accuracy"]
    assert best.config["learning_rate"] == row["config.learning_rate"]
    assert ("dropout" in best.config) == (row["config.dropout"] is not None)


def test_everything_can_be_had_as_json(make_run):
    figures = ["importance", "timeline"]
    analysis = analyze(make_run(fail=(3,)), formats=("svg",), only=figures)
    again = json.loads(json.dumps(analysis.as_dict(), allow_nan=False))
    assert again["run"] == "1121-gru-bohb-7f3a"
    assert again["best"]["number"] == analysis.findings.best.number
    assert again["epochs"]["epoch"] == analysis.findings.optimum.epoch
    assert again["importance"]["effects"][0]["name"] == "learning_rate"
    assert again["failures"] == {"loss became nan": 1}
    assert [figure["name"] for figure in again["figures"]] == figures
    assert again["overfitting"]["unknown"] == analysis.findings.overfitting.unknown
    assert again["tuning_curve"]["trials"] == 46


def test_no_trial_is_one_clear_line(make_run):
    folder = make_run(trials=0)
    with pytest.raises(UsageError) as caught:
        analyze(folder)
    assert str(caught.value) == (
        "run 1121-gru-bohb-7f3a has no results: no trial has finished an epoch. "
        f"Run: orch resume {folder}"
    )


def test_one_trial_is_analyzed_as_far_as_that_goes(make_run):
    analysis = analyze(make_run(trials=1))
    assert analysis.findings.best.number == 0
    assert set(analysis.figures) == {
        "epoch_optimum", "history", "learning_curves", "rungs", "timeline",
    }  # fmt: skip


def test_a_run_of_failed_trials_says_why_they_failed(make_run):
    analysis = analyze(make_run(trials=9, fail=tuple(range(9)), max_epochs=1))
    assert analysis.lines[0] == "best      none: no trial has a result"
    assert "look out  9 of 9 trials failed: loss became nan" in analysis.lines
    assert set(analysis.figures) == {"timeline"}
    assert analysis.as_dict()["best"] is None


def test_failures_are_counted_by_cause(make_run, rewrite):
    folder = make_run(fail=(1, 2, 3))
    run = load_run(folder)
    trials = run.trials.with_columns(
        pl.when(pl.col("number") == 2)
        .then(pl.lit("out of memory"))
        .otherwise("error")
        .alias("error")
    )
    rewrite(folder, trials, run.epochs, dict(run.meta.raw))
    analysis = analyze(folder, only=[])
    assert analysis.findings.failures == {"loss became nan": 2, "out of memory": 1}
    assert any(
        "3 of 46 trials failed: loss became nan (2), out of memory (1)" in line
        for line in analysis.lines
    )


def test_the_same_objective_everywhere_still_gives_an_answer(make_run, rewrite):
    folder = make_run()
    run = load_run(folder)
    epochs = run.epochs.with_columns(pl.lit(0.5).alias("metric.valid_loss"))
    rewrite(folder, run.trials, epochs, dict(run.meta.raw))
    analysis = analyze(folder, formats=("png",))
    assert "matters   cannot tell: every trial has the same valid_loss" in analysis.lines
    assert "importance" not in analysis.figures


@pytest.mark.parametrize(
    "changes",
    [
        {"metric": "accuracy", "mode": "max", "fail": (1, 2)},
        {"hyperband": False, "trials": 25, "fail": (0, 24)},
        {"max_epochs": 1, "hyperband": False},
        {"max_epochs": 100, "trials": 12},
        {"trials": 2},
    ],
    ids=str,
)
def test_unusual_runs_are_drawn_without_a_warning(make_run, changes):
    analysis = analyze(make_run(**changes), formats=("png",))
    assert "learning_curves" in analysis.figures


def test_metrics_that_are_not_finite_count_as_none(make_run, rewrite):
    folder = make_run()
    run = load_run(folder)
    odd = (pl.col("number") + pl.col("epoch")) % 5 == 0
    epochs = run.epochs.with_columns(
        pl.when(odd).then(float("inf")).otherwise("metric.valid_loss").alias("metric.valid_loss"),
        pl.when(odd).then(float("nan")).otherwise("metric.accuracy").alias("metric.accuracy"),
        pl.lit(None, pl.Float64).alias("metric.empty"),
    )
    rewrite(folder, run.trials, epochs, dict(run.meta.raw))
    analysis = analyze(folder, formats=("png",))
    assert "learning_curves" in analysis.figures
    json.dumps(analysis.as_dict(), allow_nan=False)


def test_a_metric_of_ones_own_may_be_the_objective(make_run, rewrite):
    folder = make_run()
    run = load_run(folder)
    names = {"metric.valid_loss": "metric.perplexity", "metric.accuracy": "metric.bits"}
    rewrite(folder, run.trials.rename(names), run.epochs.rename(names),
            dict(run.meta.raw) | {"metric": "perplexity"})  # fmt: skip
    analysis = analyze(folder, formats=("png",))
    assert analysis.findings.optimum.second_metric is None
    assert analysis.lines[0].split()[3] == "perplexity"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"only": ["importence"]}, "unknown figure 'importence'. Did you mean 'importance'?"),
        ({"formats": ["jpg"]}, "unknown figure format 'jpg'. Did you mean 'png'?"),
    ],
)
def test_unknown_names_suggest_the_nearest(make_run, arguments, words):
    folder = make_run(trials=4)
    with pytest.raises(UnknownNameError) as caught:
        analyze(folder, **arguments)
    assert str(caught.value).startswith(words)
    assert not (folder / "figures").exists()


def test_top_below_one_is_refused(make_run):
    with pytest.raises(ConfigurationError) as caught:
        analyze(make_run(trials=4), top=0)
    assert str(caught.value) == "top: 0 is below 1. Give the number of best trials to look at."


def test_a_place_that_cannot_be_written_is_one_clear_line(make_run):
    folder = make_run(trials=4)
    (folder / "figures").write_text("a file where a folder should be")
    with pytest.raises(
        UsageError, match=r"^cannot write figures to .*figures: .*\. Make it writable$"
    ):
        analyze(folder)


def test_another_metric_judges_the_same_trials(make_run):
    folder = make_run(hyperband=False)
    found = analyze(folder, only=[], metric="accuracy").findings
    at_best = load_run(folder).trials.sort("metric.accuracy", descending=True)
    by_curve = load_run(folder).curves("accuracy").max(axis=1)
    assert found.run.meta.mode == "max"
    assert found.best.number == int(by_curve.argmax())
    assert found.best.objective == by_curve.max() >= at_best["metric.accuracy"][0]
    assert next(iter(found.best.metrics)) == "accuracy"
    assert found.run.notes == (
        "judged by accuracy, higher is better; the sweep itself sought valid_loss",
    )


def test_a_metric_that_was_not_reported_suggests_those_that_were(make_run):
    with pytest.raises(UnknownNameError) as caught:
        analyze(make_run(trials=4), only=[], metric="acuracy")
    assert str(caught.value) == (
        "unknown metric 'acuracy'. Did you mean 'accuracy'? "
        "Known: accuracy, learning_rate, train_loss, valid_loss."
    )


def test_one_name_needs_no_list(make_run):
    found = analyze(make_run(trials=20), only="epoch_optimum", formats="svg")
    assert [path.name for path in found.figures["epoch_optimum"]] == ["epoch_optimum.svg"]
    assert repr(found) == "<Analysis of 1121-gru-bohb-7f3a: 1 figures>"


def test_figures_in_no_format_are_refused(make_run):
    folder = make_run(trials=20)
    with pytest.raises(UsageError, match="no format to draw figures in"):
        analyze(folder, formats=())
    assert analyze(folder, formats=(), only=()).pictures == ()


def test_a_folder_that_is_no_run_is_not_to_be_resumed(tmp_path):
    (tmp_path / "compare-33bf").mkdir()
    with pytest.raises(UsageError) as caught:
        load_run(tmp_path / "compare-33bf")
    assert str(caught.value) == (
        f"{tmp_path / 'compare-33bf'} is no run: it has no trials.parquet. List runs: orch runs"
    )


def test_a_running_sweep_is_not_to_be_resumed(make_run, rewrite):
    folder = make_run(trials=20)
    run = load_run(folder)
    rewrite(folder, run.trials, run.epochs, {**run.meta.raw, "finished": False, "owned": True})
    assert load_run(folder).notes == (
        "the sweep was still running when these results were written",
    )


@pytest.mark.parametrize(
    "typed", ["--epochs 162", "orch resume 1121-gru-bohb-7f3a", "--set 'space.act.values=[a, b]'"]
)
def test_what_is_to_be_typed_is_not_folded(typed):
    for length in range(30, 70):
        lines = block("more", [f"{'x' * length}; try {typed} or more of the same"])
        assert any(typed in line for line in lines), lines
        assert max(map(len, lines)) <= 80
