"""Did the rungs stop the right trials: do early ranks agree with late ones?

Only trials that went on have a late score, and a rung lets the good ones go on.
Among those alike in the early score, ranks agree less than among all. So wherever
there are enough of them, an agreement is measured on trials that no rung between
had picked: those of brackets that start later. Where there are not, all that
reached the later epoch are taken and no verdict rests on them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from analysis.fidelity import IntArray, at_epoch, full, reached
from analysis.importance.spearman import spearman
from analysis.load import Run
from analysis.metrics import plural
from analysis.warnings.brackets import unpicked

ENOUGH = 8
"""Unpicked trials below which an agreement is no ground for a verdict."""
FEWEST = 4
"""Trials below which a correlation says nothing at all."""
LOOKED_AT = 3
"""Final best trials whose early ranks are looked up."""
# Of 27 trials with normal scores a cut to a third loses the best once in three times if early
# and late scores correlate by 0.4, and once in ten if by 0.7.
_LOW, _BEARABLE = 0.4, 0.7


@dataclass(frozen=True)
class Agreement:
    """How far the ranks at two rungs agree.

    Attributes:
        early: epoch of the earlier rung.
        late: epoch of the later one.
        trials: trials compared.
        reached: trials that reached the later rung.
        picked: whether those compared were picked at rungs between, which lowers it.
        correlation: Spearman's; None with too few trials or equal scores.
        low: lower end of its 95 % bootstrap interval.
        high: its upper end.
    """

    early: int
    late: int
    trials: int
    reached: int
    picked: bool
    correlation: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def harmful(self) -> bool:
        """Whether a cut at ``early`` is too close to chance, even at the interval's upper end."""
        return (not self.picked and self.correlation is not None and self.high is not None
                and self.correlation < _LOW and self.high < _BEARABLE)  # fmt: skip


@dataclass(frozen=True)
class Standing:
    """Where one of the final best stood at a rung.

    Attributes:
        number: the trial.
        place: its final place, from 1.
        epoch: of the rung.
        rank: its rank there, from 1.
        trials: trials ranked there, none of them picked before.
        keeps: how many of those a cut would have kept.
        passed: its own bracket cut there, and it went on.
    """

    number: int
    place: int
    epoch: int
    rank: int
    trials: int
    keeps: int
    passed: bool

    @property
    def ended(self) -> bool:
        """Whether a cut there would have ended it."""
        return not self.passed and self.rank > self.keeps


@dataclass(frozen=True)
class Pruning:
    """What early cuts did or would have done.

    Attributes:
        rungs: epochs at which trials were compared.
        eta: one in ``eta`` goes on.
        agreements: of every two rungs, ordered by the earlier, then the later one.
        standings: of the final best at each earlier rung with enough trials.
        setting: what to type so that nothing is cut where that looks harmful; else empty.
        unknown: why nothing can be said, else empty.
    """

    rungs: tuple[int, ...]
    eta: int = 3
    agreements: tuple[Agreement, ...] = ()
    standings: tuple[Standing, ...] = ()
    setting: str = ""
    unknown: str = ""

    @property
    def judged(self) -> tuple[Agreement, ...]:
        """For each rung that cuts, the agreement with the furthest rung that can be told."""
        last = {a.early: a for a in self.agreements if not a.picked and a.correlation is not None}
        return tuple(last.values())

    @property
    def harmful(self) -> tuple[Agreement, ...]:
        """Rungs whose ranks say too little about later ones."""
        return tuple(agreement for agreement in self.judged if agreement.harmful)

    @property
    def lost(self) -> tuple[Standing, ...]:
        """The winner where a cut would have ended it, together with another of the best."""
        alike = [(s, [o for o in self.standings if o.epoch == s.epoch and o.ended])
                 for s in self.standings if s.place == 1 and s.ended]  # fmt: skip
        return tuple(standing for standing, ended in alike if len(ended) > 1)

    def words(self) -> tuple[str, ...]:
        """Nothing where cuts look harmless or cannot be judged."""
        if not self.harmful and not self.lost:
            return ()
        lines = [
            f"pruning at epoch {agreement.early} looks harmful: its ranks agree with epoch "
            f"{agreement.late}'s only {agreement.correlation:.2f} ({agreement.low:.1f} to "
            f"{agreement.high:.1f}, {agreement.trials} trials)"
            for agreement in self.harmful
        ]
        epochs = {agreement.early for agreement in self.harmful}
        lines += [
            _standing_words(standing, self.eta)
            for standing in self.standings
            if standing.place == 1 and (standing in self.lost or standing.epoch in epochs)
        ]
        return (*lines, self.setting) if self.setting else tuple(lines)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "rungs": list(self.rungs),
            "eta": self.eta,
            "agreements": [{**asdict(a), "harmful": a.harmful} for a in self.agreements],
            "standings": [{**asdict(s), "ended": s.ended} for s in self.standings],
            "setting": self.setting,
            "unknown": self.unknown,
            "words": list(self.words()),
        }


