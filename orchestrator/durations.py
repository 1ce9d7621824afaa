"""Times as people write them: ``90``, ``90s``, ``10m``, ``2h``, ``1h30m``."""

from __future__ import annotations

import re

HOW = "Write 90s, 10m, 2h or seconds."
"""What a line says that refuses one."""


def seconds_of(text: str) -> float | None:
    """Seconds of ``90``, ``90s``, ``10m``, ``2h`` or ``1h30m``; None if it is none of these."""
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    found = re.fullmatch(
        r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?", text.replace(" ", "")
    )
    if found is None or not any(found.groups()):
        return None
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds
