"""Tasks on the nodes of a Ray cluster: one core or one GPU each, with the contract of `LocalPool`.

A task is a remote generator: it yields its events and last its result. So there is no queue to lose, and what a dead
worker takes with it is its own task. Ray is not asked to do that again: of a generator it wants the same messages
each time, and where memory runs out it tries for ever. Messages are pickled here and not by Ray, whose arrays lie in
memory that goes when the connection does.
"""

from __future__ import annotations

import os
import pickle
import platform
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Self, TypeVar, cast

from kdaudit.cores import usable_cores
from kdaudit.errors import DeviceError, KDAuditError, TrainingError, said_by
from kdaudit.execute.agenda import AGAIN, Agenda, unsaid
from kdaudit.execute.raynodes import (
    FOLDER,
    Node,
    connect,
    differences,
    found_here,
    node_of,
    nodes_of,
    on_node,
    require_answer,
    unfit,
)
from kdaudit.execute.work import Bug, Done, Job, Lost, Telling, result_of
from kdaudit.numerics import plural
from kdaudit.protocols import Progress
from kdaudit.types import ProgressEvent

T = TypeVar("T")
R = TypeVar("R")

_SECONDS_TO_WAIT = 0.5
_SECONDS_BETWEEN_LOOKS = 2.0


class RayCluster:
    """Runs tasks on a Ray cluster. A context manager: connected inside, and no task of it is left on exit.

    Args:
        address: HOST:PORT, 'auto' for the cluster that this machine belongs to, or 'local' for one of its own here.
        n_workers: how many tasks run at the same time; None for as many as the cluster has room for.
        needs_gpu: whether a task takes a GPU, or a core.
        initializer: called before each task, to load and set up what tasks need.
        notice: told of workers and nodes that are lost.
    """

    def __init__(
        self,
        address: str,
        *,
        n_workers: int | None,
        needs_gpu: bool = False,
        initializer: Callable[[], None] | None = None,
        notice: Callable[[str], None] = unsaid,
    ) -> None:
        self._address = address
        self._wanted = n_workers
        self._needs_gpu = needs_gpu
        self._initializer = initializer
        self._notice = notice
        self._ray: Any = None
        self._head = address
        self._looked = 0.0
        self._here: Mapping[str, str] = {}
        self._nodes: tuple[Node, ...] = ()

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes that can run these tasks, each with what forbids it; known inside."""
        return self._nodes

    @property
    def n_workers(self) -> int:
        """How many tasks run at the same time."""
        room = sum(_room(node, needs_gpu=self._needs_gpu) for node in self._nodes)
        return max(1, room if self._wanted is None else min(self._wanted, room))

    @property
    def place(self) -> str:
        """Where tasks run, as the end of a sentence."""
        nodes = plural(len(self._nodes), "node")
        return f"on a Ray cluster of {nodes} ({self._address}), {self.n_workers} at once"

    def __enter__(self) -> Self:
        """Connect, and compare every node with this machine.

        Raises:
            DeviceError: Ray is not installed, no cluster answers, or none of its nodes can run such a task.
        """
        self._here = found_here(str(Path.cwd()))
        self._ray = connect(self._address, n_cpus=self._wanted or usable_cores())
        try:
            self._head = self._ray.get_runtime_context().gcs_address
            every = nodes_of(self._ray, self._here)
            self._nodes = tuple(node for node in every if _room(node, needs_gpu=self._needs_gpu))
            if not self._nodes:
                raise DeviceError(
                    f"expected a {self._resource} in the Ray cluster at {self._address}, found none",
                    hint="add a node that has one, or train with --device cpu",
                )
        except BaseException:
            self._ray.shutdown()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ray.shutdown()

    def map(
        self, function: Callable[[T, Progress], R], tasks: Sequence[T], *, progress: Progress
    ) -> Iterator[R | KDAuditError]:
        """One result per task, in order, as they finish; a task's KDAuditError is its result.

        The tasks of a worker or node that dies are done again where there is room, as `Agenda` says. Any other error
        of a task is a bug and is raised here. Whoever stops taking results ends the tasks in progress.
        `progress` is called in this thread while the next result is waited for.

        Raises:
            TrainingError: no node that can run tasks is left.
            DeviceError: the head of the cluster is gone.
        """
        options = {"num_cpus": 1, "num_gpus": int(self._needs_gpu), "max_retries": 0}
        starts = [partial(self._start, Job(function=function, task=task), options) for task in tasks]
        return self._in_order(starts, progress)

    def everywhere(
        self, function: Callable[[T, Progress], R], task: T, *, nodes: Sequence[Node]
    ) -> Mapping[Node, R | KDAuditError]:
        """What one task comes to on each of these nodes."""
        job = Job(function=function, task=task)
        starts = [partial(self._start, job, on_node(node)) for node in nodes]
        return dict(zip(nodes, self._in_order(starts, _unwatched), strict=True))

    @property
    def _resource(self) -> str:
        return "GPU" if self._needs_gpu else "CPU"

    def _start(self, job: Job, options: Mapping[str, object]) -> Any:
        """The generator of a job's messages, which runs when there is room."""
        remote = self._ray.remote(num_returns="streaming", **options)(_serve)
        payload = self._ray.cloudpickle.dumps((self._initializer, job))
        return remote.remote(_Surroundings(here=self._here, path=tuple(sys.path)), payload)

    def _in_order(self, starts: Sequence[Callable[[], Any]], progress: Progress) -> Iterator[Any]:
        """Results in the order of `starts`, of which `n_workers` have been called and are not done."""
        agenda = Agenda(len(starts), progress=progress, notice=self._notice)
        running: dict[Any, int] = {}

        def work() -> None:
            while agenda.waiting and len(running) < self.n_workers:
                position = agenda.waiting.popleft()
                running[starts[position]()] = position
            self._collect(running, agenda)

        try:
            yield from agenda.results(work)
        finally:
            for messages in running:
                self._ray.cancel(messages, force=True)

    def _collect(self, running: dict[Any, int], agenda: Agenda) -> None:
        """Wait for a message and take it."""
        self._look_around()
        ready, _ = self._ray.wait(list(running), num_returns=1, timeout=_SECONDS_TO_WAIT)
        for messages in ready:
            if agenda.take(running[messages], self._next(messages)):
                del running[messages]

    def _next(self, messages: Any) -> ProgressEvent | Bug | Done | Lost:
        errors = self._ray.exceptions
        try:
            return cast("ProgressEvent | Bug | Done", pickle.loads(self._ray.get(next(messages))))  # noqa: S301
        except errors.RayTaskError as failure:
            return Bug(traceback=str(failure))
        except errors.RayError as failure:
            return Lost(reason=_reason(failure))

    def _look_around(self) -> None:
        """Return if a task may still find room, looked at now and then.

        Ray would wait for a new node for ever; and without a head it would end this process as if a student had failed.
        """
        if time.monotonic() - self._looked < _SECONDS_BETWEEN_LOOKS:
            return
        self._looked = time.monotonic()
        require_answer(self._head)
        left = (node_of(record) for record in self._ray.nodes() if record["Alive"])
        if not any(_room(node, needs_gpu=self._needs_gpu) for node in left):
            raise TrainingError(
                f"expected a node with a {self._resource} in the Ray cluster at {self._address}, found none left",
                hint=f"start nodes again; {AGAIN}",
            )


