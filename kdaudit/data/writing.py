"""A folder of examples, completed: labels, ids, digest and description beside inputs that are already stored."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kdaudit.data.description import FORMAT_VERSION, META, Description, Meta, meta_adapter, read_meta
from kdaudit.digest import array_digest, npy_digest, record_digest
from kdaudit.errors import DataError
from kdaudit.types import DataRef, Int64

LONGEST_TEXT = 400
TEXTS = "texts.npy"


def column_path(folder: Path, position: int) -> Path:
    """Where the slice column at `position` of `Description.columns` is stored."""
    return folder / f"column{position}.npy"


def input_path(folder: Path, position: int) -> Path:
    """Where the input at `position` of `Description.inputs` is stored."""
    return folder / "inputs" / f"{position}.npy"


def begin_examples(folder: Path, description: Description, n: int) -> None:
    """Says of a folder whose only input is being written that there will be at most `n` examples; no labels yet."""
    ref = DataRef(name=description.name, kind=description.kind, location=description.location, sha256="", n=n)
    _write_meta(folder, ref, description)


def write_examples(
    folder: Path,
    description: Description,
    *,
    labels: Int64 | None,
    ids: npt.NDArray[np.str_] | None = None,
    groups: Int64 | None = None,
    slices: Sequence[npt.NDArray[np.str_]] = (),
    texts: npt.NDArray[np.str_] | None = None,
    input_digest: str | None = None,
) -> None:
    """Completes a folder whose inputs are already stored: labels, ids, groups, slices, digest, description.

    The digest covers everything that decides a verdict: inputs, labels, ids, groups and preprocessing. `slices` are
    the columns that the description names, in its order. `texts` (n,) are what examples are shown as; their first
    `LONGEST_TEXT` characters are kept. `input_digest` is that of the only input, where it is known already.
    """
    columns = {"labels": labels, "ids": ids, "groups": groups}
    for name, column in columns.items():
        if column is not None:
            np.save(folder / f"{name}.npy", column, allow_pickle=False)
    for position, values in enumerate(slices):
        np.save(column_path(folder, position), values, allow_pickle=False)
    if texts is not None:
        np.save(folder / TEXTS, texts.astype(f"<U{LONGEST_TEXT}"), allow_pickle=False)
    inputs = [
        (name, input_digest or npy_digest(input_path(folder, i))) for i, name in enumerate(description.inputs)
    ]
    digests = [None if column is None else array_digest(column) for column in columns.values()]
    sha256 = record_digest(inputs, digests, description.class_names, description.preprocess.arithmetic)
    ref = DataRef(
        name=description.name,
        kind=description.kind,
        location=description.location,
        sha256=sha256,
        n=_n_examples(folder, labels if labels is not None else ids),
    )
    _write_meta(folder, ref, description)


def _write_meta(folder: Path, ref: DataRef, description: Description) -> None:
    sizes = {path.relative_to(folder).as_posix(): path.stat().st_size for path in folder.rglob("*.npy")}
    meta = Meta(version=FORMAT_VERSION, ref=ref, description=description, sizes=sizes)
    (folder / META).write_bytes(meta_adapter().dump_json(meta, indent=1))


def _n_examples(folder: Path, column: npt.NDArray[np.generic] | None) -> int:
    return len(np.load(input_path(folder, 0), mmap_mode="r") if column is None else column)


def is_intact(folder: Path) -> bool:
    """Whether `folder` is a complete example folder of this version whose files have the sizes they had."""
    try:
        meta = read_meta(folder)
        return all((folder / name).stat().st_size == size for name, size in meta.sizes.items())
    except (DataError, OSError):
        return False
