"""`.npy` files beside each other, `x.npy` and `y.npy` and whatever else an `.npz` may hold, read as one is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from kdaudit.data.roles import NO_LABELS_HINT
from kdaudit.errors import DataError

MAGIC = b"\x93NUMPY"
_X = re.compile(r"(?<![A-Za-z])[xX](?![A-Za-z])")
_HINT = "save inputs as x.npy and labels as y.npy in one folder, or as x_test.npy and y_test.npy"


@dataclass(slots=True)
class _Member:
    """An array as it is stored."""

    file_size: int


class NpyFiles:
    """The files by name, as a zip archive would give them."""

    def __init__(self, paths: Mapping[str, Path]) -> None:
        self.paths = paths

    def namelist(self) -> Sequence[str]:
        """As an `.npz` names its members."""
        return [f"{name}.npy" for name in self.paths]

    def infolist(self) -> Sequence[_Member]:
        """Their sizes."""
        return [self.getinfo(name) for name in self.namelist()]

    def getinfo(self, name: str, /) -> _Member:
        """The size of one."""
        return _Member(self.paths[name[:-4]].stat().st_size)

    def open(self, name: str, /) -> IO[bytes]:
        """The bytes of one."""
        return self.paths[name[:-4]].open("rb")


def is_npy_folder(folder: Path) -> bool:
    """Whether a folder holds `.npy` files for labels or inputs."""
    return (folder / "y.npy").is_file() or (folder / "x.npy").is_file()


def npy_files(path: Path, columns: Sequence[str], *, unlabelled: bool) -> NpyFiles:
    """All files of a folder, or `path`, named after `x`, with those of `columns` that are named alike.

    Raises:
        DataError: there is no such file of labels, and not `unlabelled`.
    """
    if path.is_dir():
        return NpyFiles({file.stem: file for file in sorted(path.glob("*.npy"))})
    paths = {"x": path}
    for name in columns:
        for spelled in (name, name.upper()):
            other = path.with_name(_X.sub(spelled, path.name, count=1))
            if other.is_file() and other != path:
                paths.setdefault(name, other)
    if "y" not in paths and not unlabelled:
        raise DataError(
            f"expected labels beside the inputs in {path}, found no file of them",
            hint=f"{_HINT}; {NO_LABELS_HINT}",
        )
    return NpyFiles(paths)
