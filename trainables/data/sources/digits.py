"""Handwritten digits, read row by row: small, real, and carried by scikit-learn."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from trainables.data.part import Part
from trainables.data.source import DatasetSource, PartName
from trainables.data.split import hold_out

_TEST_SEED = 0


class Digits(DatasetSource):
    """1,797 images of 8 x 8 pixels as series of 8 steps (rows) with 8 features (columns).

    The set has no published parts and does not say who wrote what: a fifth, stratified
    by class, is the test part whatever the sweep's seed; a quarter of the rest validates.

    Source: Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998.
    """

    name = "digits"
    summary = "handwritten digits as 8 steps of 8 features, 10 classes"
    homepage = "https://doi.org/10.24432/C50P49"
    classes = tuple(str(digit) for digit in range(10))
    channels = 1
    valid_fraction = 0.25
    reported = ""  # these are the images of UCI's test file; the reports' training part is not here

    def parse(self, folder: Path, part: PartName) -> Part:  # noqa: ARG002  # reads no file
        """The images of one part; grey values from 0 to 16."""
        from sklearn.datasets import load_digits

        images, labels = load_digits(return_X_y=True)
        values = np.asarray(images, dtype=np.float32).reshape(-1, 8, 8)
        everything = Part.from_series(list(values), np.asarray(labels))
        parts = hold_out(everything, fraction=0.2, seed=_TEST_SEED)
        return everything.take(parts.valid if part == "test" else parts.train)
