"""HyperBand whose brackets wait for nobody."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from orchestrator.schedulers.halving import AsynchronousHalving
from orchestrator.schedulers.rungs import check_halving, layout, levels


class AsyncHyperBand(AsynchronousHalving):
    """HyperBand over brackets of asynchronous successive halving.

    Levels are ``max_epochs // eta**k``. Bracket ``s`` stops nobody before level ``s``: its
    rungs are that level and those above. As in HyperBand, ``(s_max + 1) // (s + 1) *
    eta**s`` trials start in bracket ``s``, from ``s_max`` to 0 and again and again; the last
    turn may be cut short. A bracket whose turn comes again compares its new trials with all
    it has seen. What happens at a rung, and what ``form`` and ``cap`` mean: see
    :class:`AsynchronousHalving`; whether a trial is due for promotion is asked in all
    brackets, the first one first, before a new trial starts.

    After so many ``turns`` through the brackets every new trial runs to the end. For a searcher
    that learns: what early epochs can say of good configs it knows by then, and what is left to
    find out shows at the last epoch alone.

    Raises:
        ConfigurationError: ``max_epochs < eta``, so that there is nothing to halve, and that
            without end.

    Source: Li et al., A System for Massively Parallel Hyperparameter Tuning, MLSys (2020),
    section 3, which goes through brackets of ASHA as HyperBand does; Li et al., Hyperband,
    JMLR 18 (2018), algorithm 1, and Falkner et al., BOHB, ICML 2018, for how many trials.
    """

    kind: Literal["async-hyperband"] = "async-hyperband"
    turns: int | None = Field(default=None, ge=1)
    """Turns through the brackets before every trial runs to the end; by default without end."""

    def _laid_out(
        self, trials: int, max_epochs: int
    ) -> tuple[list[tuple[int, ...]], list[tuple[int, int]]]:
        if self.turns is None:
            check_halving(max_epochs, self.eta)
        epochs = levels(max_epochs, self.eta)
        turns = layout(trials, len(epochs), self.eta, self.turns)
        used = 1 + max(start for start, _ in turns)
        return [epochs[start:] for start in range(used)], turns
