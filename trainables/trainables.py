"""What a sweep runs, each as one of Ray Tune's Trainables: the same trials, with Ray's hooks.

Only stock Tune needs them. orch's own workers run the trials as they are.
"""

from __future__ import annotations

from trainables.architecture_trial import ArchitectureTrial
from trainables.programs.command import CommandTrial
from trainables.programs.function import FunctionTrial
from trainables.programs.lightning import LightningTrial
from trainables.several import SeveralTrial
from trainables.trainable import TrialTrainable


class ArchitectureTrainable(ArchitectureTrial, TrialTrainable):
    """Trains any architecture.

    Under stock Tune: ``tune.with_parameters(ArchitectureTrainable, architecture="gru",
    space=space, data=data)``.
    """


class LightningTrainable(LightningTrial, TrialTrainable):
    """Trains a LightningModule."""


class FunctionTrainable(FunctionTrial, TrialTrainable):
    """Runs a training function."""


class CommandTrainable(CommandTrial, TrialTrainable):
    """Runs a program a trial."""


class SeveralTrainable(SeveralTrial, TrialTrainable):
    """Trains a config several times side by side."""
