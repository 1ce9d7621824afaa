"""What Ray says when it has lost something, in one line."""

from __future__ import annotations


def reason(error: BaseException) -> str:
    """The last line of what Ray says, without its guesses at the cause."""
    text = str(error)
    if "running low on memory" in text:  # a page of advice follows
        return "its node was low on memory, and Ray ended the worker"
    if "node was terminated" in text or "node has been marked dead" in text:
        return "its node is gone"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    line = lines[-1] if lines else type(error).__name__
    return line.partition(" Some common causes")[0].strip()
