"""Where controls are trained: workers of this machine."""

from __future__ import annotations

from kdaudit.cores import usable_cores
from kdaudit.execute import LocalPool
from kdaudit.pipeline.plan import Setup
from kdaudit.pipeline.tasks import warm_up


def open_pool(setup: Setup) -> LocalPool:
    """Workers for training: one single-threaded process per core; on CUDA one after the other in this process."""
    workers = setup.spec.workers
    if workers is None:
        workers = 0 if setup.device != "cpu" else usable_cores()
    return LocalPool(workers, threads_per_worker=1, initializer=warm_up)
