"""How far long work is: on standard error for whoever watches, in a log file for whoever comes back."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kdaudit.cli.console import say

if TYPE_CHECKING:
    from kdaudit.protocols import Progress
    from kdaudit.types import ProgressEvent

_SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def shown_progress(choice: str, *, quiet: bool) -> Iterator[Progress]:
    """Whoever takes progress events: a bar on a terminal, a line every ten seconds elsewhere, or nobody."""
    if quiet or choice == "none":
        yield lambda _event: None
        return
    if choice == "auto":
        choice = "bar" if sys.stderr.isatty() and not os.environ.get("CI") else "plain"
    if choice == "plain":
        yield _plain_progress()
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as RichProgress

    console = Console(stderr=True)
    with RichProgress(TextColumn("{task.description}"), BarColumn(), console=console, transient=True) as bar:
        task = bar.add_task("", total=1.0)
        tracker = _Tracker()

        def show(event: ProgressEvent) -> None:
            tracker.take(event)
            bar.update(task, description=tracker.line, completed=tracker.fraction)

        yield show


def _plain_progress() -> Callable[[ProgressEvent], None]:
    tracker = _Tracker()
    last = time.monotonic()

    def show(event: ProgressEvent) -> None:
        nonlocal last
        tracker.take(event)
        if time.monotonic() - last >= _SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            say(tracker.line)

    return show


class _Tracker:
    """Adds up the events of several workers: controls done, the latest line, the time left."""

    def __init__(self) -> None:
        self.line = ""
        self.fraction = 0.0
        self._running: dict[str, float] = {}
        self._done = 0
        self._total: int | None = None
        self._started = time.monotonic()

    def take(self, event: ProgressEvent) -> None:
        """Take one event into account."""
        if event.stage == "controls":
            self._take_control(event)
            return
        share = (event.done or 0) / event.total if event.total else 0.0
        if event.stage == "train" and self._total:
            self._running[event.name] = share
            share = min(1.0, (self._done + sum(self._running.values())) / self._total)
        self.fraction = share
        self.line = self._described(event)

    def _take_control(self, event: ProgressEvent) -> None:
        if event.done == 0:
            self._started = time.monotonic()
            self._running.clear()
        self._running.pop(event.name, None)
        self._done, self._total = event.done or 0, event.total
        self.line = f"controls: {self._done} of {self._total} done"

    def _described(self, event: ProgressEvent) -> str:
        parts = [f"{event.stage} {event.name}"]
        if event.stage == "train" and self._total:
            parts.append(f"{self._done} of {self._total} controls done")
        if event.epoch is not None:
            parts.append(f"epoch {event.epoch} of {event.epochs}")
        if event.loss is not None:
            parts.append(f"loss {event.loss:.3f}")
        if event.examples_per_second:
            parts.append(f"{event.examples_per_second:,.0f} examples/s")
        if event.stage == "train" and self._total and 0.02 < self.fraction < 1:
            left = (time.monotonic() - self._started) * (1 / self.fraction - 1)
            parts.append(f"{left / 60:.0f} min left" if left > 90 else f"{left:.0f} s left")
        return ", ".join(parts)
