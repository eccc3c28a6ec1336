"""Which output of a model stands for which class of the data, where that is not simply the n-th for the n-th."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from kdaudit.errors import SpecError
from kdaudit.types import LabelMap

_HINT = (
    "one entry for each output of the model, in order: the number or the name of its class, or null, "
    'e.g. [null, 0, 1, "cat"]'
)


def read_label_map(path: Path, class_names: Sequence[str]) -> LabelMap:
    """The label map in a JSON file: a list with, for each output, the class that it stands for, or null.

    Args:
        path: the file.
        class_names: of the data, by number; empty where they are not known.

    Raises:
        SpecError: no such list, an unknown name, a class twice, or one without an output.
    """
    columns: dict[int, int] = {}
    entries = _entries(path)
    for column, entry in enumerate(entries):
        if entry is None:
            continue
        number = _number(entry, class_names, path)
        if number in columns:
            raise SpecError(f"expected each class once in {path}, found {entry!r} twice", hint=_HINT)
        columns[number] = column
    n_classes = len(class_names) or len(columns)
    missing = sorted(set(range(n_classes)) - columns.keys())
    if missing or len(columns) < 2 or max(columns) >= n_classes:
        found = f"none for {missing[0]}" if missing else f"{len(columns)} of {n_classes}"
        raise SpecError(
            f"expected an output for every class of the data in {path}, found {found}", hint=_HINT
        )
    return LabelMap(columns=tuple(columns[c] for c in range(n_classes)), n_outputs=len(entries))


def _entries(path: Path) -> list[object]:
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except OSError as failure:
        raise SpecError(f"expected a label map at {path}, found: {failure.strerror}", hint=_HINT) from failure
    except ValueError as failure:
        raise SpecError(f"expected JSON in the label map {path}, found: {failure}", hint=_HINT) from failure
    if not isinstance(entries, list):
        raise SpecError(
            f"expected a JSON list in the label map {path}, found {type(entries).__name__}", hint=_HINT
        )
    return entries


def _number(entry: object, class_names: Sequence[str], path: Path) -> int:
    if isinstance(entry, int) and not isinstance(entry, bool) and entry >= 0:
        return entry
    if isinstance(entry, str) and entry in class_names:
        return list(class_names).index(entry)
    known = f"a name of {', '.join(class_names[:3])}, ..." if class_names else "the data names no classes"
    raise SpecError(f"expected a class number, {known} or null in {path}, found {entry!r}", hint=_HINT)
