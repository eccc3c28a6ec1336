"""Evaluation examples that also stand in the training data."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np

from kdaudit.data.examples import Examples
from kdaudit.types import Int64


def duplicate_positions(evaluation: Examples, training: Examples) -> Int64:
    """Sorted positions of evaluation examples whose stored inputs occur, byte for byte, in the training data.

    Labels play no part. Both sets are read once, one example at a time; the inputs are taken in the order of their
    names, and examples of another shape or dtype are different.
    """
    seen = set(_fingerprints(training))
    found = [i for i, digest in enumerate(_fingerprints(evaluation)) if digest in seen]
    return np.asarray(found, dtype=np.int64)


def _fingerprints(examples: Examples) -> Iterator[bytes]:
    for i in range(len(examples)):
        digest = hashlib.blake2b(digest_size=16)
        for _, array in sorted(examples.raw(i).items()):
            digest.update(f"{array.dtype.str}{array.shape}".encode())
            digest.update(array.tobytes())
        yield digest.digest()
