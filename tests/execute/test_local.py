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

from kdaudit.errors import DataError, KDAuditError, TrainingError
from kdaudit.execute import EXECUTORS, LocalPool
from kdaudit.types import ProgressEvent
from tests.execute import jobs

SIZES = [0, 2]
posix = pytest.mark.skipif(os.name == "nt", reason="signals and process numbers of POSIX")


def ignore(event: ProgressEvent) -> None:
    """Nobody watches."""


def is_running(pid: int) -> bool:
    """Whether a process of this number is there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def ends_soon(pid: int) -> bool:
    """Whether the process is gone within a few seconds."""
    deadline = time.monotonic() + 10
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_running(pid)


@pytest.fixture(scope="module")
def pool() -> Iterator[LocalPool]:
    """Two workers for all tests that leave them as they were."""
    with LocalPool(2, threads_per_worker=1, initializer=jobs.set_up) as two:
        yield two


def test_local_is_the_registered_executor() -> None:
    """The name that options and specs use leads to the pool."""
    assert EXECUTORS["local"] is LocalPool


@pytest.mark.parametrize("n_workers", SIZES)
def test_results_come_in_the_order_of_the_tasks(n_workers: int) -> None:
    """The first task finishes last, and still comes first; the number of workers changes nothing."""
    with LocalPool(n_workers) as pool:
        results = list(pool.map(jobs.square_slowly_in_front, range(5), progress=ignore))
    assert [0, 1, 4, 9, 16] == results


@pytest.mark.parametrize(("n_workers", "expected"), [(0, 1), (1, 1), (3, 3)])
def test_the_number_of_workers_is_that_of_tasks_at_the_same_time(n_workers: int, expected: int) -> None:
    """Without workers it is this process; it can be read and not set, and starts nothing."""
    with LocalPool(n_workers) as pool:
        assert expected == pool.n_workers
        with pytest.raises(AttributeError):
            pool.n_workers = 7  # type: ignore[misc]
    assert [] == multiprocessing.active_children()


def test_no_tasks_give_no_results(pool: LocalPool) -> None:
    """An empty sequence is fine."""
    assert [] == list(pool.map(jobs.square, [], progress=ignore))


@pytest.mark.parametrize("n_workers", SIZES)
def test_an_error_of_a_task_is_its_result(n_workers: int) -> None:
    """It stands in its place with message and hint, and the other tasks are done."""
    with LocalPool(n_workers) as pool:
        results = list(pool.map(jobs.refuse_odd, range(4), progress=ignore))
    assert [0, 2] == [results[0], results[2]]
    for position in (1, 3):
        error = results[position]
        assert isinstance(error, DataError)
        assert (f"expected an even task, found {position}", "add one") == (error.message, error.hint)


def test_a_bug_in_a_task_is_raised_with_its_traceback(pool: LocalPool) -> None:
    """What no user can fix stops the work; the traceback names the line in the worker."""
    with pytest.raises(RuntimeError, match=r"(?s)a task failed in a worker process.*return 1 / task"):
        list(pool.map(jobs.divide_by, [1, 0], progress=ignore))
    assert [1.0] == list(pool.map(jobs.divide_by, [1], progress=ignore))


def test_a_bug_in_a_task_is_raised_in_this_process_too() -> None:
    """Without workers it is the error itself."""
    with LocalPool(0) as pool, pytest.raises(ZeroDivisionError):
        list(pool.map(jobs.divide_by, [0], progress=ignore))


@posix
def test_a_killed_worker_costs_only_its_task(pool: LocalPool) -> None:
    """Its result is an error that says what happened and what may help; all others are done."""
    results = list(pool.map(jobs.die_at_two, range(6), progress=ignore))
    assert [0, 1, 3, 4, 5] == [result for result in results if not isinstance(result, KDAuditError)]
    lost = results[2]
    assert isinstance(lost, TrainingError)
    assert "ended before it had one (exit code -9)" in lost.message
    assert lost.hint is not None
    assert "--workers 1" in lost.hint


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


def test_workers_are_set_up_before_their_first_task(pool: LocalPool) -> None:
    """Threads are limited by the environment, and the initializer was called; this process keeps its own."""
    before = os.environ.get("OMP_NUM_THREADS")
    assert ["1 yes"] == list(pool.map(jobs.threads_and_setting, [0], progress=ignore))
    assert before == os.environ.get("OMP_NUM_THREADS")


def test_a_worker_that_cannot_be_set_up_costs_its_tasks() -> None:
    """Each task is tried once: there is an end."""
    with LocalPool(1, initializer=jobs.fail_to_set_up) as pool:
        results = list(pool.map(jobs.square, range(2), progress=ignore))
    assert all(isinstance(result, TrainingError) for result in results)
    assert "exit code 3" in str(results[0])


@pytest.mark.parametrize("n_workers", SIZES)
def test_memory_that_runs_out_in_a_task_is_its_result(n_workers: int) -> None:
    """Not a bug: the error says how much was wanted and what may help."""
    with LocalPool(n_workers) as pool:
        (result,) = pool.map(jobs.allocate_too_much, [1 << 55], progress=ignore)
    assert isinstance(result, TrainingError)
    assert "expected enough memory for a task, found: Unable to allocate 32.0 PiB" in result.message
    assert "use fewer workers (--workers 1) or a smaller --batch-size" == result.hint


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


@pytest.mark.parametrize("n_workers", SIZES)
def test_events_of_all_tasks_arrive(n_workers: int) -> None:
    """Each task tells about itself once."""
    seen: list[str] = []
    with LocalPool(n_workers) as pool:
        list(pool.map(jobs.square, range(5), progress=lambda event: seen.append(event.name)))
    assert ["0", "1", "2", "3", "4"] == sorted(seen)


@posix
def test_whoever_stops_taking_results_ends_the_tasks(pool: LocalPool) -> None:
    """No task goes on for nobody, and the pool is good for other work."""
    sleeping: list[int] = []
    results = pool.map(
        jobs.report_and_sleep, [0, 1, 2], progress=lambda event: sleeping.append(event.done or 0)
    )
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert all(ends_soon(worker) for worker in sleeping)
    assert [9] == list(pool.map(jobs.square, [3], progress=ignore))


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
    while len(pids := [int(path.stem) for path in tmp_path.glob("*.pid")]) < 2:
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
