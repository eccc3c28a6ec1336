"""Tasks for the workers of `test_local`: at the top level of a module, light to import."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np

from kdaudit.errors import DataError
from kdaudit.protocols import Progress
from kdaudit.types import ProgressEvent


def square(task: int, progress: Progress) -> int:
    """Tell about the task, then square it."""
    progress(ProgressEvent(stage="square", name=str(task)))
    return task * task


def square_slowly_in_front(task: int, progress: Progress) -> int:
    """The first tasks take longest, so that they finish last."""
    time.sleep(0.3 if task == 0 else 0.0)
    return task * task


def refuse_odd(task: int, progress: Progress) -> int:
    """An error of the user's for odd tasks."""
    if task % 2:
        raise DataError(f"expected an even task, found {task}", hint="add one")
    return task


def divide_by(task: int, progress: Progress) -> float:
    """A bug for 0."""
    return 1 / task


def die_at_two(task: int, progress: Progress) -> int:
    """Task 2 is killed as the kernel does when memory runs out."""
    if task == 2:
        os.kill(os.getpid(), signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
    return task


def pid(task: int, progress: Progress) -> int:
    """Which process this is."""
    time.sleep(0.05)
    return os.getpid()


def threads_and_setting(task: int, progress: Progress) -> str:
    """What the numerical libraries see, and whether the initializer came first."""
    return f"{os.environ['OMP_NUM_THREADS']} {os.environ.get('SET_BY_INITIALIZER', '')}"


def set_up() -> None:
    """The initializer of a worker."""
    os.environ["SET_BY_INITIALIZER"] = "yes"


def fail_to_set_up() -> None:
    """An initializer that cannot do its work."""
    raise SystemExit(3)


def note_pid_and_sleep(task: Path, progress: Progress) -> None:
    """Leave the process number in a file, then work for a long time."""
    (task / f"{os.getpid()}.pid").touch()
    time.sleep(120)


def report_and_sleep(task: int, progress: Progress) -> int:
    """Task 0 is done at once, the others take for ever."""
    if task:
        progress(ProgressEvent(stage="sleep", done=os.getpid()))
        time.sleep(120)
    return os.getpid()


def report_for_ever(task: int, progress: Progress) -> None:
    """Tell which process this is, a few times a second."""
    for _ in range(1200):
        progress(ProgressEvent(stage="report", done=os.getpid()))
        time.sleep(0.1)


def allocate_too_much(task: int, progress: Progress) -> None:
    """More memory than there are addresses."""
    np.empty(task, dtype=np.uint8)
