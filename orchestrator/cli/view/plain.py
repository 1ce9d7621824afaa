"""A sweep as plain lines: one a finished trial, and one now and then while none finishes."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from orchestrator.cli.view.outline import Outline
from orchestrator.cli.view.progress import Progress
from orchestrator.cli.view.table import STOPPING, data_lines, header, none_keeps, space_lines
from orchestrator.cli.view.trials import Over
from orchestrator.cli.view.words import LABEL, block, clock, config_items, metric, plural, wrap
from orchestrator.engine.records import Opened, Record
from orchestrator.engine.trial import FAILED

QUIET_SECONDS = 30.0
"""After so long without a line, one says how far it is."""
WIDTH = 80


class PlainView:
    """An observer that prints lines, for pipes, files and terminals that cannot do more.

    Args:
        outline: of the run.
        write: takes a line; False if nobody reads it any more.
        stopping: whether somebody has asked for the end.
        clock: seconds that only grow.
        progress: where the run stands, if something is known of it already.

    Attributes:
        progress: where the run stands.
        lost: nobody reads the lines any more.
    """

    def __init__(
        self,
        outline: Outline,
        write: Callable[[str], bool | None],
        stopping: Callable[[], bool] = bool,
        clock: Callable[[], float] = monotonic,
        *,
        progress: Progress | None = None,
    ) -> None:
        self._write = write
        self._stopping = stopping
        self._clock = clock
        self.progress = progress or Progress(outline, began=clock())
        self.lost = False
        self._spoke = clock()
        self._told = -1
        self._said_data = False
        self._begun = False
        self._stops = outline.stops
        rungs = block("rungs", wrap(outline.reaches, WIDTH - LABEL)) if outline.levels[1:] else []
        head = header(outline, WIDTH, outline.estimate)
        for line in [*head, *rungs, *space_lines(outline, WIDTH)]:
            self._say(line)

    def remark(self, text: str) -> None:
        """Print what happened."""
        self._say(text)

    def note(self, record: Record) -> None:
        """Print what is news of a record, unless it was before this process."""
        before = self._begun and self.progress.opened is not None
        again = isinstance(record, Opened) and before
        news = self.progress.note(record)
        if isinstance(record, Opened):
            self._say_data()
        if again:
            self._say(f"another process goes on after {so_far(self.progress)}")
        if news is not None and self._begun:
            self._say(over_line(news, self.progress) if isinstance(news, Over) else str(news))

    def tick(self) -> None:
        """Say how far it is, if there was nothing to say for a while."""
        now = self._clock()
        if not self._begun:
            self._begun = True
            self._begin(now)
        if self._stopping():
            self._say(STOPPING)
        elif now - self._spoke >= QUIET_SECONDS and self.progress.epochs != self._told:
            self._say(far_line(self.progress, now))

    def _begin(self, now: float) -> None:
        """The past is told."""
        if not self.progress.onlooker:
            self.progress.go_live(now)
            if self.progress.started:
                self._say(f"goes on after {so_far(self.progress)}")
            if self.progress.outline.stops != self._stops:  # changed while it ran before
                self._say(f"stops  {self.progress.outline.stops or 'when its trials are through'}")
        elif self.progress.opened is not None:
            self._say_data()
            self._say(far_line(self.progress, now))

    def _say_data(self) -> None:
        if not self._said_data:
            self._said_data = True
            for line in data_lines(self.progress.split, self.progress.warning, WIDTH):
                self._say(line)

    def close(self) -> None:
        """Nothing has to be put back."""

    def _say(self, line: str) -> None:
        self._spoke = self._clock()
        self._told = self.progress.epochs
        if not self.lost and self._write(line) is False:
            self.lost = True


def over_line(over: Over, progress: Progress) -> str:
    """``trial 12  pruned     valid_loss 0.3121  3 epochs  0:02  hidden_size 181  ...``."""
    trial = over.trial
    goals = progress.outline.objective.goals
    head = f"trial {trial.number:<{len(str(progress.outline.trials))}}  {over.state.value:<9}"
    config = config_items(progress.outline.shown(trial.config))
    if over.state in FAILED:
        where = progress.raised.get(over.reason)
        why = f"{over.reason} ({where})" if where else over.reason
        return "  ".join([head, why, *config])
    told = {} if trial.best is None else trial.best.metrics
    broken = "" if trial.best is None else trial.best.broken
    items = [
        *(f"{each.metric} {metric(told.get(each.metric), each.metric)}" for each in goals),
        f"{plural(trial.epoch, 'epoch'):<{_epochs_width(progress)}}",
        f"{clock(trial.seconds):>5}",
        *([f"({broken})"] if broken else []),
        *config,
    ]
    return "  ".join([head, *items])


def _epochs_width(progress: Progress) -> int:
    return len(plural(progress.outline.max_epochs, "epoch"))


def so_far(progress: Progress) -> str:
    """``29 of 46 trials, 96 of 342 epochs``."""
    outline = progress.outline
    return (
        f"{progress.done:,} of {plural(outline.trials, 'trial')}, "
        f"{progress.epochs:,} of {plural(outline.epochs, 'epoch')}"
    )


def far_line(progress: Progress, now: float) -> str:
    """How far it is, the best so far, and how long it will take."""
    left = progress.left(now)
    parts = [so_far(progress)]
    if progress.best is not None and progress.best.broken:
        parts.append(none_keeps(progress))
    elif progress.best is not None:
        name = progress.outline.objective.metric
        value = metric(progress.best.metrics.get(name), name)
        parts.append(f"best trial {progress.best.number} {name} {value}")
    parts.append(f"{clock(progress.elapsed(now))}, {'?' if left is None else clock(left)} left")
    return "  ".join(parts)
