"""The trial of :mod:`orchestrator.engine.testing` as one of Ray Tune's Trainables."""

from __future__ import annotations

from orchestrator.engine.testing import CurveTrial
from trainables.trainable import TrialTrainable


class Curve(CurveTrial, TrialTrainable):
    """A learning curve that stock Tune can run, to compare with."""
