"""Where tasks run. An executor knows neither what a task is nor any framework."""

from kdaudit.execute.local import LocalPool
from kdaudit.execute.raycluster import RayCluster

EXECUTORS = {"local": LocalPool, "ray": RayCluster}

__all__ = ["EXECUTORS", "LocalPool", "RayCluster"]
