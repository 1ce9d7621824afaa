"""BOHB's model: which observations it is built on, and that it is hpbandster's."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from orchestrator.searchers import Observation
from orchestrator.searchers.bohb import Bohb
from orchestrator.searchers.kde import Density
from orchestrator.searchers.testing import SPACES, NoTraining
from searchspaces import (
    Choice,
    ChoiceParam,
    ConfigurationError,
    Float,
    FloatParam,
    JointSpace,
    SearchSpace,
)

PUBLISHED = json.loads((Path(__file__).parent / "assets" / "hpbandster_model.json").read_text())


class Three(SearchSpace):
    a: FloatParam = Float(0.0, 2.0)
    b: FloatParam = Float(1e-4, 1e-1, log=True)
    c: ChoiceParam = Choice(("relu", "gelu", "tanh"))


class Line(SearchSpace):
    x: FloatParam = Float(0.0, 1.0)


LINE = JointSpace(Line(), NoTraining())


def begun(space: JointSpace = LINE, **settings: float) -> Bohb:
    searcher = Bohb(**settings)
    searcher.begin(space, seed=0, facts=None)
    return searcher


def see(searcher: Bohb, number: int, x: float, epoch: int, loss: float) -> None:
    searcher.observe(Observation(number, LINE.validate({"x": x}), epoch, loss))


def good_and_bad(searcher: Bohb) -> tuple[list[float], list[float]] | None:
    split = searcher._split()
    return split and (split.good[:, 0].tolist(), split.bad[:, 0].tolist())


@pytest.fixture
def taught() -> Bohb:
    """A searcher that saw what hpbandster saw."""
    space = JointSpace(Three(), NoTraining())
    searcher = begun(space)
    for seen in PUBLISHED["observations"]:
        loss = math.inf if seen["loss"] is None else seen["loss"]
        config = space.validate(seen["config"])
        searcher.observe(Observation(seen["number"], config, seen["epoch"], loss))
    return searcher


def test_good_and_bad_configs_are_those_of_hpbandster(taught):
    # assets/hpbandster_model.py ran hpbandster 0.7.4 on the same observations.
    split = taught._split()
    assert split is not None
    np.testing.assert_allclose(split.good, PUBLISHED["good"], rtol=1e-12)
    bad, theirs = split.bad, np.array(PUBLISHED["bad"])
    finite = len(bad) - sum(
        s["loss"] is None and s["epoch"] == 9 for s in PUBLISHED["observations"]
    )
    np.testing.assert_allclose(bad[:finite], theirs[:finite], rtol=1e-12)
    # Failed ones are in no order there.
    np.testing.assert_allclose(np.sort(bad, axis=0), np.sort(theirs, axis=0), rtol=1e-12)


@pytest.mark.parametrize("which", ["good", "bad"])
def test_densities_are_those_of_hpbandster(taught, which):
    split = taught._split()
    density = Density.fit(getattr(split, which), np.array([0, 0, 3]), min_bandwidth=1e-3)
    theirs = np.array(PUBLISHED[f"{which}_bandwidths"])
    # Beyond 2/3 the kernel of three categories would favour the others; see Density.fit.
    assert density.bandwidths == pytest.approx(np.minimum(theirs, [9, 9, 2 / 3]), rel=1e-12)
    same = Density(density.data, theirs, density.categories)
    np.testing.assert_allclose(
        same.pdf(np.array(PUBLISHED["probes"])), PUBLISHED[f"{which}_pdf"], rtol=1e-10
    )


def test_the_model_waits_for_enough_good_and_bad_configs():
    # d = 1: two good and two bad.
    searcher = begun()
    for number in range(3):
        see(searcher, number, number / 10, 1, float(number))
        assert good_and_bad(searcher) is None
    see(searcher, 3, 0.3, 1, 3.0)
    assert good_and_bad(searcher) == ([0.0, 0.1], [0.2, 0.3])


def test_fifteen_per_cent_are_good():
    searcher = begun()
    for number in range(40):
        see(searcher, number, number / 40, 1, float(-number))
    good, bad = good_and_bad(searcher)
    assert good == [39 / 40, 38 / 40, 37 / 40, 36 / 40, 35 / 40, 34 / 40]
    assert len(bad) == 34


def test_the_highest_epoch_with_enough_observations_decides():
    searcher = begun()
    for number in range(8):
        see(searcher, number, number / 10, 1, float(number))
    for number in range(3):
        see(searcher, number, number / 10, 3, float(-number))
    assert good_and_bad(searcher)[0] == [0.0, 0.1]
    see(searcher, 3, 0.3, 3, -3.0)
    assert good_and_bad(searcher) == ([0.3, 0.2], [0.1, 0.0])


def test_a_failed_trial_is_bad_at_the_level_it_was_heading_for():
    searcher = begun()
    for number in range(3):
        see(searcher, number, number / 10, 9, float(number))
    see(searcher, 3, 0.9, 5, math.inf)
    assert good_and_bad(searcher) == ([0.0, 0.1], [0.2, 0.9])


def test_failed_trials_are_never_good():
    searcher = begun()
    for number in range(2):
        see(searcher, number, number / 10, 1, float(number))
    for number in range(2, 60):
        see(searcher, number, 0.9, 1, math.inf)
    good, bad = good_and_bad(searcher)
    assert good == [0.0, 0.1]
    assert bad == [0.9] * 51  # 85 per cent of 60


def test_a_trial_that_fails_after_its_report_is_bad_there_whatever_came_first():
    for order in (1, -1):
        searcher = begun()
        for number in range(4):
            see(searcher, number, number / 10, 1, float(number))
        for loss in [(-1.0), math.inf][::order]:
            see(searcher, 4, 0.9, 1, loss)
        assert good_and_bad(searcher) == ([0.0, 0.1], [0.2, 0.3, 0.9])


def test_a_third_of_the_trials_is_random():
    searcher = begun(min_bandwidth=1e-6, bandwidth_factor=1.0)
    for number in range(100):
        see(searcher, number, 0.25 + 1e-6 * number, 1, float(number))
    at_the_best = [abs(searcher.suggest(number)["x"] - 0.25) < 0.01 for number in range(100, 700)]
    # Binomial with p = 2/3 (and 0.02 / 3 random hits): four standard deviations are 0.08.
    assert np.mean(at_the_best) == pytest.approx(2 / 3 + 0.02 / 3, abs=0.08)


def test_the_model_is_used_where_constraints_refuse_most():
    # Random configs alone would lie evenly in 0..0.05.
    space = SPACES["line"]
    searcher = begun(space, random_fraction=0.0)
    for number in range(50):
        x = number / 1000
        searcher.observe(Observation(number, space.validate({"x": x}), 1, abs(x - 0.02)))
    suggested = np.array([searcher.suggest(number)["x"] for number in range(50, 100)])
    assert np.mean(np.abs(suggested - 0.02) < 0.01) > 0.9


@pytest.mark.parametrize("points", [1, 3])
def test_too_few_points_for_the_parameters_are_refused(points):
    if points == 1:
        with pytest.raises(ValidationError, match="greater than or equal to 2"):
            Bohb(min_points_in_model=points)
        return
    with pytest.raises(ConfigurationError) as error:
        begun(JointSpace(Three(), NoTraining()), min_points_in_model=points)
    assert str(error.value) == (
        "searcher.min_points_in_model: 3 points are too few for 3 parameters. Give at least 4."
    )
