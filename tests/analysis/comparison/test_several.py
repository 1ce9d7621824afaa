"""``orch analyze RUN RUN``: what is compared, what is merged, where it is written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from analysis.comparison.several import analyze_runs
from analysis.load import load_run
from searchspaces.errors import UnknownNameError, UsageError

Make = Callable[..., Path]
Write = Callable[..., None]


def test_runs_of_one_space_are_compared_and_looked_at_together(make_run: Make) -> None:
    folders = [make_run(f"1121-gru-bohb-000{s}", trials=46, seed=s) for s in range(3)]
    found = analyze_runs(folders, formats=("svg",), only=("incumbent", "importance"))
    assert found.merged is not None
    assert len(found.merged.findings.run.trials) == 138
    assert found.folder.parent == folders[0].parent
    assert found.folder.name.startswith("compare-")
    assert (found.folder / "incumbent.svg").is_file()
    assert (found.folder / "figures" / "importance.svg").is_file()
    assert found.folder == analyze_runs(folders[::-1], only=()).folder
    assert any(line.startswith("compare   gru-bohb after ") for line in found.lines)
    assert all(len(line) <= 80 for line in found.lines if "figures" not in line)
    json.dumps(found.as_dict(), allow_nan=False, default=str)


def test_runs_of_two_spaces_are_compared_only(make_run: Make) -> None:
    folders = [
        make_run("1121-gru-bohb-0001", trials=20, max_epochs=9, optimum=6.0),
        make_run("1121-gru-bohb-0002", trials=20),
    ]
    found = analyze_runs(folders, only=())
    assert found.merged is None
    assert "epochs of a full trial 9 and 27" in found.apart
    assert found.comparison.epoch == 9
    assert not found.folder.exists()


def test_runs_can_be_judged_by_another_metric(make_run: Make) -> None:
    folders = [make_run(f"1121-gru-bohb-000{s}", trials=20, seed=s) for s in range(2)]
    found = analyze_runs(folders, only=(), metric="accuracy")
    assert (found.comparison.metric, found.comparison.mode) == ("accuracy", "max")
    assert 0.5 < found.comparison.leader.mean <= 1


def test_a_figure_of_an_unknown_name_is_an_error(make_run: Make) -> None:
    folders = [make_run(f"1121-gru-bohb-000{s}", trials=20, seed=s) for s in range(2)]
    with pytest.raises(UnknownNameError, match="unknown figure 'ranks'"):
        analyze_runs(folders, only=("ranks",))


def test_what_to_type_for_a_report_names_all_runs(make_run: Make) -> None:
    folders = [make_run(f"1121-gru-bohb-000{s}", trials=20, seed=s) for s in range(2)]
    lines = analyze_runs(folders, only="epoch_optimum", formats="svg").lines
    assert any(
        line.endswith(f"    orch analyze {folders[0]} {folders[1]} --html") for line in lines
    )


def test_in_a_notebook_are_the_words_and_the_figures_of_both(make_run: Make) -> None:
    folders = [make_run(f"1121-gru-bohb-000{s}", trials=20, seed=s) for s in range(2)]
    found = analyze_runs(folders, only=("incumbent", "epoch_optimum"), formats="svg")
    page = found._repr_html_()
    assert page.count("<img") == 2
    assert "together  40 trials of 2 runs as one" in page
    assert repr(found) == "<SeveralAnalysis of gru-bohb: 1 figures>"


def test_a_metric_that_one_run_lacks_names_that_run(make_run: Make, rewrite: Write) -> None:
    folders = [make_run(f"1121-gru-bohb-000{s}", trials=20, seed=s) for s in range(2)]
    run = load_run(folders[1])
    rewrite(folders[1], run.trials, run.epochs.drop("metric.accuracy"), dict(run.meta.raw))
    with pytest.raises(UsageError, match="run 1121-gru-bohb-0001 has no metric 'accuracy'"):
        analyze_runs(folders, only=(), metric="accuracy")
