"""Small mathematics that several packages share: softmax in float64, ranks, chunks. numpy only."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kdaudit.types import AnyArray, Float64

PROBABILITY_FLOOR = 1e-12


def log_softmax(logits: AnyArray) -> Float64:
    """Log p (n, C) in float64 for logits (n, C): z - max z - ln sum exp(z - max z).

    >>> log_softmax(np.array([[0.0, 0.0]])).round(4).tolist()
    [[-0.6931, -0.6931]]
    """
    z = np.asarray(logits, dtype=np.float64)
    shifted: Float64 = z - z.max(axis=1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return shifted


def rows_per_chunk(n_classes: int, *, n_bytes: int = 1 << 20) -> int:
    """How many rows of float64 logits fit into `n_bytes`: at least 1, whatever C is."""
    return max(1, n_bytes // (8 * max(1, n_classes)))


def chunks(n: int, size: int) -> Iterator[slice]:
    """Slices of at most `size` that cover range(n) in order."""
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))
