"""Small mathematics that several packages share: the floor of probabilities, chunks."""

from __future__ import annotations

from collections.abc import Iterator

PROBABILITY_FLOOR = 1e-12


def rows_per_chunk(n_classes: int, *, n_bytes: int = 1 << 20) -> int:
    """How many rows of float64 logits fit into `n_bytes`: at least 1, whatever C is."""
    return max(1, n_bytes // (8 * max(1, n_classes)))


def chunks(n: int, size: int) -> Iterator[slice]:
    """Slices of at most `size` that cover range(n) in order."""
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))
