"""A sweep's name, file and changes resolve to one checked spec."""

from __future__ import annotations

import math
from typing import Any

import pytest
from pydantic import ValidationError

from orchestrator import names as names_module
from orchestrator.engine.steering import checked_settings
from orchestrator.names import compose, sweep_names
from orchestrator.schedulers.asha import Asha
from orchestrator.schedulers.fifo import Fifo
from orchestrator.schedulers.hyperband import HyperBand
from orchestrator.searchers.bohb import Bohb
from orchestrator.searchers.grid import GridSearch
from orchestrator.searchers.hyperopt_ import HyperOptSearch
from orchestrator.searchers.random_ import RandomSearch
from orchestrator.spec import SweepSpec, spec_from
from searchspaces import (
    AttentionGruSpace,
    Choice,
    CnnSpace,
    ConfigurationError,
    ConvGruSpace,
    Float,
    GruSpace,
    Int,
    LstmSpace,
    MlpSpace,
    RnnSpace,
    UnknownNameError,
)
from trainables import architectures

SPACES = {
    "attention-gru": AttentionGruSpace,
    "cnn": CnnSpace,
    "conv-gru": ConvGruSpace,
    "gru": GruSpace,
    "lstm": LstmSpace,
    "mlp": MlpSpace,
    "rnn": RnnSpace,
}
STRATEGIES: dict[str, tuple[type, type]] = {
    "random": (RandomSearch, Fifo),
    "grid": (GridSearch, Fifo),
    "asha": (RandomSearch, Asha),
    "hyperband": (RandomSearch, HyperBand),
    "hyperopt": (HyperOptSearch, Asha),
    "bohb": (Bohb, HyperBand),
}


def made(name: str, **changes: Any) -> SweepSpec:
    return spec_from(compose(name), changes)


@pytest.mark.parametrize("architecture", SPACES)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_pair_of_the_two_registries_is_a_sweep(architecture: str, strategy: str) -> None:
    spec = made(f"{architecture}-{strategy}")
    assert (spec.name, spec.architecture) == (f"{architecture}-{strategy}", architecture)
    assert type(spec.space) is SPACES[architecture]
    assert (type(spec.searcher), type(spec.scheduler)) == STRATEGIES[strategy]
    assert spec.name in sweep_names()


def test_a_bare_architecture_takes_the_default_strategy_and_the_issue_s_defaults() -> None:
    spec = made("gru")
    assert spec == made("gru-auto")
    assert (spec.dataset, spec.trials, spec.epochs) == ("digits", 46, 27)
    assert (spec.metric, spec.mode, spec.seed) == ("valid_loss", "min", 0)
    assert (spec.concurrency, spec.max_time) == (None, None)


def test_names_with_dashes_compose(monkeypatch: pytest.MonkeyPatch) -> None:
    known = (*architectures.names(), "conv-net", "deep-random", "net-asha")
    monkeypatch.setattr(names_module.architectures, "names", lambda: known)
    strategies = {**names_module.STRATEGIES, "one-at-a-time": names_module.STRATEGIES["grid"]}
    monkeypatch.setattr(names_module, "STRATEGIES", strategies)
    parts = {
        "conv-net": {"architecture": "conv-net"},
        "conv-net-bohb": {"architecture": "conv-net", "strategy": "bohb"},
        "conv-net-one-at-a-time": {"architecture": "conv-net", "strategy": "one-at-a-time"},
        "net-asha": {"architecture": "net-asha"},
        "deep-random-random": {"architecture": "deep-random", "strategy": "random"},
    }
    for name, expected in parts.items():
        assert compose(name) == expected


@pytest.mark.parametrize(
    ("name", "close"), [("gru-bobh", "gru-bohb"), ("mlp-hyperbnd", "mlp-hyperband")]
)
def test_an_unknown_sweep_names_the_nearest_first(name: str, close: str) -> None:
    with pytest.raises(UnknownNameError) as failure:
        compose(name)
    text = str(failure.value)
    assert text.startswith(f"unknown sweep {name!r}. Did you mean {close!r}? Known: {close}, ")
    assert text.endswith(f" and {len(sweep_names()) - 15} more.")
    assert set(failure.value.known) == set(sweep_names())


