"""Strategies by name, and searchers and schedulers as files declare them."""

from __future__ import annotations

import math
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


def floats(cls):
    """The settings of a class that are floats, or lists of some."""
    types = {name: repr(field) for name, field in cls.model_fields.items()}
    return {name: "tuple" in kind for name, kind in types.items() if "float" in kind}


SETTINGS = [
    (read, name, setting, many)
    for registry, read in ((searchers, searcher_from), (schedulers, scheduler_from))
    for name in registry.names()
    for setting, many in floats(registry.get(name)).items()
]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(("read", "name", "setting", "many"), SETTINGS)
def test_no_setting_takes_what_is_no_finite_number(read, name, setting, many, value):
    with pytest.raises(ConfigurationError) as error:
        read({"kind": name, setting: [value] if many else value})
    assert str(error.value).endswith(f": {value!r} is not a finite number.")


def test_all_numbers_among_the_settings_were_tried():
    assert {setting for _, _, setting, _ in SETTINGS} >= {"gamma", "sigma0", "factors", "top"}


@pytest.mark.parametrize(
    ("kind", "setting", "most"),
    [("hyperopt", "gamma", 25), ("hyperopt", "prior_weight", 1e6), ("bohb", "min_bandwidth", 1)],
)
def test_a_setting_that_would_overflow_in_the_middle_of_a_sweep_is_refused(kind, setting, most):
    assert getattr(searcher_from({"kind": kind, setting: most}), setting) == most
    with pytest.raises(ConfigurationError, match=rf"{setting}: 1e\+308 is not less than or equal"):
        searcher_from({"kind": kind, setting: 1e308})


@pytest.mark.parametrize("factor", [0, -1.2])
def test_a_number_is_multiplied_by_something_above_zero(factor):
    with pytest.raises(ConfigurationError) as error:
        scheduler_from({"kind": "pbt", "factors": [0.8, factor]})
    assert str(error.value) == f"scheduler.factors.1: {factor} is not greater than 0."


def test_a_single_parameter_or_factor_is_a_list_of_one():
    scheduler = scheduler_from({"kind": "pbt", "explore": "learning_rate", "factors": 2})
    assert (scheduler.explore, scheduler.factors) == (("learning_rate",), (2.0,))
    assert scheduler_from({"kind": "pbt", "explore": None}).explore is None


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"explore": 3},
         "explore: 3 is no list of parameters. Write one as learning_rate, several in a list."),
        ({"factors": "big"},
         "factors: 'big' is no list of factors. Write one as 1.2, several in a list."),
        ({"factors": None},
         "factors: None is no list of factors. Write one as 1.2, several in a list."),
        ({"factors": True},
         "factors: True is no list of factors. Write one as 1.2, several in a list."),
    ],
)  # fmt: skip
def test_what_is_no_list_is_told_how_to_be_one(settings, line):
    with pytest.raises(ConfigurationError) as error:
        scheduler_from({"kind": "pbt", **settings})
    assert str(error.value) == f"scheduler.{line}"


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
