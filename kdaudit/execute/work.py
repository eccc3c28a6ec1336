"""What travels between whoever hands out tasks and the processes that do them, wherever those are."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from os import environ
from types import TracebackType
from typing import TypeVar

from kdaudit.errors import KDAuditError, TrainingError
from kdaudit.protocols import Progress

T = TypeVar("T")
R = TypeVar("R")

# Read by the numerical libraries when they are loaded, so they must be there before the worker is.
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
LESS_MEMORY = "use fewer workers (--workers 1) or a smaller --batch-size"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Job:
    """What a worker is to do."""

    function: Callable[..., object]
    task: object


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Done:
    """What came of it: a result or a KDAuditError."""

    result: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """Nothing came of it: its worker is gone, and why."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bug:
    """An error that no user can fix."""

    traceback: str

    def error(self) -> RuntimeError:
        """The same, where it can be shown."""
        return RuntimeError(f"a task failed in a worker process:\n{self.traceback}")


class Telling:
    """Sends the traceback of what goes wrong inside to whoever can show it; then goes on."""

    def __init__(self, send: Callable[[Bug], None]) -> None:
        self._send = send

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is None:
            return False
        try:
            self._send(Bug(traceback="".join(traceback.format_exception(error))))
        except OSError:
            raise SystemExit(1) from None  # nobody is left to be told
        return True


def result_of(function: Callable[[T, Progress], R], task: T, progress: Progress) -> R | KDAuditError:
    """The result of a task, or the KDAuditError that it ended with."""
    try:
        return function(task, progress)
    except KDAuditError as error:
        return error
    except MemoryError as failure:
        return TrainingError(
            f"expected enough memory for a task, found: {failure or 'none left'}", hint=LESS_MEMORY
        )


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Inside, the environment has these too: a new process gets them before its first import."""
    before = dict(environ)
    environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            if name in before:
                environ[name] = before[name]
            else:
                del environ[name]
