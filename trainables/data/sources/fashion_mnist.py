"""Fashion-MNIST: small grey pictures of clothes, a harder stand-in for handwritten digits."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np

from trainables.data.errors import DamagedDataError
from trainables.data.idx import read_idx
from trainables.data.part import Part
from trainables.data.source import DataFile, DatasetSource, PartName

_SIDE = 28
_ADDRESS = "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion"
_MAX = 1 << 28


def _file(name: str, part: PartName) -> DataFile:
    plain = name.replace("-idx", ".idx")  # as some unpack it
    return DataFile(
        name, part=part, max_bytes=_MAX, url=f"{_ADDRESS}/{name}.gz", also=(f"{name}.gz", plain)
    )


class FashionMnist(DatasetSource):
    """70,000 grey images of 28 x 28 pixels: 28 steps (rows) of 28 features (columns).

    The headers of the IDX files count the images, so a cut part of the set is a data set
    too; whatever is told of it says that it is a part. Files are taken as they are, plain or
    in gzip. They have no checksum here, because they may be cut; gzip has one inside.

    Nobody drew two pictures of one thing, so series are held out one by one, by class. The
    split ``published`` validates on the test part as published, as the reports do.

    Source: Xiao, Rasul, Vollgraf, Fashion-MNIST, 2017, https://arxiv.org/abs/1708.07747.
    """

    name = "fashion-mnist"
    summary = "clothes as 28 x 28 grey images, 28 steps of 28 features, 10 classes"
    homepage = "https://github.com/zalandoresearch/fashion-mnist"
    files = (
        _file("train-images-idx3-ubyte", "train"),
        _file("train-labels-idx1-ubyte", "train"),
        _file("t10k-images-idx3-ubyte", "test"),
        _file("t10k-labels-idx1-ubyte", "test"),
    )
    classes = (
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    )
    channels = 1
    valid_fraction = 1 / 6
    published_series: Mapping[PartName, int] = MappingProxyType({"train": 60_000, "test": 10_000})

    def parse(self, folder: Path, part: PartName) -> Part:
        """The images of one part; grey values from 0 to 255."""
        image_file, label_file = (folder / file.name for file in self.files_of(part))
        images = read_idx(image_file, dimensions=3, max_bytes=_MAX)
        labels = read_idx(label_file, dimensions=1, max_bytes=_MAX)
        if not len(images) or images.shape[1:] != (_SIDE, _SIDE):
            shown = " x ".join(str(size) for size in images.shape)
            raise DamagedDataError(image_file, f"holds {shown} pixels, not images of 28 x 28")
        if len(labels) != len(images):
            raise DamagedDataError(
                label_file, f"has {len(labels):,} labels for {len(images):,} images"
            )
        wrong = np.flatnonzero(labels >= len(self.classes))
        if wrong.size:
            raise DamagedDataError(
                label_file, f"label {wrong[0]:,} (from 0) is {labels[wrong[0]]}, not 0 to 9"
            )
        return Part(
            values=images.astype(np.float32),
            lengths=np.full(len(images), _SIDE, dtype=np.int32),
            labels=labels.astype(np.int64),
            groups=np.full(len(images), -1, dtype=np.int64),
        )
