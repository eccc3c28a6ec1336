"""One seed, many independent named streams: adding one changes no other's numbers."""

from __future__ import annotations

import hashlib

import numpy as np


def stream(seed: int, name: str) -> np.random.Generator:
    """The Generator of the task `name` under `seed`; equal for equal arguments in any process.

    >>> stream(0, "independent/0").integers(100) == stream(0, "independent/0").integers(100)
    True
    """
    return np.random.default_rng(np.random.SeedSequence([seed, *_words(name)]))


def stream_seed(seed: int, name: str) -> int:
    """A 63-bit seed for code that takes an integer, such as a torch.Generator."""
    return int(stream(seed, name).integers(2**63))


def _words(name: str) -> list[int]:
    digest = hashlib.sha256(name.encode()).digest()
    return [int.from_bytes(digest[i : i + 4], "little") for i in range(0, 16, 4)]