def line(values: dict[str, Any], *overrides: dict[str, Any]) -> str:
    with pytest.raises((ConfigurationError, UnknownNameError)) as failure:
        spec_from(values, *overrides)
    assert failure.value.exit_code == 2
    return str(failure.value)


GRU = {"architecture": "gru"}
KEYS = (
    "version, name, architecture, command, dataset, split, device, precision, space, training, "
    "points, warm_start, searcher, scheduler, trials, epochs, metric, mode, objectives, outcomes, "
    "seed, seeds, folds, concurrency, cpus, gpus, storage, max_time, max_epochs_total, target, "
    "plateau, checkpoint_seconds, tracking, strategy"
)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"trials": 0}, "trials: 0 is not greater than or equal to 1."),
        ({"trials": True}, "trials: True is not a whole number."),
        ({"trials": "many"}, "trials: 'many' is not a whole number."),
        ({"trials": 10**20}, f"trials: {10**20} is not less than or equal to 1000000."),
        ({"epochs": 10**20}, f"epochs: {10**20} is not less than or equal to 1000000."),
        ({"epochs": 0}, "epochs: 0 is not greater than or equal to 1."),
        ({"seed": -1}, "seed: -1 is not greater than or equal to 0."),
        ({"concurrency": 0}, "concurrency: 0 is not greater than or equal to 1."),
        ({"max_time": 0}, "max_time: 0 is not greater than 0."),
        ({"max_time": "0"}, "max_time: '0' is not greater than 0."),
        ({"max_time": True}, "max_time: True is not a finite number."),
        (
            {"max_time": "soon"},
            "max_time: 'soon' is no time. Write 90s, 10m, 2h or seconds.",
        ),
        ({"target": True}, "target: True is not a finite number."),
        *(
            (
                {"plateau": gain},
                f"plateau: {gain!r} is no gain. Give a finite number greater than 0, or auto.",
            )
            for gain in (0, -1.5, True, math.nan, math.inf, "much")
        ),
        (
            {"warm_start": 3},
            "warm_start: 3 is no list of runs. Write one as '7f3a', a part of its id, several in "
            "a list.",
        ),
        (
            {"outcomes": None},
            "outcomes: None is no list of limits. Write one as 'weights < 50000', several in a "
            "list.",
        ),
        (
            {"objectives": {"weights": "min"}},
            "objectives: {'weights': 'min'} is no list of objectives. Write one as 'weights min', "
            "several in a list.",
        ),
        ({"gpus": True}, "gpus: True is not a finite number."),
        ({"cpus": math.inf}, "cpus: inf is not a finite number."),
        ({"checkpoint_seconds": True}, "checkpoint_seconds: True is not a finite number."),
        ({"mode": "least"}, "mode: 'least' is not 'min' or 'max'."),
        ({"version": 2}, "version: 2 is not 1."),
        ({"name": "a/b"}, "name: 'a/b' should match pattern '^[A-Za-z0-9][A-Za-z0-9._-]*$'."),
        ({"trails": 3}, f"trails: unknown key. Did you mean 'trials'? Known: {KEYS}."),
        (
            {"space": {"hidden_size": {"high": 8}}},
            "space.hidden_size.high: 8 is below low=16. Give high >= low.",
        ),
        (
            {"space": {"hidden_size": {"kind": "int", "low": 0, "high": 8, "log": True}}},
            "space.hidden_size.log: a log scale needs low > 0, and low is 0. "
            "Raise low or drop log.",
        ),
        (
            {"training": {"learning_rate": {"low": 0.0}}},
            "training.learning_rate.log: a log scale needs low > 0, and low is 0.0. "
            "Raise low or drop log.",
        ),
        (
            {"space": {"hiden_size": 8}},
            "space.hiden_size: unknown key. Did you mean 'hidden_size'? "
            "Known: num_layers, hidden_size, dropout, bidirectional, readout.",
        ),
        (
            {"space": {"hidden_size": {"hihg": 8}}},
            "space.hidden_size.hihg: unknown key 'hihg'. Did you mean 'high'? "
            "Known: kind, low, high, log, step, powers_of, prior, confidence, when.",
        ),
        (
            {"space": {"dropout": {"when": {"num_layers": [9]}}}},
            "space.dropout.when: the parent 'num_layers' never is 9, so this is never active. "
            "Give values that are in Int(1, 4).",
        ),
        ({"space": 5}, "space: 5 is no mapping of parameters."),
        (
            {"strategy": "bohb", "epochs": 2},
            "epochs: 2 epochs leave nothing to halve with scheduler.eta=3. "
            "Give at least 3 epochs, or choose scheduler fifo.",
        ),
        (
            {"strategy": "asha", "scheduler": {"min_epochs": 50}},
            "scheduler.min_epochs: 50 is above the 27 epochs of the sweep. Give at most 27.",
        ),
        (
            {"strategy": "ahsa"},
            "unknown strategy 'ahsa'. Did you mean 'asha'? "
            "Known: asha, bohb-asha, asha-promotion, async-hyperband, auto, bohb, "
            "auto-stopping, median, random, hyperopt, hyperband, grid, pbt.",
        ),
        (
            {"searcher": {"kind": "bobh"}},
            "unknown searcher 'bobh'. Did you mean 'bohb'? "
            "Known: bohb, sobol, auto, random, hyperopt, optuna-tpe, cmaes, grid.",
        ),
        (
            {"strategy": "bohb", "searcher": {"num_sample": 3}},
            "searcher.num_sample: unknown key. Did you mean 'num_samples'? "
            "Known: repeats, min_points_in_model, top_n_percent, num_samples, random_fraction, "
            "bandwidth_factor, min_bandwidth.",
        ),
        (
            {"searcher": 3},
            "searcher: 3 is no searcher. Give a mapping with a kind, such as kind: auto.",
        ),
        ({"scheduler": {"eta": 1}}, "scheduler.eta: 1 is not greater than or equal to 2."),
        (
            {"architecture": "grru"},
            "unknown architecture 'grru'. Did you mean 'gru'? "
            "Known: gru, conv-gru, attention-gru, rnn, cnn, lstm, mlp.",
        ),
        ({"architecture": None}, "architecture: the name is missing. Give one, such as gru."),
    ],
)
def test_bad_input_is_one_line_at_its_place(values: dict[str, Any], text: str) -> None:
    assert line({**GRU, **values}) == text
    assert line(GRU, values) == text


