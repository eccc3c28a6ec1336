"""Pictures in class folders, `root/<class>/*.jpg|jpeg|png|webp|bmp`, classes and files in ImageFolder's order."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from kdaudit.data.blobs import FileBlob, printable
from kdaudit.data.decode import read_pictures
from kdaudit.data.examples import Description, Examples
from kdaudit.data.flat_folder import flat_listing
from kdaudit.data.listing import Listing, alike_names, few
from kdaudit.data.pictures import SUFFIXES
from kdaudit.data.request import Request
from kdaudit.data.roles import NO_LABELS_HINT
from kdaudit.errors import DataError
from kdaudit.numerics import plural

_EMPTY = (
    "class folder has no pictures and keeps its number",
    "class folders have no pictures and keep their numbers",
)
_ASIDE = frozenset({"__MACOSX", "@eaDir", "lost+found"})
_SPLITS = frozenset({"train", "training", "val", "valid", "validation", "test"})


def load(location: str, request: Request) -> Examples:
    """The examples of the image folder at `location`: its class folders, or without labels its own pictures."""
    root = Path(location)
    description = Description(name=printable(root.resolve().name), kind="image-folder", location=location)
    names = request.options.class_names or ()
    listing = flat_listing(root, SUFFIXES, names) if request.options.unlabelled else folder_listing(root)
    return read_pictures(listing, description, request)


def folder_listing(root: Path, suffixes: frozenset[str] = SUFFIXES) -> Listing:
    """The pictures in the class folders of `root`; a class without pictures keeps its number.

    Raises:
        DataError: no class folders, fewer than two classes with pictures, folders of splits in place of classes,
            two class names that look alike.
    """
    where = printable(str(root))
    classes = sorted(path for path in root.iterdir() if path.is_dir() and not _is_aside(path.name))
    if not classes:
        raise DataError(
            f"expected one folder per class in {where}, found none",
            hint="these are ImageNet's pictures: say --data imagenet-val --data-root DIR, with a file of their classes "
            "in DIR (kdaudit data ls imagenet-val)"
            if any(root.glob("ILSVRC2012_val_*"))
            else f"put the pictures of class A into A/, those of class B into B/ ...; {NO_LABELS_HINT}",
        )
    _refuse_splits(classes, where)
    names = tuple(printable(folder.name) for folder in classes)
    notes = list(alike_names(names, where=where))
    passed = _PassedOver(
        loose=[path for path in root.iterdir() if path.is_file() and _is_one(path, suffixes)]
    )
    by_class = [list(_files(folder, suffixes, passed)) for folder in classes]
    used = [name for name, files in zip(names, by_class, strict=True) if files]
    if len(used) < 2:
        raise DataError(
            f"expected at least two class folders with pictures in {where}, found "
            f"{f'only {used[0]}' if used else 'none'}",
            hint=f"known suffixes: {' '.join(sorted(suffixes))}",
        )
    if empty := [name for name, files in zip(names, by_class, strict=True) if not files]:
        notes.append(f"{plural(len(empty), *_EMPTY)}: {few(empty)}; remove those that are no classes")
    notes += passed.notes(root)
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
            hint=f"name one of them: {' or '.join(f'{where}/{folder.name}' for folder in classes)}",
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _PassedOver:
    """What lies in a folder and is no example; hidden files are not worth a word."""

    loose: list[Path]
    loops: list[Path] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)

    def notes(self, root: Path) -> Iterator[str]:
        """A sentence for each kind, with the first names."""
        for found, one, several in (
            (
                self.loops,
                "link leads back into a folder above it and is",
                "links lead back into a folder above them and are",
            ),
            (
                self.others,
                "file in a class folder has another suffix and is",
                "files in class folders have other suffixes and are",
            ),
            (self.loose, "file lies in no class folder and is", "files lie in no class folder and are"),
        ):
            if found:
                names = sorted(printable(path.relative_to(root).as_posix()) for path in found)
                yield f"{plural(len(names), one, several)} left out: {few(names)}"


def _is_aside(name: str) -> bool:
    """Hidden folders, and those that macOS's archives, Synology's and Linux's disks put beside the others."""
    return name.startswith(".") or name in _ASIDE


def _is_one(path: Path, suffixes: frozenset[str]) -> bool:
    return not path.name.startswith(".") and path.suffix.lower() in suffixes


def _files(folder: Path, suffixes: frozenset[str], passed: _PassedOver) -> Iterator[Path]:
    """Files in torchvision's order; links to folders above them are not followed."""
    above: dict[str, tuple[tuple[int, int], ...]] = {
        str(folder): (_identity(folder.parent), _identity(folder))
    }
    found: list[tuple[str, list[str]]] = []
    for parent, folders, names in os.walk(folder, followlinks=True):
        for name in list(folders):
            path = Path(parent) / name
            if name in _ASIDE:
                folders.remove(name)
            elif (identity := _identity(path)) in above[parent]:
                folders.remove(name)
                passed.loops.append(path)
            else:
                above[str(path)] = (*above[parent], identity)
        found.append((parent, names))
    for parent, names in sorted(found):
        for name in sorted(names):
            path = Path(parent) / name
            if _is_one(path, suffixes):
                yield path
            elif not name.startswith("."):
                passed.others.append(path)


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return (status.st_dev, status.st_ino)
