"""Examples that come as named columns, a few rows at a time, into the cached form; short columns alone are held."""

from __future__ import annotations

import dataclasses
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kdaudit.data.columns import groups_from, ids_from, slices_from, texts_from
from kdaudit.data.description import Description
from kdaudit.data.listing import few
from kdaudit.data.options import DataOptions, preprocess_for
from kdaudit.data.roles import Roles, labels_in
from kdaudit.data.rows import Rows
from kdaudit.data.tokens import encoder
from kdaudit.data.writing import LONGEST_TEXT, input_path, write_examples
from kdaudit.errors import DataError
from kdaudit.protocols import Progress
from kdaudit.types import AnyArray, ProgressEvent

Columns = Mapping[str, AnyArray]
JOINED = "x"


def write_stream(
    folder: Path,
    chunks: Iterable[Columns],
    *,
    roles: Roles,
    description: Description,
    options: DataOptions,
    progress: Progress | None,
) -> None:
    """Fills `folder` with the examples of `chunks`, each of which has all columns of the roles, for some rows.

    Columns of single numbers become one input `x` (n, columns) float32, in their order; a column of arrays is an input
    of its own. uint8 is divided by 255, other whole numbers in arrays are tokens, floats become float32. `class_names`
    of the description number the labels.

    Raises:
        DataError: no row, missing or infinite numbers, arrays of several shapes, labels that cannot be used.
        SpecError: mean and std do not fit.
    """
    where, began, n = description.location, time.monotonic(), 0
    encode = None if roles.encode is None else encoder(roles.encode)
    light: dict[str, list[AnyArray]] = defaultdict(list)
    with ExitStack() as stack:
        writers: dict[str, _Input] = {}
        for chunk in chunks:
            inputs = _joined(chunk, roles, where, n) if encode is None else encode(chunk[str(roles.text)])
            if not writers:
                writers = _opened(inputs, folder, where, stack)
            for name, writer in writers.items():
                writer.extend(inputs[name], n)
            for name in roles.light:
                light[name].append(_short(chunk[name]) if name == roles.text else chunk[name])
            n += len(next(iter(chunk.values())))
            if progress is not None:
                rate = n / max(time.monotonic() - began, 1e-9)
                progress(ProgressEvent(stage="read", done=n, examples_per_second=rate))
    if n == 0:
        raise DataError(f"expected at least one example in {where}, found none")
    columns = {name: np.concatenate(parts) for name, parts in light.items()}
    _complete(folder, columns, writers, roles=roles, description=description, options=options)


def _complete(
    folder: Path,
    columns: Columns,
    writers: Mapping[str, _Input],
    *,
    roles: Roles,
    description: Description,
    options: DataOptions,
) -> None:
    where = description.location
    numbered = labels_in(columns, roles, description.class_names, where=where)
    valued = {name: (1, *writer.shape) for name, writer in writers.items() if writer.dtype.kind not in "i"}
    pixels = any(writer.dtype == np.uint8 for writer in writers.values())
    features = tuple(name for name in roles.inputs if name not in writers)
    write_examples(
        folder,
        dataclasses.replace(
            description,
            inputs=tuple(writers),
            columns=roles.slices,
            class_names=numbered.class_names,
            preprocess=preprocess_for(valued, options, uint8=pixels),
            assumptions=(*description.assumptions, *_assumptions(writers, features, roles), *numbered.notes),
            feature_names=features if features and len(writers) == 1 else (),
        ),
        labels=numbered.labels,
        ids=None if roles.id is None else ids_from(columns[roles.id], where=where),
        groups=None if roles.group is None else groups_from(columns[roles.group], where=where),
        slices=[slices_from(columns[name], name=name, where=where) for name in roles.slices],
        texts=None if roles.text is None else texts_from(columns[roles.text], where=where),
    )


