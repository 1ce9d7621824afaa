from __future__ import annotations

import math

import pytest

from analysis import load_run
from analysis.fidelity import full
from analysis.parameters import Parameter
from analysis.warnings.bounds import _wider, at_bounds
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
        (Float(0.0, 1.0), None, 1.5),
        (Float(-1.0, 1.0), -2.0, 2.0),
        (Choice(("a", "b")), None, None),
    ],
)
def test_a_wider_bound_is_one_step_further_out_or_none(domain, low, high):
    parameter = Parameter("p", "space", domain)
    assert _wider(parameter, "low") == low
    assert _wider(parameter, "high") == high
