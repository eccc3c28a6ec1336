"""Arrays that a formula gave and not training: masks, and the sines and cosines of positions.

The TorchScript exporter does not tell a network's buffers from its parameters. These are told by what no trained array
does: hold two different numbers in all, or have rows that all lie on one circle.
"""

from __future__ import annotations

import numpy as np

from kdaudit.types import AnyArray

_TOLERANCE = 1e-4
_FEWEST = 16


def is_computed(array: AnyArray) -> bool:
    """Whether an array of floats is a mask or a table of sines and cosines."""
    return _is_mask(array) or _is_table_of_waves(array)


def _is_mask(array: AnyArray) -> bool:
    """Two numbers (0 and -100, 1 and 0, ...) in at least 16 places; a level array may be a fresh weight."""
    if array.size < _FEWEST:
        return False
    low, high = array.min(), array.max()
    return bool(low < high and np.all((array == low) | (array == high)))


def _is_table_of_waves(array: AnyArray) -> bool:
    """Rows for positions, made of sines and cosines of angles.

    The squares of sine and cosine of one angle sum to 1, so every row's squares sum to half its length. A table that
    holds one of the two alone (rotary positions) starts with a row of zeros or ones, and no number lies beyond 1.
    """
    if array.ndim < 2 or array.size < _FEWEST or float(np.abs(array).max()) > 1.0 + _TOLERANCE:
        return False
    length = array.shape[-1]
    rows = array.reshape(-1, length)
    squares = np.square(rows, dtype=np.float64).sum(axis=1)
    paired = bool(np.all(np.abs(squares - length / 2) <= _TOLERANCE * length))
    first = rows[0]
    rotary = bool(np.all(first == 0) or np.all(first == 1)) and len(rows) > 1
    return paired or rotary
