"""The one representation of examples: a folder of memory-mapped arrays with a description.

`inputs/0.npy`, `inputs/1.npy` ... (named in `meta.json`, since an input's name may be no file name), optional
`labels.npy`, `ids.npy` and `groups.npy`, slice columns `column0.npy` ..., and `meta.json`, which is written last.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Self, TypeVar

import numpy as np
import numpy.typing as npt

from kdaudit.data.description import FORMAT_VERSION, Description, Meta, read_meta
from kdaudit.data.mapped import Mapped
from kdaudit.data.options import Limit
from kdaudit.data.prepared import TOKENS, arranged, prepared
from kdaudit.data.subset import drawn, limited
from kdaudit.data.units import Units, units_of
from kdaudit.data.writing import TEXTS, column_path, input_path, is_intact, write_examples
from kdaudit.digest import array_digest, record_digest
from kdaudit.errors import DataError
from kdaudit.types import AnyArray, Batch, DataRef, Geometry, Int64, Preprocess, Skipped, n_asked, read_only

__all__ = [
    "FORMAT_VERSION",
    "Description",
    "Examples",
    "column_path",
    "input_path",
    "is_intact",
    "write_examples",
]

_T = TypeVar("_T", bound=np.generic)


class Examples:
    """Examples of one folder, or a subset of them; most have labels. Pickles as path and subset, not as data."""

    def __init__(
        self,
        folder: Path,
        meta: Meta,
        index: Int64 | None,
        preprocess: Preprocess | None = None,
        shared: DataRef | None = None,
    ) -> None:
        self._folder = folder
        self._meta = meta
        self._index = index
        self._preprocess = preprocess
        self._shared = shared

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The examples of `folder`, memory-mapped.

        Raises:
            DataError: `folder` is no example folder, or of another version.
        """
        return cls(folder, read_meta(folder), None)

    def __reduce__(self) -> tuple[object, ...]:
        """Workers map the same files again."""
        return (_reopen, (self._folder, self._index, self._preprocess, self._shared))

    def __len__(self) -> int:
        """Number of examples."""
        return self._meta.ref.n if self._index is None else len(self._index)

    @property
    def folder(self) -> Path:
        """The folder that `open` takes; for a subset, that of the whole."""
        return self._folder

    @property
    def whole(self) -> Examples:
        """All examples that were read, where these are a subset of them."""
        return Examples(self._folder, self._meta, None, self._preprocess)

    @cached_property
    def ref(self) -> DataRef:
        """Where the examples came from, and their digest; a subset has its own, a copy of another size shares one."""
        return self._shared or self._own_ref

    @cached_property
    def _own_ref(self) -> DataRef:
        if self._index is None:
            return self._meta.ref
        sha256 = record_digest(self._meta.ref.sha256, array_digest(self._index))
        return dataclasses.replace(self._meta.ref, sha256=sha256, n=len(self))

    @property
    def class_names(self) -> tuple[str, ...]:
        """One name per class; empty if the source knows none."""
        return self._meta.description.class_names

    @property
    def preprocess(self) -> Preprocess:
        """What `batches` applies to the stored inputs: what the source says, or `under` another."""
        return self._preprocess or self._meta.description.preprocess

    @property
    def geometry(self) -> Geometry | None:
        """How pictures in files came to one size; None where they are as they were."""
        return self._meta.description.geometry

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes (n, ...) of the inputs that are preprocessed: all but tokens."""
        return {name: array.shape for name, array in self._mapped.arrays.items() if array.dtype not in TOKENS}

    @property
    def view_sha256(self) -> str:
        """Digest of what is stored and of how it reaches a model."""
        own = self._own_ref.sha256
        as_read = self.preprocess == self._meta.description.preprocess
        return own if as_read else record_digest(own, self.preprocess)

    def under(self, preprocess: Preprocess) -> Examples:
        """The same examples as a model of another preprocessing takes them; nothing is copied."""
        if preprocess == self.preprocess:
            return self
        return Examples(self._folder, self._meta, self._index, preprocess, self._shared)

    def sharing(self, ref: DataRef) -> Examples:
        """These examples under the digest of others that are the same but for the size of their pictures."""
        return Examples(self._folder, self._meta, self._index, self._preprocess, ref)

    @property
    def is_uint8(self) -> bool:
        """Whether inputs other than tokens are stored as bytes, as pictures are in files."""
        return all(array.dtype in (np.uint8, *TOKENS) for array in self._mapped.arrays.values())

    @property
    def positions(self) -> Int64:
        """Positions (n,) of these examples in the whole data."""
        return np.arange(len(self), dtype=np.int64) if self._index is None else self._index

    @property
    def assumptions(self) -> tuple[str, ...]:
        """One sentence for each thing that was decided without being told."""
        return self._meta.description.assumptions

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """Examples that were left out because they cannot be read."""
        return self._meta.description.skipped

    @cached_property
    def has_labels(self) -> bool:
        """Whether the examples have labels."""
        return (self._folder / "labels.npy").exists()

    @cached_property
    def labels(self) -> Int64:
        """Labels (n,), or (n, T) of sequences, `UNLABELLED` where nothing is asked.

        Raises:
            DataError: there are none.
        """
        if not self.has_labels:
            raise DataError(
                f"expected labels in {self._meta.ref.location}, found none",
                hint="without labels only answers can be compared",
            )
        return read_only(self._select(np.load(self._folder / "labels.npy")))

    @property
    def n_answers(self) -> int:
        """How many answers are asked for: one an example, or one a labelled position of its sequences."""
        return n_asked(self.labels) if self.has_labels else len(self)

    @cached_property
    def units(self) -> Units:
        """What is answered: an answer an example, or one at each labelled position of a sequence."""
        return units_of(self.labels if self.has_labels else None, self.ids, self.groups, self.columns)

    @cached_property
    def ids(self) -> npt.NDArray[np.str_]:
        """Ids (n,), all different; the position in the whole data where the source has none."""
        path = self._folder / "ids.npy"
        if path.exists():
            return read_only(self._select(np.load(path)))
        positions = np.arange(self._meta.ref.n) if self._index is None else self._index
        return read_only(positions.astype(np.str_))

    @cached_property
    def groups(self) -> Int64 | None:
        """Codes (n,) of the groups of dependent examples, or None."""
        path = self._folder / "groups.npy"
        return read_only(self._select(np.load(path))) if path.exists() else None

    @cached_property
    def columns(self) -> dict[str, npt.NDArray[np.str_]]:
        """Slice columns {name: (n,) text} that were asked for."""
        names = self._meta.description.columns
        return {
            name: read_only(self._select(np.load(column_path(self._folder, i))))
            for i, name in enumerate(names)
        }

    @cached_property
    def stored(self) -> dict[str, AnyArray]:
        """Inputs {name: (n, ...)} as stored, memory-mapped; those of a subset are read into memory on first use."""
        return {name: self._select(array) for name, array in self._mapped.arrays.items()}

    def raw(self, i: int) -> dict[str, AnyArray]:
        """The stored inputs of example `i`, without the first axis."""
        position = i if self._index is None else int(self._index[i])
        found = {name: np.asarray(array[position]) for name, array in self._mapped.arrays.items()}
        self._mapped.was_read(sum(array.nbytes for array in found.values()))
        return found

    def text(self, i: int) -> str:
        """What example `i` is shown as; empty where it is no text."""
        path = self._folder / TEXTS
        if not path.exists():
            return ""
        return str(np.load(path, mmap_mode="r")[i if self._index is None else int(self._index[i])])

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the numbers (n, features) of the only input; empty if the source knows none."""
        return self._meta.description.feature_names

    @property
    def sample_rate(self) -> int | None:
        """Samples a second where the only input is sound, (n, samples) or (n, 1, samples)."""
        return self._meta.description.sample_rate

    def batches(self, batch_size: int) -> Iterator[Batch]:
        """Preprocessed batches in order; the last may be short.

        Pictures and floats become float32 (x * scale - mean) / std, in the model's channel order and layout; int32 and
        int64 inputs pass through unchanged.
        """
        for start in range(0, len(self), batch_size):
            stop = min(start + batch_size, len(self))
            rows = slice(start, stop) if self._index is None else self._index[start:stop]
            # Copies: torch takes no memory that is mapped for reading.
            read = {name: np.array(array[rows]) for name, array in self._mapped.arrays.items()}
            inputs = {name: prepared(array, self.preprocess) for name, array in read.items()}
            stored = {name: arranged(array, self.preprocess) for name, array in read.items()}
            labels = self.labels[start:stop] if self.has_labels else None
            yield Batch(inputs=inputs, stored=stored, labels=labels)
            self._mapped.was_read(sum(array.nbytes for array in read.values()))

    def subset(self, index: Int64) -> Examples:
        """The examples at the positions `index`, in ascending order, without copying any.

        Raises:
            DataError: no position, a position twice, or one outside the data.
        """
        positions = np.unique(np.asarray(index, dtype=np.int64))
        if len(positions) != len(index) or len(index) == 0:
            raise DataError(f"expected at least one position and each once, found {len(index)}")
        if positions[0] < 0 or positions[-1] >= len(self):
            raise DataError(
                f"expected positions in 0..{len(self) - 1}, found {positions[0]} to {positions[-1]}"
            )
        if len(positions) == len(self):
            return self
        within = positions if self._index is None else self._index[positions]
        return Examples(self._folder, self._meta, read_only(within), self._preprocess)

    def limited(self, limit: Limit | None) -> Examples:
        """The examples that a limit leaves, drawn class by class where classes are known; all without one."""
        if limit is None:
            return self
        return self.subset(limited(self.labels, limit) if self.has_labels else drawn(len(self), limit))

    def _select(self, column: npt.NDArray[_T]) -> npt.NDArray[_T]:
        return column if self._index is None else column[self._index]

    @cached_property
    def _mapped(self) -> Mapped:
        return Mapped(self._folder, self._meta.description.inputs, self.preprocess.axis)


def _reopen(
    folder: Path, index: Int64 | None, preprocess: Preprocess | None, shared: DataRef | None
) -> Examples:
    return Examples(folder, read_meta(folder), index, preprocess, shared)