@pytest.mark.parametrize(
    ("values", "said"), [([1, "1"], "'1' and 1"), ([[3], "a", "[3]"], "'[3]' and (3,)")]
)
def test_a_choice_that_tables_cannot_tell_apart_is_refused(values: list[Any], said: str) -> None:
    command = {"command": "fit {x}", "metric": "loss", "space": {"x": {"values": values}}}
    assert line(command) == (
        f"space.x: {said} are the same text in the run's tables. Write one of them in another way."
    )


def test_changes_go_on_top_of_each_other() -> None:
    spec = spec_from(
        {"architecture": "gru", "strategy": "asha", "trials": 5},
        {"trials": 7, "space": {"hidden_size": {"high": 64}}},
        {"space": {"hidden_size": {"low": 32}, "num_layers": 2}, "scheduler": {"eta": 4}},
    )
    assert spec.trials == 7
    assert spec.space.parameters()["hidden_size"] == Int(32, 64, log=True)
    assert spec.space.parameters()["num_layers"] == 2
    assert spec.scheduler == Asha(eta=4)
    assert spec.name == "gru-asha"


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ({"strategy": "bohb"}, "gru-bohb"),
        ({"strategy": "bohb", "searcher": "bohb", "scheduler": {"eta": 2}}, "gru-bohb"),
        ({"strategy": "bohb", "searcher": {"kind": "sobol"}}, "gru-sobol-hyperband"),
        ({"searcher": "random", "scheduler": "fifo"}, "gru-random-fifo"),
        ({"searcher": RandomSearch(), "name": "mine"}, "mine"),
    ],
)
def test_a_sweep_is_called_after_what_it_has(said: dict[str, Any], name: str) -> None:
    assert spec_from({"architecture": "gru", **said}).name == name


