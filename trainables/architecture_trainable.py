"""The Trainable that trains any architecture."""

from __future__ import annotations

from trainables.architecture_trial import ArchitectureTrial
from trainables.trainable import TrialTrainable


class ArchitectureTrainable(ArchitectureTrial, TrialTrainable):
    """Trains any architecture, as one of Ray Tune's Trainables.

    Under stock Tune: ``tune.with_parameters(ArchitectureTrainable, architecture="gru",
    space=space, data=data)``.
    """
