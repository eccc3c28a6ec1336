"""Zip archives that torch writes: which kind one is, and what its files say, without running anything of it."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kdaudit.errors import ModelError

_CODE_BYTES = 64 << 20
_CUT_OFF = "the file is cut off or damaged; save or copy it again"


class Archive:
    """The members of a torch archive by their names below its one folder."""

    def __init__(self, file: zipfile.ZipFile, path: Path) -> None:
        self._file = file
        self._path = path
        names = file.namelist()
        self._folder = names[0].split("/")[0] if names else ""
        self.names = tuple(name.removeprefix(f"{self._folder}/") for name in names)
        # Readers could disagree about which of two members of one name is meant.
        if len(set(names)) != len(names) or any(name.split("/")[0] != self._folder for name in names):
            raise ModelError(
                f"expected an archive with one folder of differently named files, found another in {path}",
                hint="save the network again with torch",
            )

    def read(self, name: str) -> bytes:
        """The bytes of a member.

        Raises:
            ModelError: it is not there or damaged.
        """
        try:
            return self._file.read(f"{self._folder}/{name}")
        except (
            KeyError,
            OSError,
            zipfile.BadZipFile,
            RuntimeError,
            EOFError,
            NotImplementedError,
        ) as failure:
            raise ModelError(f"expected {name} in {self._path}, found: {failure}", hint=_CUT_OFF) from failure

    def text(self, name: str) -> str:
        """A member as text."""
        try:
            return self.read(name).decode("utf-8")
        except UnicodeDecodeError as failure:
            raise ModelError(
                f"expected text in {name} of {self._path}, found: {failure}", hint=_CUT_OFF
            ) from failure

    def document(self, name: str) -> object:
        """A member that is a JSON document."""
        try:
            return json.loads(self.text(name))
        except (ValueError, RecursionError) as failure:
            raise ModelError(
                f"expected JSON in {name} of {self._path}, found: {failure}", hint=_CUT_OFF
            ) from failure


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """A torch archive, to be read.

    Raises:
        ModelError: it is damaged, or its names are not those of one folder.
    """
    try:
        file = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as failure:
        raise ModelError(f"expected a torch archive in {path}, found: {failure}", hint=_CUT_OFF) from failure
    with file:
        yield Archive(file, path)


def is_archive(path: Path) -> bool:
    """Whether a file is a zip archive, whole or damaged."""
    try:
        return zipfile.is_zipfile(path)
    except zipfile.BadZipFile:
        return True


def members(path: Path) -> list[str]:
    """The names in an archive that holds no more than its own bytes.

    torch compresses nothing but TorchScript's code, and unpacks what others have compressed: a few bytes into all of
    the memory.

    Raises:
        ModelError: it is damaged, or compressed.
    """
    try:
        with zipfile.ZipFile(path) as file:
            found = file.infolist()
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError) as failure:
        raise ModelError(f"expected a torch archive in {path}, found: {failure}", hint=_CUT_OFF) from failure
    size, n_code = path.stat().st_size, sum(info.file_size for info in found if "/code/" in info.filename)
    n_bytes = sum(info.file_size for info in found) - n_code
    if n_bytes > size or n_code > _CODE_BYTES:
        raise ModelError(
            f"expected an uncompressed archive in {path}, found {n_bytes + n_code} bytes packed into {size}",
            hint="save it with torch.save, which compresses nothing",
        )
    return [info.filename for info in found]


def archive_kind(path: Path) -> str:
    """'torchscript', 'exported', or 'pickle' for what torch.save writes.

    Raises:
        ModelError: the archive is of none of these kinds.
    """
    roots = set(members(path))
    names = {name.partition("/")[2] for name in roots}
    if "archive_format" in names and any(name.startswith("models/") for name in names):
        return "exported"
    if "archive_format" in names or "serialized_exported_program.json" in roots:
        raise ModelError(
            f"expected a program saved by torch.export of torch 2.8 or newer in {path}, found another archive of it",
            hint="compiled packages and older files cannot be loaded: save the exported program again",
        )
    if "constants.pkl" in names and any(name.startswith("code/") for name in names):
        return "torchscript"
    if "data.pkl" in names:
        return "pickle"
    raise ModelError(
        f"expected ONNX, weights, TorchScript or an exported program in {path}, found another zip archive",
        hint="save model.state_dict() with torch.save, or export the model to ONNX",
    )
