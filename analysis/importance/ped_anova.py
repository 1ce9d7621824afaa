"""What tells the best trials from the rest: PED-ANOVA, importance near the optimum.

fANOVA speaks of the whole space, in which most of the variance may lie between bad
configs. PED-ANOVA asks how the best trials are spread over a parameter's range, and how
far that is from the spread of all: the variance of "is among the best" that the
parameter explains alone has a closed form, the Pearson divergence of two densities.

A conditional parameter counts where it acts: the divergence there, times the share of
the best that lie there, squared, over the share of all.

Source: Watanabe, Bansal and Hutter, PED-ANOVA, IJCAI 2023, theorem 1 and algorithm 1.
    Densities: Scott, Multivariate Density Estimation (1992), section 6.5.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from analysis.encoding import active_points
from analysis.fidelity import Fidelity, comparable
from analysis.importance.effects import too_few
from analysis.load import Run
from analysis.parameters import FloatArray, Parameter
from searchspaces import Choice
from searchspaces.errors import ConfigurationError

CELLS = 50
"""Cells of a range that has more values."""
FEW = 20
"""Trials below which nothing is said."""
_LEAST = 4
"""Trials that the best part must have."""
_SHUFFLES = 100
_LEVEL = 0.05


@dataclass(frozen=True)
class LocalEffect:
    """How far the best trials differ from all along one parameter.

    Attributes:
        name: the parameter.
        share: of the sum over all parameters, from 0 to 1.
        divergence: Pearson divergence of the two densities.
        noise: whether as many trials drawn at random differ as much too often (5 % for the
            most different parameter of all).
    """

    name: str
    share: float
    divergence: float
    noise: bool


@dataclass(frozen=True)
class LocalImportance:
    """What tells the best trials apart.

    Attributes:
        fidelity: the trials compared and the epoch.
        quantile: the part that counts as the best.
        best: how many trials that are.
        effects: most important first; empty if withheld.
        withheld: why there is nothing to say, else empty.
    """

    fidelity: Fidelity = field(compare=False)
    quantile: float
    best: int = 0
    effects: tuple[LocalEffect, ...] = ()
    withheld: str = ""

    def words(self) -> tuple[str, ...]:
        """``among the best tenth, hidden_size tells them apart most (0.6)``."""
        if self.withheld:
            return (f"cannot tell: {self.withheld}",)
        loud = [effect for effect in self.effects if not effect.noise]
        part = f"the best {_part(self.quantile)} ({self.best} of {self.fidelity.trials} trials)"
        if not loud:
            return (f"{part} are spread as all trials are, as far as chance lets see",)
        said = f"{part}: {loud[0].name} sets them apart most ({loud[0].share:.2f})"
        rest = [f"{effect.name} ({effect.share:.2f})" for effect in loud[1:3]]
        return (", then ".join([said, *rest]),)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            **self.fidelity.as_dict(),
            "quantile": self.quantile,
            "best": self.best,
            "effects": [asdict(effect) for effect in self.effects],
            "withheld": self.withheld,
        }


def ped_anova(
    run: Run, fidelity: Fidelity | None = None, *, quantile: float = 0.1, seed: int = 0
) -> LocalImportance:
    """Importance of each parameter for being among the best trials.

    Args:
        run: the run.
        fidelity: the trials and epoch; by default ``comparable(run)``.
        quantile: the part of the trials that counts as the best, above 0 and below 1.
        seed: of the shuffles that say what chance does.

    Raises:
        ConfigurationError: ``quantile`` is not between 0 and 1.
    """
    if not 0 < quantile < 1:
        raise ConfigurationError(f"{quantile} is not between 0 and 1. Give a part of the trials.",
                                 place="quantile")  # fmt: skip
    group = comparable(run) if fidelity is None else fidelity
    known = LocalImportance(group, quantile)
    if not run.meta.parameters:
        return replace(known, withheld="every parameter is a constant")
    if group.trials < FEW:
        return replace(known, withheld=too_few(group, FEW))
    losses = run.meta.sign * group.scores
    if losses[0] == losses[-1]:
        return replace(known, withheld=f"every trial has the same {run.meta.metric}")
    # Best first: those as good as the last of the best part belong to it.
    best = int((losses <= losses[math.ceil(quantile * len(losses)) - 1]).sum())
    if best < _LEAST:
        return replace(known, best=best, withheld=(
            f"the best {_part(quantile)} are {best} of {group.trials} trials; "
            f"it takes {_LEAST}"))  # fmt: skip
    if best > len(losses) / 2:
        return replace(known, best=best, withheld=(
            f"{best} of {group.trials} trials share the best {run.meta.metric}"))  # fmt: skip
    return replace(known, best=best, effects=_effects(run, group, best, seed))


def _effects(run: Run, group: Fidelity, best: int, seed: int) -> tuple[LocalEffect, ...]:
    parameters = run.meta.parameters
    points = active_points(run.trials[group.rows], parameters)
    rng = np.random.default_rng(seed)
    chosen = np.zeros((_SHUFFLES + 1, group.trials), dtype=bool)
    chosen[0, :best] = True
    for row in chosen[1:]:
        row[rng.choice(group.trials, best, replace=False)] = True
    # Row 0 is the run's, the others are chance.
    found = np.stack([
        divergences(parameter, points[:, column], chosen)
        for column, parameter in enumerate(parameters)
    ], axis=1)  # fmt: skip
    # Ranges of few values scatter less than those of many, so each is measured by its own.
    # All rows are measured alike, the run's too: then its rank is a fair one by chance.
    scaled = (found - found.mean(axis=0)) / (found.std(axis=0) + 1e-12)
    noisy = scaled[0] <= np.quantile(scaled.max(axis=1), 1 - _LEVEL)
    total = float(found[0].sum()) or 1.0
    effects = [
        LocalEffect(parameter.name, float(found[0, k]) / total, float(found[0, k]), bool(noisy[k]))
        for k, parameter in enumerate(parameters)
    ]
    return tuple(sorted(effects, key=lambda effect: -effect.share))


def divergences(parameter: Parameter, places: FloatArray, chosen: Any) -> FloatArray:
    """How far chosen trials are spread otherwise than all along a parameter: shape (k,).

    Args:
        parameter: the parameter.
        places: of all trials, shape (n,), NaN where it does not act.
        chosen: bool (k, n), k choices of trials.
    """
    acts = np.isfinite(places)
    if not acts.any():
        return np.zeros(len(chosen))
    cells = parameter.cells()
    if cells is not None and len(cells[0]) <= CELLS:
        index, size = np.searchsorted(cells[1], places[acts], side="right") - 1, len(cells[0])
    else:
        index, size = np.rint(places[acts] * (CELLS - 1)).astype(np.int64), CELLS
    index = np.clip(index, 0, size - 1)
    there = chosen[:, acts].astype(np.float64)
    counts = there @ np.eye(size)[index]  # (k, cells)
    everywhere = np.bincount(index, minlength=size).astype(np.float64)[None]
    unordered = isinstance(parameter.domain, Choice) and not parameter.domain.ordered
    density = _of_values if unordered else _smooth
    top, base = density(counts), density(everywhere)
    pearson = (base * (top / base - 1) ** 2).sum(axis=1)
    part = there.sum(axis=1) / chosen.sum(axis=1)
    found: FloatArray = part**2 / acts.mean() * pearson
    return np.where(there.any(axis=1), found, 0.0)


def _of_values(counts: FloatArray) -> FloatArray:
    """Probabilities of unordered values, with one trial spread evenly among them: (k, cells)."""
    smooth = counts + 1 / counts.shape[1]
    found: FloatArray = smooth / smooth.sum(axis=1, keepdims=True)
    return found


def _smooth(counts: FloatArray) -> FloatArray:
    """Probabilities of cells by a kernel density with Scott's width: (k, cells).

    Each kernel is cut off at the ends of the range and made whole again; one more trial
    is spread evenly, so that no cell is impossible.
    """
    from scipy.special import ndtr

    cells = counts.shape[1]
    at = np.arange(cells)
    number = np.maximum(counts.sum(axis=1), 1)
    mean = counts @ at / number
    deviation = np.sqrt(
        (counts * (at - mean[:, None]) ** 2).sum(axis=1) / np.maximum(number - 1, 1)
    )
    sums = np.cumsum(counts, axis=1)
    first = np.argmax(sums >= number[:, None] // 4, axis=1)
    third = np.argmax(sums > np.minimum(3 * number // 4, number - 1)[:, None], axis=1)
    spread = np.minimum(deviation, (third - first) / 1.34)
    widths = np.maximum(1.059 * spread * number**-0.2, 0.5 / 1.64)
    # An edge lies j - i - 1/2 cells from a kernel, so that few distances need the integral.
    distances = np.arange(2 * cells) - cells + 0.5
    below = ndtr(distances / widths[:, None])[:, np.arange(cells + 1) - at[:, None] + cells - 1]
    kernels = np.diff(below, axis=2) / (below[:, :, -1:] - below[:, :, :1])  # (k, cells, cells)
    smooth = np.matmul(counts[:, None, :], kernels)[:, 0] + 1 / cells
    found: FloatArray = smooth / smooth.sum(axis=1, keepdims=True)
    return found


def _part(quantile: float) -> str:
    """``tenth``, or a percentage."""
    names = {0.1: "tenth", 0.2: "fifth", 0.25: "quarter", 0.5: "half"}
    return names.get(quantile, f"{100 * quantile:g} %")
