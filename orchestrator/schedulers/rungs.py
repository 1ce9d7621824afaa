"""The epochs at which successive halving compares trials, counted in integers."""

from __future__ import annotations

from itertools import chain, repeat

from searchspaces.errors import ConfigurationError


def levels(max_epochs: int, eta: int, min_epochs: int = 1) -> tuple[int, ...]:
    """Epochs ``max_epochs // eta**k`` that are at least ``min_epochs``, ascending.

    ``floor(log(max_epochs) / log(eta))`` in floating point loses a level for
    (243, 3); nothing here is computed in floating point.

    Source: Li et al., Hyperband, JMLR 18 (2018), algorithm 1.
    """
    found = []
    level = max_epochs
    while level >= max(1, min_epochs):
        found.append(level)
        level //= eta
    return tuple(reversed(found))


def layout(trials: int, count: int, eta: int, turns: int | None = None) -> list[tuple[int, int]]:
    """The brackets one after another: index of the first level, and the trials each starts.

    With ``s_max = count - 1``, bracket ``s`` starts ``(s_max + 1) // (s + 1) * eta**s``
    trials; ``s`` goes from ``s_max`` to 0, again and again; the last is cut short. After so
    many ``turns`` all others start in the last bracket.

    Args:
        trials: trials of the whole sweep.
        count: number of levels, ``s_max + 1``.
        eta: the halving factor.
        turns: how often ``s`` goes down; None is without end.
    """
    found: list[tuple[int, int]] = []
    downs = repeat(range(count - 1, -1, -1), *([] if turns is None else [turns]))
    for s in chain.from_iterable(downs):
        if trials == 0:
            break
        size = min(trials, count // (s + 1) * eta**s)
        found.append((count - 1 - s, size))
        trials -= size
    return [*found, (count - 1, trials)] if trials else found


def remaining(size: int, rung: int, eta: int) -> int:
    """Trials that reach a rung when none fails."""
    for _ in range(rung):
        size = max(1, size // eta)
    return size


def check_halving(max_epochs: int, eta: int) -> None:
    """Refuse a sweep in which there is nothing to halve.

    Raises:
        ConfigurationError: ``max_epochs < eta``.
    """
    if max_epochs < eta:
        raise ConfigurationError(
            f"{max_epochs} epochs leave nothing to halve with scheduler.eta={eta}. "
            f"Give at least {eta} epochs, or choose scheduler fifo.",
            place="epochs",
        )
