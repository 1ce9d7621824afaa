"""The default searcher: most configs from a Gaussian process, some from Parzen densities.

SciPy is imported where it is used: nobody waits for it who only looks at what a sweep would do.
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Callable, Iterable
from enum import IntEnum
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field, PrivateAttr

from orchestrator.searchers.base import Observation, Searcher
from orchestrator.searchers.lattice import Lattice, categories_of
from searchspaces import Config, DataFacts, JointSpace
from searchspaces.conditions import condition

if TYPE_CHECKING:
    from orchestrator.searchers.gp import Embedding
    from orchestrator.searchers.kde import Floats, Integers

MOST = 220
"""Observations that the process takes."""
FEW = 90
"""Of them, those on which its length scales are found."""
WIDE, NEAR = 300, 100
"""Points at which an improvement is looked for: anywhere, and near the best."""
ROUNDS = 3
"""Looks near the best."""
LEADERS = 5
"""Points that one looks near."""
STEP = 0.1
"""Standard deviation of the first steps away from them; each round's is a third of the last."""
RUNNING = 16
"""Trials under way that are counted with what is believed of their end."""
DRAWN = 64
"""Points drawn from the density of the good."""
TRIED = 100
"""Of the points looked at, those that constraints may refuse or that may be tried already."""
LOOKS = frozenset(round(3 ** (power / 2)) for power in range(40))
"""Epochs at which every trial is looked at: 1, 2, 3, 5, 9, 16, 27, 47 and so on."""


class _Purpose(IntEnum):
    """Random streams of one trial."""

    RANDOM = 0
    MIX = 1
    DRAW = 2


