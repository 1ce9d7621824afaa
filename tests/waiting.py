"""Waiting for what other processes do, no longer than it takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def until(look: Callable[[], Found], seconds: float, every: float = 0.05) -> Found:
    """What ``look`` gives, as soon as it gives something.

    Args:
        look: asked again and again.
        seconds: within which it must come; far more than it takes, as other tests keep the
            cores busy.
        every: so many seconds, or more rarely where a look takes long itself.
    """
    end = time.monotonic() + seconds
    while True:
        began = time.monotonic()
        if found := look():
            return found
        now = time.monotonic()
        assert now < end, f"it never came in {seconds:g} s; last: {found!r}"
        time.sleep(max(every, min(0.5, 5 * (now - began))))
