"""What is true of every executor: a class of tests that each of them inherits, with a fixture `pool` of its own."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from kdaudit.errors import DataError, TrainingError
from kdaudit.protocols import Executor
from kdaudit.types import ProgressEvent
from tests.execute import jobs

posix = pytest.mark.skipif(os.name == "nt", reason="signals and process numbers of POSIX")


# What the pools of these tests say.
NOTICES: list[str] = []


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


def pids_in(folder: Path) -> list[int]:
    """The numbers of the processes that `jobs.note_pid` noted."""
    return [int(path.stem) for path in folder.glob("*.pid")]


class ExecutorContract:
    """Order, errors as results, events; also true where tasks run in this process."""

    def test_results_come_in_the_order_of_the_tasks(self, pool: Executor) -> None:
        """The first task finishes last, and still comes first; the number of workers changes nothing."""
        assert [0, 1, 4, 9, 16] == list(pool.map(jobs.square_slowly_in_front, range(5), progress=ignore))

    def test_no_tasks_give_no_results(self, pool: Executor) -> None:
        """An empty sequence is fine."""
        assert [] == list(pool.map(jobs.square, [], progress=ignore))

    def test_an_error_of_a_task_is_its_result(self, pool: Executor) -> None:
        """It stands in its place with message and hint, and the other tasks are done."""
        results = list(pool.map(jobs.refuse_odd, range(4), progress=ignore))
        assert [0, 2] == [results[0], results[2]]
        for position in (1, 3):
            error = results[position]
            assert isinstance(error, DataError)
            assert (f"expected an even task, found {position}", "add one") == (error.message, error.hint)

    def test_memory_that_runs_out_in_a_task_is_its_result(self, pool: Executor) -> None:
        """Not a bug: the error says how much was wanted and what may help."""
        (result,) = pool.map(jobs.allocate_too_much, [1 << 55], progress=ignore)
        assert isinstance(result, TrainingError)
        assert "expected enough memory for a task, found: Unable to allocate 32.0 PiB" in result.message
        assert "use fewer workers (--workers 1) or a smaller --batch-size" == result.hint

    def test_events_of_all_tasks_arrive(self, pool: Executor) -> None:
        """Each task tells about itself once."""
        seen: list[str] = []
        list(pool.map(jobs.square, range(5), progress=lambda event: seen.append(event.name)))
        assert ["0", "1", "2", "3", "4"] == sorted(seen)


class WorkersContract(ExecutorContract):
    """What is true where tasks run in other processes; `pool` has two workers, set up by `jobs.set_up`."""

    def test_two_tasks_run_at_the_same_time(self, pool: Executor, tmp_path: Path) -> None:
        """Each waits for the other to begin."""
        assert 2 == pool.n_workers
        assert [True, True] == list(pool.map(jobs.meet, [(tmp_path, 0), (tmp_path, 1)], progress=ignore))

    def test_a_bug_in_a_task_is_raised_with_its_traceback(self, pool: Executor) -> None:
        """What no user can fix stops the work; the traceback names the line in the worker."""
        with pytest.raises(RuntimeError, match=r"(?s)a task failed in a worker process.*return 1 / task"):
            list(pool.map(jobs.divide_by, [1, 0], progress=ignore))
        assert [1.0] == list(pool.map(jobs.divide_by, [1], progress=ignore))

    def test_a_result_that_cannot_travel_is_a_bug(self, pool: Executor) -> None:
        """It names what could not be pickled."""
        with pytest.raises(RuntimeError, match=r"(?s)a task failed in a worker process.*pickle"):
            list(pool.map(jobs.give_a_lock, [0], progress=ignore))

    def test_workers_are_set_up_before_their_first_task(self, pool: Executor) -> None:
        """Threads are limited by the environment, and the initializer was called; this process keeps its own."""
        before = os.environ.get("OMP_NUM_THREADS")
        assert ["1 yes"] == list(pool.map(jobs.threads_and_setting, [0], progress=ignore))
        assert before == os.environ.get("OMP_NUM_THREADS")

    @posix
    def test_the_task_of_a_killed_worker_is_done_again(self, pool: Executor, tmp_path: Path) -> None:
        """And only that one; it is told once, however many workers are lost in one way."""
        NOTICES.clear()
        tasks = [(tmp_path / str(n), n_deaths) for n, n_deaths in enumerate([0, 1, 0, 1])]
        assert [1, 2, 1, 2] == list(pool.map(jobs.die_a_few_times, tasks, progress=ignore))
        (said,) = NOTICES
        assert said.startswith("a worker was lost, its task begins anew (try 2 of 3): ")

    @posix
    def test_a_task_that_kills_each_of_its_workers_ends(self, pool: Executor, tmp_path: Path) -> None:
        """Its result is an error that says what happened and what may help; all others are done."""
        NOTICES.clear()
        tasks = [(tmp_path / str(n), n_deaths) for n, n_deaths in enumerate([0, 100, 2])]
        first, lost, last = pool.map(jobs.die_a_few_times, tasks, progress=ignore)
        assert (1, 3) == (first, last)
        assert 3 == len(list((tmp_path / "1").iterdir()))
        assert isinstance(lost, TrainingError)
        assert "expected a result from a worker, which ended before it had one, 3 times: " in lost.message
        assert (
            "if the memory ran out: use fewer workers (--workers 1) or a smaller --batch-size; "
            "finished controls are kept: the same command goes on from there"
        ) == lost.hint
        assert ["(try 2 of 3)", "(try 3 of 3)"] == [
            said[said.index("(") : said.index(")") + 1] for said in NOTICES
        ]

    @posix
    def test_whoever_stops_taking_results_ends_the_tasks(self, pool: Executor, tmp_path: Path) -> None:
        """No task goes on for nobody, and the pool is good for other work."""
        results = pool.map(jobs.sleep_behind_the_first, [(tmp_path, i) for i in range(3)], progress=ignore)
        next(results)
        sleeping = pids_in(tmp_path)
        assert sleeping
        results.close()  # type: ignore[attr-defined]
        assert all(ends_soon(worker) for worker in sleeping)
        assert [9] == list(pool.map(jobs.square, [3], progress=ignore))
