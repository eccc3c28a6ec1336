"""Which column is what, in tables and other sources of named values; and class names where labels are names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kdaudit.data.columns import labels_from
from kdaudit.data.listing import alike_names, few
from kdaudit.data.options import DataOptions
from kdaudit.data.tables import whole_or_text
from kdaudit.errors import DataError, SpecError
from kdaudit.types import AnyArray, Int64, TextForm

_NUMBER = re.compile(r"\s*-?(0|[1-9]\d{0,14})(\.\d*)?\s*")
# What stands beside numbers where one is missing.
_MISSING = frozenset({"", "nan", "na", "n/a", "none", "null"})
LABELS = ("label", "labels", "y", "target")
_IDS = ("id", "ids", "__key__")
_GROUPS = ("group", "groups")
_MEDIA = (
    *("path", "file", "filename", "file_name", "filepath", "image_path", "image", "img"),
    *("audio_path", "audio", "sound"),
)
_TEXTS = ("text", "texts")
# What pandas calls the numbers of the rows that it saves beside the columns.
_ROW_NUMBERS = ("", "Unnamed: 0", "__index_level_0__")
NO_LABELS_HINT = (
    "an audit is about errors, and only labels say what is one; to compare answers alone, say --unlabelled"
)
UNLABELLED_HINT = f"name the column with --label-column; {NO_LABELS_HINT}"
LABELS_HINT = "leave out --unlabelled: labels that are there are never ignored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """Names of the columns by what they are; `medium` holds pictures or sounds, or paths to them.

    `label` is None where there are no labels. `text` is shown; with `encode` it becomes the `inputs`, which are no
    columns then. `row_numbers` are no inputs.
    """

    label: str | None
    id: str | None
    group: str | None
    slices: tuple[str, ...]
    medium: str | None
    text: str | None
    inputs: tuple[str, ...]
    encode: TextForm | None = None
    row_numbers: tuple[str, ...] = ()

    @property
    def read(self) -> tuple[str, ...]:
        """All columns that are looked at."""
        return self.light if self.encode is not None else (*self.light, *self.inputs)

    @property
    def light(self) -> tuple[str, ...]:
        """Columns of one short value an example, all but the inputs."""
        return tuple(filter(None, (self.label, self.id, self.group, *self.slices, self.text)))


def roles_of(names: Sequence[str], options: DataOptions, *, where: str) -> Roles:
    """What the columns `names` are.

    Labels are `label`, `labels`, `y` or `target`, or what `label_column` says, and none where data are `unlabelled`;
    ids, groups and slices by their names.
    Inputs are what `input_columns` names; else the column of pictures or sounds, if there is one; else all others.

    Raises:
        SpecError: an option names a column that is not there, or one twice.
        DataError: there is no label column, or one where there should be none; there is no input.
    """
    # Where evaluation data have no labels, the column is that of the training data.
    own_label = options.label_column if not options.unlabelled or options.label_column in names else None
    stated = (*options.input_columns, *filter(None, (own_label,)))
    if missing := [name for name in stated if name not in names]:
        raise SpecError(
            f"expected a column {missing[0]!r} in {where}, found {few(names, 12)}",
            hint="--input-columns and --label-column name columns as the header does",
        )
    if own_label in options.input_columns:
        raise SpecError(f"expected the label column {own_label!r} to be no input, found it as both")
    label = own_label or _first(LABELS, names, options.input_columns)
    _require_label_as_said(label, names, options, where=where)
    slices = tuple(name for name in options.slices if name in names)
    used = {*slices, *options.input_columns, *filter(None, (label,))}
    id_, group = (_first(known, names, used) for known in (_IDS, _GROUPS))
    media = options.input_columns or names
    medium = _first(_MEDIA, media, {*slices, *filter(None, (label, id_, group))})
    wanted = options.text is not None and len(options.input_columns) == 1
    text = options.input_columns[0] if wanted and not medium else _first(_TEXTS, names, used)
    encode = options.text if text and set(options.input_columns) <= {text} else None
    if encode is not None and not medium and not set(encode.inputs) & set(names):
        return Roles(
            label=label,
            id=id_,
            group=group,
            slices=slices,
            medium=None,
            text=text,
            inputs=encode.inputs,
            encode=encode,
        )
    row_numbers = tuple(name for name in names if name in _ROW_NUMBERS and name not in stated)
    others = [name for name in names if name not in {label, id_, group, text, *slices, *row_numbers}]
    inputs = tuple(options.input_columns or ([medium] if medium else others))
    if not inputs:
        raise DataError(
            f"expected columns of inputs{f' beside {label!r}' if label else ''} in {where}, found {few(names, 12)}",
            hint="text needs a tokenizer: the key tokenizer of [preprocess], or tokenizer.json beside the model; or "
            "save its tokens, as lists of whole numbers in a column such as input_ids"
            if text
            else "name them with --input-columns",
        )
    return Roles(
        label=label,
        id=id_,
        group=group,
        slices=slices,
        medium=medium if medium in inputs else None,
        text=text,
        inputs=inputs,
        row_numbers=() if medium or options.input_columns else row_numbers,
    )


def _require_label_as_said(
    label: str | None, names: Sequence[str], options: DataOptions, *, where: str
) -> None:
    if label is None and not options.unlabelled:
        raise DataError(
            f"expected a column of labels in {where}, found {few(names, 12)}", hint=UNLABELLED_HINT
        )
    if label is not None and options.unlabelled:
        raise DataError(
            f"expected no labels in {where}, as --unlabelled says, found a column {label!r}",
            hint=f"{LABELS_HINT}; if it holds no labels, name the inputs with --input-columns",
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NumberedLabels:
    """Labels (n,) or (n, positions), the classes' names where they are known, and what was taken for granted.

    `labels` are None where there are none.
    """

    labels: Int64 | None
    class_names: tuple[str, ...]
    notes: tuple[str, ...] = ()


def labels_in(
    columns: Mapping[str, AnyArray], roles: Roles, class_names: tuple[str, ...], *, where: str
) -> NumberedLabels:
    """The labels in the columns of these roles as numbers; see `numbered_labels`.

    Raises:
        DataError: they cannot be used.
    """
    if roles.label is None:
        return NumberedLabels(labels=None, class_names=class_names)
    return numbered_labels(columns[roles.label], class_names, where=where)


def numbered_labels(values: AnyArray, class_names: tuple[str, ...], *, where: str) -> NumberedLabels:
    """Labels as numbers; names are numbered as in `class_names`, else in alphabetical order. Text may hold numbers.

    Raises:
        DataError: a label is missing or no class; two names look alike; fewer than two classes.
    """
    if values.dtype.kind == "U" and not set(values.tolist()) <= set(class_names):
        values = _numbers_or_names(values, where=where)
    if class_names or values.dtype.kind not in "US":
        return NumberedLabels(labels=labels_from(values, class_names, where=where), class_names=class_names)
    names = tuple(str(name) for name in np.unique(values))
    if "" in names:
        i = int(np.flatnonzero(values == "")[0])
        raise DataError(
            f"expected a label for each example in {where}, found none for example {i}",
            hint="leave out examples without a label",
        )
    shown = few([f"{i} {name}" for i, name in enumerate(names)])
    notes = (
        f"classes are numbered by their names in alphabetical order ({shown}): --class-names states another order",
        *alike_names(names, where=where),
    )
    return NumberedLabels(labels=labels_from(values, names, where=where), class_names=names, notes=notes)


def _numbers_or_names(values: AnyArray, *, where: str) -> AnyArray:
    """Whole numbers where all of the text is some, as 3, 3.0 (what pandas makes of a column with gaps) or with blanks.

    As names these would be ordered 0.0, 1.0, 10.0, 2.0. The class 007 is a name.

    Raises:
        DataError: all are numbers and some are fractions: those are no classes. Or all but a few, which say that they
            are missing.
    """
    others = [i for i, value in enumerate(values.tolist()) if not _NUMBER.fullmatch(value)]
    if 0 < len(others) < len(values) and all(values[i].strip().lower() in _MISSING for i in others):
        raise DataError(
            f"expected a label for each example in {where}, found {str(values[others[0]])!r} for example {others[0]}",
            hint="leave out examples without a label",
        )
    if others:
        return whole_or_text(values)
    numbers = values.astype(np.float64)
    fractions = np.flatnonzero(numbers != np.floor(numbers))
    if len(fractions):
        i = int(fractions[0])
        raise DataError(
            f"expected classes in {where}, found the label {str(values[i]).strip()} in example {i}",
            hint="labels are whole numbers or names; if these are names, list them with --class-names",
        )
    return numbers.astype(np.int64)


def read_class_names(path: str) -> tuple[str, ...]:
    """The lines of a text file, in the order of the models' outputs.

    Raises:
        SpecError: it cannot be read, is empty or names a class twice.
    """
    try:
        names = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as failure:
        raise SpecError(f"expected a text file of class names at {path}, found: {failure}") from failure
    while names and not names[-1].strip():
        names.pop()
    if len(set(names)) < max(2, len(names)) or "" in names:
        raise SpecError(
            f"expected two or more different class names in {path}, one a line, found {len(names)} lines, "
            f"{len(set(names))} different"
        )
    return tuple(names)


def _first(known: Sequence[str], names: Sequence[str], but: Sequence[str] | set[str]) -> str | None:
    return next((name for name in known if name in names and name not in but), None)
