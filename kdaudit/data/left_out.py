"""Pictures and sounds that cannot be read: left out and listed, as many as `--max-skipped` allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from kdaudit.errors import DataError, UnreadableError
from kdaudit.types import Int64, Skipped


@dataclass(slots=True, kw_only=True, eq=False)
class LeftOut:
    """Which of `n` examples cannot be read, by position, and why; `what` they are called, `allowed` how many may be."""

    what: str
    n: int
    allowed: int
    errors: dict[int, UnreadableError] = field(default_factory=dict)

    def add(self, errors: Mapping[int, UnreadableError]) -> None:
        """Takes note of more of them.

        Raises:
            DataError: these are more than are allowed.
        """
        self.errors |= errors
        if len(self.errors) > self.allowed:
            raise self._too_many(self.allowed)

    def kept(self) -> Int64:
        """Positions of the others.

        Raises:
            DataError: there are none.
        """
        if len(self.errors) == self.n:
            raise self._too_many(self.n - 1)
        return np.setdiff1d(np.arange(self.n, dtype=np.int64), [*self.errors])

    def records(self, ids: Sequence[str]) -> tuple[Skipped, ...]:
        """One for each, with its id of `ids` (n)."""
        found = sorted(self.errors.items())
        return tuple(Skipped(what=ids[i], stage="data", reason=error.message) for i, error in found)

    def _too_many(self, allowed: int) -> DataError:
        first = self.errors[min(self.errors)]
        if allowed == 0:
            return first
        return DataError(
            f"expected at most {allowed:,} of {self.n:,} {self.what} that cannot be read, found {len(self.errors):,} "
            f"so far; the first: {first.message}",
            hint="replace or remove them, or leave more out: --max-skipped",
        )
