"""What two models have in common if they are of one architecture, whatever format each is in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence


def weight_shapes(shapes: Iterable[Sequence[int]]) -> tuple[tuple[str, int], ...]:
    """How often each shape occurs among a model's weights, sorted; comparable across formats.

    Axes are sorted, because a matrix may be stored transposed; axes of length 1 do not count; and what then has fewer
    than two axes is left out, because BatchNorm, which exporters fold away, and biases come and go.

    >>> weight_shapes([(16, 1, 3, 3), (10, 16), (16, 10), (10,), (1, 10)])
    (('10x16', 2), ('3x3x16', 1))
    """
    kept = (sorted(size for size in shape if size != 1) for shape in shapes)
    counted = Counter("x".join(map(str, axes)) for axes in kept if len(axes) > 1)
    return tuple(sorted(counted.items()))
