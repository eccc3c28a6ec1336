"""An `.npz` file, or `.npy` files beside each other: `x`, or one array per model input by its name, and `y`.

Without labels there is no `y`. Optional are ids, groups and class_names.
For the report also texts (n,), feature_names (features,) or sample_rate (1,): how examples are shown.

It is extracted once into the cache, member by member, without being read into memory and without pickle.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from kdaudit.data.cache import cached_examples, require_space, take_space
from kdaudit.data.columns import groups_from, ids_from, labels_from, names_from, slices_from, texts_from
from kdaudit.data.examples import FORMAT_VERSION, Description, Examples, input_path, write_examples
from kdaudit.data.npy_files import MAGIC, NpyFiles, npy_files
from kdaudit.data.npz import HINT, Archive, Header, header_of, opened_npz, read_array, require_size
from kdaudit.data.options import DataOptions, preprocess_for
from kdaudit.data.request import Request
from kdaudit.data.roles import LABELS_HINT, NO_LABELS_HINT
from kdaudit.digest import file_digest, record_digest
from kdaudit.errors import DataError, SpecError
from kdaudit.types import AnyArray

_WHOLE = ("class_names", "feature_names", "sample_rate")
_COLUMNS = ("y", "ids", "groups", "texts", *_WHOLE)
_CHUNK_BYTES = 1 << 22


def load(location: str, request: Request) -> Examples:
    """The examples of the `.npz` file, or of the `.npy` files, at `location`.

    uint8 inputs are divided by 255, then mean and std are applied if given. float64 is stored as float32;
    whole numbers other than uint8 are tokens and pass through.

    Raises:
        DataError: the file cannot be read, would need pickle, or its arrays cannot be examples.
        SpecError: an option does not fit the arrays.
    """
    options = request.options
    if options.image_size is not None:
        raise SpecError(
            f"expected no --image-size with {location}, found {options.image_size}",
            hint="pictures in arrays are used in the size in which they were saved",
        )
    path = Path(location)
    with _opened(path, options) as archive:
        files = [path] if isinstance(archive, zipfile.ZipFile) else list(archive.paths.values())
    sha256 = [(file.name, file_digest(file, error=DataError, what="an array file")) for file in files]
    key = record_digest(
        "arrays",
        FORMAT_VERSION,
        sha256,
        location,
        (options.mean, options.std, options.slices, options.class_names, options.unlabelled),
    )
    return cached_examples(request.cache, key, lambda folder: _extract(path, folder, location, options))


@contextmanager
def _opened(path: Path, options: DataOptions) -> Iterator[zipfile.ZipFile | NpyFiles]:
    """The arrays of an `.npz`, of a folder of `.npy` files, or of one of them and those named alike."""
    if path.is_dir():
        yield npy_files(path, (), unlabelled=options.unlabelled)
        return
    with path.open("rb") as stream:
        is_npy = stream.read(len(MAGIC)) == MAGIC
    if is_npy:
        yield npy_files(path, (*_COLUMNS, *options.slices), unlabelled=options.unlabelled)
        return
    with opened_npz(path) as archive:
        yield archive


def _extract(path: Path, folder: Path, location: str, options: DataOptions) -> None:
    with _opened(path, options) as archive:
        known = (*_COLUMNS, *options.slices)
        headers = _headers(archive, location, known, unlabelled=options.unlabelled)
        inputs = {name: header for name, header in headers.items() if name not in known}
        if isinstance(archive, zipfile.ZipFile):
            require_size(archive, path, location)
        require_space(
            folder, sum(info.file_size for info in archive.infolist()), what=f"the arrays of {location}"
        )
        columns = {name: read_array(archive, name) for name in known if name in headers}
        slices = tuple(name for name in options.slices if name in headers)
        names = (
            names_from(columns["class_names"], what="class_names", where=location)
            if "class_names" in columns
            else options.class_names or ()
        )
        labels = labels_from(columns["y"], names, where=location) if "y" in columns else None
        mixed = len({header.stored == np.uint8 for header in _valued(inputs).values()}) == 2
        for position, (name, header) in enumerate(inputs.items()):
            target = input_path(folder, position)
            with archive.open(f"{name}.npy") as source, target.open("wb") as out:
                shutil.copyfileobj(source, out, _CHUNK_BYTES)
            _convert(target, header, divide=mixed and header.stored == np.uint8)
            _require_finite(target, f"{name} of {location}")
    shapes = {name: header.shape for name, header in _valued(inputs).items()}
    pixels = [name for name, header in inputs.items() if header.stored == np.uint8]
    description = Description(
        name=path.stem,
        kind="arrays",
        location=location,
        inputs=tuple(inputs),
        columns=slices,
        class_names=names,
        preprocess=preprocess_for(shapes, options, uint8=bool(pixels) and not mixed),
        assumptions=tuple(_assumptions(inputs)),
        feature_names=_feature_names(columns, inputs, location),
        sample_rate=_sample_rate(columns, location),
    )
    write_examples(
        folder,
        description,
        labels=labels,
        ids=ids_from(columns["ids"], where=location) if "ids" in columns else None,
        groups=groups_from(columns["groups"], where=location) if "groups" in columns else None,
        slices=[slices_from(columns[name], name=name, where=location) for name in slices],
        texts=texts_from(columns["texts"], where=location) if "texts" in columns else None,
    )


def _feature_names(columns: dict[str, AnyArray], inputs: dict[str, Header], location: str) -> tuple[str, ...]:
    if "feature_names" not in columns:
        return ()
    names = names_from(columns["feature_names"], what="feature_names", where=location)
    shapes = [header.shape[1:] for header in inputs.values()]
    if shapes != [(len(names),)]:
        raise DataError(
            f"expected one input (n, {len(names)}) in {location}, as feature_names has names, found {shapes}"
        )
    return names


def _sample_rate(columns: dict[str, AnyArray], location: str) -> int | None:
    if "sample_rate" not in columns:
        return None
    rate = columns["sample_rate"]
    if rate.shape != (1,) or rate.dtype.kind not in "iuf" or not rate[0] > 0 or rate[0] % 1:
        raise DataError(
            f"expected sample_rate of {location} to be one whole number above 0, found {rate.tolist()}",
            hint="save it as numpy.array([16000])",
        )
    return int(rate[0])


def _valued(inputs: dict[str, Header]) -> dict[str, Header]:
    """The inputs that are not tokens."""
    return {
        name: header
        for name, header in inputs.items()
        if header.stored.kind == "f" or header.stored == np.uint8
    }


def _assumptions(inputs: dict[str, Header]) -> Iterator[str]:
    for name, header in inputs.items():
        if header.stored == np.uint8:
            yield f"{name} is uint8: divided by 255"
        elif header.stored != header.dtype.newbyteorder("="):
            yield f"{name} is {header.dtype.name}: stored as {header.stored.name}"


def _require_labels_as_said(names: Collection[str], location: str, *, unlabelled: bool) -> None:
    if "y" not in names and not unlabelled:
        raise DataError(
            f"expected labels y in {location}, found {', '.join(names) or 'no array'}",
            hint=f"{HINT}; {NO_LABELS_HINT}",
        )
    if "y" in names and unlabelled:
        raise DataError(f"expected no labels in {location}, as --unlabelled says, found y", hint=LABELS_HINT)


def _headers(
    archive: Archive, location: str, columns: tuple[str, ...], *, unlabelled: bool
) -> dict[str, Header]:
    """The header of every array, after checking all that headers can tell; `columns` are no inputs."""
    names = dict.fromkeys(name[:-4] for name in archive.namelist() if name.endswith(".npy"))
    _require_labels_as_said(names, location, unlabelled=unlabelled)
    if names.keys() <= set(columns):
        raise DataError(
            f"expected x, or one array per model input, in {location}, found {', '.join(names)}", hint=HINT
        )
    headers = {name: header_of(archive, name, location, is_input=name not in columns) for name in names}
    first = "y" if "y" in headers else next(name for name in headers if name not in columns)
    n = headers[first].shape[0]
    for name, header in headers.items():
        if name not in _WHOLE and header.shape[0] != n:
            raise DataError(
                f"expected {n} examples in {name} of {location}, as in {first}, found {header.shape[0]}",
                hint=f"every array but {', '.join(_WHOLE)} holds one row per example, in the same order",
            )
    return headers


def _convert(path: Path, header: Header, *, divide: bool) -> None:
    """Rewrites an extracted array in the dtype and order in which it is kept, if it is in another."""
    dtype = np.dtype(np.float32) if divide else header.stored
    if dtype == header.dtype and not header.fortran:
        return
    copy = path.with_suffix(".converted")
    source = np.load(path, mmap_mode="r", allow_pickle=False)
    target = np.lib.format.open_memmap(copy, mode="w+", dtype=dtype, shape=header.shape)
    take_space(copy)
    for rows in _chunks(source):
        with np.errstate(over="ignore"):
            target[rows] = source[rows]
        if divide:
            target[rows] /= 255.0
    target.flush()
    del source, target
    copy.replace(path)


def _require_finite(path: Path, what: str) -> None:
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    if array.dtype.kind != "f":
        return
    for rows in _chunks(array):
        bad = ~np.isfinite(array[rows]).reshape(rows.stop - rows.start, -1).all(axis=1)
        if bad.any():
            raise DataError(
                f"expected finite numbers in {what}, found NaN or infinity in example {rows.start + int(bad.argmax())}",
                hint="a model that is given NaN answers at random",
            )


def _chunks(array: AnyArray) -> Iterator[slice]:
    step = max(1, _CHUNK_BYTES // max(1, array[:1].nbytes))
    for start in range(0, len(array), step):
        yield slice(start, min(start + step, len(array)))
