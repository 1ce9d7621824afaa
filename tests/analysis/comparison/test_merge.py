"""Several runs as one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from analysis.comparison.merge import merge_runs
from analysis.figures import write_figures
from analysis.findings import find
from analysis.importance.effects import importance
from analysis.load import Run, load_run
from analysis.parameters import parse_parameters
from searchspaces.errors import UsageError

Make = Callable[..., Path]


def said(run: Run, **changes: Any) -> Run:
    """The run with other metadata."""
    raw = {**run.meta.raw, **changes}
    meta = replace(run.meta, raw=raw, parameters=parse_parameters(raw["parameters"]))
    known = {name: changes[name] for name in ("metric", "mode", "max_epochs") if name in changes}
    return replace(run, meta=replace(meta, **known))


def with_parameter(run: Run, name: str, **entry: Any) -> Run:
    return said(run, parameters={**run.meta.raw["parameters"], name: entry})


def halves(run: Run, name: str = "1121-gru-bohb-beef") -> tuple[Run, Run]:
    """Two runs that hold the first and the last trials of one, each numbered from 0."""
    middle = len(run.trials) // 2
    first = replace(
        run, trials=run.trials[:middle], epochs=run.epochs.filter(pl.col("number") < middle),
        _curves={},
    )  # fmt: skip
    shift = (pl.col("number") - middle).alias("number")
    last = replace(
        run,
        trials=run.trials[middle:].with_columns(shift),
        epochs=run.epochs.filter(pl.col("number") >= middle).with_columns(shift),
        meta=replace(run.meta, run=name),
        _curves={},
    )
    return first, last


@pytest.fixture
def run(make_run: Make) -> Run:
    return load_run(make_run(trials=60, fail=(7, 41)))


def test_importance_of_merged_runs_is_that_of_one_run_with_all_their_trials(
    run: Run, tmp_path: Path
) -> None:
    merged = merge_runs(halves(run), tmp_path / "both")

    assert merged.trials.drop("run").equals(run.trials)
    np.testing.assert_array_equal(merged.curves("valid_loss"), run.curves("valid_loss"))
    assert importance(merged).as_dict() == importance(run).as_dict()


def test_trials_of_equal_numbers_stay_apart_and_know_their_run(
    make_run: Make, tmp_path: Path
) -> None:
    one = load_run(make_run("1121-gru-bohb-aaaa", trials=46, seed=1))
    two = load_run(make_run("1121-gru-bohb-bbbb", trials=30, seed=2))

    merged = merge_runs([one, two], tmp_path / "both")

    assert merged.trials["number"].to_list() == list(range(76))
    assert merged.trials["run"].to_list() == [one.meta.run] * 46 + [two.meta.run] * 30
    assert merged.trials["trial_id"].n_unique() == 76
    assert merged.trials["trial_id"][0] == "aaaa-t00000"
    assert merged.trials["trial_id"][46] == "bbbb-t00000"
    curves = merged.curves("valid_loss")
    np.testing.assert_array_equal(curves[:46], one.curves("valid_loss"))
    np.testing.assert_array_equal(curves[46:], two.curves("valid_loss"))
    brackets = merged.epochs["bracket"]
    assert not set(brackets.filter(merged.epochs["number"] < 46)) & set(
        brackets.filter(merged.epochs["number"] >= 46)
    )
    assert "trials are numbered on: 0-45 of aaaa, 46-75 of bbbb" in merged.notes
    assert "seeds 1, 2 hold out different data; scores differ by that too" in merged.notes


def test_every_figure_can_draw_a_merged_run(run: Run, tmp_path: Path) -> None:
    merged = merge_runs(halves(run), tmp_path / "both")
    pictures = write_figures(
        find(merged), tmp_path, formats=("svg",), only=("importance", "learning_curves")
    )
    assert all(picture.drawn for picture in pictures)


def test_ranges_that_differ_in_bounds_are_united(run: Run, tmp_path: Path) -> None:
    first, last = halves(run)
    wide = {**run.meta.raw["parameters"]["hidden_size"], "low": 32, "high": 512}

    merged = merge_runs([first, with_parameter(last, "hidden_size", **wide)], tmp_path)

    size = next(each for each in merged.meta.parameters if each.name == "hidden_size")
    assert size.range_words() == "16..512"
    assert size.log
    assert "hidden_size is taken as 16..512, the union of the runs' ranges" in merged.notes
    assert merged.meta.raw["parameters"]["hidden_size"] == {
        "group": "space", "kind": "int", "low": 16, "high": 512, "log": True,
    }  # fmt: skip


def test_a_constant_counts_as_searched_where_another_run_searched_it(
    run: Run, tmp_path: Path
) -> None:
    first, last = halves(run)
    fixed = with_parameter(last, "batch_size", group="training", kind="constant", value=64)

    merged = merge_runs([first, fixed], tmp_path)

    assert "batch_size" in [each.name for each in merged.meta.parameters]
    assert "batch_size is searched, but always 64 in 1121-gru-bohb-beef" in merged.notes


def test_values_of_choices_are_united_in_order(run: Run, tmp_path: Path) -> None:
    first, last = halves(run)
    one = with_parameter(first, "readout", group="space", kind="choice", values=["last", "mean"])
    two = with_parameter(last, "readout", group="space", kind="choice", values=["max", "mean"])

    merged = merge_runs([one, two], tmp_path)

    assert merged.meta.parameters[-1].range_words() == "last|mean|max"


HEAD = "runs 1121-gru-bohb-7f3a and 1121-gru-bohb-beef cannot be merged: "


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"metric": "accuracy"},
            "metric valid_loss and accuracy. Judge both by one: --metric NAME.",
        ),
        ({"dataset": "gestures"}, "data set digits and gestures. Give runs on one data set."),
        ({"split": "group"}, "split random and group. Give runs with one split."),
        (
            {"max_epochs": 9},
            "epochs of a full trial 27 and 9. A trial complete after fewer did not run more; "
            "compare them instead.",
        ),
        (
            {"architecture": "mlp"},
            "architecture gru and mlp. Give runs of one architecture, or compare them.",
        ),
        (
            {"outcomes": ["weights < 50000"]},
            "limits none given and weights < 50000. Give runs with the same limits, or look at "
            "both: orch diff.",
        ),
        (
            {"objectives": [{"metric": "weights", "mode": "min"}]},
            "objectives none given and weights min. Give runs with the same objectives, or "
            "compare them.",
        ),
        (
            {"seeds": 3},
            "seeds of each trial 1 and 3. Give runs that train each config as often, "
            "or compare them.",
        ),
    ],
)
def test_runs_that_are_not_one_are_refused_in_a_line_that_says_why(
    run: Run, tmp_path: Path, changes: dict[str, Any], line: str
) -> None:
    first, last = halves(run)
    with pytest.raises(UsageError) as caught:
        merge_runs([first, said(last, **changes)], tmp_path)
    assert str(caught.value) == HEAD + line


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        (
            {"group": "space", "kind": "int", "low": 16, "high": 256},
            "hidden_size is Int(16, 256, log=True) and Int(16, 256). Only bounds may differ; "
            "compare them instead.",
        ),
        (
            {"group": "space", "kind": "constant", "value": 1024},
            "hidden_size is 16..256 and 1024, which lies outside. Compare them instead.",
        ),
        (None, "hidden_size is a parameter of the first only. Compare them instead."),
    ],
)
def test_spaces_that_differ_are_refused(
    run: Run, tmp_path: Path, entry: dict[str, Any] | None, line: str
) -> None:
    first, last = halves(run)
    if entry is None:
        left = {k: v for k, v in run.meta.raw["parameters"].items() if k != "hidden_size"}
        other = said(last, parameters=left)
    else:
        other = with_parameter(last, "hidden_size", **entry)
    with pytest.raises(UsageError) as caught:
        merge_runs([first, other], tmp_path)
    assert str(caught.value) == HEAD + line


def test_two_constants_of_different_values_are_refused(run: Run, tmp_path: Path) -> None:
    first, last = halves(run)
    other = with_parameter(last, "clip", group="training", kind="constant", value=5.0)
    with pytest.raises(UsageError) as caught:
        merge_runs([first, other], tmp_path)
    assert str(caught.value) == HEAD + "clip is always 1 and always 5. Compare them instead."


def test_a_run_given_twice_or_alone_is_refused(run: Run, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"run 1121-gru-bohb-7f3a is given twice\."):
        merge_runs([run, run], tmp_path)
    with pytest.raises(UsageError, match=r"1 run cannot be merged\. Give two or more\."):
        merge_runs([run], tmp_path)


def test_runs_that_lack_optional_columns_and_trials_merge(run: Run, tmp_path: Path) -> None:
    first, last = halves(run)
    bare = replace(
        last,
        trials=last.trials.drop("started_at", "ended_at", "weights", "node"),
        epochs=last.epochs.drop("bracket", "rung", "total_seconds"),
        _curves={},
    )
    empty = replace(
        bare,
        trials=bare.trials.clear(),
        epochs=bare.epochs.clear(),
        meta=replace(bare.meta, run="empty"),
        _curves={},
    )

    merged = merge_runs([empty, first, bare], tmp_path)

    np.testing.assert_array_equal(merged.curves("valid_loss"), run.curves("valid_loss"))
