"""Tasks in processes of this machine: single-threaded workers that live as long as the pool.

Each worker has a pipe of its own for tasks, events and results. One queue for all of them would be simpler, but a
worker killed while it writes takes the queue's lock with it, and all others wait for ever.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import connection, get_context, parent_process
from multiprocessing.context import SpawnProcess
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar, cast

from kdaudit.errors import KDAuditError, TrainingError
from kdaudit.execute.agenda import Agenda, unsaid
from kdaudit.execute.work import THREAD_VARIABLES, Bug, Done, Job, Lost, Telling, environment, result_of
from kdaudit.protocols import Progress
from kdaudit.types import ProgressEvent

if TYPE_CHECKING:  # only the type checker can subscript it
    _Pipe: TypeAlias = connection.Connection[Any, Any]

T = TypeVar("T")
R = TypeVar("R")

_SECONDS_TO_END = 5.0
# On Windows only a wait that ends by itself lets Ctrl-C through.
_SECONDS_TO_WAIT = 0.5


class LocalPool:
    """Runs tasks in `n_workers` processes, or one after the other in this process if `n_workers` is 0.

    A context manager: on exit no worker is left. Workers start when there is work and are used again by later
    calls of `map`.

    Args:
        n_workers: how many tasks run at the same time.
        threads_per_worker: for OpenMP and BLAS in each worker.
        initializer: called once in each worker before its first task, to load and set up what tasks need.
        notice: told of workers that are lost.
    """

    def __init__(
        self,
        n_workers: int,
        *,
        threads_per_worker: int = 1,
        initializer: Callable[[], None] | None = None,
        notice: Callable[[str], None] = unsaid,
    ) -> None:
        self._n_workers = n_workers
        self._threads_per_worker = threads_per_worker
        self._initializer = initializer
        self._notice = notice
        self._workers: list[_Worker] = []

    @property
    def n_workers(self) -> int:
        """How many tasks run at the same time."""
        return max(1, self._n_workers)

    @property
    def place(self) -> str:
        """Where tasks run, as the end of a sentence."""
        if self._n_workers == 0:
            return "in this process"
        processes = "process" if self._n_workers == 1 else "processes"
        return f"in {self._n_workers} {processes} of this machine"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end(self._workers)

    def map(
        self, function: Callable[[T, Progress], R], tasks: Sequence[T], *, progress: Progress
    ) -> Iterator[R | KDAuditError]:
        """One result per task, in order, as they finish; a task's KDAuditError is its result.

        The task of a worker that dies (killed, out of memory) is done again by another, as `Agenda` says. Any other
        error of a task is a bug and is raised here. Whoever stops taking results ends the tasks in progress.
        `progress` is called in this thread while the next result is waited for.

        Raises:
            TrainingError: the system gives no process.
        """
        if self._n_workers == 0:
            yield from (result_of(function, task, progress) for task in tasks)
            return
        agenda = Agenda(len(tasks), progress=progress, notice=self._notice)

        def work() -> None:
            self._hand_out(function, tasks, agenda)
            self._collect(agenda)

        try:
            yield from agenda.results(work)
        finally:
            self._end([worker for worker in self._workers if worker.position is not None])

    def _hand_out(self, function: Callable[[T, Progress], R], tasks: Sequence[T], agenda: Agenda) -> None:
        """Give waiting tasks to idle workers, and to new ones while there may be more."""
        while agenda.waiting and (worker := self._idle_worker()) is not None:
            worker.position = agenda.waiting.popleft()
            with suppress(OSError):  # it died this moment: `_collect` will find out
                worker.pipe.send(Job(function=function, task=tasks[worker.position]))

    def _idle_worker(self) -> _Worker | None:
        idle = [worker for worker in self._workers if worker.position is None]
        self._end([worker for worker in idle if not worker.process.is_alive()])
        for worker in self._workers:
            if worker.position is None:
                return worker
        if len(self._workers) == self._n_workers:
            return None
        self._workers.append(_start(self._initializer, threads=self._threads_per_worker))
        return self._workers[-1]

    def _collect(self, agenda: Agenda) -> None:
        """Wait for messages and take one from each worker that has any."""
        busy = {worker.pipe: worker for worker in self._workers if worker.position is not None}
        for pipe in connection.wait(list(busy), timeout=_SECONDS_TO_WAIT):
            worker = busy[cast("_Pipe", pipe)]
            if worker.position is not None and agenda.take(worker.position, self._message(worker)):
                worker.position = None

    def _message(self, worker: _Worker) -> ProgressEvent | Bug | Done | Lost:
        try:
            return cast("ProgressEvent | Bug | Done", worker.pipe.recv())
        except (EOFError, OSError):
            worker.process.join(_SECONDS_TO_END)  # for its own exit code
            self._end([worker])
            return Lost(reason=f"exit code {worker.process.exitcode}")

    def _end(self, workers: Sequence[_Worker]) -> None:
        """End these at once, whatever they do: what they could save is saved, or not wanted."""
        for worker in workers:
            worker.pipe.close()
            worker.process.terminate()
        for worker in workers:
            worker.process.join(_SECONDS_TO_END)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
        self._workers = [worker for worker in self._workers if worker not in workers]


@dataclass(slots=True, eq=False)
class _Worker:
    """A process, the pipe to it, and the position of the task that it has, None when idle."""

    process: SpawnProcess
    pipe: _Pipe
    position: int | None = None


def _start(initializer: Callable[[], None] | None, *, threads: int) -> _Worker:
    context = get_context("spawn")
    try:
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, initializer), daemon=True)
        with environment(dict.fromkeys(THREAD_VARIABLES, str(threads))):
            process.start()
    except OSError as failure:
        raise TrainingError(
            f"expected to start a worker process, found: {failure.strerror}",
            hint="use fewer workers (--workers 1), or train in this process (--workers 0)",
        ) from failure
    theirs.close()  # so that ours reads an end of file when the worker dies
    return _Worker(process, ours)


def _serve(pipe: _Pipe, initializer: Callable[[], None] | None) -> None:
    """A worker's life: one task after the other until the pool, or the whole parent, is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent too, which ends this process
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if initializer is not None:
        initializer()
    while True:
        try:
            job = pipe.recv()
        except (EOFError, OSError):
            return
        with Telling(pipe.send):
            pipe.send(Done(result=result_of(job.function, job.task, pipe.send)))


def _end_with_parent() -> None:
    """Wait for the parent to die; a task may take minutes before it would notice."""
    if (parent := parent_process()) is not None:
        parent.join()
        os._exit(1)
