"""Where controls are trained: workers of this machine, or the nodes of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kdaudit.cores import usable_cores
from kdaudit.execute import LocalPool, RayCluster
from kdaudit.execute.agenda import unsaid
from kdaudit.pipeline.cluster import require_fit
from kdaudit.pipeline.plan import Setup
from kdaudit.pipeline.tasks import warm_up
from kdaudit.protocols import Executor


@contextmanager
def open_pool(setup: Setup, notice: Callable[[str], None] = unsaid) -> Iterator[Executor]:
    """Workers for training: one single-threaded process per core; on CUDA one after the other in this process.

    On a cluster, where one is asked for and something may be trained, a core or a GPU for each. `notice` is told of
    workers that are lost.

    Raises:
        DeviceError: the cluster cannot be reached, or one of its nodes could not train what this machine would.
    """
    workers, on_cpu = setup.spec.workers, setup.device == "cpu"
    if setup.spec.ray_address is not None and setup.train is not None and not setup.ready:
        from kdaudit.pipeline.network import files_read  # loads torch

        cluster = RayCluster(
            setup.spec.ray_address,
            n_workers=workers,
            needs_gpu=not on_cpu,
            initializer=warm_up,
            notice=notice,
        )
        with cluster:
            require_fit(cluster, setup.store.root, files_read(setup))
            yield cluster
        return
    if workers is None:
        workers = usable_cores() if on_cpu else 0
    with LocalPool(workers, threads_per_worker=1, initializer=warm_up, notice=notice) as pool:
        yield pool
