"""A table of examples: columns of numbers or arrays; or one of pictures or sounds, by path or in the table itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from kdaudit.data.blobs import Blob, BytesBlob, FileBlob, file_stamp, printable
from kdaudit.data.cache import cached_examples
from kdaudit.data.columns import groups_from, ids_from, slices_from
from kdaudit.data.examples import FORMAT_VERSION, Description, Examples
from kdaudit.data.listing import Listing
from kdaudit.data.media import read_media
from kdaudit.data.options import refuse_picture_options
from kdaudit.data.parquet import ParquetTable
from kdaudit.data.request import Request
from kdaudit.data.roles import Roles, labels_in, roles_of
from kdaudit.data.stream import write_stream
from kdaudit.data.table_files import Table, open_table
from kdaudit.digest import file_digest, record_digest
from kdaudit.errors import DataError
from kdaudit.types import AnyArray


def load(location: str, request: Request) -> Examples:
    """The examples of the table at `location`; see `roles_of` for which column is what.

    Raises:
        DataError: it is no table, or its columns cannot be examples.
        SpecError: an option does not fit it.
    """
    path = Path(location)
    table, options = open_table(path), request.options
    roles = roles_of(table.names, options, where=location)
    description = Description(
        name=path.stem, kind="table", location=location, class_names=options.class_names or ()
    )
    if roles.medium is not None and not table.holds_lists(roles.medium):
        listing = media_listing(table, path, roles, description)
        return read_media(listing, description, request)
    refuse_picture_options(options, location)
    key = record_digest(
        "table",
        FORMAT_VERSION,
        file_digest(path, error=DataError, what="a table"),
        location,
        dataclasses.asdict(roles),
        (options.mean, options.std, options.class_names),
    )

    def build(folder: Path) -> None:
        chunks = table.chunks(list(roles.read))
        write_stream(
            folder,
            chunks,
            roles=roles,
            description=description,
            options=options,
            progress=request.progress,
        )

    return cached_examples(request.cache, key, build)


def media_listing(table: Table, path: Path, roles: Roles, description: Description) -> Listing:
    """The pictures or sounds of a table: files whose paths are relative to the table, or bytes in its rows."""
    where, column = description.location, str(roles.medium)
    inside = isinstance(table, ParquetTable) and table.holds_bytes(column)
    light: dict[str, list[AnyArray]] = {name: [] for name in (*roles.light, *([] if inside else [column]))}
    for chunk in table.chunks(list(light)):
        for name, parts in light.items():
            parts.append(chunk[name])
    n = len(table) if inside and isinstance(table, ParquetTable) else sum(map(len, light[column]))
    if n == 0:
        raise DataError(f"expected at least one example in {where}, found none")
    columns = {name: np.concatenate(parts) for name, parts in light.items()}
    numbered = labels_in(columns, roles, description.class_names, where=where)
    if inside and isinstance(table, ParquetTable):
        blobs: list[Blob] = list(_in_rows(table, path, column, n))
        names: AnyArray = np.arange(n).astype(np.str_)
    else:
        names = columns[column]
        blobs = [FileBlob(str(path.parent.absolute() / name)) for name in _paths(names, column, where)]
    ids = names if roles.id is None else columns[roles.id]
    return Listing(
        blobs=blobs,
        labels=numbered.labels,
        ids=[printable(str(name)) for name in ids_from(ids, where=where)],
        class_names=numbered.class_names,
        groups=None if roles.group is None else groups_from(columns[roles.group], where=where),
        slices={name: slices_from(columns[name], name=name, where=where) for name in roles.slices},
        notes=numbered.notes,
    )


def _paths(names: AnyArray, column: str, where: str) -> AnyArray:
    if names.dtype.kind != "U":
        raise DataError(
            f"expected paths of pictures or sounds in column {column} of {where}, found {names.dtype}",
            hint="if it holds none, name the columns of inputs with --input-columns",
        )
    return names


def _in_rows(table: ParquetTable, path: Path, column: str, n: int) -> Iterator[Blob]:
    stamp = (str(path.absolute()), *file_stamp(str(path)))
    for row in range(n):
        where, fetch = f"row {row} of {path}", partial(table.bytes_at, column, row)
        yield BytesBlob(where=where, stamp=(*stamp, column, row), fetch=fetch)
