"""What a sweep on a cluster will take: said before anything is started, as far as it is known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator import Sweep
from orchestrator.cli.forecast import forecast
from orchestrator.cluster.file import ClusterFile, Login, NodeType
from orchestrator.cluster.launch import Up, UpNode
from orchestrator.preflight import CheckReport
from searchspaces.errors import ConfigurationError


@pytest.fixture
def file(tmp_path):
    """A head of 4 CPUs and two workers of 8, up to five, with prices."""
    return ClusterFile(
        path=tmp_path / "cluster.yaml",
        name="far",
        provider="aws",
        head="",
        workers=(),
        login=Login("ubuntu", None),
        head_type="head",
        node_types=(NodeType("head", 4, 0, 0, 0, 0.5), NodeType("spot", 8, 0, 2, 2, 1.0)),
        currency="EUR",
        values={"max_workers": 9},
    )


@pytest.fixture
def spec():
    return Sweep("gru-random", trials=100, epochs=9).spec


@pytest.fixture
def report():
    """A check: 100 trials of 9 epochs, 14.4 s an epoch, one at a time here."""
    return CheckReport(
        tried=(), epochs=900, max_epochs=9, at_a_time=1, epoch_seconds=14.4, took=1.0
    )


def node(cpus, *, head=False):
    return UpNode("10.0.0.1", head=head, cpus=cpus, gpus=0, since=0.0)


def test_time_and_money_are_those_of_the_nodes_that_will_run(file, spec, report):
    # 900 epochs of 14.4 s, 20 at a time: 648 s and 5 s until the workers stand, at 2.50 an hour.
    assert forecast(file, Up(), spec, report) == (
        "20 trials at a time on 3 nodes with 20 cpus",
        "about 11 min, if an epoch takes there what it takes here",
        "about 0.45 EUR: 3 nodes for 11 min",
    )


def test_a_cluster_that_is_up_counts_as_it_is(file, spec, report):
    there = Up((node(4, head=True), node(8)))
    assert forecast(file, there, spec, report)[0] == "12 trials at a time on 2 nodes with 12 cpus"


def test_workers_come_as_they_are_needed(file, spec, report):
    head, spot = file.node_types
    growing = replace(file, node_types=(head, replace(spot, fewest=0, most=5)))
    told = "up to 44 trials at a time on 6 nodes with 44 cpus"
    assert forecast(growing, Up(), spec, report)[0] == told
    assert forecast(growing, Up((node(4, head=True), node(8))), spec, report)[0] == told
    # No more than there is work for, nor than all kinds together may be, nor than are wanted.
    few = spec.model_copy(update={"trials": 9})
    assert forecast(growing, Up(), few, None) == (
        "up to 9 trials at a time on 2 nodes with 12 cpus",
    )
    narrow = replace(growing, values={"max_workers": 3})
    assert forecast(narrow, Up(), spec, None)[0].startswith("up to 28 trials")
    asked = spec.model_copy(update={"concurrency": 3})
    assert forecast(growing, Up(), asked, None) == ("3 trials at a time on 1 node with 4 cpus",)


def test_the_sweep_stops_itself_at_its_limit(file, spec, report):
    limited = spec.model_copy(update={"max_time": 120.0})
    assert forecast(file, Up(), limited, report)[1].startswith("about 2 min, ")


def test_without_a_check_nobody_knows_the_hours(file, spec, report):
    told = ("20 trials at a time on 3 nodes with 20 cpus",)
    assert forecast(file, Up(), spec, None) == told
    assert forecast(file, Up(), spec, replace(report, epoch_seconds=None)) == told


def test_nothing_is_said_where_ray_finds_out_what_nodes_have(file, spec, report):
    unknown = replace(file, node_types=(*file.node_types[:1], NodeType("spot", 0, 0, 2, 5)))
    assert forecast(unknown, Up(), spec, report) == ()
    assert forecast(unknown, Up((node(4, head=True),)), spec, report)[0].startswith("4 trials")


def test_a_node_that_may_come_has_room_too(file, spec):
    large = replace(file, node_types=(*file.node_types, NodeType("large", 16, 0, 0, 1)))
    wide = spec.model_copy(update={"cpus": 16.0})
    assert forecast(large, Up(), wide, None) == ("up to 1 trial at a time on 4 nodes with 36 cpus",)


def test_a_trial_of_two_processes_takes_two_places(file, tmp_path, monkeypatch):
    (tmp_path / "two_ranks.py").write_text(
        "from searchspaces import Float, FloatParam, SearchSpace\n"
        "class Space(SearchSpace):\n    x: FloatParam = Float(0, 1)\n"
        "def train(config, state):\n    yield {'valid_loss': 0.0}\n"
        "train.space, train.workers = Space, 2\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    spec = Sweep("two_ranks:train-random", trials=100, epochs=9).spec
    assert forecast(file, Up(), spec, None) == ("10 trials at a time on 3 nodes with 20 cpus",)


def test_what_no_node_has_room_for_is_refused(file, spec, report):
    with pytest.raises(ConfigurationError, match=r"never be placed. Give cpus of 8 or less"):
        forecast(file, Up(), spec.model_copy(update={"cpus": 16.0}), report)
