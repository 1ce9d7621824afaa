"""BOHB's model: a density of good configs over a density of bad ones."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

import numpy as np
from pydantic import Field, PrivateAttr

from orchestrator.searchers.base import Observation, Searcher
from orchestrator.searchers.kde import Density, Floats, Integers, impute
from orchestrator.searchers.lattice import categories_of
from searchspaces import Config, DataFacts, JointSpace
from searchspaces.errors import ConfigurationError

BATCHES = 10
"""Batches of draws that constraints may refuse whole before a random config is taken."""


class _Purpose(IntEnum):
    """Random streams of one trial."""

    RANDOM = 0
    MIX = 1
    IMPUTE = 2
    DRAW = 3


@dataclass(frozen=True)
class _Split:
    """Points of good and of bad configs at one level, shapes (n, d), with gaps."""

    good: Floats
    bad: Floats


class Bohb(Searcher):
    """Kernel densities of good and bad configs, from the furthest epoch with enough of both.

    Levels are the epochs at which finite losses were observed, each with its own losses;
    losses of different epochs are never compared. A failed trial counts as bad at the
    first level at or above the epoch it failed at. At a level with n observations the
    best ``max(min_points_in_model, top_n_percent * n // 100)`` are good (all of them finite;
    ties by trial number), the next ``max(min_points_in_model, (100 - top_n_percent) * n //
    100)`` bad. The model is built on the highest level at which good has at least
    ``min_points_in_model`` and bad at least d + 1 points, d being the number of searched
    parameters: hpbandster's code, where the paper asks for ``N_min + 2`` observations.

    Of ``num_samples`` points drawn around the good ones with ``bandwidth_factor`` times
    their bandwidth, the one with the largest ratio good / bad is taken; if constraints
    refuse it or it was tried, the next best. A share ``random_fraction`` of the trials is
    drawn from the space, as are all while there is no model.

    Unordered choices are categories; all else, ordered choices too, is continuous on the
    unit cube, which is what hpbandster asks of its users.

    Raises:
        ConfigurationError: ``min_points_in_model`` is below d + 1.

    Source: Falkner, Klein and Hutter, BOHB, ICML 2018, section 4; defaults of hpbandster
    0.7.4, whose names the settings have.
    """

    kind: Literal["bohb"] = "bohb"
    min_points_in_model: int | None = Field(default=None, ge=2)
    """Least number of good points; by default one more than parameters searched."""
    top_n_percent: int = Field(default=15, ge=1, le=99)
    """Per cent of the observations that are good."""
    num_samples: int = Field(default=64, ge=1)
    """Points drawn for each suggestion."""
    random_fraction: float = Field(default=1 / 3, ge=0, le=1)
    """Share of trials drawn from the space whatever was observed."""
    bandwidth_factor: float = Field(default=3, gt=0)
    """Widens the density that points are drawn from."""
    min_bandwidth: float = Field(default=1e-3, gt=0, le=1)
    """Least bandwidth, for when all good points agree; a parameter's whole range is 1."""

    _points: dict[int, Floats] = PrivateAttr(default_factory=dict)
    _losses: dict[int, dict[int, float]] = PrivateAttr(default_factory=dict)
    _failed: dict[int, int] = PrivateAttr(default_factory=dict)
    _model: _Split | None = PrivateAttr(default=None)
    _stale: bool = PrivateAttr(default=False)
    _categories: Integers = PrivateAttr(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def begin(self, space: JointSpace, *, seed: int, facts: DataFacts | None) -> None:
        """Forget all observations."""
        super().begin(space, seed=seed, facts=facts)
        cube = space.cube()
        if self.min_points_in_model is not None and self.min_points_in_model <= cube.dimensions:
            raise ConfigurationError(
                f"{self.min_points_in_model} points are too few for {cube.dimensions} parameters. "
                f"Give at least {cube.dimensions + 1}.",
                place="searcher.min_points_in_model",
            )
        self._points, self._losses, self._failed = {}, {}, {}
        self._model, self._stale = None, False
        self._categories = categories_of(cube)

    def observe(self, observation: Observation) -> None:
        """Note the loss at its epoch."""
        number, epoch = observation.number, observation.epoch
        if number not in self._points:
            point = self.space.cube().to_unit(observation.config)
            self._points[number] = np.where(
                self._categories > 0, np.floor(point * self._categories), point
            )
        if math.isfinite(observation.loss):
            level = self._losses.setdefault(epoch, {})
            level[number] = max(observation.loss, level.get(number, -math.inf))
        else:
            self._failed[number] = max(epoch, self._failed.get(number, 0))
        self._stale = True

    def suggest(self, number: int) -> Config:
        """A config from the model, or a random one."""
        if self._stale:
            self._model, self._stale = self._split(), False
        mixed_in = self.generator(number, _Purpose.MIX).random() < self.random_fraction
        config = None if self._model is None or mixed_in else self._from_model(self._model, number)
        if config is None:
            return self.space.sample(self.generator(number, _Purpose.RANDOM), self._facts)
        return config

    def _split(self) -> _Split | None:
        """Good and bad points of the highest level that has enough of both."""
        d = self._categories.size
        least = self.min_points_in_model or d + 1
        if d == 0:
            return None
        failed_at = self._failures_by_level()
        for level in sorted(self._losses, reverse=True):
            losses = dict(self._losses[level])
            losses.update(dict.fromkeys(failed_at.get(level, ()), math.inf))
            ranked = sorted(losses, key=lambda number: (losses[number], number))
            finite = sum(map(math.isfinite, losses.values()))
            n_good = min(max(least, self.top_n_percent * len(ranked) // 100), finite)
            n_bad = max(least, (100 - self.top_n_percent) * len(ranked) // 100)
            bad = ranked[n_good : n_good + n_bad]
            if n_good >= least and len(bad) > d:
                return _Split(self._rows(ranked[:n_good]), self._rows(bad))
        return None

    def _failures_by_level(self) -> dict[int, list[int]]:
        """Failed trials under the first level at or above the epoch they failed at."""
        levels = sorted(self._losses)
        under: dict[int, list[int]] = {}
        for number, epoch in self._failed.items():
            level = next((level for level in levels if level >= epoch), None)
            if level is not None:
                under.setdefault(level, []).append(number)
        return under

    def _rows(self, numbers: list[int]) -> Floats:
        return np.array([self._points[number] for number in numbers])

    def _from_model(self, split: _Split, number: int) -> Config | None:
        """The best valid one of the points drawn; None if no batch has one."""
        gaps = self.generator(number, _Purpose.IMPUTE)
        good, bad = (
            Density.fit(impute(rows, self._categories, gaps), self._categories, self.min_bandwidth)
            for rows in (split.good, split.bad)
        )
        rng = self.generator(number, _Purpose.DRAW)
        for _ in range(BATCHES):
            drawn = good.draw(rng, self.num_samples, self.bandwidth_factor)
            ratio = np.maximum(good.pdf(drawn), 1e-32) / np.maximum(bad.pdf(drawn), 1e-32)
            for index in np.argsort(-ratio, kind="stable"):
                config = self._config(drawn[index])
                if config is not None:
                    return config
        return None

    def _config(self, point: Floats) -> Config | None:
        """The config at a point; None if a constraint refuses it or it was tried."""
        count = np.maximum(self._categories, 1)
        unit = np.where(self._categories > 0, (point + 0.5) / count, point)
        return self.config_of(self.space.cube().from_unit(unit))
