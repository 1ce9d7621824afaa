"""Non-dominated sorting against its definition."""

from __future__ import annotations

import random

import pytest

from searchspaces.dominance import Fronts, front, layers, ranked


def dominates(one, other):
    return all(a <= b for a, b in zip(one, other, strict=True)) and one != other


def by_definition(points):
    """Fronts peeled off one after the other."""
    found, left, layer = [0] * len(points), set(range(len(points))), 0
    while left:
        best = {i for i in left if not any(dominates(points[j], points[i]) for j in left)}
        for index in best:
            found[index] = layer
        left, layer = left - best, layer + 1
    return found


def sets(count):
    """Random sets of points, with many ties in most."""
    random_ = random.Random(7)
    for _ in range(count):
        width, grid = random_.choice([1, 2, 2, 2, 3, 4]), random_.choice([2, 4, 9, 10**6])
        size = random_.randrange(0, 16)
        yield [tuple(float(random_.randrange(grid)) for _ in range(width)) for _ in range(size)]


def test_the_front_is_what_nothing_dominates_and_ties_stay():
    for points in sets(2000):
        expected = [not any(dominates(other, one) for other in points) for one in points]
        assert front(points) == expected, points


def test_layers_are_fronts_peeled_off():
    for points in sets(2000):
        assert layers(points) == by_definition(points), points


def test_ranks_go_by_layer_and_every_index_comes_once():
    for points in sets(500):
        order, found = ranked(points), layers(points)
        assert sorted(order) == list(range(len(points)))
        assert [found[index] for index in order] == sorted(found)


def test_in_a_front_the_ends_come_first_then_those_with_most_room():
    """By hand: sides of the boxes, as shares of 10 each: (1, 8) 0.1+0.4=..., (2, 6), (6, 2)."""
    points = [(0.0, 10.0), (1.0, 8.0), (2.0, 6.0), (6.0, 2.0), (10.0, 0.0)]
    # (1, 8): (2-0)/10 + (10-6)/10 = 0.6; (2, 6): 0.5 + 0.6 = 1.1; (6, 2): 0.8 + 0.6 = 1.4
    assert ranked(points) == [0, 4, 3, 2, 1]


@pytest.mark.parametrize("points", [[], [()], [(1.0,)], [(1.0, 2.0)] * 3])
def test_the_smallest_sets(points):
    assert front(points) == [True] * len(points)
    assert ranked(points) == list(range(len(points)))


def test_points_that_come_one_after_the_other_rank_as_all_at_once():
    random_ = random.Random(11)
    for points in sets(1500):
        if not points:
            continue
        keys = random_.sample(range(40), len(points))
        fronts = Fronts(len(points[0]))
        for count, (key, point) in enumerate(zip(keys, points, strict=True), 1):
            fronts.add(key, point)
            if random_.random() < 0.5 or count == len(points):  # not asked after each
                known = sorted(zip(keys[:count], points[:count], strict=True))
                order = ranked([point for _, point in known])
                assert fronts.order() == [known[index][0] for index in order], known


def test_hundreds_of_points_rank_so_too():
    for width in (1, 2, 3, 4):
        random_ = random.Random(width)
        points = [tuple(random_.random() for _ in range(width)) for _ in range(300)]
        fronts = Fronts(width)
        for key, point in enumerate(points):
            fronts.add(key, point)
        assert fronts.order() == ranked(points)
