"""Where controls are trained: workers of this machine."""

from __future__ import annotations

import os

from kdaudit.execute import LocalPool
from kdaudit.pipeline.plan import Setup
from kdaudit.pipeline.tasks import warm_up


def open_pool(setup: Setup) -> LocalPool:
    """Workers for training: one single-threaded process per core; on CUDA one after the other in this process."""
    if setup.device != "cpu":
        return LocalPool(0)
    return LocalPool(setup.spec.workers or os.cpu_count() or 1, threads_per_worker=1, initializer=warm_up)
