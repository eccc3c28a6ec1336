"""ImageNet's classes: numbered by their WordNet ids in order, named by the files beside the pictures."""

from __future__ import annotations

import csv
import io
import re
import tarfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from kdaudit.data.table_files import text_lines
from kdaudit.errors import DataError

WNID = re.compile(r"n\d{8}")
_DEVKIT = "ILSVRC2012_devkit_t12"
_TRUTH, _META = "ILSVRC2012_validation_ground_truth.txt", "meta.mat"
_MAPPING, _SOLUTION = "LOC_synset_mapping.txt", "LOC_val_solution.csv"
_SYNSET_FILES = ("imagenet_2012_validation_synset_labels.txt", "val_synsets.txt", "val.txt")
LABEL_FILES = f"{_DEVKIT}.tar.gz (or {_TRUTH} and {_META}), {_SOLUTION}, {', '.join(_SYNSET_FILES)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationLabels:
    """The WordNet id of each validation picture, by its name without a suffix, and the file that says so."""

    wnids: Mapping[str, str]
    source: str


def validation_labels(folders: Sequence[Path]) -> ValidationLabels | None:
    """The labels in the first file that is known and lies in one of the folders.

    The development kit numbers classes by an order of its own (1 to 1000, not that of the sorted WordNet ids):
    its numbers are looked up in its meta.mat.

    Raises:
        DataError: a file is damaged.
    """
    for folder in folders:
        if (folder / _SOLUTION).is_file():
            return ValidationLabels(wnids=_solution(folder / _SOLUTION), source=_SOLUTION)
        if (kit := _devkit(folder)) is not None:
            return ValidationLabels(wnids=_ground_truth(kit), source=f"{_TRUTH} and {_META}")
        for name in _SYNSET_FILES:
            if (folder / name).is_file():
                return ValidationLabels(wnids=_synset_file(folder / name), source=name)
    return None


def class_names(wnids: Sequence[str], folders: Sequence[Path]) -> tuple[str, ...]:
    """A name for each of these classes, from the first mapping file in one of the folders; else the ids themselves.

    Two classes are called crane: where names repeat, the id stands behind them.
    """
    names: dict[str, str] = {}
    for folder in folders:
        if (folder / _MAPPING).is_file():
            names = _mapping(folder / _MAPPING)
        elif (kit := _devkit(folder)) is not None:
            names = dict(_synsets(kit).values())
        if names:
            break
    short = [names.get(wnid, wnid).split(",")[0].strip() for wnid in wnids]
    times = Counter(short)
    return tuple(
        name if times[name] == 1 else f"{name} ({wnid})" for name, wnid in zip(short, wnids, strict=True)
    )


@dataclass(frozen=True, slots=True)
class _Kit:
    """A development kit: its folder, or the archive that it came in, from which only two members are read."""

    path: Path

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        if self.path.is_dir():
            with (self.path / name).open("rb") as stream:
                yield stream
            return
        try:
            with tarfile.open(self.path) as archive:
                member = next(m for m in archive if m.isreg() and m.name.endswith(f"data/{name}"))
                content = archive.extractfile(member)
                yield io.BytesIO(content.read() if content is not None else b"")
        except (tarfile.TarError, EOFError, OSError, StopIteration) as failure:
            raise DataError(
                f"expected {name} in {self.path}, found: {failure or 'no such member'}", hint="fetch it again"
            ) from failure


def _kit_folders(folder: Path) -> tuple[Path, ...]:
    """Where in a folder a development kit's files may lie."""
    return (folder, folder / "data", folder / _DEVKIT / "data")


def half_a_kit(folders: Sequence[Path]) -> str:
    """What is missing where one of the development kit's two files lies without the other; '' elsewhere."""
    for folder in folders:
        for data in _kit_folders(folder):
            there = [name for name in (_TRUTH, _META) if (data / name).is_file()]
            if len(there) == 1:
                return f"{there[0]} without {_META if there[0] == _TRUTH else _TRUTH}"
    return ""


def _devkit(folder: Path) -> _Kit | None:
    for data in _kit_folders(folder):
        if (data / _META).is_file() and (data / _TRUTH).is_file():
            return _Kit(data)
    archive = folder / f"{_DEVKIT}.tar.gz"
    return _Kit(archive) if archive.is_file() else None


def _synsets(kit: _Kit) -> dict[int, tuple[str, str]]:
    """WordNet id and words of each of the kit's numbers."""
    from scipy.io import loadmat

    try:
        with kit.open(_META) as stream:
            table = loadmat(stream, squeeze_me=True)["synsets"]
        leaves = [row for row in table if int(row["num_children"]) == 0]
        return {int(row["ILSVRC2012_ID"]): (str(row["WNID"]), str(row["words"])) for row in leaves}
    except (KeyError, IndexError, ValueError, TypeError, NotImplementedError) as failure:
        raise DataError(
            f"expected ImageNet's synsets in {_META} of {kit.path}, found: {failure}", hint="fetch it again"
        ) from failure


def _ground_truth(kit: _Kit) -> dict[str, str]:
    synsets = _synsets(kit)
    with kit.open(_TRUTH) as stream:
        numbers = stream.read().decode("ascii", "replace").split()
    found = {}
    for i, number in enumerate(numbers, start=1):
        if not number.isdecimal() or int(number) not in synsets:
            raise DataError(
                f"expected a class number of {_META} in line {i} of {_TRUTH} in {kit.path}, found {number[:20]!r}"
            )
        found[_picture(i)] = synsets[int(number)][0]
    return found


def _solution(path: Path) -> dict[str, str]:
    """Kaggle's `ImageId,PredictionString`: "ILSVRC2012_val_00048981,n03995372 85 1 499 272"."""
    rows = list(csv.reader(text_lines(path)))
    return {row[0]: _wnid(row[1].split(), path, i) for i, row in enumerate(rows[1:], start=2) if len(row) > 1}


def _synset_file(path: Path) -> dict[str, str]:
    """A WordNet id a line in the pictures' order, or the picture's name before it."""
    found = {}
    for i, line in enumerate(text_lines(path), start=1):
        words = line.split()
        if words:
            name = Path(words[0]).stem if len(words) > 1 else _picture(i)
            found[name] = _wnid(words[-1:], path, i)
    return found


def _wnid(words: Sequence[str], path: Path, line: int) -> str:
    if not words or not WNID.fullmatch(words[0]):
        raise DataError(
            f"expected a WordNet id such as n01440764 in line {line} of {path}, found {' '.join(words)[:40]!r}",
            hint="numbers alone do not say which order they are in",
        )
    return words[0]


def _mapping(path: Path) -> dict[str, str]:
    pairs = (line.strip().partition(" ") for line in text_lines(path))
    return {wnid: words for wnid, _, words in pairs if WNID.fullmatch(wnid)}


def _picture(i: int) -> str:
    return f"ILSVRC2012_val_{i:08d}"
