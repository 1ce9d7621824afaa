"""``points:``: configs that are tried first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from orchestrator import Study, Sweep
from orchestrator.cli.given import changes_of, spec_of
from orchestrator.engine.journal import read
from orchestrator.engine.records import TrialStarted
from orchestrator.schedulers import Continue
from orchestrator.searchers import searchers
from orchestrator.spec_file import FileError, to_yaml
from searchspaces import ConfigurationError

SPACE = {"x": {"low": 0.0, "high": 1.0}, "cell": {"values": ["gru", "lstm"]}}
POINTS = [{"x": 0.25}, {"x": 0.5, "cell": "lstm"}]


def made(strategy: str = "random", **changes: Any) -> Sweep:
    return Sweep(f"ask-{strategy}", **{"space": SPACE, "trials": 6, "epochs": 3, **changes})


def go(study: Study, most: int = 100) -> list[dict[str, Any]]:
    """Run so many trials at most, each to its end; their configs."""
    found = []
    while len(found) < most and (trial := study.ask()) is not None:
        found.append(dict(trial.config))
        for epoch in range(trial.epoch + 1, 4):
            answer = study.tell(trial, {"valid_loss": trial.config["x"] + 1 / epoch})
            if not isinstance(answer, Continue):
                break
    return found


@pytest.mark.parametrize("kind", [name for name in searchers.names() if name != "grid"])
def test_points_come_first_whatever_the_searcher(kind, tmp_path: Path) -> None:
    for library in {"cmaes": ("cmaes",), "optuna-tpe": ("optuna",)}.get(kind, ()):
        pytest.importorskip(library)
    sweep = made(searcher={"kind": kind}, scheduler={"kind": "fifo"}, points=POINTS)
    with sweep.ask_tell(tmp_path) as study:
        configs = go(study)
        trials = study.result().trials.sort("number")
    assert len(configs) == 6
    assert configs[0]["x"] == 0.25
    assert configs[0]["cell"] in {"gru", "lstm"}
    assert configs[1] == {"x": 0.5, "cell": "lstm"}
    assert trials["enqueued"].to_list() == [True, True, False, False, False, False]
    started = [e.record for e in read(study.run.journal) if isinstance(e.record, TrialStarted)]
    assert [record.enqueued for record in started] == [True, True] + [False] * 4


def test_a_study_goes_on_with_the_same_points(tmp_path: Path) -> None:
    points = [{"x": 0.1}, {"x": 0.2}, {"cell": "gru"}]
    with made(points=points).ask_tell(tmp_path / "whole") as study:
        whole = go(study)
    with made(points=points).ask_tell(tmp_path / "parts") as study:
        parts = go(study, 1)
    for _ in range(2):
        with Study.resume(runs=tmp_path / "parts") as study:
            parts += go(study, 2)
    assert parts == whole[:5]


def test_numbers_of_numpy_are_values_of_points_too(tmp_path: Path) -> None:
    space = {"k": {"low": 1, "high": 8}, "sizes": {"values": [[3, 3], [5]]}}
    points = [{"k": np.int64(3), "sizes": [np.int64(5)]}, {"k": np.float32(4)}]
    sweep = made(space=space, points=points)
    with sweep.ask_tell(tmp_path) as study:
        first = study.ask()
    assert first is not None
    assert dict(first.config) == {"k": 3, "sizes": (5,)}
    assert study.run.spec() == sweep.spec


@pytest.mark.parametrize(
    ("points", "line"),
    [
        ([{"x": 0.5}, {"x": 1.5}], "points.1.x: 1.5 is not one of 0..1."),
        ([{"x": 0.5, "cell": "rnn"}], "points.0.cell: 'rnn' is not one of gru|lstm."),
        (
            [{"cel": "gru"}],
            "points.0.cel: unknown parameter. Did you mean 'cell'? Known: x, cell.",
        ),
        ([{}], "points.0: no value is given. Give at least one parameter, or leave it out."),
        (
            "x",
            "points: 'x' is no list of configs. Write one as {learning_rate: 0.003}, several in "
            "a list.",
        ),
        (
            [{"x": 0.5}, 3],
            "points: number 1, 3, is no config. Write one as {learning_rate: 0.003}.",
        ),
        (
            [{"x": n / 10} for n in range(7)],
            "points: 7 are given, and the sweep has 6 trials. Leave some out, or give more trials.",
        ),
    ],
)
def test_what_is_no_point_is_refused_before_the_start(points, line) -> None:
    with pytest.raises(ConfigurationError) as caught:
        made(points=points)
    assert str(caught.value) == line


def test_a_condition_and_a_constraint_refuse_a_point() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Sweep("gru-bohb", points=[{"num_layers": 1, "dropout": 0.3}])
    assert str(caught.value) == (
        "points.0.dropout: a value is given, but it needs num_layers = 2|3|4, not 1. Leave it out."
    )
    with pytest.raises(ConfigurationError, match=r"^points\.0\.heads_divide_hidden_size: "):
        Sweep(
            "attention-gru-bohb",
            space={"hidden_size": {"kind": "int", "low": 3, "high": 30}, "num_heads": 2},
            points=[{"hidden_size": 15}],
        )


def test_a_searcher_that_lays_all_out_takes_none() -> None:
    with pytest.raises(ConfigurationError) as caught:
        made(searcher={"kind": "grid"}, points=POINTS)
    assert str(caught.value) == (
        "points: grid lays all its configs out at the start, and no other fits between them. "
        "Leave the points out, or take another searcher."
    )
    with pytest.raises(ConfigurationError) as caught:
        made(searcher={"kind": "grid"}, space={"x": {"low": 0.0, "high": 1.0, "prior": 0.5}})
    assert str(caught.value) == (
        "space.x.prior: grid trains each of its configs, whatever is believed of them. Leave the "
        "prior out, or take another searcher."
    )


def test_a_file_holds_points_and_an_error_names_their_line(tmp_path: Path) -> None:
    spec = made(points=POINTS).spec
    file = tmp_path / "sweep.yaml"
    file.write_text(to_yaml(spec.dump()))
    assert Sweep(file).spec == spec
    assert "points" not in made().spec.dump()
    assert "warm_start" not in made().spec.dump()
    file.write_text("architecture: gru\npoints:\n- num_layers: 2\n- num_layers: 5\n")
    with pytest.raises(FileError) as caught:
        Sweep(file)
    assert str(caught.value) == f"{file}:4: points.1.num_layers: 5 is not one of 1..4."


def test_the_winner_of_a_run_can_be_a_point_on_the_line(tmp_path: Path) -> None:
    file = tmp_path / "winner.yaml"
    file.write_text("# run 1121-gru-bohb-7f3a, trial 3, completed\nnum_layers: 2\n")
    spec = spec_of("gru-bohb", changes_of((), {"points": str(file)}))
    assert spec.points == ({"num_layers": 2},)
    file.write_text("- num_layers: 2\n- num_layers: 3\n")
    assert len(spec_of("gru-bohb", changes_of((), {"points": str(file)})).points) == 2
    file.write_text("2\n")
    with pytest.raises(FileError) as caught:
        changes_of((), {"points": str(file)})
    assert str(caught.value) == (
        f"{file}: holds no configs. Write each as learning_rate: 0.003 and so on."
    )


def test_points_say_groups_and_lists_as_the_space_does() -> None:
    space = {"optim": {"rate": {"low": 0.0, "high": 1.0}}, "widths": {"values": [[3, 3], [5]]}}
    points = [{"optim": {"rate": 0.5}, "widths": [3, 3]}, {"optim.rate": 0.25}]
    spec = made(space=space, points=points).spec
    assert spec.points == ({"optim.rate": 0.5, "widths": [3, 3]}, {"optim.rate": 0.25})
    with pytest.raises(ConfigurationError) as caught:
        made(space=space, points=[{"optim": {"rate": 3}}])
    assert str(caught.value) == "points.0.optim.rate: 3 is not one of 0..1."
