"""Files of one folder without class folders: examples without labels, in the order of their names."""

from __future__ import annotations

from pathlib import Path

from kdaudit.data.blobs import FileBlob, printable
from kdaudit.data.listing import Listing, few
from kdaudit.data.roles import LABELS_HINT
from kdaudit.errors import DataError


def flat_listing(root: Path, suffixes: frozenset[str], class_names: tuple[str, ...]) -> Listing:
    """The files of known suffixes in `root`; `class_names` name the models' outputs.

    Raises:
        DataError: there are none, or folders, which would be classes.
    """
    where = printable(str(root))
    there = sorted(path for path in root.iterdir() if not path.name.startswith("."))
    if folders := [printable(path.name) for path in there if path.is_dir()]:
        raise DataError(
            f"expected no labels in {where}, as --unlabelled says, found class folders: {few(folders)}",
            hint=f"{LABELS_HINT}; if they are no classes, put all files into one folder",
        )
    files = [path for path in there if path.suffix.lower() in suffixes]
    if not files:
        raise DataError(
            f"expected pictures or sounds in {where}, found none",
            hint=f"known suffixes: {' '.join(sorted(suffixes))}",
        )
    return Listing(
        blobs=[FileBlob(str(path.absolute())) for path in files],
        labels=None,
        ids=[printable(path.name) for path in files],
        class_names=class_names,
    )