def _room(node: Node, *, needs_gpu: bool) -> int:
    return min(node.n_cpus, node.n_gpus) if needs_gpu else node.n_cpus


def _unwatched(event: ProgressEvent) -> None:
    """Nobody watches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Surroundings:
    """What a task must find around it: `here` as `found_here` says it, and where modules come from."""

    here: Mapping[str, str]
    path: tuple[str, ...]


def _serve(around: _Surroundings, payload: bytes) -> Iterator[bytes]:
    """The messages of a task, on its node, as they come."""
    messages: SimpleQueue[ProgressEvent | Bug | Done] = SimpleQueue()
    threading.Thread(target=_work, args=(around, payload, messages.put), daemon=True).start()
    while True:
        message = messages.get()
        yield pickle.dumps(message)
        if not isinstance(message, ProgressEvent):
            return


def _work(around: _Surroundings, payload: bytes, send: Callable[[ProgressEvent | Bug | Done], None]) -> None:
    with Telling(send):
        send(Done(result=result_of(_done_here, (around, payload), send)))


def _done_here(task: tuple[_Surroundings, bytes], progress: Progress) -> object:
    """The result of a task, set up as it would be on the machine that asked for it."""
    around, payload = task
    folder = around.here[FOLDER]
    # Nodes were compared at the start; this one may have joined since.
    for problem in differences(around.here, found_here(folder)):
        raise unfit(platform.node(), problem)
    os.chdir(folder)
    sys.path += [entry for entry in around.path if entry not in sys.path]
    initializer, job = pickle.loads(payload)  # noqa: S301 - from whoever started this
    if initializer is not None:
        initializer()
    return job.function(job.task, progress)


def _reason(failure: Exception) -> str:
    """What Ray says first; of a node that died without its number, and without advice."""
    return said_by(failure).partition(", node ID: ")[0]
