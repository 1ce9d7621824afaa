"""Strategies by name, and searchers and schedulers as files declare them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from orchestrator.schedulers import schedulers
from orchestrator.schedulers.asha import Asha
from orchestrator.schedulers.hyperband import HyperBand
from orchestrator.searchers import searchers
from orchestrator.searchers.bohb import Bohb
from orchestrator.searchers.random_ import RandomSearch
from orchestrator.strategies import (
    DEFAULT_STRATEGY,
    STRATEGIES,
    scheduler_from,
    searcher_from,
    strategy,
)
from searchspaces import ConfigurationError, UnknownNameError

KINDS = "asha, async-hyperband, fifo, hyperband, median, pbt"


def test_a_setting_that_is_no_more_is_read_where_it_was_off():
    old = {"kind": "asha", "eta": 3, "form": "promotion", "doubts": False}
    assert scheduler_from(old) == scheduler_from({"kind": "asha", "form": "promotion"})
    with pytest.raises(ConfigurationError, match="doubts: unknown key"):
        scheduler_from({**old, "doubts": True})


def test_each_name_stands_for_a_searcher_and_a_scheduler():
    pairs = {name: tuple(part.kind for part in strategy(name)) for name in STRATEGIES}
    assert pairs == {
        "auto": ("auto", "async-hyperband"),
        "auto-stopping": ("auto", "async-hyperband"),
        "random": ("random", "fifo"),
        "grid": ("grid", "fifo"),
        "asha": ("random", "asha"),
        "hyperband": ("random", "hyperband"),
        "hyperopt": ("hyperopt", "asha"),
        "bohb": ("bohb", "hyperband"),
        "bohb-asha": ("bohb", "asha"),
        "asha-promotion": ("random", "asha"),
        "async-hyperband": ("random", "async-hyperband"),
        "median": ("random", "median"),
        "pbt": ("random", "pbt"),
    }
    assert DEFAULT_STRATEGY in STRATEGIES


def test_each_sweep_gets_a_searcher_and_a_scheduler_of_its_own():
    (one, two), (other_one, other_two) = strategy("bohb"), strategy("bohb")
    assert one is not other_one
    assert two is not other_two
    assert (one, two) == (other_one, other_two)


def test_summaries_fit_a_line():
    assert [s.name for s in STRATEGIES.values() if not 10 < len(s.summary) < 60] == []


def test_an_unknown_strategy_suggests_the_nearest():
    with pytest.raises(UnknownNameError) as error:
        strategy("hyperbnd")
    assert str(error.value) == (
        "unknown strategy 'hyperbnd'. Did you mean 'hyperband'? "
        "Known: hyperband, async-hyperband, hyperopt, random, asha-promotion, pbt, bohb, grid, "
        "median, bohb-asha, auto-stopping, asha, auto."
    )


def test_a_declaration_may_be_an_instance_a_mapping_or_a_kind():
    scheduler = Asha(eta=4)
    assert scheduler_from(scheduler) is scheduler
    assert scheduler_from({"kind": "asha", "eta": 4}) == scheduler
    assert scheduler_from("hyperband") == HyperBand()
    assert searcher_from("random") == RandomSearch()
    assert searcher_from({"kind": "bohb", "top_n_percent": 20}) == Bohb(top_n_percent=20)


@pytest.mark.parametrize("name", searchers.names())
def test_every_searcher_survives_a_file(name):
    searcher = searcher_from(name)
    assert searcher_from(searcher.model_dump(mode="json")) == searcher


@pytest.mark.parametrize("name", schedulers.names())
def test_every_scheduler_survives_a_file(name):
    scheduler = scheduler_from(name)
    assert scheduler_from(scheduler.model_dump(mode="json")) == scheduler


def test_a_class_of_ones_own_is_named_by_module_and_attribute(tmp_path, monkeypatch):
    (tmp_path / "my_schedulers.py").write_text(
        "from typing import Literal\n"
        "from orchestrator.schedulers.fifo import Fifo\n"
        "class Mine(Fifo):\n"
        "    kind: Literal['my_schedulers:Mine'] = 'my_schedulers:Mine'\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    scheduler = scheduler_from("my_schedulers:Mine")
    assert scheduler_from(scheduler.model_dump()) == scheduler


@pytest.mark.parametrize(
    ("declared", "line"),
    [
        (
            {"kind": "ahsa"},
            "unknown scheduler 'ahsa'. Did you mean 'asha'? "
            "Known: asha, async-hyperband, median, hyperband, fifo, pbt.",
        ),
        ({"eta": 3}, f"scheduler.kind: the kind is missing. Give one of {KINDS}."),
        ({"kind": 3}, f"scheduler.kind: 3 is no name. Give one of {KINDS}."),
        (7, "scheduler: 7 is no scheduler. Give a mapping with a kind, such as kind: asha."),
        (
            {"kind": "asha", "min_epoch": 3},
            "scheduler.min_epoch: unknown key. Did you mean 'min_epochs'? "
            "Known: eta, form, cap, min_epochs.",
        ),
        ({"kind": "fifo", "eta": 3}, "scheduler.eta: unknown key. There are none here."),
        (
            {"kind": "asha", "eta": 1},
            "scheduler.eta: 1 is not greater than or equal to 2.",
        ),
        (
            {"kind": "asha", "eta": "x"},
            "scheduler.eta: 'x' is not a valid integer, unable to parse string as an integer.",
        ),
    ],
)
def test_a_wrong_declaration_gives_one_clear_line(declared, line):
    with pytest.raises((ConfigurationError, UnknownNameError)) as error:
        scheduler_from(declared)
    assert str(error.value) == line


def test_strategies_import_neither_ray_nor_torch_nor_any_search_library():
    code = (
        "import sys, orchestrator.strategies as s; s.strategy('asha');"
        "heavy = {'ray', 'torch', 'hyperopt', 'pandas', 'scipy', 'sklearn'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
