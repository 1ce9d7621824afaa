"""A trial as whoever asks a study for one gets it."""

from __future__ import annotations

from dataclasses import dataclass, field

from searchspaces import Config


@dataclass(frozen=True)
class Asked:
    """A trial to run.

    Attributes:
        number: counted from 0.
        name: its id in the run's tables.
        config: its parameters.
        seed: of everything random in it.
        epoch: epochs behind it; 0 for a new trial. Of one that was paused, whoever asks has
            its state, or starts it over.
        until: the epoch of the next decision.
    """

    number: int
    name: str
    config: Config = field(hash=False)
    seed: int
    epoch: int
    until: int
