"""Labels, ids, groups and class names as they were saved, checked and turned into the stored form."""

from __future__ import annotations

from collections import Counter

import numpy as np
import numpy.typing as npt

from kdaudit.errors import DataError
from kdaudit.types import UNLABELLED, AnyArray, Int64


def labels_from(y: AnyArray, class_names: tuple[str, ...], *, where: str) -> Int64:
    """Labels (n,) int64 from whole numbers, or from names that `class_names` numbers.

    Whole numbers (n, T) are labels of sequences, `UNLABELLED` where nothing is asked.

    Raises:
        DataError: another shape; NaN, fractions, negative numbers, unknown names; a number without a
            name; fewer than two classes.
    """
    if y.ndim not in {1, 2} or (y.ndim == 2 and (y.dtype.kind in "US" or _is_one_hot(y))):
        raise DataError(
            f"expected y of shape (n,), or whole numbers (n, positions) of sequences, in {where}, found {_kind(y)}",
            hint="one-hot or score labels: save y.argmax(axis=1)",
        )
    labels = _numbered(y, class_names, where=where) if y.dtype.kind in "US" else _whole(y, where=where)
    if labels.ndim == 2:
        _require_labels(labels[labels != UNLABELLED], class_names, where=where)
    else:
        _require_labels(labels, class_names, where=where)
    return labels


def _require_labels(labels: Int64, class_names: tuple[str, ...], *, where: str) -> None:
    if len(labels) == 0:
        raise DataError(
            f"expected labels in {where}, found only {UNLABELLED}, which marks places without one"
        )
    if labels.min() < 0:
        i = int(np.flatnonzero(labels < 0)[0])
        raise DataError(
            f"expected labels of 0 or more in {where}, found {labels[i]} at example {i}",
            hint="number the classes 0, 1, 2 ...; leave out examples without a label",
        )
    if class_names and labels.max() >= len(class_names):
        i = int(np.flatnonzero(labels >= len(class_names))[0])
        raise DataError(
            f"expected labels below {len(class_names)}, the number of class_names in {where}, "
            f"found {labels[i]} at example {i}"
        )
    if labels.min() == labels.max():
        raise DataError(
            f"expected at least two classes in {where}, found only {labels[0]}",
            hint="an audit compares answers; with one class there is only one right answer",
        )


def ids_from(ids: AnyArray, *, where: str) -> npt.NDArray[np.str_]:
    """Ids (n,) as text, all different.

    Raises:
        DataError: not (n,) text or whole numbers, or one occurs twice.
    """
    if ids.ndim != 1 or ids.dtype.kind not in "USiu":
        raise DataError(f"expected ids of shape (n,), text or whole numbers, in {where}, found {_kind(ids)}")
    text = _text(ids, what="ids", where=where)
    values, counts = np.unique(text, return_counts=True)
    if counts.max() > 1:
        raise DataError(
            f"expected different ids in {where}, found {str(values[counts.argmax()])!r} more than once"
        )
    return text


def groups_from(groups: AnyArray, *, where: str) -> Int64:
    """Codes (n,) 0, 1, 2 ... of groups that are text or whole numbers, in sorted order.

    Raises:
        DataError: not (n,) text or whole numbers.
    """
    if groups.ndim != 1 or groups.dtype.kind not in "USiu":
        raise DataError(
            f"expected groups of shape (n,), text or whole numbers, in {where}, found {_kind(groups)}",
            hint="one value per example, equal for examples that depend on each other",
        )
    return np.unique(groups, return_inverse=True)[1].astype(np.int64)


def slices_from(column: AnyArray, *, name: str, where: str) -> npt.NDArray[np.str_]:
    """Values (n,) of a slice column as text.

    Raises:
        DataError: not (n,) text, whole numbers or booleans.
    """
    if column.ndim != 1 or column.dtype.kind not in "USiub":
        raise DataError(
            f"expected the slice column {name} of {where} to be text or whole numbers of shape (n,), "
            f"found {_kind(column)}",
            hint="put continuous values into bins first",
        )
    return _text(column, what=name, where=where)


def names_from(names: AnyArray, *, what: str, where: str) -> tuple[str, ...]:
    """Names of classes or features, all different.

    Raises:
        DataError: not text of one axis, or a name occurs twice.
    """
    if names.ndim != 1 or names.dtype.kind not in "US":
        raise DataError(f"expected {what} to be text of one axis in {where}, found {_kind(names)}")
    found = tuple(str(name) for name in _text(names, what=what, where=where))
    twice = sorted(name for name, count in Counter(found).items() if count > 1)
    if twice:
        raise DataError(f"expected different {what} in {where}, found {twice[0]!r} more than once")
    return found


def texts_from(texts: AnyArray, *, where: str) -> npt.NDArray[np.str_]:
    """What examples are shown as, (n,) text.

    Raises:
        DataError: not (n,) text.
    """
    if texts.ndim != 1 or texts.dtype.kind not in "US":
        raise DataError(f"expected texts to be text of shape (n,) in {where}, found {_kind(texts)}")
    return _text(texts, what="texts", where=where)


def _whole(y: AnyArray, *, where: str) -> Int64:
    if y.dtype.kind not in "iubf":
        raise DataError(f"expected whole numbers or names in y of {where}, found {y.dtype}")
    values = y.astype(np.float64)
    wrong = np.flatnonzero(~np.isfinite(values) | (values != np.floor(values)))
    if len(wrong):
        raise DataError(
            f"expected whole numbers in y of {where}, found {values[wrong[0]]} at example {wrong[0]}",
            hint="leave out examples without a label",
        )
    return y.astype(np.int64)


def _numbered(y: AnyArray, class_names: tuple[str, ...], *, where: str) -> Int64:
    if not class_names:
        raise DataError(
            f"expected class_names beside the names in y of {where}, found none",
            hint="save class_names in the order of the models' outputs, or save y as numbers",
        )
    codes = {name: i for i, name in enumerate(class_names)}
    names = _text(y, what="y", where=where)
    for i, name in enumerate(names):
        if name not in codes:
            raise DataError(
                f"expected the names in y of {where} to be class_names, found {str(name)!r} at example {i}"
            )
    return np.asarray([codes[name] for name in names], dtype=np.int64)


def _text(values: AnyArray, *, what: str, where: str) -> npt.NDArray[np.str_]:
    try:
        return values.astype(np.str_)
    except UnicodeDecodeError as failure:
        raise DataError(
            f"expected {what} of {where} to be text, found bytes that are not ASCII",
            hint="save them as str, not as bytes",
        ) from failure


def _is_one_hot(y: AnyArray) -> bool:
    """Whether each row (n, C) marks one class: scores of classes, and no labels of positions."""
    return y.shape[1] > 1 and bool(np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all())


def _kind(array: AnyArray) -> str:
    return f"{array.dtype} {array.shape}"
