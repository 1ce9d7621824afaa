"""The figures of a finished run, for whoever keeps them elsewhere: ``orch analyze``."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading

from orchestrator.runs.folder import RunFolder

LONGEST = 300.0
"""Seconds after which a drawing is given up."""
_ONE_AT_A_TIME = threading.Lock()
_CODE = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from orchestrator.cli.main import cli; cli(sys.argv[2:])"
)
_log = logging.getLogger(__name__)


def draw(run: RunFolder) -> None:
    """Draw the figures of a run, unless they are there and as new as its tables.

    Analysis is a package that this one must not import, and the drawing is another process
    for the sake of memory too. Where it fails there are no figures, and the log says so.
    """
    with _ONE_AT_A_TIME:
        if _fresh(run):
            return
        try:
            subprocess.run(  # noqa: S603  # our own code, by our own interpreter
                [sys.executable, "-P", "-c", _CODE, json.dumps(sys.path), "analyze", str(run.path)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                timeout=LONGEST,
                check=True,
            )
        except (subprocess.SubprocessError, OSError) as error:
            how = " ".join(str(error).rpartition(str(run.path))[2].split()).strip("'] ,")
            _log.warning("orch analyze drew no figures: %s", how or type(error).__name__)


def _fresh(run: RunFolder) -> bool:
    try:
        return run.figures.stat().st_mtime >= run.trials.stat().st_mtime
    except OSError:
        return False
