"""The interactive report: one HTML file that needs neither a network nor a library.

The page draws with its own small JavaScript, because Plotly's parallel coordinates cannot be
used by keyboard, do not print well and weigh 4.5 MB.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from searchspaces.errors import UsageError

if TYPE_CHECKING:
    from analysis.figures import Picture
    from analysis.findings import Findings

__all__ = ["write_report"]


def write_report(findings: Findings, path: str | Path, *, figures: Sequence[Picture] = ()) -> Path:
    """Write the report of a run as one self-contained HTML file, replaced as a whole.

    Args:
        findings: what was found in the run.
        path: the file to write; its folder is made if there is none.
        figures: the run's static figures, where they were drawn before: their sentences are
            taken from them instead of drawing them again.

    Raises:
        UsageError: the file cannot be written.
    """
    from analysis.report.page import page
    from analysis.report.payload import payload

    path = Path(path)
    text = page(payload(findings, figures), title=f"{findings.run.meta.run}: what the sweep found")
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A name may hold half a surrogate pair, which no encoding writes.
        part.write_text(text, encoding="utf-8", errors="replace", newline="\n")
        part.replace(path)
    except OSError as error:
        raise UsageError(
            f"cannot write the report to {path}: {error.strerror or error}. "
            f"Give a file in a folder that can be written to"
        ) from error
    finally:
        with suppress(OSError):  # where its folder could not be made there is nothing to remove
            part.unlink()
    return path
