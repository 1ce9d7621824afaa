"""Hold out a validation part by speakers or users, else by series, in equal proportions.

Or deal the whole part out into folds, each of which validates once.

One rule serves both: what is held out are *units* (a speaker with all of their
series, or a single series where nobody knows whose it is), drawn separately from
each *stratum* (the units with the same set of classes). Speakers of one gender,
whose classes differ from the other's, are thus held out in proportion, and so are
the classes of ungrouped series.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from searchspaces.errors import ConfigurationError
from trainables.data.part import Part


@dataclass(frozen=True, eq=False)
class Split:
    """Rows of the published training part: (series,) ascending indices, disjoint.

    Attributes:
        train: rows to learn from.
        valid: rows held out.
        description: the split in words, such as ``group: 13 of 66 speakers held out``.
    """

    train: NDArray[np.intp]
    valid: NDArray[np.intp]
    description: str


def hold_out(
    part: Part, *, fraction: float, seed: int, noun: str = "groups", whole_groups: bool = True
) -> Split:
    """Hold out ``fraction`` of the groups of ``part``, or of its series where it has no groups.

    Args:
        part: the series to split.
        fraction: share of units to hold out, in (0, 1); at least one and never all.
        seed: 0 or more; the same seed gives the same split on every machine.
        noun: what the description calls a group, in the plural.
        whole_groups: a group is in one of both parts; otherwise series are drawn one by one,
            whoever they come from.

    Raises:
        ConfigurationError: negative seed, or fewer than two units.
    """
    unit_of_row, grouped = _units(part, seed, whole_groups=whole_groups)
    units = int(unit_of_row.max()) + 1
    what = noun if grouped else "series"
    if units < 2:
        way_out = " Give split stratified." if grouped else ""
        raise ConfigurationError(
            f"nothing can be held out of fewer than two {what}: {units}.{way_out}"
        )
    held = _drawn(_strata(unit_of_row, part.labels, units), fraction, seed)
    is_valid = np.isin(unit_of_row, held)
    kind = "group" if grouped else "stratified"
    words = f"{kind}: {len(held)} of {units} {what} held out"
    return Split(np.flatnonzero(~is_valid), np.flatnonzero(is_valid), words)


def deal(
    part: Part, *, folds: int, seed: int, noun: str = "groups", whole_groups: bool = True
) -> tuple[Split, ...]:
    """Deal the groups of ``part``, or its series where it has none, into folds.

    Each stratum is dealt one unit after the other, where the one before it ended: the folds'
    units differ by one at most, and so do those of each stratum.

    Args:
        part: the series to split.
        folds: 2 or more; of each, the others are what is learnt from.
        seed: 0 or more; the same seed gives the same folds on every machine.
        noun: what the description calls a group, in the plural.
        whole_groups: a group is in one fold; otherwise series are dealt one by one.

    Raises:
        ConfigurationError: negative seed, or fewer units than folds.
    """
    unit_of_row, grouped = _units(part, seed, whole_groups=whole_groups)
    units = int(unit_of_row.max()) + 1
    what = noun if grouped else "series"
    if units < folds:
        way_out = f"Give {units} or fewer" if units > 1 else "Leave folds out"
        more = ", or split stratified" if grouped else ""
        raise ConfigurationError(
            f"{folds} folds need {folds} {what}, and there are {units}. {way_out}{more}.",
            place="folds",
        )
    strata = _strata(unit_of_row, part.labels, units)
    place = np.random.PCG64(np.random.SeedSequence(seed)).random_raw(units)
    fold_of_unit = np.empty(units, dtype=np.intp)
    fold_of_unit[np.lexsort((place, strata))] = np.arange(units) % folds
    fold_of_row = fold_of_unit[unit_of_row]
    kind = "group" if grouped else "stratified"
    words = f"{kind}, {folds} folds: each of {units:,} {what} validates once"
    return tuple(
        Split(np.flatnonzero(fold_of_row != fold), np.flatnonzero(fold_of_row == fold), words)
        for fold in range(folds)
    )


def _units(part: Part, seed: int, *, whole_groups: bool) -> tuple[NDArray[np.intp], bool]:
    """The unit of each series, (series,), and whether some of them are groups."""
    if seed < 0:
        raise ConfigurationError(f"{seed} is negative. Give 0 or more.", place="seed")
    alone = part.groups < 0 if whole_groups else np.ones(len(part), dtype=bool)
    owner = np.where(alone, part.groups.max() + 1 + np.arange(len(part)), part.groups)
    _, unit_of_row = np.unique(owner, return_inverse=True)
    return np.asarray(unit_of_row, dtype=np.intp), not alone.all()


def _strata(
    unit_of_row: NDArray[np.intp], labels: NDArray[np.int64], units: int
) -> NDArray[np.intp]:
    """Number of each unit's stratum, (units,): equal where the sets of classes are equal."""
    has = np.zeros((units, int(labels.max()) + 1), dtype=bool)
    has[unit_of_row, labels] = True
    _, stratum = np.unique(has, axis=0, return_inverse=True)
    return np.asarray(stratum, dtype=np.intp).reshape(units)


def _drawn(strata: NDArray[np.intp], fraction: float, seed: int) -> NDArray[np.intp]:
    """Units drawn from each stratum in proportion, by largest remainder, in integers."""
    units = len(strata)
    total = min(max(round(fraction * units), 1), units - 1)
    sizes = np.bincount(strata)
    # Raw bits and sorting, because a Generator's methods may change between numpy versions
    # (NEP 19) while a bit generator's stream may not: a resumed sweep must split as before.
    bits = np.random.PCG64(np.random.SeedSequence(seed))
    turn = bits.random_raw(len(sizes))
    place = bits.random_raw(units)
    quota = total * sizes // units
    left = total - int(quota.sum())
    by_remainder = np.lexsort((turn, -(total * sizes % units)))
    for limit in (sizes - 1, sizes):  # a stratum loses its last unit only when none other can
        for stratum in by_remainder:
            if left and quota[stratum] < limit[stratum]:
                quota[stratum] += 1
                left -= 1
    return np.concatenate(
        [
            members[np.argsort(place[members], kind="stable")[: quota[stratum]]]
            for stratum in range(len(sizes))
            for members in [np.flatnonzero(strata == stratum)]
        ]
    )
