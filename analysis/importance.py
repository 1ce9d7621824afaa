"""Which parameters matter: fANOVA at one epoch, with its noise and its limits.

A random forest learns the objective at the one epoch that ``fidelity`` chose, from
the configs' places in the unit cube. Its out-of-bag R2 says whether it learned
anything; where it did not, importance is withheld. What a parameter scores by
chance is measured beside it: copies of every parameter, shuffled over the trials,
are given to further forests, and the best copy marks the noise.

Source: Hutter, Hoos and Leyton-Brown, ICML 2014 (fANOVA); Kursa and Rudnicki,
    Feature Selection with the Boruta Package, J. Stat. Softw. 36 (2010) (shuffled copies).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from analysis.encoding import full_points
from analysis.fanova import leaf_boxes, main_effects
from analysis.fidelity import Fidelity, comparable, earlier
from analysis.load import Run
from analysis.parameters import FloatArray

TREES = 100
FEW = 10
"""Trials below which nothing is said."""
CLEAR = 0.1
"""Out-of-bag R2 that an earlier epoch must give: a second try succeeds by chance more often."""
_REPLICATES = 20
_TREES_PER_REPLICATE = 6
_HITS = 15


@dataclass(frozen=True)
class Effect:
    """One parameter's importance.

    Attributes:
        name: the parameter.
        share: part of the forest's variance that it explains alone, from 0 to 1.
        spread: standard deviation of the share over resampled trials.
        noise: whether shuffled copies of the parameters do as well too often.
    """

    name: str
    share: float
    spread: float
    noise: bool


@dataclass(frozen=True)
class Importance:
    """What matters, and whether that can be said.

    Attributes:
        fidelity: the trials compared and the epoch.
        effects: most important first; empty if withheld.
        noise: the share that the best shuffled copy stays below in 9 of 10 resamples.
        r2: out-of-bag R2 of the forest; None if none was grown.
        cut: trials so bad that their score was cut to the fence of outliers.
        withheld: why there is nothing to say, else empty.
        instead: why nothing can be said at a later epoch, where one was tried, else empty.
    """

    fidelity: Fidelity = field(compare=False)
    effects: tuple[Effect, ...] = ()
    noise: float = 0.0
    r2: float | None = None
    cut: int = 0
    withheld: str = ""
    instead: str = ""

    @property
    def together(self) -> float:
        """The share that no parameter explains alone: interactions."""
        return max(0.0, 1.0 - sum(effect.share for effect in self.effects))

    def words(self) -> tuple[str, ...]:
        """The parameters above the noise, what that rests on, and what could not be used."""
        if self.withheld:
            return (f"cannot tell: {self.withheld}",)
        said = [f"{e.name} {e.share:.2f} ± {e.spread:.2f}" for e in self.effects if not e.noise]
        rest = len(self.effects) - len(said)
        if not said:
            said = ["no parameter stands out from noise"]
        elif rest:
            said.append("rest below noise" if rest > 1 else f"{self.effects[-1].name} below noise")
        based = f"at epoch {self.fidelity.epoch}, {self.fidelity.trials} trials, "
        rests_on = f"{based}forest explains {self.r2:.2f} of the variance"
        later = (f"later epochs cannot tell: {self.instead}",) if self.instead else ()
        return ", ".join(said), rests_on, *later

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            **self.fidelity.as_dict(),
            "effects": [asdict(effect) for effect in self.effects],
            "noise": self.noise,
            "r2": self.r2,
            "together": self.together if self.effects else None,
            "cut": self.cut,
            "withheld": self.withheld,
            "instead": self.instead,
        }


def importance(run: Run, *, fidelity: Fidelity | None = None, seed: int = 0) -> Importance:
    """Main effects of a run's parameters on its objective.

    Of trials that were promoted to an epoch the scheduler has taken away what told them
    apart. Where the forest learns nothing from those, the epochs before it are tried, at
    which more trials can be compared, and the answer says so.

    Args:
        run: the run.
        fidelity: the trials and epoch; by default ``comparable(run)`` and those before it.
        seed: of the forests.
    """
    if fidelity is not None:
        return _at(run, fidelity, seed)
    wanted = _at(run, comparable(run), seed)
    if wanted.r2 is None or not wanted.withheld:
        return wanted
    for group in earlier(run, wanted.fidelity.epoch):
        found = _at(run, group, seed)
        if found.r2 is not None and found.r2 >= CLEAR:
            return replace(found, instead=wanted.withheld)
    return wanted


def _at(run: Run, group: Fidelity, seed: int) -> Importance:
    """Importance among the trials of one group."""
    parameters = run.meta.parameters
    if not parameters:
        return Importance(group, withheld="every parameter is a constant")
    if group.trials < FEW:
        return Importance(group, withheld=too_few(group, FEW))
    # Ordered by number, so that ties in the ranking cannot change the forest.
    rows = np.sort(group.rows)
    scores = run.meta.sign * group.scores[np.argsort(group.rows)]
    losses, cut = _cut(scores)
    if np.ptp(losses) == 0:
        return Importance(group, withheld=f"every trial has the same {run.meta.metric}")
    trials = run.trials[rows]
    points = full_points(trials, parameters)
    cells = [parameter.cells() for parameter in parameters]
    forest = _forest(TREES, seed, oob_score=True).fit(points, losses)
    r2 = float(forest.oob_score_)
    if r2 <= 0:
        return Importance(group, r2=r2, cut=cut, withheld=(
            f"the forest predicts no trial it has not seen (out-of-bag R2 {r2:.2f}, "
            f"{group.trials} trials at epoch {group.epoch})"))  # fmt: skip
    shares = np.nanmean(main_effects(leaf_boxes(forest.estimators_, cells)), axis=0)
    spreads, noisy, noise = _by_chance(points, losses, cells, seed)
    if len(parameters) == 1:  # nothing else could explain the variance
        spreads, noisy, noise = np.zeros(1), [False], 0.0
    effects = sorted(
        (
            Effect(parameter.name, float(share), float(spread), at_noise)
            for parameter, share, spread, at_noise in zip(
                parameters, shares, spreads, noisy, strict=True
            )
        ),
        key=lambda effect: -effect.share,
    )
    return Importance(group, tuple(effects), noise, r2, cut)


def too_few(group: Fidelity, needed: int) -> str:
    """Why so few trials cannot be compared, in words."""
    if not group.trials:
        return group.reason
    trials = "1 trial" if group.trials == 1 else f"{group.trials} trials"
    return f"only {trials} can be compared (epoch {group.epoch}); it takes {needed}"


def _cut(losses: FloatArray) -> tuple[FloatArray, int]:
    """Losses cut at Tukey's outer fence, Q3 + 3 IQR, and how many were.

    One trial that nearly diverged would otherwise be all of the variance.
    """
    q1, q3 = np.quantile(losses, [0.25, 0.75])
    fence = q3 + 3 * (q3 - q1)
    beyond = int((losses > fence).sum()) if q3 > q1 else 0
    return (np.minimum(losses, fence), beyond) if beyond else (losses, 0)


def _forest(trees: int, seed: int, *, bootstrap: bool = True, oob_score: bool = False) -> Any:
    from sklearn.ensemble import RandomForestRegressor

    # Five of six features a split and leaves of two: as in fANOVA's reference, less deep.
    return RandomForestRegressor(
        trees, max_features=5 / 6, min_samples_leaf=2, bootstrap=bootstrap,
        oob_score=oob_score, random_state=seed,
    )  # fmt: skip


def _by_chance(
    points: FloatArray, losses: FloatArray, cells: list[Any], seed: int
) -> tuple[FloatArray, list[bool], float]:
    """What resampling the trials does to the shares, and what shuffled copies reach.

    Returns:
        The standard deviation of each parameter's share; whether it fails to beat
        the best shuffled copy in 15 of 20 resamples (a coin does in 2 % of cases);
        and the share that this copy stays below in 9 of 10 resamples.
    """
    rng = np.random.default_rng(seed)
    trials, dimensions = points.shape
    shares = []
    for replicate in range(_REPLICATES):
        chosen = rng.integers(trials, size=trials)
        copies = rng.permuted(points, axis=0)[chosen]
        both = np.concatenate([points[chosen], copies], axis=1)
        if np.ptp(losses[chosen]) == 0:
            continue
        small = _forest(_TREES_PER_REPLICATE, seed + replicate + 1, bootstrap=False)
        small.fit(both, losses[chosen])
        trees = main_effects(leaf_boxes(small.estimators_, cells + cells))
        if np.isfinite(trees).any():
            shares.append(np.nanmean(trees, axis=0))
    if len(shares) < _HITS:
        return np.zeros(dimensions), [True] * dimensions, 1.0
    replicates = np.array(shares)  # (replicates, 2 d)
    own, best_copy = replicates[:, :dimensions], replicates[:, dimensions:].max(axis=1)
    hits = (own > best_copy[:, None]).sum(axis=0)
    return own.std(axis=0, ddof=1), (hits < _HITS).tolist(), float(np.quantile(best_copy, 0.9))
