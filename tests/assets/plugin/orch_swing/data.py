"""Swings: three kinds of pendulum."""

import numpy as np

from trainables.data.part import Part
from trainables.data.source import DatasetSource


class Swings(DatasetSource):
    """Sine waves of three frequencies, 10 to 30 steps long, from 12 pendulums."""

    name = "swings"
    summary = "pendulums of three lengths, made up"
    classes = ("slow", "middling", "fast")
    group_noun = "pendulums"

    def parse(self, folder, part):
        rng = np.random.default_rng(0 if part == "train" else 1)
        series, labels, groups = [], [], []
        for number in range(180 if part == "train" else 60):
            label, steps = number % 3, int(rng.integers(10, 31))
            time = np.arange(steps) * (0.2, 0.6, 1.5)[label] + rng.uniform(0, 6)
            series.append(np.stack([np.sin(time), np.cos(time)], axis=1))
            labels.append(label)
            groups.append(number % 12)
        return Part.from_series(series, labels, groups)
