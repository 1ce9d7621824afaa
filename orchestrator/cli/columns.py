"""Tables of text: columns as wide as they must be, names folded over two lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.cli.view.words import cut


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: its head; underscores are where it may be folded.
        cells: text, from top to bottom.
        right: aligned at the right, as numbers are.
        rank: columns of the highest rank go first when there is no room.
    """

    name: str
    cells: Sequence[str]
    right: bool = True
    rank: int = 0


def lay_out(columns: Sequence[Column], width: int | None, *, fold: bool = True) -> list[str]:
    """A table in lines of at most ``width`` columns; no limit without one.

    Args:
        columns: from left to right.
        width: of the terminal.
        fold: long names take two lines when one line has no room.
    """
    kept = list(columns)
    heads = [[column.name] for column in kept]
    if width is not None and _width(kept, heads) > width and fold:
        heads = [_folded(column.name) for column in kept]
    while width is not None and _width(kept, heads) > width:
        worst = max(range(len(kept)), key=lambda index: (kept[index].rank, index))
        if kept[worst].rank == 0:
            break
        del kept[worst], heads[worst]
    high = max(len(head) for head in heads)
    rows = [[""] * (high - len(head)) + head for head in heads]
    sizes = _sizes(kept, heads)
    lines = [_line([row[line] for row in rows], kept, sizes) for line in range(high)]
    lines += [
        _line([column.cells[index] for column in kept], kept, sizes)
        for index in range(len(kept[0].cells))
    ]
    return lines if width is None else [cut(line, width) for line in lines]


def _folded(name: str) -> list[str]:
    """A name in two lines of about the same length."""
    parts = name.split("_")
    if len(parts) == 1:
        return [name]
    pairs = [["_".join(parts[:i]), "_".join(parts[i:])] for i in range(1, len(parts))]
    return min(pairs, key=lambda pair: max(len(part) for part in pair))


def _sizes(columns: Sequence[Column], heads: Sequence[Sequence[str]]) -> list[int]:
    return [
        max(len(text) for text in (*head, *column.cells))
        for column, head in zip(columns, heads, strict=True)
    ]


def _width(columns: Sequence[Column], heads: Sequence[Sequence[str]]) -> int:
    return sum(_sizes(columns, heads)) + 2 * (len(columns) - 1)


def _line(cells: Sequence[str], columns: Sequence[Column], sizes: Sequence[int]) -> str:
    padded = [
        f"{cell:>{size}}" if column.right else f"{cell:<{size}}"
        for cell, column, size in zip(cells, columns, sizes, strict=True)
    ]
    return "  ".join(padded).rstrip()
