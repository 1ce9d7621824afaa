"""How many trials find room, and what each takes of the machines."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engine.room import Node, Room, fitting, part
from searchspaces import ConfigurationError


def room(*nodes: Node, trials: int = 100, **settings: Any) -> Room:
    return Room(lambda: list(nodes), trials=trials, **settings)


TWO = (Node(2.0), Node(2.0), Node(2.0))


@pytest.mark.parametrize(
    ("nodes", "settings", "size", "share"),
    [
        ((Node(2.0),), {}, 2, (1.0, 0.0)),
        (TWO, {}, 6, (1.0, 0.0)),
        (TWO, {"trials": 4}, 4, (1.0, 0.0)),
        (TWO, {"cpus": 2.0}, 3, (2.0, 0.0)),
        (TWO, {"cpus": 1.5}, 3, (1.5, 0.0)),
        (TWO, {"cpus": 0.25}, 24, (0.25, 0.0)),
        (TWO, {"wanted": 4}, 4, (1.0, 0.0)),
        (TWO, {"wanted": 7}, 7, (0.6666, 0.0)),
        (TWO, {"wanted": 12}, 12, (0.5, 0.0)),
        (TWO, {"wanted": 12, "cpus": 1.0}, 6, (1.0, 0.0)),
        (TWO, {"wants_gpu": True}, 6, (1.0, 0.0)),
        ((Node(4.0, 1.0),), {"wants_gpu": True}, 4, (1.0, 0.25)),
        ((Node(4.0, 1.0),), {"wants_gpu": False}, 4, (1.0, 0.0)),
        ((Node(2.0), Node(8.0, 2.0)), {"wants_gpu": True}, 8, (1.0, 0.25)),
        ((Node(8.0, 2.0),), {"gpus": 0.5}, 4, (1.0, 0.5)),
        ((Node(8.0, 2.0),), {"gpus": 0.6}, 2, (1.0, 0.6)),
        ((Node(8.0, 2.0),), {"gpus": 2.0}, 1, (1.0, 2.0)),
        ((Node(8.0, 2.0),), {"gpus": 0.0, "wants_gpu": True}, 8, (1.0, 0.0)),
        ((Node(2.0), Node(8.0, 2.0)), {"gpus": 1.0, "cpus": 4.0}, 2, (4.0, 1.0)),
        ((Node(16.0, 1.0),), {"wants_gpu": True, "wanted": 1}, 1, (1.0, 1.0)),
    ],
)
def test_so_many_trials_run_at_a_time_and_take_so_much(nodes, settings, size, share):
    found = room(*nodes, **settings)
    assert found.size() == size
    assert found.share(size) == pytest.approx(share)


def test_nodes_that_come_and_go_change_how_many_and_not_what_each_takes():
    nodes = [Node(2.0), Node(2.0)]
    found = Room(lambda: nodes, trials=100)
    assert (found.size(), found.nodes) == (4, 2)
    nodes.append(Node(4.0))
    assert (found.size(), found.nodes, found.share(8)) == (8, 3, (1.0, 0.0))
    del nodes[1:]
    assert found.size() == 2
    nodes.clear()
    assert found.size() == 1
    found.wanted = 3
    assert found.size() == 3


def test_a_gpu_that_joins_is_used():
    nodes = [Node(2.0)]
    found = Room(lambda: nodes, trials=100, wants_gpu=True)
    assert (found.size(), found.share(2)) == (2, (1.0, 0.0))
    nodes.append(Node(8.0, 2.0))
    assert (found.size(), found.share(8)) == (8, (1.0, 0.25))


def test_what_a_node_that_may_come_has_room_for_is_not_refused():
    found = room(Node(4.0), cpus=8.0, gpus=1.0, largest=Node(16.0, 1.0))
    assert found.size() == 1  # it waits, and an autoscaler hears of it
    with pytest.raises(ConfigurationError):
        room(Node(4.0), cpus=32.0, largest=Node(16.0, 1.0))


@pytest.mark.parametrize(
    ("nodes", "settings", "line"),
    [
        ((Node(2.0),), {"cpus": 8.0},
         "cpus: a trial takes 8 CPUs, and this machine has 2: it could never be placed. "
         "Give cpus of 2 or less."),
        (TWO, {"cpus": 2.5},
         "cpus: a trial takes 2.5 CPUs, and the largest of 3 nodes has 2: it could never be "
         "placed. Give cpus of 2 or less."),
        (TWO, {"gpus": 1.0},
         "gpus: a trial takes 1 GPU, and the largest of 3 nodes has 0: it could never be placed. "
         "Leave gpus out."),
        ((Node(64.0), Node(4.0, 1.0)), {"gpus": 1.0, "cpus": 8.0},
         "cpus: a trial takes 8 CPUs, and the largest of 2 nodes has 4: it could never be placed. "
         "Give cpus of 4 or less."),
    ],
)  # fmt: skip
def test_a_trial_that_can_never_be_placed_is_refused(nodes, settings, line):
    with pytest.raises(ConfigurationError) as caught:
        room(*nodes, **settings)
    assert str(caught.value) == line


@pytest.mark.parametrize(
    ("nodes", "settings", "size", "share"),
    [
        ((Node(2.0),), {}, 1, (1.0, 0.0)),
        (TWO, {"ranks": 3}, 2, (1.0, 0.0)),
        (TWO, {"ranks": 4}, 1, (1.0, 0.0)),
        (TWO, {"cpus": 2.0}, 1, (2.0, 0.0)),
        (TWO, {"cpus": 0.5, "trials": 3}, 3, (0.5, 0.0)),
        (TWO, {"wanted": 2}, 2, (1.0, 0.0)),
        (TWO, {"wanted": 6}, 6, (0.5, 0.0)),
        ((Node(8.0, 4.0), Node(8.0, 1.0)), {"gpus": 1.0}, 2, (1.0, 1.0)),
    ],
)  # fmt: skip
def test_a_trial_of_several_processes_has_room_for_all_of_them(nodes, settings, size, share):
    settings = {"ranks": 2, **settings}
    found = room(*nodes, **settings)
    assert found.size() == size
    assert found.share(size) == pytest.approx(share)
    bundles = found.bundles(size)
    assert len(bundles) == size * settings["ranks"]
    assert fitting(nodes, bundles[0]) >= len(bundles)


@pytest.mark.parametrize(
    ("nodes", "settings", "line"),
    [
        ((Node(2.0),), {"ranks": 4},
         "cpus: a trial has 4 processes of 1 CPU each, and this machine has room for 2: it could "
         "never be placed. Give cpus of 0.5 or less."),
        (TWO, {"ranks": 4, "cpus": 2.0},
         "cpus: a trial has 4 processes of 2 CPUs each, and the 3 nodes have room for 3: it could "
         "never be placed. Give cpus of 1 or less."),
        ((Node(64.0), Node(16.0, 3.0)), {"ranks": 2, "gpus": 2.0},
         "gpus: a trial has 2 processes of 1 CPU and 2 GPUs each, and the 2 nodes have room for 1: "
         "it could never be placed. Give gpus of 1 or less."),
    ],
)  # fmt: skip
def test_a_trial_whose_processes_never_find_room_is_refused(nodes, settings, line):
    with pytest.raises(ConfigurationError) as caught:
        room(*nodes, **settings)
    assert str(caught.value) == line
    # Of machines that may still come there may be as many as it takes.
    assert room(*nodes, **settings, largest=nodes[-1]).size() == 1


@given(
    st.lists(st.integers(1, 64), min_size=1, max_size=6),
    st.integers(1, 200),
)
def test_the_share_is_the_largest_of_which_so_many_find_room(sizes, workers):
    nodes = [Node(float(size)) for size in sizes]
    share = part([node.cpus for node in nodes], workers)
    assert 0 < share <= 1
    assert fitting(nodes, (share, 0.0)) >= workers
    if share < 1:  # a little more, and one finds none
        assert fitting(nodes, (share + 2e-4, 0.0)) < workers


@given(st.integers(1, 16), st.integers(1, 64))
def test_every_worker_finds_room_on_one_of_the_gpus(gpus, workers):
    share = part([1.0] * gpus, workers)
    assert gpus * int(1 / share + 1e-9) >= workers
    assert fitting([Node(1e3, float(gpus))], (1e-3, share)) >= workers
