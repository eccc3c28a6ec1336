"""Where tasks run. An executor knows neither what a task is nor any framework."""

from kdaudit.execute.local import LocalPool

EXECUTORS = {"local": LocalPool}

__all__ = ["EXECUTORS", "LocalPool"]
