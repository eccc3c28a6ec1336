"""Saved outputs of a model: `.npz`, `.csv` or parquet, known by content. One row an example, one column a class.

An `.npz` holds `logits` or `probs` (n, C) and, beside them, `ids`, `labels` (or `y`), `groups`, `class_names` and
columns to slice by. A table has the columns `logit_0`, `logit_1` ... or `prob_0` ..., `id`, `label`, `group`; in
parquet the outputs may be one column `logits` or `probs` of lists.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from kdaudit.data.columns import groups_from, ids_from, labels_from, names_from, slices_from
from kdaudit.data.npz import header_of, opened_npz, read_array, require_size
from kdaudit.data.tables import is_parquet, read_csv, read_parquet
from kdaudit.errors import DataError, SpecError
from kdaudit.types import AnyArray, Int64, OutputKind

_KINDS = {"logits": OutputKind.LOGITS, "probs": OutputKind.PROBS}
_NAMES = {"ids": ("ids", "id"), "labels": ("labels", "label", "y"), "groups": ("groups", "group")}
_ZIP_MAGIC = b"PK\x03\x04"
_HINT = "save logits or probs (examples, classes), with ids and labels: kdaudit predict shows the form"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Columns:
    """What a file says of its n examples beside their outputs; None or empty where it does not say."""

    path: str
    n: int
    ids: npt.NDArray[np.str_] | None
    labels: Int64 | None
    groups: Int64 | None
    class_names: tuple[str, ...] = ()
    slices: dict[str, npt.NDArray[np.str_]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outputs:
    """What a model put out, (n, C) or (n,), and what it is by its name."""

    kind: OutputKind
    values: AnyArray


def read_columns(path: str, slices: Sequence[str]) -> Columns:
    """Ids, labels, groups, class names and the columns `slices`, where the file has them.

    Raises:
        DataError: the file cannot be read, its arrays differ in length or are not what they should be.
    """
    with _opened(path) as source:
        wanted = {key: next((n for n in names if n in source.names), None) for key, names in _NAMES.items()}
        found = {key: source.column(name) for key, name in wanted.items() if name is not None}
        found |= {name: source.column(name) for name in slices if name in source.names}
        lengths = {name: len(array) for name, array in found.items()}
        lengths |= {name: source.length(name) for name in _KINDS if name in source.names}
        names: tuple[str, ...] = ()
        if "class_names" in source.names and source.has_class_names:
            names = names_from(source.column("class_names"), what="class_names", where=path)
    if not lengths:
        raise DataError(f"expected logits, probs or labels in {path}, found none", hint=_HINT)
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{n:,} {name}" for name, n in lengths.items())
        raise DataError(f"expected one row per example in all of {path}, found {said}")
    return Columns(
        path=path,
        n=next(iter(lengths.values())),
        ids=ids_from(found["ids"], where=path) if "ids" in found else None,
        labels=labels_from(found["labels"], names, where=path) if "labels" in found else None,
        groups=groups_from(found["groups"], where=path) if "groups" in found else None,
        class_names=names,
        slices={n: slices_from(found[n], name=n, where=path) for n in slices if n in found},
    )


def read_outputs(path: str, stated: str | None) -> Outputs:
    """The outputs in a file, `stated` ('logits' or 'probs') or the only ones that it has.

    Raises:
        DataError: the file cannot be read, or holds no outputs.
        SpecError: it holds both and neither is stated, or not those that were.
    """
    with _opened(path) as source:
        there = [name for name in _KINDS if name in source.names]
        if not there:
            raise DataError(
                f"expected logits or probs in {path}, found {', '.join(source.names[:8])}", hint=_HINT
            )
        if stated is None and len(there) > 1:
            raise SpecError(
                f"expected logits or probs in {path}, found both", hint="say which with --outputs"
            )
        name = stated or there[0]
        if name not in there:
            raise SpecError(
                f"expected {name} in {path}, as --outputs says, found {there[0]}",
                hint=f"leave --outputs out, or save them as {name}",
            )
        return Outputs(kind=_KINDS[name], values=source.outputs(name))


class _Source(Protocol):
    """Named arrays of a file; class names stand only where arrays may differ in length."""

    has_class_names: bool

    @property
    def names(self) -> Sequence[str]: ...

    def length(self, name: str) -> int: ...

    def column(self, name: str) -> AnyArray: ...

    def outputs(self, name: str) -> AnyArray: ...


class _Archive:
    has_class_names = True

    def __init__(self, archive: zipfile.ZipFile, path: str) -> None:
        self._archive, self._path = archive, path

    @property
    def names(self) -> Sequence[str]:
        return [name[:-4] for name in self._archive.namelist() if name.endswith(".npy")]

    def length(self, name: str) -> int:
        return header_of(self._archive, name, self._path, is_input=True).shape[0]

    def column(self, name: str) -> AnyArray:
        header_of(self._archive, name, self._path, is_input=False)
        return read_array(self._archive, name)

    def outputs(self, name: str) -> AnyArray:
        header_of(self._archive, name, self._path, is_input=True)
        return read_array(self._archive, name)


class _Table:
    has_class_names = False

    def __init__(self, columns: dict[str, AnyArray]) -> None:
        self._columns = columns

    @property
    def names(self) -> Sequence[str]:
        return list(self._columns)

    def length(self, name: str) -> int:
        return len(self._columns[name])

    def column(self, name: str) -> AnyArray:
        return self._columns[name]

    outputs = column


@contextmanager
def _opened(path: str) -> Iterator[_Source]:
    file = Path(path)
    try:
        with file.open("rb") as stream:
            head = stream.read(4)
    except OSError as failure:
        raise DataError(
            f"expected saved predictions at {path}, found: {failure.strerror}", hint=_HINT
        ) from failure
    if head == _ZIP_MAGIC:
        with opened_npz(file) as archive:
            require_size(archive, file, path)
            yield _Archive(archive, path)
    else:
        yield _Table(read_parquet(file) if is_parquet(head) else read_csv(file))
