"""Strategies against each other: incumbents, intervals, ranks, words."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from analysis.comparison.compare import Comparison, compare_runs
from analysis.comparison.figures import short_names, write_comparison
from analysis.comparison.incumbent import incumbent
from analysis.comparison.statistics import holm
from analysis.fidelity import full
from analysis.load import Meta, Run, load_run
from analysis.metrics import Mode
from searchspaces.errors import UnknownNameError, UsageError

Make = Callable[..., Path]
BEGAN = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


def made(
    sweep: str,
    seed: int,
    curves: Sequence[Sequence[float]],
    *,
    max_epochs: int | None = None,
    mode: Mode = "min",
    **meta: Any,
) -> Run:
    """A run of trials that ran one after another, a second an epoch."""
    most = max_epochs or max(map(len, curves))
    raw = {
        "sweep": sweep, "seed": seed, "dataset": "digits", "split": "random", "parameters": {},
        **meta,
    }  # fmt: skip
    trials, epochs, clock = [], [], 0
    for number, curve in enumerate(curves):
        trials.append({
            "trial_id": f"{number}", "number": number, "epochs": len(curve),
            "state": "completed" if len(curve) == most else "pruned",
            "started_at": BEGAN + timedelta(seconds=clock),
            "ended_at": BEGAN + timedelta(seconds=clock + len(curve)),
        })  # fmt: skip
        epochs += [
            {"number": number, "epoch": k, "total_seconds": float(k), "bracket": 0, "rung": 0,
             "reported_at": BEGAN + timedelta(seconds=clock + k), "metric.valid_loss": value}
            for k, value in enumerate(curve, 1)
        ]  # fmt: skip
        clock += len(curve)
    name = f"1121-{sweep}-{seed:04x}"
    return Run(
        Path(name), pl.DataFrame(trials), pl.DataFrame(epochs),
        Meta(name, "valid_loss", mode, most, len(trials), (most,), (), finished=True, raw=raw),
    )  # fmt: skip


def repeats(sweep: str, finals: Sequence[float]) -> list[Run]:
    """Runs of two trials of two epochs; the second trial has the final score."""
    return [made(sweep, s, [[3.0, 2.0], [2.5, value]]) for s, value in enumerate(finals)]


# --- one run


def test_the_incumbent_counts_every_epoch_and_full_trials_alone() -> None:
    run = made("a", 0, [[9, 5], [1], [8, 4], [7, 6], [6, 3]])
    found = incumbent(run, 2)
    assert found.budgets.tolist() == [2, 5, 9]
    assert found.scores.tolist() == [5, 4, 3]
    assert found.spent == 9
    np.testing.assert_array_equal(found.at(np.array([1, 2, 4, 5, 9])), [np.nan, 5, 5, 4, 3])
    assert incumbent(run, 1).scores.tolist() == [9, 1]


def test_a_trial_counts_when_it_reported_however_long_it_had_waited() -> None:
    # 0, 1 and 2 run an epoch each; 1 goes on at once, 0 when another bracket's trial 3 is over.
    run = made("a", 0, [[9, 8, 3], [9, 7], [9], [9]])
    seconds = [1, 6, 7, 2, 4, 3, 5]
    reported = pl.Series("reported_at", [BEGAN + timedelta(seconds=s) for s in seconds])
    run = replace(run, epochs=run.epochs.with_columns(reported))
    assert incumbent(run, 1).budgets.tolist() == [1]
    assert incumbent(run, 2).budgets.tolist() == [4]
    assert incumbent(run, 3).budgets.tolist() == [7]


def test_trials_without_times_count_one_by_one() -> None:
    timed = made("a", 0, [[3, 2], [2, 1]])
    bare = replace(timed, epochs=timed.epochs.drop("reported_at"))
    assert incumbent(timed, 2).timed
    assert not incumbent(bare, 2).timed
    assert incumbent(bare, 2).budgets.tolist() == [2, 4]


@pytest.mark.parametrize(("seed", "trials"), [(0, 46), (1, 46), (2, 60), (3, 100), (4, 150)])
def test_the_incumbent_only_improves_and_ends_at_the_best_full_trial(
    make_run: Make, seed: int, trials: int
) -> None:
    run = load_run(make_run(trials=trials, seed=seed))
    found = incumbent(run, 27)
    assert (np.diff(found.budgets) > 0).all()
    assert (np.diff(found.scores) < 0).all()
    assert found.scores[-1] == full(run).scores[0]
    assert found.budgets[-1] <= found.spent == len(run.epochs)


# --- strategies


BETTER = [0.10, 0.12, 0.11, 0.13, 0.09]


def test_a_better_strategy_is_named_with_margin_budget_and_rank() -> None:
    found = compare_runs([
        *repeats("gru-random", [value + 0.05 + 0.01 * (k % 2) for k, value in enumerate(BETTER)]),
        *repeats("gru-bohb", BETTER),
    ])  # fmt: skip
    assert found.winner == "gru-bohb"
    assert (found.paired, found.epoch, found.spent) == (True, 2, 4)
    assert found.budgets.tolist() == [2, 4]
    assert found.ahead_from == 4  # both have 2.0 after two epochs
    bohb, random = found.standings
    assert bohb.mean == pytest.approx(0.11)
    assert random.mean == pytest.approx(0.164)
    assert bohb.ranks.tolist() == [1.5, 1.0]
    assert random.ranks.tolist() == [1.5, 2.0]
    assert found.target == pytest.approx(0.19)
    assert bohb.to_target == random.to_target == (4,) * 5
    assert found.words()[0] == (
        "gru-bohb is ahead after 4 epochs (p < 0.001, 5 repeats each, paired by seed)"
    )
    assert found.words()[2] == "  gru-bohb    0.110 ± 0.020  rank 1.0 (1.0-1.4)"


def test_equal_strategies_have_no_winner() -> None:
    found = compare_runs([*repeats("a", BETTER), *repeats("b", BETTER)])
    assert found.winner is None
    assert found.ahead_from is None
    assert [standing.rank for standing in found.standings] == [1.5, 1.5]
    assert found.differences[0].p == 1.0
    assert found.words()[0].startswith("no winner can be named after 4 epochs: chance alone")


def test_between_equal_strategies_a_winner_is_named_once_in_twenty() -> None:
    rng = np.random.default_rng(1)
    named = [
        compare_runs([
            *repeats("a", rng.normal(0.1, 0.01, 5).tolist()),
            *repeats("b", rng.normal(0.1, 0.01, 5).tolist()),
        ]).winner is not None
        for _ in range(60)
    ]  # fmt: skip
    assert sum(named) <= 8  # binomial(60, 0.05): above 8 once in 700


def test_a_winner_among_three_must_beat_each_of_them() -> None:
    worse = [value + 0.5 + 0.01 * k for k, value in enumerate(BETTER)]
    close = [value + 0.01 * (-1) ** k for k, value in enumerate(BETTER)]
    found = compare_runs([*repeats("a", BETTER), *repeats("b", close), *repeats("c", worse)])
    assert found.winner is None
    assert [pair.adjusted for pair in found.differences] == holm(
        [pair.p for pair in found.differences if pair.p is not None]
    )
    assert "is ahead of c, but cannot be told apart from" in found.words()[0]


def test_repeats_with_other_seeds_are_not_paired() -> None:
    other = [made("b", s + 7, [[3.0, 2.0], [2.5, v + 0.2]]) for s, v in enumerate(BETTER)]
    found = compare_runs([*repeats("a", BETTER), *other])
    assert not found.paired
    assert found.winner == "a"


def test_single_runs_have_neither_interval_nor_winner() -> None:
    found = compare_runs([*repeats("a", [0.1]), *repeats("b", [0.2])])
    assert found.winner is None
    assert found.leader.half is None
    assert found.leader.rank_interval is None
    assert found.words()[0] == (
        "a ends lower after 4 epochs; single runs cannot tell that from luck"
    )


def test_one_strategy_says_how_its_repeats_scatter() -> None:
    found = compare_runs(repeats("a", BETTER))
    assert found.words()[0] == (
        "a after 4 epochs: valid_loss 0.110 ± 0.020, repeats from 0.09 to 0.13"
    )


def test_high_scores_win_where_the_mode_is_max() -> None:
    runs = [
        made(name, s, [[0.1, value + gain]], mode="max")
        for name, gain in (("a", 0.0), ("b", 0.5))
        for s, value in enumerate(BETTER)
    ]
    found = compare_runs(runs)
    assert found.leader.name == "b"
    assert found.target == 0.1  # the first trial's, where the second is worse


def test_budgets_are_cut_to_what_every_run_spent() -> None:
    short = made("a", 0, [[3, 2.0], [3, 1.0]])
    long = made("b", 0, [[3, 2.5], [3, 1.5], [3, 0.1]])
    found = compare_runs([short, long])
    assert found.spent == 4
    assert found.standings[1].finals.tolist() == [1.5]
    assert found.leader.name == "a"
    assert any("all that 1121-a-0000 spent; others spent up to 6" in n for n in found.notes)


def test_runs_of_different_length_are_compared_where_all_have_trials() -> None:
    found = compare_runs([made("a", 0, [[3, 2, 0.1]]), made("b", 0, [[2.5], [1.0]])])
    assert (found.epoch, found.max_epochs, found.spent) == (1, 3, 2)
    assert [standing.mean for standing in found.standings] == [1.0, 3.0]


def test_a_full_trial_that_comes_too_late_is_no_reason_to_compare_nothing() -> None:
    late = made("a", 0, [[3.0], [2.0], [1.5, 1.0, 0.5]])
    soon = made("b", 0, [[3.0, 2.0, 1.0]])
    found = compare_runs([late, soon])
    assert (found.epoch, found.spent) == (1, 3)


def test_settings_tell_strategies_of_one_name_apart() -> None:
    runs = [
        made("gru-asha", eta, [[1.0]], scheduler={"kind": "asha", "eta": eta}) for eta in (3, 4)
    ]
    names = {standing.name for standing in compare_runs(runs).standings}
    assert names == {"gru-asha (eta 3)", "gru-asha (eta 4)"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"dataset": "gestures"}, "data set digits and gestures. Give runs on one data set."),
        ({"split": "group"}, "split random and group. Give runs with one split."),
        (
            {"dataset": ""},
            "data set digits and none given. If it is the same, say so: orch import --dataset.",
        ),
        ({"mode": "max"}, "mode min and max. Give runs that improve the same way."),
    ],
)
def test_scores_that_mean_different_things_are_not_compared(
    changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError) as caught:
        compare_runs([made("a", 0, [[1.0]]), made("b", 0, [[1.0]], **changes)])
    assert str(caught.value) == f"runs 1121-a-0000 and 1121-b-0000 cannot be compared: {words}"


def test_a_run_without_results_is_named() -> None:
    with pytest.raises(UsageError) as caught:
        compare_runs([made("a", 0, [[1.0]]), made("b", 0, [[math.nan]])])
    assert str(caught.value) == (
        "run 1121-b-0000 has no results: no trial has finished an epoch. "
        "Run: orch resume 1121-b-0000"
    )


# --- figures and files


@pytest.fixture
def compared() -> Comparison:
    return compare_runs([*repeats("gru-bohb", BETTER), *repeats("gru-random", BETTER[::-1])])


def test_figures_are_written_and_say_what_they_show(compared: Comparison, tmp_path: Path) -> None:
    pictures = write_comparison(compared, tmp_path / "new", ("svg", "png"))
    assert [picture.name for picture in pictures] == ["incumbent", "rank"]
    assert all(picture.drawn for picture in pictures)
    assert pictures[0].reading.startswith("No winner can be named after 4 epochs")
    assert {path.name for path in (tmp_path / "new").iterdir()} == {
        "incumbent.svg", "incumbent.png", "rank.svg", "rank.png",
    }  # fmt: skip
    with pytest.raises(UnknownNameError):
        write_comparison(compared, tmp_path, only=["incumbents"])


def test_ranks_of_single_runs_are_not_drawn(tmp_path: Path) -> None:
    found = compare_runs([*repeats("a", [0.1]), *repeats("b", [0.2])])
    incumbents, ranks = write_comparison(found, tmp_path, ("svg",))
    assert incumbents.drawn
    assert (ranks.drawn, ranks.reading) == (False, "a rank of single runs would show luck")


def test_names_lose_what_they_share_but_never_all() -> None:
    assert short_names(["gru-bohb", "gru-random"]) == ["bohb", "random"]
    assert short_names(["gru", "gru-random"]) == ["gru", "gru-random"]
    assert short_names(["gru-bohb", "mlp-bohb"]) == ["gru-bohb", "mlp-bohb"]
    assert short_names(["gru-bohb"]) == ["gru-bohb"]


def test_a_run_whose_first_values_were_not_finite_has_nothing_to_compare_there() -> None:
    late, short = made("late", 0, [[math.nan, math.nan, 1.0]]), made("short", 0, [[2.0, 1.5]])
    with pytest.raises(UsageError, match="run 1121-late-0000 had no result after 2 epochs"):
        compare_runs([late, short])
