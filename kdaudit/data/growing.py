"""Inputs that are written a few examples at a time, and that somebody may use meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kdaudit.data.description import Description
from kdaudit.data.request import Follow
from kdaudit.data.rows import Rows
from kdaudit.data.writing import begin_examples, input_path
from kdaudit.types import AnyArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Growing:
    """The only input of a folder of examples, of which there are more and more; who follows is `told` how many."""

    rows: Rows
    told: Callable[[int], None]

    @property
    def digest(self) -> str | None:
        """See `Rows.digest`."""
        return self.rows.digest

    def extend(self, inputs: AnyArray) -> None:
        """Adds examples (k, ...), which can be read once their number is told."""
        self.rows.extend(inputs)
        self.told(len(self.rows))


def _nobody(n_examples: int) -> None:
    """Told to nobody."""


@contextmanager
def growing(
    folder: Path,
    description: Description,
    shape: tuple[int, ...],
    dtype: type[np.uint8 | np.float32],
    *,
    n: int,
    follow: Follow | None,
) -> Iterator[Growing]:
    """Inside, `folder` gets at most `n` examples (..., *shape), of which `description` says how models take them."""
    with Rows(input_path(folder, 0), shape, dtype, expected=n) as rows:
        if follow is None:
            yield Growing(rows=rows, told=_nobody)
            return
        begin_examples(folder, description, n)
        rows.reserve()
        with follow(folder) as told:
            yield Growing(rows=rows, told=told)
