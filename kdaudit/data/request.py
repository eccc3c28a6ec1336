"""What every source is asked with."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self, TypeAlias

from kdaudit.data.options import DataOptions
from kdaudit.protocols import Progress
from kdaudit.types import StatedPreprocess

# Somebody who uses pictures or sounds while others of them are still being decoded. Given the folder of examples that
# grows, whose description says how many they may become; told inside how many there are.
Follow: TypeAlias = Callable[[Path], AbstractContextManager[Callable[[int], None]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """How examples are wanted, the cache that keeps them, whom to tell, and who follows while they are decoded."""

    options: DataOptions
    cache: Path
    progress: Progress | None = None
    follow: Follow | None = None

    def with_usual(self, usual: StatedPreprocess) -> Self:
        """The same; what nobody states is as `usual` says."""
        return replace(self, options=self.options.with_usual(usual))