def pruning(run: Run, *, seed: int = 0) -> Pruning:
    """Compare ranks at every two rungs, and look up the final best at the earlier ones.

    Args:
        run: the run.
        seed: of the bootstrap.
    """
    most = int(reached(run).max(initial=0))
    rungs = tuple(epoch for epoch in run.meta.rungs if 0 < epoch <= run.meta.max_epochs)
    if len(rungs) < 2:
        return Pruning(rungs, unknown="nothing was pruned: trials were compared at one epoch only")
    eta = max(2, round(rungs[-1] / rungs[-2]))
    if most < rungs[1]:
        return Pruning(rungs, eta, unknown=f"no trial reached epoch {rungs[1]}, the second rung")
    agreements = tuple(
        _agreement(run, early, late, seed=seed)
        for place, early in enumerate(rungs)
        for late in rungs[place + 1 :]
    )
    found = Pruning(rungs, eta, agreements, _standings(run, rungs, eta))
    worst = [*(a.early for a in found.harmful), *(s.epoch for s in found.lost)]
    return Pruning(rungs, eta, agreements, found.standings,
                   _setting(run, rungs, max(worst)) if worst else "")  # fmt: skip


def _agreement(run: Run, early: int, late: int, *, seed: int) -> Agreement:
    there = reached(run) >= late
    free = unpicked(run, early, late)
    picked = bool(free.sum() < ENOUGH and free.sum() < there.sum())
    among = there if picked else free
    known = Agreement(early, late, int(among.sum()), int(there.sum()), picked)
    if known.trials < FEWEST:
        return known
    # Trials whose first finite score comes later have none to compare.
    finite = np.isfinite(run.curves(run.meta.metric)[:, :early]).any(axis=1)
    before = at_epoch(run, early, "the earlier rung", among=among & finite)
    after = at_epoch(run, late, "the later rung", among=among & finite)
    if before.trials < FEWEST:
        return known
    first, second = np.argsort(before.rows), np.argsort(after.rows)
    found = spearman(before.scores[first], after.scores[second], seed=seed)
    if found is None:
        return known
    return Agreement(early, late, before.trials, known.reached, picked, *found)


def _standings(run: Run, rungs: tuple[int, ...], eta: int) -> tuple[Standing, ...]:
    """Ranks of the final best among trials that came to each rung without being picked."""
    numbers = run.trials["number"].to_numpy()
    best = full(run).rows[:LOOKED_AT]
    finite = np.isfinite(run.curves(run.meta.metric))
    found = []
    for epoch in (rung for rung in rungs if rung < run.meta.max_epochs):
        scored = finite[:, :epoch].any(axis=1)
        pool = at_epoch(run, epoch, "an earlier rung", among=unpicked(run, 1, epoch) & scored)
        if pool.trials < 2 * eta:
            continue
        uncut = unpicked(run, epoch, epoch + 1)
        for place, row in enumerate(best.tolist(), start=1):
            rank = _rank(pool.rows, row)
            if rank is not None:
                found.append(Standing(int(numbers[row]), place, epoch, rank, pool.trials,
                                      pool.trials // eta, not uncut[row]))  # fmt: skip
    return tuple(found)


def _rank(rows: IntArray, row: int) -> int | None:
    at = np.flatnonzero(rows == row)
    return int(at[0]) + 1 if len(at) else None


def _setting(run: Run, rungs: tuple[int, ...], worst: int) -> str:
    """What lets every trial run beyond the rung ``worst``."""
    above = min(epoch for epoch in rungs if epoch > worst)
    scheduler = run.meta.raw.get("scheduler")
    kind = scheduler.get("kind") if isinstance(scheduler, dict) else None
    if kind not in {"asha", "hyperband"}:
        return f"let every trial run {above} epochs before any is stopped"
    if above >= rungs[-1]:
        return "--set scheduler.kind=fifo"
    change = "" if kind == "asha" else "--set scheduler.kind=asha "
    return f"{change}--set scheduler.min_epochs={above}"


def _standing_words(standing: Standing, eta: int) -> str:
    share = {2: "half", 3: "a third", 4: "a quarter"}.get(eta, f"one in {eta}")
    verdict = "would have ended" if standing.ended else "keeps"
    return (f"the winner, trial {standing.number}, was {ordinal(standing.rank)} of "
            f"{plural(standing.trials, 'trial')} at epoch {standing.epoch}: a cut to {share} "
            f"there {verdict} it")  # fmt: skip


def ordinal(number: int) -> str:
    """``1st``, ``2nd``, ``11th``."""
    tens = number % 100
    ending = "th" if 10 < tens < 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