def _assumptions(writers: Mapping[str, _Input], features: tuple[str, ...], roles: Roles) -> list[str]:
    if roles.encode is not None:
        names = " and ".join(roles.inputs)
        return [
            f"{roles.text} becomes {names} by {roles.encode.tokenizer}, {roles.encode.max_length} tokens: longer "
            "texts are cut, shorter ones padded"
        ]
    said = [
        f"{name} is uint8: divided by 255" for name, w in writers.items() if w.divide or w.dtype == np.uint8
    ]
    said += [
        f"{name} holds whole numbers: they are given as tokens"
        for name, w in writers.items()
        if w.dtype.kind == "i"
    ]
    if features:
        said.append(f"the {len(features)} columns of numbers are one input {JOINED}, in their order")
    said += [
        f"column {name!r} holds row numbers, as pandas saves them, and is no input (--input-columns takes it)"
        for name in roles.row_numbers
    ]
    return said


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Input:
    """One input that is being written; `divide`: uint8 beside floats becomes float too."""

    name: str
    where: str
    rows: Rows
    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    divide: bool

    def extend(self, values: AnyArray, start: int) -> None:
        if values.shape[1:] != self.shape:
            raise DataError(
                f"expected arrays of shape {self.shape} in {self.name} of {self.where}, as the first, found "
                f"{values.shape[1:]} from example {start} on",
                hint="pad or cut them to one shape",
            )
        if values.dtype.kind not in "fiub" or (
            self.dtype.kind != "f" and _stored(values.dtype) != self.dtype
        ):
            raise DataError(
                f"expected {self.dtype} in {self.name} of {self.where}, as in the first examples, found "
                f"{values.dtype} from example {start} on",
                hint="write all of its numbers alike, 1.0 rather than 1 where others have fractions",
            )
        with np.errstate(over="ignore"):
            stored = values.astype(self.dtype)
        if self.divide:
            stored = stored / np.float32(255.0)
        if stored.dtype.kind == "f":
            bad = ~np.isfinite(stored).reshape(len(stored), -1).all(axis=1)
            if bad.any():
                raise DataError(
                    f"expected finite numbers in {self.name} of {self.where}, found a missing or infinite one in "
                    f"example {start + int(bad.argmax())}",
                    hint="a model that is given NaN answers at random",
                )
        self.rows.extend(stored)


def _opened(inputs: Columns, folder: Path, where: str, stack: ExitStack) -> dict[str, _Input]:
    dtypes = {name: _stored(values.dtype) for name, values in inputs.items()}
    mixed = np.dtype(np.uint8) in dtypes.values() and any(dtype.kind == "f" for dtype in dtypes.values())
    writers = {}
    for position, (name, values) in enumerate(inputs.items()):
        divide = mixed and dtypes[name] == np.uint8
        dtype = np.dtype(np.float32) if divide else dtypes[name]
        rows = stack.enter_context(Rows(input_path(folder, position), values.shape[1:], dtype))
        writers[name] = _Input(
            name=name, where=where, rows=rows, shape=values.shape[1:], dtype=dtype, divide=divide
        )
    return writers


def _stored(dtype: np.dtype[np.generic]) -> np.dtype[np.generic]:
    """uint8, float16, float32, int32 or int64, whichever keeps the numbers."""
    if dtype.kind in "fb":
        return np.dtype(np.float16 if dtype.itemsize == 2 else np.float32)
    return dtype.newbyteorder("=") if dtype.name in {"uint8", "int32", "int64"} else np.dtype(np.int64)


def _joined(chunk: Columns, roles: Roles, where: str, start: int) -> dict[str, AnyArray]:
    """The inputs of a chunk: columns of single numbers are joined to `x`."""
    single = [name for name in roles.inputs if chunk[name].ndim == 1]
    inputs = {name: chunk[name] for name in roles.inputs if name not in single}
    if not single:
        return inputs
    if JOINED in inputs:
        raise DataError(
            f"expected no column {JOINED} of arrays beside columns of single numbers in {where}, found "
            f"{few(single)} beside it",
            hint=f"choose with --input-columns {JOINED}; a column to judge parts of the data by: --slice {single[0]}",
        )
    columns = [_numbers(chunk[name], name, where, start) for name in single]
    return {JOINED: np.stack(columns, axis=1), **inputs}


def _short(texts: AnyArray) -> AnyArray:
    """What is shown of texts: whole ones may be long."""
    return texts.astype(f"<U{LONGEST_TEXT}")


def _numbers(values: AnyArray, name: str, where: str, start: int) -> AnyArray:
    if values.dtype.kind in "fiub":
        return values.astype(np.float32)
    for i, value in enumerate(values):
        try:
            float(value)
        except (TypeError, ValueError) as failure:
            raise DataError(
                f"expected numbers in column {name} of {where}, found {str(value)[:60]!r} in example {start + i}",
                hint="name the columns of inputs with --input-columns, or a column to judge parts of the data by with "
                f"--slice {name}; text and categories must become numbers first",
            ) from failure
    return values.astype(np.float32)
