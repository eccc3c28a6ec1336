"""Work on many small things in threads, a bounded number of them ahead."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from kdaudit.cores import usable_cores

_T = TypeVar("_T")
_R = TypeVar("_R")
# Results a thread that are computed ahead of the one that is taken.
_AHEAD = 2


def in_parallel(function: Callable[[_T], _R], items: Iterable[_T]) -> Iterator[_R]:
    """Results in order, a bounded number of them ahead of whoever takes them.

    Threads: Pillow decodes and resizes outside the interpreter's lock, and no worker has to import torchvision.
    """
    n_threads = usable_cores()
    pool = ThreadPoolExecutor(n_threads)
    waiting: deque[Future[_R]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > _AHEAD * n_threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
