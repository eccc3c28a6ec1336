"""How far long work is: on standard error for whoever watches, in a log file for whoever comes back."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kdaudit.cli.console import say
from kdaudit.cli.log import Log
from kdaudit.numbers import duration

if TYPE_CHECKING:
    from kdaudit.protocols import Progress
    from kdaudit.types import ProgressEvent

_SECONDS_BETWEEN_LINES = 10.0
# A rate that is measured on less says nothing about the time left.
_LEAST_SHARE = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Whom to tell of progress and of decisions."""

    progress: Progress
    notice: Callable[[str], None]


@contextmanager
def told(choice: str, log: Log, *, quiet: bool) -> Iterator[Told]:
    """Shows what a run tells about itself as the choice of --progress says, and logs it; `quiet` only logs it."""

    def notice(line: str) -> None:
        log.take(line)
        if not quiet:
            say(line)

    logged = _lines_to(log.take)
    with _shown("none" if quiet else choice) as shown:

        def progress(event: ProgressEvent) -> None:
            logged(event)
            shown(event)

        yield Told(progress=progress, notice=notice)


@contextmanager
def _shown(choice: str) -> Iterator[Progress]:
    """Whoever shows progress events: a bar on a terminal, lines elsewhere, or nobody."""
    if choice == "auto":
        choice = "bar" if sys.stderr.isatty() and not os.environ.get("CI") else "plain"
    if choice == "none":
        yield lambda _event: None
    elif choice == "plain":
        yield _lines_to(say)
    else:
        with _bar() as show:
            yield show


@contextmanager
def _bar() -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as RichProgress
    from rich.table import Column

    one_line = Column(no_wrap=True, overflow="ellipsis", ratio=1)
    columns = (BarColumn(bar_width=20), TextColumn("{task.description}", markup=False, table_column=one_line))
    with RichProgress(*columns, console=Console(stderr=True), transient=True, expand=True) as bar:
        task = bar.add_task("", total=1.0)
        tracker = Tracker()

        def show(event: ProgressEvent) -> None:
            tracker.take(event)
            bar.update(task, description=tracker.short, completed=tracker.fraction)

        yield show


def _lines_to(write: Callable[[str], None]) -> Progress:
    """Writes a line when a stage begins and when a control is finished, and else every ten seconds."""
    tracker = Tracker()
    last = -_SECONDS_BETWEEN_LINES

    def show(event: ProgressEvent) -> None:
        nonlocal last
        is_news = event.stage != tracker.stage or event.stage == "controls"
        tracker.take(event)
        if is_news or time.monotonic() - last >= _SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            write(tracker.line)

    return show


class Tracker:
    """Adds up the events of several workers: controls done, the time left, and the latest line.

    `short` says the same beside a bar, in at most 60 columns.
    """

    def __init__(self) -> None:
        self.line = self.short = ""
        self.stage = ""
        self.fraction = 0.0
        self._running: dict[str, float] = {}
        self._done = 0
        self._total: int | None = None
        self._began: dict[str, tuple[float, float]] = {}

    def take(self, event: ProgressEvent) -> None:
        """Take one event into account."""
        self.stage = event.stage
        if event.stage == "controls":
            self._take_control(event)
            return
        share = (event.done or 0) / event.total if event.total else 0.0
        what = f"{event.stage} {event.name}"
        if event.stage == "train" and self._total:
            self._running[event.name] = share
            share = min(1.0, (self._done + sum(self._running.values())) / self._total)
            what = "controls"
        self.fraction = share
        left = self._seconds_left(what, share) if event.seconds_left is None else event.seconds_left
        self._describe(event, left)

    def _take_control(self, event: ProgressEvent) -> None:
        self._done, self._total = event.done or 0, event.total
        self.fraction = self._done / self._total if self._total else 0.0
        if event.name:
            self._running.pop(event.name, None)
        else:  # they begin now; those that are kept took no time
            self._running.clear()
            self._began["controls"] = (time.monotonic(), self.fraction)
        finished = f", {event.name} finished" if event.name else ""
        self.line = f"controls: {self._done} of {self._total} done{finished}"
        self.short = self.line

    def _seconds_left(self, what: str, share: float) -> float | None:
        """By the rate since it began; None where too little is done to say."""
        now = time.monotonic()
        began, share_then = self._began.setdefault(what, (now, share))
        done = share - share_then
        if done < _LEAST_SHARE or share >= 1:
            return None
        return (now - began) * (1 - share) / done

    def _describe(self, event: ProgressEvent, seconds_left: float | None) -> None:
        """Set `line` and `short` from parts that each have a form for either, '' where one leaves it out."""
        what = f"{event.stage} {event.name}".rstrip()
        parts = [(what, what)]
        if event.stage == "train" and self._total:
            parts = [(what, f"{event.stage} {self._done}/{self._total}")]
            parts += [(f"{self._done} of {self._total} controls done", "")]
        elif event.done is not None and event.total and event.epoch is None:
            parts += [(f"{event.done:,} of {event.total:,}", "")]
        if event.epoch is not None:
            parts += [(f"epoch {event.epoch} of {event.epochs}", f"epoch {event.epoch}/{event.epochs}")]
        if event.loss is not None:
            parts += [(f"loss {event.loss:.3f}",) * 2]
        if event.examples_per_second:
            rate = f"{event.examples_per_second:,.0f}"
            parts += [(f"{rate} examples/s", f"{rate}/s")]
        if seconds_left is not None:
            parts += [(f"{duration(seconds_left)} left",) * 2]
        self.line, self.short = (", ".join(filter(None, form)) for form in zip(*parts, strict=True))
