"""The process pool: order, errors, lost workers, progress, and that nothing is left behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kdaudit.errors import TrainingError
from kdaudit.execute import EXECUTORS, LocalPool
from tests.execute import jobs
from tests.execute.contract import (
    NOTICES,
    ExecutorContract,
    WorkersContract,
    ends_soon,
    ignore,
    pids_in,
    posix,
)


@pytest.fixture(scope="module")
def pool() -> Iterator[LocalPool]:
    """Two workers for all tests that leave them as they were."""
    with LocalPool(2, threads_per_worker=1, initializer=jobs.set_up, notice=NOTICES.append) as two:
        yield two


def test_places_are_named() -> None:
    """As the end of a sentence."""
    expected = ["in this process", "in 1 process of this machine", "in 2 processes of this machine"]
    assert expected == [LocalPool(n).place for n in range(3)]


def test_local_is_the_registered_executor() -> None:
    """The name that options and specs use leads to the pool."""
    assert EXECUTORS["local"] is LocalPool


@pytest.mark.parametrize(("n_workers", "expected"), [(0, 1), (1, 1), (3, 3)])
def test_the_number_of_workers_is_that_of_tasks_at_the_same_time(n_workers: int, expected: int) -> None:
    """Without workers it is this process; it can be read and not set, and starts nothing."""
    with LocalPool(n_workers) as pool:
        assert expected == pool.n_workers
        with pytest.raises(AttributeError):
            pool.n_workers = 7  # type: ignore[misc]
    assert [] == multiprocessing.active_children()


def test_a_bug_in_a_task_is_raised_in_this_process_too() -> None:
    """Without workers it is the error itself."""
    with LocalPool(0) as pool, pytest.raises(ZeroDivisionError):
        list(pool.map(jobs.divide_by, [0], progress=ignore))


@posix
def test_an_idle_worker_that_was_killed_is_replaced(pool: LocalPool) -> None:
    """Between two uses of the pool nothing is lost."""
    for killed in set(pool.map(jobs.pid, range(4), progress=ignore)):
        assert isinstance(killed, int)
        os.kill(killed, signal.SIGKILL)
    while multiprocessing.active_children():
        time.sleep(0.01)
    assert [0, 1, 4] == list(pool.map(jobs.square, range(3), progress=ignore))


def test_workers_are_used_again(pool: LocalPool) -> None:
    """A second use of the pool meets the processes of the first: what they loaded is loaded once."""
    first = set(pool.map(jobs.pid, range(8), progress=ignore))
    second = set(pool.map(jobs.pid, range(8), progress=ignore))
    assert 2 == len(first)
    assert first == second


def test_a_worker_that_cannot_be_set_up_costs_its_tasks() -> None:
    """Each task is tried a few times: there is an end."""
    with LocalPool(1, initializer=jobs.fail_to_set_up) as pool:
        results = list(pool.map(jobs.square, range(2), progress=ignore))
    assert all(isinstance(result, TrainingError) for result in results)
    assert "exit code 3" in str(results[0])


@posix
def test_no_process_to_be_had_invalid() -> None:
    """The system's limit on open files is reached: said in one line, with a way out."""
    import resource

    lowest_free = os.open(os.devnull, os.O_RDONLY)
    os.close(lowest_free)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with LocalPool(2) as pool:
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
        try:
            with pytest.raises(TrainingError, match="expected to start a worker process, found: ") as caught:
                list(pool.map(jobs.square, range(2), progress=ignore))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert caught.value.hint is not None
    assert "--workers 0" in caught.value.hint


SCRIPT = """
import sys
from pathlib import Path
from kdaudit.execute import LocalPool
from tests.execute import jobs

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    with LocalPool(2) as pool:
        list(pool.map(jobs.note_pid_and_sleep, [folder] * 3, progress=print))
"""


def start_sleepers(tmp_path: Path) -> tuple[subprocess.Popen[bytes], list[int]]:
    """A program whose two workers have begun tasks that take minutes."""
    script = tmp_path / "sleepers.py"
    script.write_text(SCRIPT)
    root = Path(__file__).parents[2]
    program = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(root)},
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while len(pids := pids_in(tmp_path)) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return program, pids


@posix
def test_an_interrupted_run_ends_promptly_and_leaves_no_worker(tmp_path: Path) -> None:
    """Ctrl-C reaches the whole process group; the workers are silent about it and gone."""
    program, pids = start_sleepers(tmp_path)
    started = time.monotonic()
    os.killpg(program.pid, signal.SIGINT)
    _, errors = program.communicate(timeout=30)
    assert time.monotonic() - started < 5
    assert -signal.SIGINT == program.returncode
    assert 1 == errors.count(b"KeyboardInterrupt")
    assert all(ends_soon(worker) for worker in pids)


@posix
def test_workers_end_at_once_when_their_parent_is_killed(tmp_path: Path) -> None:
    """In the middle of tasks that take minutes and tell nothing."""
    program, pids = start_sleepers(tmp_path)
    program.kill()
    program.communicate(timeout=30)
    assert all(ends_soon(worker) for worker in pids)


IDLE = """
import os, signal
from kdaudit.execute import LocalPool
from tests.execute import jobs

if __name__ == "__main__":
    pool = LocalPool(2)
    print(*pool.map(jobs.pid, range(4), progress=print), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""
BUSY = """
import os, signal
from kdaudit.execute import LocalPool
from tests.execute import jobs

seen = set()

def die_when_both_are_at_work(event):
    seen.add(event.done)
    if len(seen) == 2:
        print(*seen, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    list(LocalPool(2).map(jobs.report_for_ever, range(2), progress=die_when_both_are_at_work))
"""


@posix
@pytest.mark.parametrize("program", [IDLE, BUSY], ids=["idle", "busy"])
def test_workers_do_not_outlive_a_killed_parent(program: str, tmp_path: Path) -> None:
    """Nobody can clean up after kill -9: the workers notice by themselves, and say nothing."""
    script = tmp_path / "program.py"
    script.write_text(program)
    done = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        check=False,
        timeout=60,
    )
    pids = {int(pid) for pid in done.stdout.split()}
    assert 2 == len(pids)
    assert all(ends_soon(worker) for worker in pids)
    assert b"Traceback" not in done.stderr


class TestWorkers(WorkersContract):
    """The pool of this module, with two workers."""


class TestInThisProcess(ExecutorContract):
    """Without workers."""

    @pytest.fixture
    def pool(self) -> Iterator[LocalPool]:
        """One after the other."""
        with LocalPool(0) as none:
            yield none
