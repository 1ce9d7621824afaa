"""Searchers and schedulers combine freely, and what makes no sense is refused with the reason."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from orchestrator.cli.main import cli
from orchestrator.names import compose
from orchestrator.schedulers import schedulers
from orchestrator.spec import spec_from
from orchestrator.sweep import Sweep
from searchspaces import ConfigurationError


def dry_run(*words: str) -> dict[str, Any]:
    """The spec that a line means."""
    done = CliRunner().invoke(cli, ["sweep", *words, "--dry-run"])
    return dict(yaml.safe_load(done.stdout))


@pytest.mark.parametrize("scheduler", schedulers.names())
@pytest.mark.parametrize("searcher", ["random", "bohb", "hyperopt"])
def test_searchers_and_schedulers_combine_freely(searcher, scheduler):
    changes = {"searcher": {"kind": searcher}, "scheduler": {"kind": scheduler}}
    if scheduler == "pbt" and searcher != "random":
        with pytest.raises(ConfigurationError):
            spec_from(compose("mlp"), changes)
        return
    spec = spec_from(compose("mlp"), changes)
    assert (spec.searcher.kind, spec.scheduler.kind) == (searcher, scheduler)


@pytest.mark.parametrize(
    ("name", "changes", "line"),
    [
        (
            "mlp-grid",
            {"scheduler": {"kind": "pbt"}},
            "searcher: pbt changes configs while they train, and grid is to train each of its own "
            "as it is. Take random, or another scheduler.",
        ),
        (
            "mlp-bohb",
            {"scheduler": {"kind": "pbt"}},
            "searcher: pbt changes configs while they train, so that bohb would learn of one what "
            "another did. Take random, or another scheduler.",
        ),
        (
            "mlp-pbt",
            {"training": {"learning_rate": 0.01, "batch_size": 32}},
            "scheduler: no parameter of the training is searched, and nothing else may change "
            "while a trial trains unless you say so. Name what may with scheduler.explore, or "
            "choose another scheduler.",
        ),
        (
            "mlp-pbt",
            {"scheduler": {"explore": ["momentum"]}},
            "scheduler.explore: 'momentum' is not searched. Searched are: ",
        ),
        (
            "ask-pbt",
            {"space": {"x": {"kind": "float", "low": 0, "high": 1}}},
            "scheduler: pbt copies one trial's weights to another, and whoever asks for trials "
            "keeps the weights. Take another scheduler, such as asha.",
        ),
    ],
)
def test_a_pair_that_makes_no_sense_is_refused_with_the_reason(name, changes, line):
    with pytest.raises(ConfigurationError) as error:
        spec_from(compose(name), changes)
    assert str(error.value).startswith(line)


def test_a_study_of_something_that_trains_is_refused_too(tmp_path):
    with pytest.raises(ConfigurationError) as error:
        Sweep("mlp-pbt", dataset="").ask_tell(runs=tmp_path)
    assert str(error.value).startswith("scheduler: pbt copies one trial's weights to another")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("scheduler", ["hyperband", "pbt", "asha"])
def test_what_cannot_be_paused_is_refused_in_every_form_that_pauses(scheduler):
    said = {"command": "echo {x}", "space": {"x": {"kind": "float", "low": 0, "high": 1}}}
    form = {"form": "promotion"} if scheduler == "asha" else {}
    way = "form=stopping" if scheduler == "asha" else "kind=asha"
    with pytest.raises(ConfigurationError) as error:
        spec_from({**said, "searcher": {"kind": "random"}},
                  {"scheduler": {"kind": scheduler, **form}})  # fmt: skip
    assert str(error.value) == (
        f"scheduler: echo {{x}} cannot be paused (it is a program), and {scheduler} pauses "
        f"trials. Use --set scheduler.{way}."
    )


@pytest.mark.parametrize(
    ("words", "name", "searcher", "scheduler"),
    [
        (["--search", "bohb", "--scheduler", "asha"], "mlp-bohb-asha", "bohb", "asha"),
        (["--scheduler", "median"], "mlp-bohb-median", "bohb", "median"),
        (["--set", "scheduler=median"], "mlp-bohb-median", "bohb", "median"),
        (["--set", "scheduler.eta=2"], "mlp-bohb", "bohb", "hyperband"),
        (["--search", "random", "--name", "mine"], "mine", "random", "hyperband"),
    ],
)
def test_a_line_names_searcher_and_scheduler(words, name, searcher, scheduler):
    spec = dry_run("mlp-bohb", *words)
    assert spec["name"] == name
    assert (spec["searcher"]["kind"], spec["scheduler"]["kind"]) == (searcher, scheduler)


def test_a_setting_changes_what_the_line_names():
    spec = dry_run("mlp", "--scheduler", "asha", "--set", "scheduler.form=promotion")
    assert spec["scheduler"] == {
        "kind": "asha", "eta": 3, "form": "promotion", "cap": False, "min_epochs": 1,
    }  # fmt: skip


def test_the_longest_strategy_that_a_name_ends_with_is_meant():
    assert compose("my_module:train-async-hyperband") == {
        "architecture": "my_module:train",
        "strategy": "async-hyperband",
    }
