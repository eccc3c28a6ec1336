"""Evaluation pictures that look like a training picture: the same photograph cropped, scaled or saved anew."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kdaudit.cores import usable_cores
from kdaudit.data.examples import Examples
from kdaudit.types import AnyArray, Float64

_SMALLEST_SIDE = 16
_MOST_BITS = 3
_MOST_LOOKED_AT = 16
_ALIKE = 0.995
# Larger pictures are looked at in every second, third ... row and column.
_LARGEST_SIDE = 64
_CHUNK_BYTES = 1 << 24

Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class NearDuplicate:
    """Two pictures that look alike, by their positions."""

    evaluation: int
    training: int


def near_duplicates(evaluation: Examples, training: Examples) -> tuple[NearDuplicate, ...]:
    """A training picture for each evaluation picture that looks like one, by perceptual hash; none for other inputs.

    The hash is the difference hash: 64 bits, whether each of 8 x 8 cells of the grey picture is darker than its right
    neighbour. Of the training pictures whose hashes are at most 3 bits apart, the 16 nearest are looked at closer: the
    grey pictures, as 16 x 16 cells, must correlate by .995 or more. Pictures that are equal byte for byte look alike.

    Source: Krawetz (2013), "Kind of Like That".
    """
    if not (_are_pictures(evaluation) and _are_pictures(training)):
        return ()
    hashes, others = _hashes(evaluation), _hashes(training)

    def look(i: int) -> NearDuplicate | None:
        distances = np.bitwise_count(others ^ hashes[i])
        near = np.flatnonzero(distances <= _MOST_BITS)
        nearest = near[np.argsort(distances[near], kind="stable")[:_MOST_LOOKED_AT]]
        return next(
            (NearDuplicate(i, j) for j in nearest.tolist() if _alike(evaluation, i, training, j)), None
        )

    with ThreadPoolExecutor(max_workers=usable_cores()) as pool:
        return tuple(found for found in pool.map(look, range(len(hashes))) if found is not None)


def _are_pictures(examples: Examples) -> bool:
    shapes = [array.shape for array in examples.stored.values()]
    dtypes = {array.dtype for array in examples.stored.values()}
    return (
        len(shapes) == 1
        and dtypes == {np.dtype(np.uint8)}
        and len(shapes[0]) == 4
        and min(shapes[0][2:]) >= _SMALLEST_SIDE
    )


def _hashes(examples: Examples) -> Hashes:
    return np.concatenate([_difference_hash(chunk) for chunk in _chunks(examples)])


def _difference_hash(pictures: AnyArray) -> Hashes:
    """Hashes (n,) of pictures (n, c, h, w)."""
    cells = _cells(pictures, rows=8, columns=9)
    bits = (cells[:, :, :-1] < cells[:, :, 1:]).reshape(len(pictures), 64)
    return np.packbits(bits, axis=1).view(np.uint64)[:, 0]


def _cells(pictures: AnyArray, *, rows: int, columns: int) -> Float64:
    """Mean brightness (n, rows, columns) of cells of pictures (n, c, h, w)."""
    step = max(1, min(pictures.shape[2:]) // _LARGEST_SIDE)
    grey = pictures[:, :, ::step, ::step].mean(axis=1, dtype=np.float64)
    tops = np.linspace(0, grey.shape[1], rows, endpoint=False).astype(np.int64)
    lefts = np.linspace(0, grey.shape[2], columns, endpoint=False).astype(np.int64)
    sums = np.add.reduceat(np.add.reduceat(grey, tops, axis=1), lefts, axis=2)
    heights, widths = np.diff([*tops, grey.shape[1]]), np.diff([*lefts, grey.shape[2]])
    means: Float64 = sums / (heights[:, None] * widths)
    return means


def _chunks(examples: Examples) -> Iterator[AnyArray]:
    (array,) = examples.stored.values()
    step = max(1, _CHUNK_BYTES // array[:1].nbytes)
    for start in range(0, len(array), step):
        yield np.asarray(array[start : start + step])


def _alike(evaluation: Examples, i: int, training: Examples, j: int) -> bool:
    (one,), (other,) = evaluation.raw(i).values(), training.raw(j).values()
    return float((_standardised(one) * _standardised(other)).mean()) >= _ALIKE


def _standardised(picture: AnyArray) -> Float64:
    """16 x 16 cells with mean 0 and deviation 1; zeros where all are equal, which looks like nothing."""
    cells: Float64 = _cells(picture[None], rows=16, columns=16)[0]
    cells -= cells.mean()
    deviation = cells.std()
    if deviation > 0:
        cells /= deviation
    return cells
