"""Inputs of an example folder, mapped into memory: pages that were read are given back before they count."""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from kdaudit.data.prepared import TOKENS
from kdaudit.data.writing import input_path
from kdaudit.types import AnyArray, UnitAxis

_MOST_MAPPED_BYTES = 1 << 28


class Mapped:
    """The inputs of a folder by their names.

    Those that are no tokens have an axis of length one more or less than their files, where `axis` says so.
    """

    def __init__(self, folder: Path, names: Sequence[str], axis: UnitAxis) -> None:
        self._folder = folder
        self._names = names
        self._axis = axis
        self._n_bytes = 0

    @cached_property
    def arrays(self) -> dict[str, AnyArray]:
        """Inputs {name: (n, ...)}; nothing of them is read yet."""
        return {name: _with_axis(array, self._axis) for name, array in self._files.items()}

    def was_read(self, n_bytes: int) -> None:
        """Takes note of what was read of the files; pages that were mapped for it count as memory until given back."""
        self._n_bytes += n_bytes
        if self._n_bytes > _MOST_MAPPED_BYTES and hasattr(mmap, "MADV_DONTNEED"):
            self._n_bytes = 0
            for array in self._files.values():
                if isinstance(array.base, mmap.mmap):
                    array.base.madvise(mmap.MADV_DONTNEED)

    @cached_property
    def _files(self) -> dict[str, AnyArray]:
        return {
            name: np.load(input_path(self._folder, i), mmap_mode="r") for i, name in enumerate(self._names)
        }


def _with_axis(array: AnyArray, axis: UnitAxis) -> AnyArray:
    if axis == "kept" or array.dtype in TOKENS:
        return array
    return array[:, np.newaxis] if axis == "added" else array[:, 0]
