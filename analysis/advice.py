"""Advice on a run that no ``orch sweep`` made: the same in words, without its options."""

from __future__ import annotations

import re
from collections.abc import Iterable

from analysis.load import Run
from analysis.typed import asked

_NAME, _VALUE = r"'?\w+\.([^=]+?)", r"(\[.*\]|\".*\"|[^\s']+)'?"
_WORDS = (
    (rf"--set {_NAME}\.high={_VALUE}", r"search \1 up to \2"),
    (rf"--set {_NAME}\.low={_VALUE}", r"search \1 from \2 on"),
    (r": --set searcher\.kind=random", ""),
    (rf"--set {_NAME}\.values={_VALUE}", r"search \1 in \2"),
    (rf"--set {_NAME}={_VALUE}", r"\1 \2"),
    (r" \(--epochs (\d+)\)", r" (\1)"),
    (r"--epochs (\d+)", r"\1 epochs"),
    (r"--trials (\d+)", r"\1 trials"),
)


def takes_options(run: Run) -> bool:
    """Whether ``orch sweep`` made the run: no import, and no program that asked for trials."""
    return not run.meta.raw.get("imported") and not asked(run.meta.raw)


def advised(run: Run, lines: Iterable[str]) -> tuple[str, ...]:
    """Lines of advice as they suit the run: with options of ``orch sweep``, or in words."""
    return tuple(line if takes_options(run) else in_words(line) for line in lines)


def in_words(line: str) -> str:
    """``search hidden_size up to 512`` for ``--set space.hidden_size.high=512``."""
    for option, words in _WORDS:
        line = re.sub(option, words, line)
    return line
