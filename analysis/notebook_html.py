"""How runs, trials, figures and analyses show themselves in a notebook.

Text is escaped, styles are inline, and nothing sets a colour, so that a dark
notebook stays dark; figures keep the white ground they are drawn on.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from analysis.metrics import number, plural
from analysis.parameters import plain

if TYPE_CHECKING:
    from analysis.figures import Picture
    from analysis.frames import TrialView
    from analysis.load import Run

_CELL = "text-align:left;vertical-align:top;padding:2px 12px 2px 0"
_IMAGE = "max-width:100%;background:white"
_DOTS = 2.2  # of a PNG for each pixel of the page: drawn at 220 dots an inch, shown at 100
_PNG = "image/png"
_MIME = {".png": _PNG, ".svg": "image/svg+xml"}
_LONGEST = 300  # characters of one value; a hostile or broken table shall not fill the notebook


def run_html(run: Run) -> str:
    """What was run, what came of it, and what is best, in a small table."""
    from analysis.findings import Findings
    from analysis.summary import best_words

    meta = run.meta
    rows = [
        ("run", meta.run),
        ("sweep", str(meta.raw.get("sweep") or "")),
        ("data", meta.data),
        ("care", meta.warning),
        ("trials", _states(run)),
        ("metric", f"{meta.metric} ({'higher' if meta.mode == 'max' else 'lower'} is better)"),
    ]
    best = Findings(run).best
    if best is None:
        rows.append(("best", "none: no trial has a result"))
    else:
        searched = {parameter.name for parameter in meta.parameters}
        config = {name: value for name, value in best.config.items() if name in searched}
        words = f"{best_words(best)}  {best.where(meta.max_epochs)}"
        rows += [("best", words), ("", _values(config))]
    rows += [("", note) for note in run.notes]
    return _table([(head, text) for head, text in rows if text])


def trial_html(trial: TrialView) -> str:
    """State, metrics and config of one trial."""
    epoch = trial.best_epoch
    metrics = "  ".join(f"{name} {number(value, name)}" for name, value in trial.metrics.items())
    rows = [
        ("trial", f"{trial.number}  ({trial.trial_id})"),
        ("state", f"{trial.state or 'unknown'} after {plural(trial.epochs, 'epoch')}"),
        ("error", trial.error or ""),
        (f"epoch {epoch}", metrics),
        ("config", _values(trial.config)),
    ]
    return _table([(head, text) for head, text in rows if text])


def figure_html(title: str, reading: str, png: bytes | None) -> str:
    """A figure, which carries its title and reading, as an image that says them to all.

    Args:
        title: what kind of figure it is.
        reading: one sentence, or why it is not drawn.
        png: the image; None for words alone.
    """
    if png is None:
        return f"<p><b>{escape(title)}</b> not drawn: {escape(reading)}</p>"
    return f"<div>{_image(png, _PNG, f'{title}. {reading}')}</div>"


def analysis_html(lines: Sequence[str], pictures: Sequence[Picture]) -> str:
    """The words of an analysis as a terminal shows them, and its figures from their files.

    Of a figure's files the PNG is shown, else the SVG; a figure that was not drawn
    or whose files are gone is left to the words.
    """
    words = escape("\n".join(lines))
    shown = "".join(_picture(picture) for picture in pictures if picture.drawn)
    text = f'<pre style="color:inherit;background:transparent">{words}</pre>'
    figures = (
        f'<div style="display:flex;flex-wrap:wrap;align-items:flex-start;gap:12px">{shown}</div>'
        if shown
        else ""
    )
    return f"<div>{text}{figures}</div>"


def _picture(picture: Picture) -> str:
    files = {path.suffix: path for path in picture.paths}
    for suffix, mime in _MIME.items():
        if suffix in files:
            try:
                content = files[suffix].read_bytes()
            except OSError:
                continue
            return _image(content, mime, f"{picture.name}: {picture.reading}")
    return ""


def _image(content: bytes, mime: str, words: str) -> str:
    data = base64.b64encode(content).decode("ascii")
    # The width of a PNG stands at a fixed place of its header (RFC 2083, section 4.1.1).
    width = f"width:{int.from_bytes(content[16:20], 'big') / _DOTS:.0f}px;" if mime == _PNG else ""
    return f'<img style="{width}{_IMAGE}" alt="{escape(words)}" src="data:{mime};base64,{data}">'


def _states(run: Run) -> str:
    """``46: 8 completed, 37 pruned, 1 failed``, the most frequent first after completed."""
    states = [str(state or "unknown") for state in run.trials["state"].to_list()]
    if not states:
        return "none"
    order = sorted(set(states), key=lambda name: (name != "completed", -states.count(name), name))
    return f"{len(states)}: " + ", ".join(f"{states.count(name)} {name}" for name in order)


def _values(config: dict[str, object]) -> str:
    return "  ".join(f"{name} {plain(value)}" for name, value in config.items())


def _table(rows: Sequence[tuple[str, str]]) -> str:
    lines = "".join(
        f'<tr><th scope="row" style="{_CELL}">{escape(_cut(head))}</th>'
        f'<td style="{_CELL};white-space:pre-wrap">{escape(_cut(text))}</td></tr>'
        for head, text in rows
    )
    return f"<table>{lines}</table>"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
