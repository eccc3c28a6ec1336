"""Threads that keep an order and a distance."""

from __future__ import annotations

import threading

import pytest

from kdaudit.data import parallel
from kdaudit.data.parallel import in_parallel


def test_results_come_in_order() -> None:
    """Whichever thread is faster."""
    assert [i * i for i in range(100)] == list(in_parallel(lambda i: i * i, range(100)))
    assert [] == list(in_parallel(lambda i: i, []))


def test_no_more_is_begun_than_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow writer is not run over: two results a thread wait at most."""
    monkeypatch.setattr(parallel, "usable_cores", lambda: 2)
    begun: list[int] = []
    lock = threading.Lock()

    def work(i: int) -> int:
        with lock:
            begun.append(i)
        return i

    for i, result in enumerate(in_parallel(work, range(50))):
        assert i == result
        assert len(begun) <= i + 5


def test_an_error_ends_the_work_invalid() -> None:
    """What waits is not begun any more."""
    with pytest.raises(ZeroDivisionError):
        list(in_parallel(lambda i: 1 // (i - 5), range(1000)))
