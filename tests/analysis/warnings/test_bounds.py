from __future__ import annotations

import math

import pytest

from analysis import load_run
from analysis.fidelity import full
from analysis.parameters import Parameter
from analysis.warnings.bounds import AtBound, _wider, at_bounds
from searchspaces import Choice, Float, Int


def test_best_trials_at_a_bound_give_the_range_to_set(make_run):
    def floor(config):
        return 1.0 - math.log2(config["hidden_size"] / 16) / 8

    run = load_run(make_run(trials=100, hyperband=False, max_epochs=3, floor=floor, noise=0.001))
    found = at_bounds(run, full(run))
    assert [warning.name for warning in found] == ["hidden_size"]
    assert found[0].words() == (
        "hidden_size: 5 of the best 5 lie in the top tenth of 16..256",
        "--set space.hidden_size.high=512",
    )
    assert found[0].yaml == "space:\n  hidden_size:\n    high: 512"
    assert found[0].as_dict()["yaml"] == found[0].yaml


def test_an_optimum_inside_gives_no_warning(make_run):
    def floor(config):
        return 0.2 + (math.log10(config["learning_rate"]) + 2.5) ** 2

    run = load_run(make_run(trials=100, hyperband=False, max_epochs=3, floor=floor, noise=0.001))
    assert at_bounds(run, full(run)) == ()


def test_a_few_trials_are_no_evidence(make_run):
    run = load_run(make_run(trials=9, hyperband=False, floor=lambda c: -c["hidden_size"] / 256))
    assert at_bounds(run, full(run)) == ()


def test_the_last_value_of_a_coarse_grid_counts_as_its_bound(make_run):
    run = load_run(
        make_run(trials=100, hyperband=False, max_epochs=3, noise=0.001,
                 floor=lambda c: 5.0 - c["num_layers"])
    )  # fmt: skip
    assert at_bounds(run, full(run))[0].words() == (
        "num_layers: 5 of the best 5 lie at the upper end of 1..4",
        "--set space.num_layers.high=6",
    )


@pytest.mark.parametrize(
    ("domain", "low", "high"),
    [
        (Int(16, 256, log=True), 8, 512),
        (Int(16, 256, powers_of=2), 8, 512),
        (Int(1, 4), None, 6),
        (Int(32, 1024, step=32), 1, 1536),
        (Float(1e-4, 1e-1, log=True), 2e-5, 0.5),
        (Float(0.0, 0.5), None, 0.75),
        (Float(0.0, 1.0), None, None),
        (Float(1e-4, 1e-3), 5e-5, 0.00145),
        (Float(0.0, 3.0), None, 4.5),
        (Float(-1.0, 1.0), -2.0, 2.0),
        (Choice(("a", "b")), None, None),
    ],
)
def test_a_wider_bound_is_one_step_further_out_or_none(domain, low, high):
    parameter = Parameter("p", "space", domain)
    assert _wider(parameter, "low") == low
    assert _wider(parameter, "high") == high


def test_five_runs_of_one_config_are_one_config_at_the_bound(make_run):
    """Its place says once what five trials seem to say five times."""
    places = [0.97] * 5 + [0.05 * k for k in range(20)]

    def run(name, places):
        order = iter(places)
        return load_run(make_run(
            name, trials=25, hyperband=False, max_epochs=3, noise=0.0,
            config=lambda rng: {"x": next(order)},
            floor=lambda c: 0.1 if c["x"] > 0.9 else 0.3 + abs(c["x"] - 0.4),
            parameters={"x": {"group": "space", "kind": "float", "low": -1.0, "high": 1.0}},
        ))  # fmt: skip

    repeated = run("a", places)
    assert at_bounds(repeated, full(repeated)) == ()
    apart = run("b", [0.97 + 0.005 * k for k in range(5)] + places[5:])
    assert [warning.hits for warning in at_bounds(apart, full(apart))] == [5]


def test_the_first_of_equal_trials_are_not_the_best(make_run):
    """The searcher kept to the bound, but every trial scores the same."""
    order = iter([0.9 + 0.01 * k for k in range(10)] + [0.05 * k for k in range(10)])
    run = load_run(make_run(
        trials=20, hyperband=False, max_epochs=3, noise=0.0, jitter=0.0,
        config=lambda rng: {"x": next(order)}, floor=lambda c: 0.3,
        parameters={"x": {"group": "space", "kind": "float", "low": -1.0, "high": 1.0}},
    ))  # fmt: skip
    assert at_bounds(run, full(run)) == ()


def test_of_a_conditional_parameter_it_is_said_in_how_many_of_the_best_it_acts():
    warning = AtBound("dropout", "space.dropout.high", 0.75, 4, 4, "in the top tenth of 0..0.5")
    assert warning.words()[0] == (
        "dropout: of the best 5 it acts in 4, and 4 of these lie in the top tenth of 0..0.5"
    )