def test_a_kind_replaces_and_a_kind_alone_may_be_a_word() -> None:
    assert made("gru-bohb", searcher={"kind": "grid"}).searcher == GridSearch()
    assert made("gru-bohb", searcher="random", scheduler="fifo").searcher == RandomSearch()
    spec = made("gru", training={"learning_rate": {"kind": "float", "low": 0.5, "high": 1}})
    assert spec.training.parameters()["learning_rate"] == Float(0.5, 1.0)  # no log any more


def test_a_spec_is_the_same_after_a_dump_whatever_was_changed() -> None:
    for name in sweep_names():
        spec = made(
            name,
            training={"learning_rate": 1e-3, "batch_size": {"kind": "int", "low": 1, "high": 9}},
            concurrency=3,
            max_time=60,
            seed=2**63 - 1,
        )
        dumped = spec.dump()
        assert spec_from(dumped) == spec
        assert spec_from(dumped).dump() == dumped
        assert spec_from({**dumped, "provenance": {"anything": 1}}) == spec


@pytest.mark.parametrize(
    ("said", "seconds"), [("2h", 7200), ("1h30m", 5400), ("90", 90), (90, 90), ("none", None)]
)
def test_the_time_of_a_sweep_may_be_given_as_on_the_command_line(
    said: Any, seconds: float | None
) -> None:
    assert made("gru", max_time=said).max_time == seconds
    assert checked_settings({"max_time": said}) == {"max_time": seconds}


def test_a_parameter_may_be_called_as_what_a_sweep_has() -> None:
    """Here alone the name of a kind means a mapping, not in a space."""
    values = {
        "command": "true {scheduler} {x}",
        "space": {"scheduler": "cosine", "x": {"low": 0, "high": 9}},
    }
    spec = spec_from(values, {"space": {"scheduler": {"values": ["cosine", "step"]}}})
    assert spec.joint.parameters()["scheduler"] == Choice(("cosine", "step"))


@pytest.mark.parametrize("rule", ["max_time", "max_epochs_total", "target", "plateau"])
def test_no_rule_of_stopping_takes_true_for_one(rule: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{rule}: True is "):
        checked_settings({rule: True})


def test_a_spec_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        made("gru").trials = 3  # type: ignore[misc]


def test_a_grid_plans_no_more_trials_than_it_has_configs() -> None:
    space = {"num_layers": 1, "hidden_size": {"kind": "int", "low": 16, "high": 18}}
    training = {"learning_rate": 1e-3, "batch_size": {"kind": "int", "low": 16, "high": 17}}
    spec = made("gru-grid", space=space, training=training)
    assert spec.planned_trials == 3 * 2
    assert spec.trials == 46
    assert made("gru-grid", space=space, training=training, trials=4).planned_trials == 4


def test_specs_in_one_process_do_not_share_searchers() -> None:
    first, second = made("gru-bohb"), made("gru-bohb")
    assert first.searcher is not second.searcher
    assert first.scheduler is not second.scheduler


def test_an_accuracy_is_made_large_without_a_word() -> None:
    assert spec_from(compose("gru"), {"metric": "accuracy"}).mode == "max"
    assert spec_from(compose("gru"), {"metric": "train_loss"}).mode == "min"
    with pytest.raises(ConfigurationError) as caught:
        spec_from(compose("gru"), {"metric": "accuracy", "mode": "min"})
    assert str(caught.value) == "mode: a small accuracy is a bad one. Give max."
