"""Inputs that are written a few examples at a time, and that somebody may use meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from kdaudit.data.description import Description
from kdaudit.data.request import Follow
from kdaudit.data.rows import Rows
from kdaudit.data.writing import begin_examples, input_path
from kdaudit.types import AnyArray


class Growing:
    """The only input of a folder of examples, of which there are more and more."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._told: Callable[[int], None] = _nobody

    @property
    def digest(self) -> str | None:
        """See `Rows.digest`."""
        return self._rows.digest

    def extend(self, inputs: AnyArray) -> None:
        """Adds examples (k, ...), and tells who follows."""
        self._rows.extend(inputs)
        self._told(len(self._rows))

    @contextmanager
    def followed(self, follow: Follow, folder: Path) -> Iterator[None]:
        """Inside, somebody follows; what was told to be there can be read."""
        self._rows.reserve()
        with follow(folder) as told:
            self._told = told
            yield
        self._told = _nobody


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
        examples = Growing(rows)
        if follow is None:
            yield examples
            return
        begin_examples(folder, description, n)
        with examples.followed(follow, folder):
            yield examples
