"""Tasks for the tests of executors: at the top level of a module, light to import."""

from __future__ import annotations

import os
import signal
import threading
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


def die_a_few_times(task: tuple[Path, int], progress: Progress) -> int:
    """How often it was tried; killed as the kernel does when memory runs out, in so many tries."""
    folder, n_deaths = task
    folder.mkdir(exist_ok=True)
    (folder / f"{time.monotonic_ns()}.try").touch()
    tries = len(list(folder.glob("*.try")))
    if tries <= n_deaths:
        os.kill(os.getpid(), signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
    return tries


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
    note_pid(task)
    time.sleep(120)


def note_pid(folder: Path) -> None:
    """Leave the process number in a file."""
    (folder / f"{os.getpid()}.pid").touch()


def sleep_behind_the_first(task: tuple[Path, int], progress: Progress) -> None:
    """Task 0 is done as soon as another has begun; the others note their process and take for ever."""
    folder, number = task
    if number:
        note_pid_and_sleep(folder, progress)
    wait_for(folder, "*.pid")


def meet(task: tuple[Path, int], progress: Progress) -> bool:
    """Whether another task runs at the same time."""
    folder, number = task
    (folder / f"{number}.there").touch()
    return wait_for(folder, f"{1 - number}.there")


def work_until_told(task: tuple[Path, int], progress: Progress) -> int:
    """Say that the task has begun, then wait for a word."""
    folder, number = task
    written = folder / f"{number}.pid"
    written.write_text(str(os.getpid()), encoding="utf-8")
    written.rename(folder / f"{number}.there")
    wait_for(folder, "go")
    return number


def wait_for_an_end(folder: Path) -> bool:
    """Whether one of the processes that have begun a task there comes to be gone."""
    pids = [int(there.read_text(encoding="utf-8")) for there in folder.glob("*.there")]
    deadline = time.monotonic() + 60
    while all(map(_runs, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not all(map(_runs, pids))


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_for(folder: Path, pattern: str, n: int = 1) -> bool:
    """Whether `n` files of this pattern come to be there."""
    deadline = time.monotonic() + 60
    while len(list(folder.glob(pattern))) < n and time.monotonic() < deadline:
        time.sleep(0.02)
    return len(list(folder.glob(pattern))) >= n


def give_a_lock(task: int, progress: Progress) -> object:
    """What no process can give another."""
    return threading.Lock()


def read_beside(task: str, progress: Progress) -> str:
    """The text of a file that is named from the working directory."""
    return Path(task).read_text(encoding="utf-8")


def gpus(task: int, progress: Progress) -> str:
    """The GPUs that this task may use."""
    time.sleep(0.2)
    return os.environ["CUDA_VISIBLE_DEVICES"]


def report_for_ever(task: int, progress: Progress) -> None:
    """Tell which process this is, a few times a second."""
    for _ in range(1200):
        progress(ProgressEvent(stage="report", done=os.getpid()))
        time.sleep(0.1)


def allocate_too_much(task: int, progress: Progress) -> None:
    """More memory than there are addresses."""
    np.empty(task, dtype=np.uint8)
