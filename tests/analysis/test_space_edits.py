"""A space that was edited while it was searched: every figure holds all trials, and it is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from analysis import analyze, load_run
from analysis.space_edits import parse_edits
from orchestrator.engine.records import Commanded, EpochReported, TrialStarted, Verdict
from orchestrator.names import compose
from orchestrator.runs.describe import tables_of
from orchestrator.runs.folder import RunFolder
from orchestrator.spec import spec_from

MakeRun = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run of 40 trials whose hidden_size was widened before trial 20 and was 64 at last."""
    spec = spec_from(compose("gru-random"), {"trials": 40, "epochs": 1})
    run = RunFolder.create(tmp_path, spec, {})
    tables = tables_of(run, spec, split="")
    edits = {20: {"hidden_size": {"high": 1024}}, 35: {"hidden_size": 64}}
    space, version = spec.joint, 1
    for number in range(40):
        if number in edits:
            changes = {"space": edits[number]}
            tables.note(Commanded("edit", 0.0, number, changes))
            spec, version = spec_from(spec.dump(), changes), version + 1
            space = spec.joint
        config = space.sample(np.random.default_rng(number))
        if 25 <= number < 31:
            config = space.validate({**config, "hidden_size": 900 + number})
        tables.note(TrialStarted(number, dict(config), number, 0, 1, 0.0, version))
        loss = 1 / config["hidden_size"]
        record = EpochReported(
            number, 1, 1, {"valid_loss": loss}, 0.1, "here", 1.0 + number, Verdict("stop")
        )
        tables.note(record)
    tables.write(run.path, owned=False, sequence=0)
    return run.path


def test_the_tables_say_which_trial_is_from_which_space(folder: Path) -> None:
    trials = pl.read_parquet(folder / "trials.parquet").sort("number")
    assert trials["space_version"].to_list() == [1] * 20 + [2] * 15 + [3] * 5
    meta = json.loads(pl.read_parquet_metadata(folder / "trials.parquet")["orch"])
    assert [space["from_trial"] for space in meta["spaces"]] == [0, 20, 35]
    sizes = [space["parameters"]["hidden_size"] for space in meta["spaces"]]
    assert [(size.get("high"), size.get("value")) for size in sizes] == [
        (256, None),
        (1024, None),
        (None, 64),
    ]
    assert meta["parameters"]["hidden_size"] == {
        "group": "space", "kind": "int", "low": 16, "high": 1024, "log": True,
    }  # fmt: skip


def test_analysis_takes_the_range_of_all_trials_and_says_what_was_changed(folder: Path) -> None:
    run = load_run(folder)
    [size] = [each for each in run.meta.parameters if each.name == "hidden_size"]
    assert size.range_words() == "16..1024"
    places = size.to_unit(run.trials["config.hidden_size"])
    assert len(set(np.round(places, 6))) > 25  # none was clipped to a bound
    assert run.trial(19).space_version == 1
    assert run.trial(20).space_version == 2
    found = analyze(folder, only=())
    text = " ".join(" ".join(found.lines).split())
    assert "from trial 20 on hidden_size is 16..1024 log, not 16..256 log" in text
    assert "from trial 35 on hidden_size is 64, not 16..1024 log" in text
    edits = found.as_dict()["space_edits"]
    assert [(edit["version"], edit["from_trial"]) for edit in edits] == [(2, 20), (3, 35)]


def test_a_bound_is_judged_by_the_widest_range(folder: Path) -> None:
    """Before the edit the best lay at 256, which is no bound any more; the best now at 1024."""
    [bound] = analyze(folder, only=()).findings.at_bounds
    assert (bound.key, bound.value) == ("space.hidden_size.high", 2048)
    assert bound.where == "in the top tenth of 16..1024"


def test_a_run_that_nobody_edited_has_no_edits(make_run: MakeRun) -> None:
    run = load_run(make_run())
    assert run.meta.edits == ()
    assert run.trial(0).space_version == 1


def test_an_edit_of_a_prior_says_what_changed() -> None:
    size = {"group": "space", "kind": "int", "low": 16, "high": 256, "log": True}
    spaces = [
        {"from_trial": 0, "parameters": {"hidden_size": size}},
        {"from_trial": 9, "parameters": {"hidden_size": {**size, "prior": 64}}},
    ]
    [edit] = parse_edits(spaces)
    assert edit.words() == "from trial 9 on hidden_size is 16..256 log around 64, not 16..256 log"


def test_what_an_edit_leaves_no_room_for_is_absent_from_then_on() -> None:
    layers = {"group": "space", "kind": "int", "low": 1, "high": 4}
    dropout = {"group": "space", "kind": "float", "low": 0.0, "high": 0.5}
    one, never = ({"group": "space", "kind": "constant", "value": value} for value in (1, None))
    spaces = [
        {"from_trial": 0, "parameters": {"num_layers": layers, "dropout": dropout}},
        {"from_trial": 9, "parameters": {"num_layers": one, "dropout": never}},
    ]
    [edit] = parse_edits(spaces)
    assert (
        edit.words() == "from trial 9 on num_layers is 1, not 1..4; dropout is absent, not 0..0.5"
    )
