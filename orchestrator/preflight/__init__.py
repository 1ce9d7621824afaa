"""Before a sweep spends anything: does it work, what does it cost, what is to look out for."""

from __future__ import annotations

from orchestrator.preflight.checking import check
from orchestrator.preflight.report import CheckError, CheckReport, Tried

__all__ = ["CheckError", "CheckReport", "Tried", "check"]
