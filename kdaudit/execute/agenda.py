"""Which task is next and what came of each: results in order and a bounded number of tries, for every executor."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from typing import Any

from kdaudit.errors import TrainingError
from kdaudit.execute.work import LESS_MEMORY, Bug, Done, Lost
from kdaudit.protocols import Progress
from kdaudit.types import ProgressEvent

# Workers die of what passes, as a node that is taken away, and of their task, which must not go on for ever.
TRIES = 3
AGAIN = "finished controls are kept: the same command goes on from there"


def unsaid(text: str) -> None:
    """Nobody is told."""


class Agenda:
    """The tasks of one `map` by position: those that wait, and results of those that are done and not yet taken.

    A task whose worker is lost waits again, before all others; its last try gives a TrainingError.

    Args:
        n_tasks: how many there are.
        progress: told of the tasks' events.
        notice: told of lost workers, once of each way to lose one.
    """

    def __init__(self, n_tasks: int, *, progress: Progress, notice: Callable[[str], None]) -> None:
        self.waiting = deque(range(n_tasks))
        self._n_tasks = n_tasks
        self._progress = progress
        self._notice = notice
        self._finished: dict[int, object] = {}
        self._losses: Counter[int] = Counter()
        self._said: set[str] = set()

    def results(self, work: Callable[[], None]) -> Iterator[Any]:
        """All results in order; `work` is called until the next is there."""
        for position in range(self._n_tasks):
            while position not in self._finished:
                work()
            yield self._finished.pop(position)

    def take(self, position: int, message: ProgressEvent | Bug | Done | Lost) -> bool:
        """Whether that was the last message of who has this task; a bug is raised."""
        if isinstance(message, ProgressEvent):
            self._progress(message)
            return False
        if isinstance(message, Bug):
            raise message.error()
        if isinstance(message, Done):
            self._finished[position] = message.result
        else:
            self._lose(position, message.reason)
        return True

    def _lose(self, position: int, reason: str) -> None:
        self._losses[position] += 1
        tried = self._losses[position]
        if tried == TRIES:
            self._finished[position] = TrainingError(
                f"expected a result from a worker, which ended before it had one, {TRIES} times: {reason}",
                hint=f"if the memory ran out: {LESS_MEMORY}; {AGAIN}",
            )
            return
        self.waiting.appendleft(position)
        said = f"a worker was lost, its task begins anew (try {tried + 1} of {TRIES}): {reason}"
        if said not in self._said:
            self._said.add(said)
            self._notice(said)
