"""Where an error came from, out of its traceback."""

from __future__ import annotations

import re
from pathlib import Path, PurePath

_FRAME = re.compile(r'^ *File "(?P<file>.+?)", line (?P<line>\d+), in (?P<name>.+)$')
_LIBRARIES = re.compile(
    r"[/\\](site-packages|dist-packages|lib[/\\]python\d[^/\\]*)[/\\]|^<frozen "
)

_ROOT = Path(__file__).parents[3]
_OURS = ("orchestrator", "searchspaces", "trainables")


def raised_at(detail: str, reason: str) -> str:
    """``net.py:12 in forward: return self.head(x)``: what a failure's reason leaves out.

    Args:
        detail: a traceback, or a program's last output.
        reason: what is said of the failure anyway.

    Returns:
        the last line of a person's own code that a traceback names, else of a library's; of
        what is no traceback the last line. Empty where the reason says it already.
    """
    lines = detail.splitlines()
    frames = [
        (match, lines[place + 1].strip() if place + 1 < len(lines) else "")
        for place, line in enumerate(lines)
        if (match := _FRAME.match(line))
    ]
    if not frames:
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return "" if last in reason else last
    if not (own := [frame for frame in frames if not _is_foreign(frame[0]["file"])]):
        if _is_ours(frames[-1][0]["file"]):
            return ""  # what orch itself refuses says why
        own = frames
    match, code = own[-1]
    place = f"{PurePath(match['file']).name}:{match['line']} in {match['name']}"
    shown = code and not _FRAME.match(code) and set(code) - set("^~ ")
    return f"{place}: {code}" if shown else place


def _is_foreign(file: str) -> bool:
    return bool(_LIBRARIES.search(file)) or _is_ours(file)


def _is_ours(file: str) -> bool:
    return any(PurePath(file).is_relative_to(_ROOT / name) for name in _OURS)
