"""Spoken Arabic digits: MFCCs of 88 native speakers who say ten digits ten times."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np

from trainables.data.blocks import read_blocks
from trainables.data.part import Part
from trainables.data.source import DataFile, DatasetSource, PartName

_DIGITS = 10
_COLUMNS = 13


class SpokenArabicDigits(DatasetSource):
    """8,800 utterances of 4 to 93 steps with 13 MFCCs each; classes are digit and gender.

    Each file goes through the digits 0 to 9; within a digit through the speakers, male
    before female; within a speaker through ten utterances. The order of speakers is the
    same in every digit, and no speaker is in both files.

    Source: Hammami and Bedda, Spoken Arabic Digit, UCI, 2010, https://doi.org/10.24432/C52C9Q.
    """

    name = "spoken-arabic-digits"
    summary = "spoken digits as up to 93 steps of 13 MFCCs, 20 classes (UCI)"
    homepage = "https://doi.org/10.24432/C52C9Q"
    url = "https://archive.ics.uci.edu/static/public/195/spoken+arabic+digit.zip"
    files = (
        DataFile(
            "Train_Arabic_Digit.txt",
            sha256="cecd3ee9951658e5391f0342e9b6467ba7c0e7ecff5c9012b9c1ed9f81b97bc6",
            part="train",
            max_bytes=1 << 26,
        ),
        DataFile(
            "Test_Arabic_Digit.txt",
            sha256="de40eac66ce18fca8924bad592002ee7ef646fc84d48b065ce21ac9f88946922",
            part="test",
            max_bytes=1 << 26,
        ),
    )
    classes = tuple(
        f"{digit} {gender}" for digit in range(_DIGITS) for gender in ("male", "female")
    )
    group_noun = "speakers"
    speakers: ClassVar[Mapping[PartName, int]] = {"train": 66, "test": 22}
    utterances = 10

    def parse(self, folder: Path, part: PartName) -> Part:
        """One published part; speakers count through both, so that no number repeats."""
        (file,) = self.files_of(part)
        speakers = self.speakers[part]
        series = read_blocks(
            folder / file.name, columns=_COLUMNS, blocks=_DIGITS * speakers * self.utterances
        )
        position = np.arange(len(series)) // self.utterances
        digit, speaker = np.divmod(position, speakers)
        female = speaker >= speakers // 2
        first = 0 if part == "train" else self.speakers["train"]
        return Part.from_series(series, 2 * digit + female, first + speaker)
