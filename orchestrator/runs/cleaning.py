"""What of a run's folder is not needed any more: checkpoints, half-written files, old letters."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestrator.engine.follow import Follower
from orchestrator.engine.records import (
    FINISHED,
    Closed,
    EpochRepeated,
    EpochReported,
    Record,
    TrialEnded,
    TrialPruned,
    TrialResumed,
    TrialStarted,
)
