from __future__ import annotations

import json

import numpy as np
import pytest

from analysis import load_run
from analysis.warnings.winners_drop import _drop, winners_drop

X = {"x": {"group": "space", "kind": "float", "low": 0.0, "high": 100.0}}


def listed(floors, repeats=1):
    """Configs whose floors are those listed, the first drawn first."""
    order = iter([floor for floor in floors for _ in range(repeats)])
    return {
        "config": lambda rng: {"x": next(order)}, "floor": lambda c: c["x"], "parameters": X,
        "trials": len(floors) * repeats, "hyperband": False, "jitter": 0.0,
    }  # fmt: skip


@pytest.mark.parametrize("spread", [0.0, 0.5, 1.0, 3.0])
@pytest.mark.parametrize("trials", [8, 46])
def test_the_drop_and_its_interval_hold_where_the_truth_is_known(trials, spread):
    """Truths are drawn, noise of 1 is added, the least is picked and run again."""
    rng = np.random.default_rng(1)
    real, expected, inside = [], [], []
    for _ in range(300):
        truths = spread * rng.normal(size=trials)
        seen = truths + rng.normal(size=trials)
        order = np.argsort(seen)
        drop, uncertain = _drop(seen[order], 1.0, seed=0)
        truth = truths[order[0]] - seen[order[0]]
        real.append(truth)
        expected.append(drop)
        inside.append(abs(truth + rng.normal() - drop) < 1.96 * np.hypot(1, uncertain))
    assert np.mean(expected) == pytest.approx(np.mean(real), abs=0.25)
    assert 0.88 <= np.mean(inside) <= 0.99


def test_a_clear_winner_does_not_drop():
    assert _drop(np.array([0.0, 20.0, 21.0]), 1.0, seed=0)[0] == 0
    assert _drop(np.array([0.0, 6.0, 7.0]), 1.0, seed=0)[0] < 0.1


def test_the_best_of_equal_configs_is_said_to_be_lucky(make_run):
    """The mean score is what each of 40 equal configs would score again; their floor is 0.3."""
    again, fixed = [], []
    for seed in range(8):
        equal = listed([0.3 + 1e-6 * k for k in range(40)])
        run = load_run(make_run(f"r{seed}", noise=0.02, seed=seed, **equal))
        found = winners_drop(run)
        assert found.observed < found.expected < found.fixed_epoch
        again.append((found.expected - run.trials["objective"].mean()) / found.noise.sd)
        fixed.append(found.fixed_epoch)
    assert np.mean(again) == pytest.approx(0, abs=0.3)
    assert np.mean(fixed) == pytest.approx(0.3, abs=0.006)
    first, second = found.words()
    assert first.startswith("the winner's 0.2")
    assert "is flattered by having been picked from 40: expect about 0." in first
    assert second.endswith("other seeds may vary more than epochs do")
    json.dumps(found.as_dict(), allow_nan=False)


def test_other_runs_of_the_winner_say_what_to_expect(make_run):
    run = load_run(make_run(noise=0.02, **listed([0.3, 0.9], repeats=10)))
    found = winners_drop(run)
    others = run.trials.filter(run.trials["config.x"] == 0.3)["objective"].sort()[1:]
    assert found.repeated == 9
    assert found.expected == pytest.approx(others.mean())
    assert "is its luckiest of 10 runs: expect about" in found.words()[0]


def test_a_metric_to_maximise_drops_downwards(make_run):
    equal = listed([0.3 + 1e-6 * k for k in range(40)])
    found = winners_drop(load_run(make_run(metric="accuracy", mode="max", noise=0.02, **equal)))
    assert found.observed > found.expected > found.fixed_epoch
    assert found.low < found.expected < found.high


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"trials": 1}, "there was nothing to pick from"),
        ({"trials": 0}, "no trial ran all 27 epochs"),
        ({"trials": 4, "max_epochs": 2, "hyperband": False},
         "noise unknown: no config was repeated, and 2 epochs are too few to see it"),
    ],
)  # fmt: skip
def test_what_cannot_be_told_says_why(make_run, changes, why):
    found = winners_drop(load_run(make_run(**changes, parameters=X, config=lambda rng:
                                           {"x": float(rng.random())},
                                           floor=lambda c: c["x"])))  # fmt: skip
    assert (found.unknown, found.words(), found.expected) == (why, (), None)


def test_no_fresh_run_is_expected_beyond_what_the_metric_can_be(make_run):
    """Accuracies near 1 that scatter: an accuracy above 1 would be no accuracy."""
    equal = listed([0.01 + 1e-6 * k for k in range(12)])
    run = load_run(make_run(metric="accuracy", mode="max", noise=0.3, **equal))
    found = winners_drop(run)
    assert found.low < found.expected <= found.high == 1.0
    losses = winners_drop(load_run(make_run("b", noise=0.02, **listed([0.13] * 3))))
    assert losses.low >= 0.0
