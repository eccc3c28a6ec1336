"""Small mathematics that several packages share: the floor of probabilities, chunks, counts and their nouns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

PROBABILITY_FLOOR = 1e-12


def rows_per_chunk(n_classes: int, *, n_bytes: int = 1 << 20) -> int:
    """How many rows of float64 logits fit into `n_bytes`: at least 1, whatever C is."""
    return max(1, n_bytes // (8 * max(1, n_classes)))


def chunks(n: int, size: int) -> Iterator[slice]:
    """Slices of at most `size` that cover range(n) in order."""
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))


def listing(items: Sequence[str]) -> str:
    """Items in one phrase.

    >>> listing(["a", "b", "c"])
    'a, b and c'
    """
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1] if items else ""


def plural(n: int, noun: str, nouns: str = "") -> str:
    """A count and its noun, or what is said of one and of several.

    >>> plural(1, "rule"), plural(1200, "example"), plural(1, "picture is CMYK", "pictures are CMYK")
    ('1 rule', '1,200 examples', '1 picture is CMYK')
    """
    return f"{n:,} {noun if n == 1 else nouns or noun + 's'}"