class Auto(Searcher):
    """Configs from a model of all epochs, or from densities at the furthest one.

    A share ``process`` of the trials comes from a Gaussian process over config and logarithm of
    the epoch, fitted to all losses, of which the worse half counts by rank: the point with the
    largest expected improvement at the furthest epoch seen. The others come from the ratio of
    two Parzen densities, of the best and of the rest at the furthest epoch with enough trials.
    The first is quick where the loss is smooth, the second where it is not, or where choices and
    conditions decide.

    All trials are looked at on their way, at epochs that grow by the root of three, whether the
    scheduler decides something there or not: how a trial came to its end tells what the early
    epochs of the others are worth.

    Trials that run are expected to end as the process believes, so that several at a time do
    not look in the same place. Failed trials are the worst.

    Source: expected improvement, Jones et al. 1998; the process, see
    :mod:`orchestrator.searchers.gp`; the densities, see :mod:`orchestrator.searchers.parzen`.
    """

    kind: Literal["auto"] = "auto"
    first: int = Field(default=8, ge=2)
    """Trials to observe before a model is used."""
    process: float = Field(default=0.75, ge=0, le=1)
    """Share of trials from the Gaussian process; the rest is from densities."""
    top: float = Field(default=0.15, gt=0, lt=1)
    """Share of the trials at an epoch that are good."""

    _points: dict[int, Floats] = PrivateAttr(default_factory=dict)
    _losses: dict[tuple[int, int], float] = PrivateAttr(default_factory=dict)
    _keys: list[tuple[int, int]] = PrivateAttr(default_factory=list)
    _reached: dict[int, tuple[int, bool]] = PrivateAttr(default_factory=dict)
    _ended: set[int] = PrivateAttr(default_factory=set)
    _lattice: Lattice | None = PrivateAttr(default=None)
    _embedding: Embedding | None = PrivateAttr(default=None)
    _categories: Integers = PrivateAttr(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def begin(self, space: JointSpace, *, seed: int, facts: DataFacts | None) -> None:
        """Forget all observations."""
        super().begin(space, seed=seed, facts=facts)
        self._points, self._losses, self._reached, self._ended = {}, {}, {}, set()
        self._keys = []  # of the losses, ascending: to sort thousands takes a millisecond
        self._lattice, self._embedding = None, None
        self._categories = categories_of(space.cube())

    def begun(self, number: int, config: Config) -> None:
        """Know where the trial looks, before it has found anything."""
        self._points[number] = self.space.cube().to_unit(config)

    def ended(self, number: int) -> None:
        """Expect nothing more of the trial."""
        self._ended.add(number)

    def looks(self, epoch: int) -> bool:
        """At some epochs, the closer to each other the earlier they are."""
        return epoch in LOOKS

    def observe(self, observation: Observation) -> None:
        """Note the loss at its epoch, and whether that is the last one for now."""
        number, here = observation.number, (observation.epoch, not observation.running)
        if number not in self._points:
            self.begun(number, observation.config)
        self._reached[number] = max(here, self._reached.get(number, here))
        key = (observation.epoch, number)
        loss = observation.loss if math.isfinite(observation.loss) else math.inf
        if key not in self._losses:
            insort(self._keys, key)
        self._losses[key] = max(loss, self._losses.get(key, -math.inf))

    def suggest(self, number: int) -> Config:
        """A config from one of the two models, or a random one."""
        from orchestrator.searchers.gp import BLAS

        rng = self.generator(number, _Purpose.DRAW)
        config = None
        if len(self._reached) >= self.first and self._categories.size:
            by_process = self.generator(number, _Purpose.MIX).random() < self.process
            with BLAS.limit(limits=1, user_api="blas"):
                points = self._by_process(rng) if by_process else self._by_densities(rng)
            config = self._first_valid(points)
        if config is None:
            return self.space.sample(self.generator(number, _Purpose.RANDOM), self._facts)
        return config

    def _first_valid(self, points: Iterable[Floats]) -> Config | None:
        """The config of the first point that constraints allow and that was not tried."""
        looked: set[bytes] = set()  # on a grid many are the same
        for point in points:
            if len(looked) == TRIED:
                break
            if (same := bytes(point)) not in looked:
                looked.add(same)
                config = self.config_of(self.space.cube().from_unit(point))
                if config is not None:
                    return config
        return None

    # --- densities

    def _by_densities(self, rng: np.random.Generator) -> Floats:
        """Points, the most promising first, shape (m, d); none where all failed."""
        from orchestrator.searchers.parzen import Parzen

        losses = self._furthest()
        ranked = sorted(losses, key=lambda number: (losses[number], number))
        finite = sum(map(math.isfinite, losses.values()))
        count = min(max(2, math.ceil(self.top * len(ranked))), finite, len(ranked) - 1)
        if count < 1:
            return np.zeros((0, self._categories.size))
        good, bad = (
            Parzen.fit(self._rows(some), self._categories, 1 / min(100, len(some) + 5))
            for some in (ranked[:count], ranked[count:])
        )
        drawn = self._grid.on_grid(good.draw(rng, DRAWN))
        order = np.argsort(bad.log_pdf(drawn) - good.log_pdf(drawn), kind="stable")
        best_first: Floats = drawn[order]
        return best_first

    def _furthest(self) -> dict[int, float]:
        """Losses at the furthest epoch at which enough trials have a finite one, by trial.

        Those that failed anywhere are among them: a failure is told at the epoch that its trial
        was to run to, where there may be nothing but failures.
        """
        levels: dict[int, dict[int, float]] = {}
        failed: dict[int, float] = {}
        losses = self._losses
        for epoch, number in self._keys:
            loss = losses[epoch, number]
            if math.isfinite(loss):
                levels.setdefault(epoch, {})[number] = loss
            else:
                failed[number] = loss
        least = max(self.first, self._categories.size + 2)
        enough = [level for level, there in levels.items() if len(there) >= least]
        furthest = max(enough, default=max(levels, default=0, key=lambda at: (len(levels[at]), at)))
        return failed | levels.get(furthest, {})

    def _rows(self, numbers: Iterable[int]) -> Floats:
        points = self._points
        return np.array([points[number] for number in numbers])

    @property
    def _grid(self) -> Lattice:
        if self._lattice is None:
            self._lattice = Lattice(self.space)
        return self._lattice

    # --- the process

    def _by_process(self, rng: np.random.Generator) -> Floats:
        """Points, the one that promises most first; shape (m, d)."""
        from orchestrator.searchers.gp import Embedding, fit, log_improvement
        from orchestrator.searchers.warping import warped

        if self._embedding is None:
            parameters = self.space.parameters()
            conditional = [bool(condition(parameters[name])) for name in self.space.cube().names]
            self._embedding = Embedding(self._categories, conditional)
        embedding = self._embedding
        losses, reached = self._losses, self._reached  # each access costs in pydantic
        keys = self._keys
        furthest = keys[-1][0]
        found = np.fromiter(map(losses.__getitem__, keys), np.float64, len(keys))
        taken = chosen(found, MOST)
        keys, targets = [keys[index] for index in taken], warped(found, taken)
        numbers = np.array([number for _, number in keys])

        def columns(points: Floats, epochs: Floats) -> Floats:
            far = np.log(epochs) / math.log(furthest + 1)
            return np.column_stack([embedding.columns(points), far])

        epochs = np.array([epoch for epoch, _ in keys], dtype=np.float64)
        owners = np.append(embedding.owners, self._categories.size)
        rows = columns(self._rows(numbers.tolist()), epochs)
        process = fit(rows, owners, targets, numbers, chosen(targets, FEW))
        last = np.flatnonzero(epochs == furthest)
        if self._categories.size + 2 <= len(last) < len(keys):
            # Early epochs may say nothing of the last: then its own trials alone say more. What
            # they had on their way is no guess of another trial, so all of a trial is left out.
            few = chosen(targets[last], FEW)
            alone = fit(rows[last], owners, targets[last], numbers[last], few, like=process)
            if alone.left_out(np.arange(len(last))) > process.left_out(last):
                process = alone

        def at_end(points: Floats) -> Floats:
            return columns(points, np.full(len(points), float(furthest)))

        seen = np.unique(numbers)
        means = process.expect(at_end(self._rows(seen.tolist())))
        best = float(means.min())
        leaders = self._rows(seen[np.argsort(means, kind="stable")[:LEADERS]].tolist())
        there = sorted(set(self._points) - self._ended)
        running = [number for number in there if not reached.get(number, (0, False))[1]]
        if running:
            process = process.expecting(at_end(self._rows(running[-RUNNING:])))

        def gain(points: Floats) -> Floats:
            mean, deviation = process.believe(at_end(points))
            return log_improvement(mean, deviation, best)

        return self._promising(rng, leaders, gain)

    def _promising(
        self, rng: np.random.Generator, leaders: Floats, gain: Callable[[Floats], Floats]
    ) -> Floats:
        """Points, shape (m, d), the one with the largest gain first: anywhere, then near those.

        Args:
            rng: of the suggestion.
            leaders: the best configs so far, shape (l, d).
            gain: of points of shape (m, d), shape (m,).
        """
        anywhere = rng.random((WIDE, self._categories.size))
        points = self._grid.on_grid(np.vstack([anywhere, self._moved(rng, leaders, STEP)]))
        gains = gain(points)
        for step in STEP / 3.0 ** np.arange(ROUNDS):
            best = points[np.argsort(-gains, kind="stable")[:LEADERS]]
            near = self._grid.on_grid(self._moved(rng, best, step))
            points, gains = np.vstack([points, near]), np.concatenate([gains, gain(near)])
        best_first: Floats = points[np.argsort(-gains, kind="stable")]
        return best_first

    def _moved(self, rng: np.random.Generator, around: Floats, width: float) -> Floats:
        """Points near some, shape (NEAR, d): some coordinates a little or anew."""
        d = self._categories.size
        chosen = around[rng.integers(len(around), size=NEAR)]
        moves = rng.random((NEAR, d)) < max(0.3, 1.5 / d)
        moves[np.arange(NEAR), rng.integers(d, size=NEAR)] = True
        stepped = chosen + width * rng.standard_normal((NEAR, d))
        anew = rng.random((NEAR, d))
        fresh = np.isnan(chosen) | ((self._categories > 0) & moves)
        return np.where(fresh, anew, np.where(moves, np.clip(stepped, 0, 1), chosen))


def chosen(losses: Floats, most: int) -> Integers:
    """Indices of at most so many observations: the best half, and of the rest evenly many."""
    count = len(losses)
    if count <= most:
        return np.arange(count)
    order = np.argsort(losses, kind="stable")
    rest = order[most // 2 :]
    even = rest[np.linspace(0, len(rest) - 1, most - most // 2).astype(np.int64)]
    return np.sort(np.concatenate([order[: most // 2], even]))
