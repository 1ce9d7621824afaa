"""What every data set must do, as a check that an implementer imports.

A plug-in tests itself with it::

def test_my_data_set_keeps_the_promises_of_data_sets(tmp_path):
    check_dataset(MyDataset(), tmp_path)  # tmp_path holds the files, if there are any
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from searchspaces.errors import ConfigurationError
from trainables.data.checks import checked_part
from trainables.data.division import SPLITS, SplitName, default_split, divide
from trainables.data.fingerprint import fingerprint
from trainables.data.part import Part
from trainables.data.source import DatasetSource, PartName


def check_dataset(source: DatasetSource, folder: Path) -> None:
    """Check that ``source`` parses, keeps its test part apart and splits in every way it has.

    Args:
        source: the data set.
        folder: holds its files.

    Raises:
        AssertionError: a promise is broken; says which.
        ConfigurationError: a parsed part is malformed.
    """
    _promise(bool(source.name and source.summary), "a name and a summary")
    _promise(len(set(source.classes)) == len(source.classes) > 1, "two or more different classes")
    _promise(all(Path(f.name).name == f.name for f in source.files), "file names without folders")
    train = _parsed_alone(source, folder, "train")
    test = _parsed_alone(source, folder, "test")
    _promise(train.values.shape[2] == test.values.shape[2], "as many features in both parts")
    shared = set(train.groups[train.groups >= 0].tolist()) & set(test.groups.tolist())
    _promise(not shared, f"no group in both published parts; {sorted(shared)[:3]} are")
    _promise(source.channels >= 0, "0 channels for series, 1 or more for images")
    if source.channels:
        _promise(
            train.values.shape[2] % source.channels == 0,
            "rows of whole pixels, all channels of each",
        )
    names = source.feature_names
    _promise(len(names) in {0, train.values.shape[2]}, "a name for each feature, or for none")
    for seed in (0, 1, 2**31):
        _check_own_split(source, train, seed)
        for split in SPLITS:
            _check_named_split(source, train, test, split, seed)


def _check_own_split(source: DatasetSource, train: Part, seed: int) -> None:
    split, again = source.split(train, seed), source.split(train, seed)
    same = np.array_equal(split.valid, again.valid) and np.array_equal(split.train, again.train)
    _promise(same, f"the same split from the same seed ({seed})")
    rows = np.sort(np.concatenate([split.train, split.valid]))
    _promise(np.array_equal(rows, np.arange(len(train))), "every series in one of both parts")


def _check_named_split(
    source: DatasetSource, train: Part, test: Part, split: SplitName, seed: int
) -> None:
    grouped = default_split(train) == "group"
    there = {"group": grouped, "stratified": True, "published": bool(source.reported)}[split]
    try:
        found = divide(source, train, lambda: test, seed=seed, split=split)
    except ConfigurationError:
        _promise(not there, f"the split {split}")
        return
    _promise(there, f"to refuse the split {split}, which it has not")
    _promise(found.name == split, f"{split} when asked for it, not {found.name}")
    again = divide(source, train, lambda: test, seed=seed, split=split)
    same = fingerprint(found.train, found.valid) == fingerprint(again.train, again.valid)
    _promise(same, f"the same split {split} from the same seed ({seed})")
    _promise(len(found.train) > 0 and len(found.valid) > 0, f"no empty part with split {split}")
    held = set(found.valid.groups[found.valid.groups >= 0].tolist())
    mixed = held & set(found.train.groups.tolist())
    if split == "group":
        _promise(not mixed, f"no {source.group_noun} in both train and valid; {mixed} are")
        _promise(found.warning == source.caution, "no warning of scores that are honest")
    elif mixed or split == "published":
        _promise(bool(found.warning), f"a warning with split {split}")
    seen = set(found.train.labels.tolist())
    _promise(seen >= set(found.valid.labels.tolist()), f"every valid class in train with {split}")
    known, used = _series(train), _series(found.train) + _series(found.valid)
    if split == "published":
        _promise(found.test_is_seen, "to say that nothing is left to test on with published")
        known += _series(test)
    else:
        _promise(used == known, f"every series once in train or valid with split {split}")
    _promise(used <= known, f"no series twice and none made up with split {split}")


def _series(part: Part) -> Counter[bytes]:
    """How often each series is there: its values, label and group."""
    return Counter(
        hashlib.sha256(
            part.values[row, : part.lengths[row]].tobytes()
            + f"{part.labels[row]} {part.groups[row]}".encode()
        ).digest()
        for row in range(len(part))
    )


def _parsed_alone(source: DatasetSource, folder: Path, part: PartName) -> Part:
    """Parse twice, the second time without the files of the other part."""
    found = checked_part(source.parse(folder, part), source)
    with tempfile.TemporaryDirectory() as alone:
        for file in source.files_of(part):
            shutil.copyfile(folder / file.name, Path(alone) / file.name)
        again = source.parse(Path(alone), part)
    for name in ("values", "lengths", "labels", "groups"):
        same = np.array_equal(getattr(found, name), getattr(again, name))
        _promise(same, f"the same {name} of {part} each time, from the files of {part} alone")
    return found


def _promise(kept: bool, text: str) -> None:
    if not kept:
        raise AssertionError(f"a data set promises {text}")
