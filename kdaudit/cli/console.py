"""What people see in a terminal: progress on standard error, the verdict in at most 25 lines on standard output."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from kdaudit.protocols import Progress
    from kdaudit.schema import AuditResult, RuleRecord
    from kdaudit.types import ProgressEvent

_MOST_RULES = 11
_SECONDS_BETWEEN_LINES = 10.0
_STYLES = {"fail": "bold red", "undecided": "yellow", "warning": "yellow", "pass": "green"}


def say(line: str) -> None:
    """One line on standard error; an audit does not end because nobody can take it (a full disk)."""
    try:
        print(line, file=sys.stderr, flush=True)  # noqa: T201 - the only place that prints
    except OSError:
        silence(sys.stderr)


def silence(stream: TextIO) -> None:
    """Send a stream that takes nothing any more nowhere: Python would flush it again at its end, and fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def wants_color(choice: str, stream: TextIO) -> bool:
    """Whether to colour: as asked, else NO_COLOR, FORCE_COLOR, and whether it is a terminal."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (stream.isatty() and os.environ.get("TERM") != "dumb")


def text_report(result: AuditResult, *, color: bool, report: str) -> str:
    """The verdict first and last, the rules that matter, where the report lies. At most 25 lines."""
    from kdaudit.render import stated, words
    from kdaudit.render.views.banner import planner

    headline = words.headline(result)
    students = ", ".join(result.students)
    lines = [
        _styled(f"{headline.word}: {headline.lead}", _verdict_style(result), color=color),
        "",
        f"  {students} against {result.teacher}, {result.n:,} examples, {words.count_controls(result)}",
        *_fidelity(result),
        *_policy(result),
        *(f"  {key:<24}{value}" for key, value in (*_numbers(result), *_distances(result))),
        "",
    ]
    shown = _rules_that_matter(result)
    for row in shown:
        mark = words.WORDS[words.mark(row)]
        lines.append(
            _styled(
                f"  {mark:<11}{row.id}  {stated.told(row) or row.title}",
                _STYLES.get(row.outcome.value),
                color=color,
            )
        )
    rest = len(result.rules) - len(shown)
    if rest:
        lines.append(f"  {rest} more rules in the report")
    if (plan := planner(result)) is not None:
        lines += ["", f"  to settle it: {plan.finding}"]
    if report:
        lines += ["", f"  report: {report}"]
    lines.append(
        _styled(f"{headline.word} ({students}): {headline.lead}", _verdict_style(result), color=color)
    )
    return "\n".join(lines) + "\n"


def _fidelity(result: AuditResult) -> list[str]:
    """How faithful the controls' network is to the student, in its first sentence."""
    if not result.fidelity_level:
        return []
    sentence = result.fidelity.partition(". ")[0].removesuffix(".")
    return [f"  {'network of controls':<24}{result.fidelity_level}: {sentence}"]


def _policy(result: AuditResult) -> list[str]:
    from kdaudit.render import stated

    said = stated.in_short(result)
    return [f"  policy: {said}"] if said else []


def _numbers(result: AuditResult) -> Iterator[tuple[str, str]]:
    from kdaudit.render import numbers

    for label, effect, show, show_range in (
        ("wrong knowledge taken", result.kappa_W, numbers.percent, numbers.percent_range),
        ("right knowledge taken", result.kappa_R, numbers.percent, numbers.percent_range),
        ("asymmetry (ratio)", result.rrr, numbers.ratio, numbers.ratio_range),
    ):
        if effect is None or effect.estimate is None:
            continue
        ends = ""
        if effect.low90 is not None and effect.high90 is not None:
            ends = f" {show_range(effect.low90, effect.high90)}"
        p = f", {numbers.p_value(effect.p)}" if effect.p is not None else ""
        yield label, f"{show(effect.estimate)}{ends}{p}"


def _distances(result: AuditResult) -> Iterator[tuple[str, str]]:
    """How far the student is from the teacher, where there are no controls to say how far that is."""
    from kdaudit.render import numbers

    found = {name: record.student for name, record in result.transfer.items()}
    if not result.n_controls and found:
        shares = [f"other answers {numbers.percent(found['prediction'], 1)}"] if "prediction" in found else []
        shares += [f"{name} {found[name]:.3f}" for name in ("js", "activation", "rank") if name in found]
        yield "distance to the teacher", ", ".join(shares)


def _rules_that_matter(result: AuditResult) -> list[RuleRecord]:
    from kdaudit.types import RuleStatus

    order = list(RuleStatus)
    rows = [row for row in result.rules if row.outcome not in (RuleStatus.PASS, RuleStatus.NOT_JUDGED)]
    rows = [row for row in rows if row.outcome is not RuleStatus.FINDING or row.id == "KD101"]
    return sorted(rows, key=lambda row: (order.index(row.outcome), row.id))[:_MOST_RULES]


def _verdict_style(result: AuditResult) -> str:
    return {"pass": "bold green", "fail": "bold red"}.get(result.verdict.value, "bold yellow")


def _styled(line: str, style: str | None, *, color: bool) -> str:
    if style is None or not color:
        return line
    codes = {"bold": "1", "red": "31", "green": "32", "yellow": "33"}
    return f"\x1b[{';'.join(codes[part] for part in style.split())}m{line}\x1b[0m"


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
