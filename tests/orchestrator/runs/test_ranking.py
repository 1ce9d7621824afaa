"""What ranks first: never a trial that failed, whatever it reported before."""

from __future__ import annotations

from typing import Any

import polars as pl

from orchestrator.runs.ranking import best_first, leader, winner


def table(*rows: tuple[str, float | None, float]) -> pl.DataFrame:
    """Trials of a state, an objective and a violation."""
    found: list[dict[str, Any]] = [
        {"number": number, "state": state, "epochs": 3, "objective": objective,
         "violation": violation, "keeps": violation == 0}
        for number, (state, objective, violation) in enumerate(rows)
    ]  # fmt: skip
    return best_first(pl.DataFrame(found), "min")


def test_a_trial_that_failed_has_no_result_that_counts() -> None:
    trials = table(("failed", 0.1, 0.0), ("infeasible", 0.2, 0.0))
    assert leader(trials) is None
    assert winner(trials) is None


def test_a_failed_trial_ranks_after_one_that_breaks_a_limit() -> None:
    trials = table(("failed", 0.1, 0.0), ("completed", 0.5, 2.0), ("pruned", 0.3, 1.0))
    assert trials["number"].to_list() == [2, 1, 0]
    assert (leader(trials) or {})["number"] == 2
    assert winner(trials) is None


def test_without_a_completed_trial_one_that_was_stopped_is_the_best() -> None:
    assert (winner(table(("failed", 0.1, 0.0), ("pruned", 0.3, 0.0))) or {})["number"] == 1
    assert winner(table(("pruned", None, 0.0))) is None


def test_of_those_that_break_a_limit_by_as_much_the_earlier_is_the_nearest() -> None:
    """As a view that follows the sweep has it, which knows them by their losses alone."""
    trials = table(("pruned", 0.5, 1.0), ("completed", 0.3, 1.0), ("completed", 0.2, 2.0))
    assert trials["number"].to_list() == [0, 1, 2]


def test_a_completed_trial_that_breaks_a_limit_does_not_count_as_one() -> None:
    trials = table(("completed", 0.1, 1.0), ("pruned", 0.3, 0.0), ("pruned", 0.2, 0.0))
    assert trials["number"].to_list() == [2, 1, 0]
