"""sha256 of files, arrays and records: the names of artefacts and the keys of the cache."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np

from kdaudit.errors import KDAuditError
from kdaudit.types import AnyArray

_CHUNK_BYTES = 1 << 22


def file_digest(path: Path, *, error: type[KDAuditError], what: str) -> str:
    """sha256 hex of a file's bytes.

    Raises:
        error: the file is not there, is a folder or cannot be read; `what` says which file was expected.
    """
    if not path.exists():
        raise error(f"expected {what} at {path}, found nothing there", hint="check the path")
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as failure:
        raise error(f"expected {what} at {path} to be readable, found: {failure.strerror}") from failure


def begun_digest(dtype: np.dtype[np.generic], shape: tuple[int, ...]) -> hashlib._Hash:
    """What `array_digest` of such an array begins with; its C-ordered bytes are to follow."""
    return hashlib.sha256(f"{dtype.str}{shape}".encode())


def array_digest(array: AnyArray) -> str:
    """sha256 hex of dtype, shape and C-ordered bytes; streams large arrays by rows."""
    digest = begun_digest(array.dtype, array.shape)
    if array.ndim == 0:
        digest.update(array.tobytes())
        return digest.hexdigest()
    row_bytes = max(1, array[:1].nbytes)
    step = max(1, _CHUNK_BYTES // row_bytes)
    for start in range(0, len(array), step):
        digest.update(np.ascontiguousarray(array[start : start + step]).tobytes())
    return digest.hexdigest()


def npy_digest(path: Path) -> str:
    """`array_digest` of the C-ordered array in an `.npy` file, read and not mapped: mapped pages count as memory."""
    with path.open("rb") as stream:
        read_header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[np.lib.format.read_magic(stream)]
        shape, _, dtype = read_header(stream)
        digest = begun_digest(dtype, shape)
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def record_digest(*parts: object) -> str:
    """sha256 hex of the canonical JSON of records, tuples and plain values."""
    text = json.dumps(
        [_plain(part) for part in parts], sort_keys=True, separators=(",", ":"), allow_nan=False
    )
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(part: object) -> object:
    if dataclasses.is_dataclass(part) and not isinstance(part, type):
        return dataclasses.asdict(part)
    return part
