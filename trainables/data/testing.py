"""What every data set must do, as a check that an implementer imports.

A plug-in tests itself with it::

def test_my_data_set_keeps_the_promises_of_data_sets(tmp_path):
    check_dataset(MyDataset(), tmp_path)  # tmp_path holds the files, if there are any
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np

from trainables.data.checks import checked_part
from trainables.data.part import Part
from trainables.data.source import DatasetSource, PartName


def check_dataset(source: DatasetSource, folder: Path) -> None:
    """Check that ``source`` parses, splits and keeps its test part apart.

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
    for seed in (0, 1, 2**31):
        split = source.split(train, seed)
        again = source.split(train, seed)
        same = np.array_equal(split.valid, again.valid) and np.array_equal(split.train, again.train)
        _promise(same, f"the same split from the same seed ({seed})")
        rows = np.sort(np.concatenate([split.train, split.valid]))
        _promise(np.array_equal(rows, np.arange(len(train))), "every series in one of both parts")
        _promise(len(split.train) > 0 and len(split.valid) > 0, "no empty part")
        valid_groups = train.groups[split.valid]
        mixed = set(train.groups[split.train].tolist()) & set(valid_groups[valid_groups >= 0])
        _promise(not mixed, f"no {source.group_noun} in both train and valid; {mixed} are")
        seen = set(train.labels[split.train].tolist())
        _promise(seen >= set(train.labels[split.valid].tolist()), "every valid class in train")


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
