"""BOHB's densities beside those of hpbandster itself, on the same observations.

It is no dependency of orch: its last release is of 2018, and what it is written for does not
install any more. ``benchmarks/search.py`` says how to have it; where it is not, these tests skip,
and test_bohb_model.py has what it once said.
"""

from __future__ import annotations

import importlib.util
import math

import numpy as np
import pytest

from orchestrator.searchers import Observation
from orchestrator.searchers.bohb import Bohb
from orchestrator.searchers.kde import Density
from orchestrator.searchers.lattice import categories_of
from orchestrator.searchers.testing import NoTraining
from searchspaces import (
    Choice,
    ChoiceParam,
    Float,
    FloatParam,
    Int,
    IntParam,
    JointSpace,
    SearchSpace,
)

pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("hpbandster") is None, reason="hpbandster is not installed"
    ),
    pytest.mark.filterwarnings("ignore"),  # its syntax is of 2018
]


class Line(SearchSpace):
    x: FloatParam = Float(0.0, 1.0)


class Net(SearchSpace):
    hidden_size: IntParam = Int(8, 256, log=True)
    learning_rate: FloatParam = Float(1e-4, 1e-1, log=True)
    cell: ChoiceParam = Choice(("gru", "lstm", "rnn"))
    bidirectional: ChoiceParam = Choice((False, True))
    batch_size: IntParam = Int(16, 256, powers_of=2)


SPACES = [JointSpace(Line(), NoTraining()), JointSpace(Net(), NoTraining())]


def both(space, seed):
    """The two searchers, each having seen the same, after every ten observations."""
    from benchmarks.search.methods.hpbandster_ import Generator

    rng = np.random.default_rng(seed)
    ours, theirs = Bohb(), Generator(repeats=True)
    ours.begin(space, seed=seed, facts=None)
    theirs.begin(space, seed=seed, facts=None)
    seen = []
    fails = int(rng.integers(20))  # only one: of several, it leaves out any
    for number in range(int(rng.integers(20, 80))):
        config = space.sample(rng)
        for epoch in [1, 3, 9][: int(rng.integers(1, 4))]:
            loss = math.inf if number == fails else rng.random()
            seen.append(Observation(number, config, epoch, loss))
            if number == fails:
                break
    order = rng.permutation(len(seen)).tolist()
    for count, index in enumerate(order, start=1):
        ours.observe(seen[index])
        theirs.observe(seen[index])
        if count % 10 == 0:
            yield ours, theirs


@pytest.mark.parametrize("space", SPACES, ids=["line", "net"])
def test_densities_are_those_of_hpbandster_itself(space):
    compared = sum(same_densities(*pair) for seed in range(20) for pair in both(space, seed))
    assert compared > 60


def same_densities(ours: Bohb, theirs) -> bool:
    """Whether there is a model to compare; what differs fails."""
    categories = categories_of(ours.space.cube())
    probes = np.random.default_rng(0).random((30, categories.size))
    probes = np.where(categories > 0, np.floor(probes * categories), probes)
    # Beyond that the kernel of a category would favour the others; see Density.fit.
    widest = np.where(categories > 0, 1 - 1 / np.maximum(categories, 1), math.inf)
    split, models = ours._split(), theirs._model.kde_models
    assert (split is None) == (not models)
    if split is None:
        return False
    for name, rows in (("good", split.good), ("bad", split.bad)):
        model = models[max(models)][name]
        in_order = (data[np.lexsort(data.T)] for data in (rows, model.data))
        np.testing.assert_allclose(*in_order, rtol=1e-9)
        density = Density.fit(rows, categories, ours.min_bandwidth)
        np.testing.assert_allclose(density.bandwidths, np.minimum(model.bw, widest), rtol=1e-9)
        shown = [len(np.unique(column)) for column in rows.T]
        if (categories > shown).any():
            continue  # to statsmodels, which it uses, there are as many categories as it saw
        wide = Density(rows, np.array(model.bw), categories)
        np.testing.assert_allclose(wide.pdf(probes), model.pdf(probes), rtol=1e-8, atol=1e-300)
    return True
