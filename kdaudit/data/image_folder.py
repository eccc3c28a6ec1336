"""Pictures in class folders, `root/<class>/*.jpg|jpeg|png|webp|bmp`, classes and files in ImageFolder's order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from kdaudit.data.blobs import FileBlob, printable
from kdaudit.data.decode import read_pictures
from kdaudit.data.examples import Description, Examples
from kdaudit.data.listing import Listing, alike_names, few
from kdaudit.data.options import DataOptions
from kdaudit.data.pictures import SUFFIXES
from kdaudit.errors import DataError
from kdaudit.protocols import Progress

_SPLITS = frozenset({"train", "training", "val", "valid", "validation", "test"})


def load(location: str, *, cache: Path, options: DataOptions, progress: Progress | None) -> Examples:
    """The examples of the image folder at `location`."""
    root = Path(location)
    description = Description(name=printable(root.resolve().name), kind="image-folder", location=location)
    return read_pictures(folder_listing(root), description, cache=cache, options=options, progress=progress)


def folder_listing(root: Path, suffixes: frozenset[str] = SUFFIXES) -> Listing:
    """The pictures in the class folders of `root`; a class without pictures keeps its number.

    Raises:
        DataError: no class folders, fewer than two classes with pictures, folders of splits in place of classes,
            two class names that look alike.
    """
    where = printable(str(root))
    classes = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not classes:
        raise DataError(
            f"expected one folder per class in {where}, found none",
            hint="put the pictures of class A into A/, those of class B into B/ ...",
        )
    _refuse_splits(classes, where)
    names = tuple(printable(folder.name) for folder in classes)
    notes = list(alike_names(names, where=where))
    loops: list[Path] = []
    by_class = [list(_files(folder, suffixes, loops.append)) for folder in classes]
    used = [name for name, files in zip(names, by_class, strict=True) if files]
    if len(used) < 2:
        raise DataError(
            f"expected at least two class folders with pictures in {where}, found "
            f"{f'only {used[0]}' if used else 'none'}",
            hint=f"known suffixes: {' '.join(sorted(suffixes))}",
        )
    if empty := [name for name, files in zip(names, by_class, strict=True) if not files]:
        notes.append(
            f"{len(empty)} class folders have no pictures and keep their numbers: {few(empty)}; remove those that are "
            "no classes"
        )
    if loops:
        found = sorted(printable(path.relative_to(root).as_posix()) for path in loops)
        notes.append(f"{len(found)} links lead back into a folder above them and are left out: {few(found)}")
    files = [path for paths in by_class for path in paths]
    return Listing(
        blobs=[FileBlob(str(path.absolute())) for path in files],
        labels=np.repeat(np.arange(len(classes), dtype=np.int64), [len(paths) for paths in by_class]),
        ids=[printable(path.relative_to(root).as_posix()) for path in files],
        class_names=names,
        notes=tuple(notes),
    )


def _refuse_splits(classes: Sequence[Path], where: str) -> None:
    if all(
        folder.name.lower() in _SPLITS and any(p.is_dir() for p in folder.iterdir()) for folder in classes
    ):
        raise DataError(
            f"expected one folder per class in {where}, found those of splits: {few([p.name for p in classes])}",
            hint=f"name one of them: {where}/{classes[-1].name}",
        )


def _files(folder: Path, suffixes: frozenset[str], loop: Callable[[Path], object]) -> Iterator[Path]:
    """Files in torchvision's order; `loop` is told of links to folders above them, which are not followed."""
    above: dict[str, tuple[tuple[int, int], ...]] = {
        str(folder): (_identity(folder.parent), _identity(folder))
    }
    found: list[tuple[str, list[str]]] = []
    for parent, folders, names in os.walk(folder, followlinks=True):
        for name in list(folders):
            path = Path(parent) / name
            if (identity := _identity(path)) in above[parent]:
                folders.remove(name)
                loop(path)
            else:
                above[str(path)] = (*above[parent], identity)
        found.append((parent, names))
    for parent, names in sorted(found):
        for name in sorted(names):
            if not name.startswith(".") and Path(name).suffix.lower() in suffixes:
                yield Path(parent) / name


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return (status.st_dev, status.st_ino)
