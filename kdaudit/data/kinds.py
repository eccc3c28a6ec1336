"""Which source reads a location: by what is there, and by its first bytes rather than its name."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from kdaudit.data.named import DATA_SETS, NAMED
from kdaudit.data.npy_files import MAGIC, is_npy_folder
from kdaudit.data.python_object import is_code
from kdaudit.data.saved_dataset import is_saved_dataset
from kdaudit.data.shards import is_pattern
from kdaudit.data.sound_folder import is_sound_folder
from kdaudit.errors import DataError

_ARRAYS = (b"PK\x03\x04", b"PK\x05\x06", MAGIC)
_GZIP = b"\x1f\x8b"
_TAR, _TAR_AT = b"ustar", 257


def source_kind(location: str) -> str:
    """The key of `SOURCES` that reads `location`: a known name, what is there, a pattern of shards or code.

    Raises:
        DataError: it is none of them.
    """
    if location in NAMED:
        return "named"
    path = Path(location)
    if path.is_dir():
        return _of_folder(path)
    if path.is_file():
        return _of_file(path)
    if is_pattern(location):
        return "shards"
    if is_code(location):
        return "python-object"
    nearest = get_close_matches(location, NAMED, n=1)
    raise DataError(
        f"expected a file, a folder, a pattern of shards, module:callable or a known name, found nothing at {location}",
        hint=f"did you mean {nearest[0]}?" if nearest else f"known names: {', '.join(DATA_SETS)}",
    )


def _of_folder(path: Path) -> str:
    if is_npy_folder(path):
        return "arrays"
    if is_saved_dataset(path):
        return "saved-dataset"
    if any(path.glob("*.tar")) and not any(entry.is_dir() for entry in path.iterdir()):
        return "shards"
    return "sound-folder" if is_sound_folder(path) else "image-folder"


def _of_file(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            head = stream.read(_TAR_AT + len(_TAR))
    except OSError as failure:
        raise DataError(f"expected data at {path}, found: {failure.strerror}") from failure
    if head.startswith(_ARRAYS) or path.suffix == ".npz":
        return "arrays"
    is_tar = head[_TAR_AT:] == _TAR or path.suffix == ".tar" or head.startswith(_GZIP)
    return "shards" if is_tar else "table"
