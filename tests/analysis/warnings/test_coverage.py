from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from analysis import load_run
from analysis.warnings.coverage import coverage

TWO = {
    "x": {"group": "space", "kind": "float", "low": 0.0, "high": 3.0},
    "y": {"group": "space", "kind": "float", "low": 0.0, "high": 3.0},
}


def placed(points, parameters=TWO):
    """Trials at the listed places."""
    names, places = list(parameters), iter(points)
    return {
        "parameters": parameters, "trials": len(points), "hyperband": False, "max_epochs": 2,
        "config": lambda rng: dict(zip(names, next(places), strict=True)),
        "floor": lambda c: 1.0,
    }  # fmt: skip


def test_pairs_of_thirds_are_counted(make_run):
    points = [(0.5, 0.5), (0.6, 0.4), (1.5, 0.5), (2.5, 2.5)]
    found = coverage(load_run(make_run(**placed(points))))
    assert [(pair.names, pair.tried, pair.of) for pair in found.pairs] == [(("x", "y"), 3, 9)]
    assert found.share == pytest.approx(3 / 9)
    first, second = found.words()
    assert first == (
        "4 trials for 2 parameters: 33 % of the pairs of thirds were tried; x x y least (3 of 9); "
        "no y between 0.5 and 2.5"
    )
    # 1 - (8 / 9)**20 is the first above nine tenths, about: the draws estimate the ninths.
    assert found.needed == pytest.approx(20, abs=1)
    assert second == f"try --trials {found.needed}, or narrow the space"
    assert replace(found, planned=found.needed).words()[1] == (
        f"let more of the {found.needed} trials that were planned come to a result, or narrow the "
        f"space"
    )
    json.dumps(found.as_dict(), allow_nan=False)


def test_gaps_are_the_widest_stretches_without_a_trial(make_run):
    found = coverage(load_run(make_run(**placed([(0.3, 0.0), (0.6, 1.5), (3.0, 3.0)]))))
    gaps = {gap.name: (gap.low, gap.high, gap.share) for gap in found.gaps}
    assert gaps["x"] == (pytest.approx(0.6), 3.0, pytest.approx(0.8))
    assert gaps["y"][2] == pytest.approx(0.5)


def test_a_grid_that_was_tried_throughout_has_no_gap(make_run):
    powers = {"group": "space", "kind": "int", "low": 1, "high": 64, "powers_of": 2}
    grid = {"x": {"group": "space", "kind": "int", "low": 1, "high": 4}, "y": powers}
    found = coverage(load_run(make_run(**placed([(1, 1), (2, 2), (3, 8), (4, 64)], grid))))
    (gap,) = found.gaps
    assert (gap.name, gap.low, gap.high) == ("y", 8, 64)
    assert gap.share == pytest.approx(2 / 7)
    assert (found.distinct, found.configs) == (4, 28)
    assert "4 of 28 configs were tried" in found.words()[0]


def test_half_of_a_small_grid_is_enough(make_run):
    grid = {"x": {"group": "space", "kind": "choice", "values": ["a", "b"]},
            "y": {"group": "space", "kind": "choice", "values": [1, 2, 3]}}  # fmt: skip
    found = coverage(load_run(make_run(**placed([("a", 1), ("a", 2), ("b", 3)], grid))))
    assert (found.distinct, found.configs, found.words()) == (3, 6, ())


def test_what_conditions_rule_out_is_not_missing(make_run):
    """dropout acts with 2 to 4 layers: of 3 x 3 pairs with num_layers, 3 cannot be."""
    run = load_run(make_run(trials=300))
    found = coverage(run)
    pairs = {pair.names: pair for pair in found.pairs}
    assert pairs["num_layers", "dropout"].of == 6
    assert pairs["num_layers", "hidden_size"].of == 9
    assert found.dimensions == pytest.approx(4.75, abs=0.05)
    assert (found.share, found.words()) == (1.0, ())


def test_trials_that_were_stopped_early_count(make_run):
    found = coverage(load_run(make_run(trials=46)))
    assert (found.trials, found.words()) == (46, ())
    assert found.trials > found.compared > found.full
    assert found.share > found.share_compared


def test_uniform_draws_cover_what_theory_expects(make_run):
    """Of 9 equal cells n draws leave (8/9)**n empty: here 10 trials, over 60 runs of them."""
    rng = np.random.default_rng(0)
    shares = [
        coverage(load_run(make_run(f"r{k}", **placed(rng.uniform(0, 3, (10, 2)).tolist())))).share
        for k in range(60)
    ]
    assert np.mean(shares) == pytest.approx(1 - (8 / 9) ** 10, abs=0.04)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"trials": 0}, "no trial has a result"),
        ({"parameters": {}, "trials": 3}, "every parameter is a constant"),
    ],
)
def test_what_cannot_be_told_says_why(make_run, changes, why):
    found = coverage(load_run(make_run(**changes)))
    assert (found.unknown, found.words()) == (why, ())


def test_a_run_that_kept_to_a_corner_is_not_told_to_try_fewer_trials(make_run):
    """40 trials lie in one of nine pairs of thirds; about 20 random ones would see most."""
    rng = np.random.default_rng(0)
    found = coverage(load_run(make_run(**placed(rng.uniform(0, 0.9, (40, 2)).tolist()))))
    assert found.needed < found.trials == 40
    assert found.words()[1] == (
        f"about {found.needed} random trials would do: --set searcher.kind=random, "
        f"or narrow the space"
    )


def test_repeats_of_a_config_cover_no_more_than_one_run_of_it(make_run):
    places = [(0.5 + third, 0.5 + other) for third in range(3) for other in range(3)]
    found = coverage(load_run(make_run(**placed(places * 3))))
    assert (found.trials, found.distinct, found.share, found.too_few) == (27, 9, 1.0, True)
    assert found.words()[0].startswith("27 trials of 9 configs are few for 2 parameters")
