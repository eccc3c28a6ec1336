"""Examples from Python code of the user's own, `module:callable` or `path/file.py:callable`, called as it is."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

import numpy as np
from PIL import Image

from kdaudit.data.blobs import BytesBlob
from kdaudit.data.cache import examples_by_content
from kdaudit.data.decode import Plan, pixels_of, plan_of
from kdaudit.data.examples import Description, Examples
from kdaudit.data.options import DataOptions
from kdaudit.data.pictures import is_grey
from kdaudit.data.request import Request
from kdaudit.data.roles import NO_LABELS_HINT, roles_of
from kdaudit.data.stream import write_stream
from kdaudit.data.table_files import array_of
from kdaudit.errors import DataError
from kdaudit.types import AnyArray
from kdaudit.user_code import FAILURES, user_callable

_NAMED = re.compile(r"[\w.]+:\w+|.+\.py:\w+")
_CHUNK = 64


def is_code(location: str) -> bool:
    """Whether a location names a callable."""
    return bool(_NAMED.fullmatch(location))


def load(location: str, request: Request) -> Examples:
    """The examples that a callable gives: a torch Dataset or any iterable of (x, y) or {column: value}; or x alone.

    They are read anew each time, since no file tells whether they changed, and kept under the digest of their content.

    Raises:
        DataError: the code fails, or what it gives cannot be examples.
    """
    source, _, name = location.rpartition(":")
    make = user_callable(source, name, what="the file of data", error=DataError)
    options = request.options
    to_array = _Arrays(location, options)
    try:
        rows = _rows(make(), location, unlabelled=options.unlabelled)
        chunks = _chunks(rows, location, to_array)
        first = next(chunks, None)
    except FAILURES as failure:
        raise _failed(location, failure) from failure
    if first is None:
        raise DataError(f"expected at least one example from {location}, found none")
    roles = roles_of(tuple(first), options, where=location)
    description = Description(
        name=name,
        kind="python-object",
        location=location,
        class_names=options.class_names or (),
        geometry=None if to_array.plan is None else to_array.plan.geometry,
    )

    def all_chunks() -> Iterator[dict[str, AnyArray]]:
        yield first
        try:
            yield from chunks
        except FAILURES as failure:
            raise _failed(location, failure) from failure

    return examples_by_content(
        request.cache,
        lambda folder: write_stream(
            folder,
            all_chunks(),
            roles=roles,
            description=description,
            options=options,
            progress=request.progress,
        ),
    )


def _failed(location: str, failure: BaseException) -> DataError:
    return DataError(
        f"expected {location} to give examples, found {type(failure).__name__}: {failure}",
        hint="it is called without arguments and must give a Dataset or an iterable of (x, y) or of dicts",
    )


def _rows(found: object, location: str, *, unlabelled: bool) -> Iterator[Mapping[str, object]]:
    found = getattr(found, "dataset", found)  # of a DataLoader: its own order is kept, and no batches
    items: Iterable[object]
    if hasattr(found, "__getitem__") and hasattr(found, "__len__"):
        items = (found[i] for i in range(len(found)))
    elif isinstance(found, Iterable):
        items = found
    else:
        raise DataError(
            f"expected {location} to give a Dataset or an iterable, found {type(found).__name__}",
            hint="it is called without arguments and must give a Dataset or an iterable of (x, y) or of dicts",
        )
    for i, item in enumerate(items):
        if isinstance(item, Mapping):
            yield item
        elif isinstance(item, tuple | list) and len(item) == 2:
            yield {"x": item[0], "y": item[1]}
        elif unlabelled:
            yield {"x": item[0] if isinstance(item, tuple | list) and len(item) == 1 else item}
        else:
            raise DataError(
                f"expected (x, y) or a dict from {location}, found {type(item).__name__} as example {i}",
                hint=f"if it is x alone: {NO_LABELS_HINT}",
            )


def _chunks(
    rows: Iterator[Mapping[str, object]], location: str, to_array: _Arrays
) -> Iterator[dict[str, AnyArray]]:
    start = 0
    names: list[str] | None = None
    while chunk := list(islice(rows, _CHUNK)):
        names = names or list(chunk[0])
        found = {}
        for name in names:
            if missing := [i for i, row in enumerate(chunk) if name not in row]:
                raise DataError(
                    f"expected {name!r} in every example of {location}, found none in example {start + missing[0]}"
                )
            found[name] = to_array.column([row[name] for row in chunk], name, start)
        yield found
        start += len(chunk)


class _Arrays:
    """Turns values into arrays; PIL pictures as files with pictures would be, all by the plan of the first."""

    def __init__(self, location: str, options: DataOptions) -> None:
        self._location, self._options = location, options
        self.plan: Plan | None = None

    def column(self, values: list[object], name: str, start: int) -> AnyArray:
        """(n, ...)."""
        if isinstance(values[0], Image.Image):
            return np.stack([self._picture(value, name, start + i) for i, value in enumerate(values)])
        if hasattr(values[0], "numpy"):  # a tensor
            values = [value.numpy() if hasattr(value, "numpy") else value for value in values]
        return array_of(values, name, self._location, start)

    def _picture(self, value: object, name: str, position: int) -> AnyArray:
        where = f"{name} of example {position} of {self._location}"
        if not isinstance(value, Image.Image):
            raise DataError(f"expected a picture in {where}, as in the first, found {type(value).__name__}")
        if self.plan is None:
            self.plan = plan_of([_saved(value, where)], self._options)
        if self.plan.mode == "L" and not is_grey(value):
            raise DataError(
                f"expected a greyscale picture in {where}, as the first, found mode {value.mode}",
                hint="give all of them in colour: picture.convert('RGB')",
            )
        return pixels_of(value, self.plan, where)


def _saved(picture: Image.Image, where: str) -> BytesBlob:
    out = io.BytesIO()
    picture.save(out, format="PNG")
    return BytesBlob(where=where, stamp=(), fetch=out.getvalue)
