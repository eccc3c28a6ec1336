"""Data sets of Hugging Face's `datasets`: folders that `save_to_disk` wrote, and what its cache holds by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from kdaudit.data.blobs import BytesBlob, file_stamp
from kdaudit.data.cache import cached_examples
from kdaudit.data.columns import groups_from, ids_from, slices_from
from kdaudit.data.description import FORMAT_VERSION, Description
from kdaudit.data.examples import Examples
from kdaudit.data.listing import Listing
from kdaudit.data.media import read_media
from kdaudit.data.options import refuse_picture_options
from kdaudit.data.parquet import UNREADABLE as OF_ARROW
from kdaudit.data.request import Request
from kdaudit.data.roles import Roles, labels_in, roles_of
from kdaudit.data.stream import write_stream
from kdaudit.data.table_files import array_of
from kdaudit.digest import record_digest
from kdaudit.errors import DataError
from kdaudit.installed import required
from kdaudit.types import AnyArray

_CHUNK = 1024
# What `datasets` and Arrow end with on damaged folders.
UNREADABLE = (*OF_ARROW, AttributeError)
_DICT, _STATE = "dataset_dict.json", "state.json"
_MEDIA = {"Image", "Audio"}


def is_saved_dataset(folder: Path) -> bool:
    """Whether `save_to_disk` wrote a folder."""
    return (folder / _STATE).is_file() or (folder / _DICT).is_file()


def load(location: str, request: Request) -> Examples:
    """The examples of the folder at `location`, one split.

    Raises:
        DataError: `datasets` is not installed, the folder is damaged or holds several splits.
        SpecError: an option does not fit.
    """
    folder = Path(location)
    if (folder / _DICT).is_file():
        splits = sorted(path.parent.name for path in folder.glob(f"*/{_STATE}"))
        raise DataError(
            f"expected one split in {location}, found {', '.join(splits) or 'none'}",
            hint="name it: " + (" or ".join(f"{location}/{split}" for split in splits) or f"{location}/test"),
        )
    datasets = datasets_module(location)
    try:
        found = validated(datasets.load_from_disk(str(folder)))
    except UNREADABLE as failure:
        raise DataError(
            f"expected a whole data set at {location}, found: {failure}",
            hint="save it again with save_to_disk",
        ) from failure
    files = sorted(path for path in folder.iterdir() if path.is_file())
    stamp = record_digest([(path.name, *file_stamp(str(path))) for path in files])
    description = Description(name=folder.resolve().name, kind="saved-dataset", location=location)
    return read_dataset(found, stamp, description, request)


def validated(found: Any) -> Any:
    """The data set, after a look at all of its offsets: Arrow reads where they point, beyond its memory too.

    Raises:
        ValueError: its Arrow files are damaged.
    """
    found.data.validate(full=True)
    return found


def datasets_module(location: str) -> Any:
    """The package `datasets`.

    Raises:
        DataError: it is not installed.
    """
    return required("datasets", extra="hf", needed_for=location, error=DataError)


def read_dataset(found: Any, stamp: str, description: Description, request: Request) -> Examples:
    """The examples of a `datasets.Dataset`; `stamp` changes when its content does.

    Raises:
        DataError: its columns cannot be examples.
        SpecError: an option does not fit.
    """
    where, options = description.location, request.options
    features = dict(found.features)
    roles = roles_of(tuple(features), options, where=where)
    named = None if roles.label is None else getattr(features[roles.label], "names", None)
    names = options.class_names or tuple(named or description.class_names)
    media = [name for name in roles.inputs if type(features[name]).__name__ in _MEDIA]
    described = _described(description, names)
    if media:
        listing = _listing(found, media[0], stamp, roles, described)
        return read_media(listing, described, request)
    refuse_picture_options(options, where)
    key = record_digest(
        "dataset", FORMAT_VERSION, stamp, where, names, repr(roles), (options.mean, options.std)
    )
    return cached_examples(
        request.cache,
        key,
        lambda folder: write_stream(
            folder,
            _chunks(found, roles.read, where),
            roles=roles,
            description=described,
            options=options,
            progress=request.progress,
        ),
    )


def _described(description: Description, names: tuple[str, ...]) -> Description:
    return replace(description, class_names=names)


def _chunks(found: Any, columns: Sequence[str], where: str) -> Iterator[dict[str, AnyArray]]:
    start = 0
    for batch in found.select_columns(list(columns)).with_format(None).iter(_CHUNK):
        yield {name: array_of(batch[name], name, where, start) for name in columns}
        start += len(batch[columns[0]])


def _listing(found: Any, column: str, stamp: str, roles: Roles, description: Description) -> Listing:
    where, n = description.location, len(found)
    if not n:
        raise DataError(f"expected at least one example in {where}, found none")
    parts = list(_chunks(found, roles.light, where)) if roles.light else []
    columns = {name: np.concatenate([part[name] for part in parts]) for name in roles.light}
    numbered = labels_in(columns, roles, description.class_names, where=where)
    undecoded = found.select_columns([column]).cast_column(column, type(found.features[column])(decode=False))
    ids = np.arange(n).astype(np.str_) if roles.id is None else columns[roles.id]
    return Listing(
        blobs=[
            BytesBlob(
                where=f"row {row} of {where}",
                stamp=(stamp, column, row),
                fetch=partial(_bytes, undecoded, column, row),
            )
            for row in range(n)
        ],
        labels=numbered.labels,
        ids=[str(name) for name in ids_from(ids, where=where)],
        class_names=numbered.class_names,
        groups=None if roles.group is None else groups_from(columns[roles.group], where=where),
        slices={name: slices_from(columns[name], name=name, where=where) for name in roles.slices},
        notes=numbered.notes,
    )


def _bytes(found: Any, column: str, row: int) -> bytes:
    medium = found[row][column]
    if medium is None or (medium.get("bytes") is None and not medium.get("path")):
        raise ValueError("nothing in this row")
    data: bytes | None = medium.get("bytes")
    return Path(medium["path"]).read_bytes() if data is None else data
