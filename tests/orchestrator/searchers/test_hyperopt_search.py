"""HyperOpt's TPE: what the library is told, and what comes of it."""

from __future__ import annotations

import logging
import math

import numpy as np
import pytest

from orchestrator.searchers import Observation
from orchestrator.searchers.hyperopt_ import HyperOptSearch
from orchestrator.searchers.testing import FACTS, SPACES, observations


def begun(space: str, **settings: float) -> HyperOptSearch:
    searcher = HyperOptSearch(**settings)
    searcher.begin(SPACES[space], seed=0, facts=FACTS)
    return searcher


def test_ranks_put_further_epochs_first_and_failed_trials_last():
    searcher = begun("line")
    seen = [(0, 1, 0.1), (1, 9, 5.0), (2, 9, 4.0), (3, 3, 0.0), (4, 9, math.inf), (5, 1, 0.1)]
    for number, epoch, loss in [*seen, (2, 3, 9.0), (3, 1, 9.0)]:
        config = SPACES["line"].validate({"x": number / 1000})
        searcher.observe(Observation(number, config, epoch, loss))
    ranks = {document["tid"]: document["result"]["loss"] for document in searcher._ranked()}
    assert ranks == {2: 0.0, 1: 1.0, 3: 2.0, 0: 3.0, 5: 4.0, 4: 5.0}


def test_inactive_parameters_are_absent_from_what_the_library_reads():
    searcher = begun("gru")
    values = {"num_layers": 1, "hidden_size": 16, "learning_rate": 0.1, "batch_size": 16}
    searcher.observe(Observation(3, SPACES["gru"].validate(values), 1, 0.5))
    [document] = searcher._ranked()
    assert document["misc"]["vals"]["dropout"] == []
    assert document["misc"]["idxs"]["dropout"] == []
    assert document["misc"]["idxs"]["num_layers"] == [3]
    # By hand: the first of four and of five equal cells; the upper bound of the interval.
    assert document["misc"]["vals"]["num_layers"] == [0.125]
    assert document["misc"]["vals"]["batch_size"] == [0.1]
    assert document["misc"]["vals"]["learning_rate"] == [1.0]


def test_an_unordered_choice_is_a_number_of_its_own_kind():
    searcher = begun("awkward")
    config = SPACES["awkward"].validate(
        {"cell": "rnn", "width": 8, "heads": 1, "attention": False, "grade": "small"}
    )
    searcher.observe(Observation(0, config, 1, 0.5))
    [document] = searcher._ranked()
    assert document["misc"]["vals"]["cell"] == [2]
    assert document["misc"]["vals"]["attention"] == [0]
    assert document["misc"]["vals"]["gate"] == []


def test_a_constrained_space_is_searched_by_the_model_not_at_random():
    searcher = begun("awkward")
    space = SPACES["awkward"]
    losses = []
    for number in range(70):
        config = searcher.suggest(number)
        for observation in observations(space, number, config):
            searcher.observe(observation)
        losses.append(observations(space, 0, config)[0].loss - 1)  # 1 / epoch is no merit
    assert np.mean(losses[-20:]) < 0.7 * np.mean(losses[:20])


def test_the_library_neither_logs_nor_prints(caplog, capfd):
    searcher = begun("gru", n_startup_jobs=3)
    with caplog.at_level(logging.DEBUG):
        for number in range(6):
            config = searcher.suggest(number)
            searcher.observe(Observation(number, config, 1, float(number)))
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("jobs", [1, 5])
def test_the_model_is_used_after_the_startup_trials(jobs):
    searcher = begun("gru", n_startup_jobs=jobs)
    random = begun("gru", n_startup_jobs=1000)
    for number in range(jobs):
        config = searcher.suggest(number)
        assert config == random.suggest(number)
        searcher.observe(Observation(number, config, 1, float(number)))
    assert searcher.suggest(jobs) != random.suggest(jobs)
