"""Gestures: the accelerometer of a watch while eight people draw twenty gestures in the air."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from trainables.data.archive import read_members
from trainables.data.blocks import read_rows
from trainables.data.errors import DamagedDataError
from trainables.data.part import Part
from trainables.data.source import DataFile, DatasetSource, PartName
from trainables.data.split import hold_out

_COLUMNS = 6  # three clocks, then x, y, z
_TEST_SEED = 0


class Gestures(DatasetSource):
    """3,251 recordings of 10 to 51 steps with 3 accelerations in m/s2, about 9 steps a second.

    Eight users made each of twenty gestures 20 to 26 times. The three time stamps of a step
    are left out: they tell the day, and the clock ticks evenly. One recording is there twice,
    under two gestures (U02/13/20 and U02/14/01); it stays, as published.

    The set has no published parts. Two of the eight users are the test part whatever the
    sweep's seed, and two of the other six validate, so that scores are those of people the
    network has not met. The split ``published`` is that of most reports: a fifth of all
    recordings, drawn by chance from all eight users, validates. It draws from the test users
    too and has the same users on both sides.

    Source: Costante, Porzi, Lanz, Valigi, Ricci, Personalizing a Smartwatch-Based Gesture
    Interface with Transfer Learning, EUSIPCO 2014, https://tev.fbk.eu/resources/smartwatch.
    """

    name = "gestures"
    summary = "smartwatch gestures as 10 to 51 steps of 3 accelerations, 20 classes"
    homepage = "https://tev.fbk.eu/resources/smartwatch"
    url = "https://github.com/raoulg/gestures/raw/main/gestures-dataset.zip"
    files = (
        DataFile(
            "gestures-dataset.zip",
            max_bytes=1 << 26,
            members="U(?P<user>0[1-8])/(?P<gesture>[0-9]{2})/(?P<attempt>[0-9]{2})[.]txt",
        ),
    )
    classes = tuple(f"{gesture:02}" for gesture in range(1, 21))
    feature_names = ("x", "y", "z")
    group_noun = "users"
    valid_fraction = 1 / 3
    reported = "a fifth of all recordings, drawn from all users, validates"
    content = "41baf74187bf6fad"
    """Start of the SHA-256 of all recordings, which a zip of them packed anew has too."""

    def parse(self, folder: Path, part: PartName) -> Part:
        """The recordings of six users, or those of the other two."""
        (file,) = self.files
        archive = folder / file.name
        series, labels, groups = [], [], []
        digest = hashlib.sha256()
        for path, content in read_members(archive, file):
            rows = read_rows(content, archive / path[0], columns=_COLUMNS)
            series.append(rows[:, 3:].astype(np.float32))
            labels.append(int(path["gesture"]) - 1)
            groups.append(int(path["user"]) - 1)
            digest.update(f"{path[0]} {len(content)} ".encode() + content)
        if not digest.hexdigest().startswith(self.content):
            raise DamagedDataError(
                archive,
                f"the {len(series):,} recordings in it are not as published: "
                f"sha256 {digest.hexdigest()[:16]}, not {self.content}",
            )
        everything = Part.from_series(series, labels, groups)
        parts = hold_out(everything, fraction=0.25, seed=_TEST_SEED)
        return everything.take(parts.valid if part == "test" else parts.train)

    def published(self, train: Part, test: Part, seed: int) -> tuple[Part, Part]:
        """Four fifths and one fifth of all recordings, by gesture, whoever made them."""
        everything = train.joined(test)
        drawn = hold_out(everything, fraction=0.2, seed=seed, whole_groups=False)
        return everything.take(drawn.train), everything.take(drawn.valid)
