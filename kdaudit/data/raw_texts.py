"""Named data sets of texts as they are: models take token numbers, which only their own tokenizers make."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kdaudit.data.cache import cached_examples
from kdaudit.data.data_set import DataSet, Split
from kdaudit.data.description import FORMAT_VERSION
from kdaudit.data.examples import Examples
from kdaudit.data.layouts import Layout, Wanted, first_folder
from kdaudit.data.roles import roles_of
from kdaudit.data.stream import write_stream
from kdaudit.data.subset import limited
from kdaudit.data.table_files import text_lines
from kdaudit.digest import array_digest, record_digest
from kdaudit.errors import DataError
from kdaudit.numerics import plural
from kdaudit.types import AnyArray, Int64

_READ_THEM = "kdaudit.data.raw_texts.texts_at gives texts, labels and ids in their order"
_TEXTS_HINT = (
    "name it with the key tokenizer of [preprocess], or keep tokenizer.json beside the model; or save input_ids (and "
    f"attention_mask) with y as .npz or parquet: {_READ_THEM}"
)
_ONE_TEXT_HINT = (
    "cut it into passages of characters and save x (n, positions) with y (n, positions), what comes after each, as "
    f".npz, as examples/shakespeare does: {_READ_THEM}"
)
_TEST_SHARE = 0.1
_CHUNK = 1024


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Texts:
    """Texts in a fixed order with their ids, labels (n,) and class names; one text without labels for characters."""

    ids: tuple[str, ...]
    texts: tuple[str, ...]
    labels: Int64 | None
    class_names: tuple[str, ...]


def texts_at(record: DataSet, split: Split, path: Path) -> Texts:
    """The texts of a named data set in the folder `path`.

    Raises:
        DataError: a file is missing or damaged.
    """
    reader, _ = _READERS[record.layout]
    try:
        found = reader(record, split, path)
    except OSError as failure:
        raise DataError(
            f"expected {record.name}:{split} in {path}, found: {failure.strerror}: {failure.filename}",
            hint=record.get,
        ) from failure
    if not found.texts:
        raise DataError(f"expected texts of {record.name}:{split} in {path}, found none", hint=record.get)
    return found


def _load(wanted: Wanted) -> Examples:
    """The texts as tokens, if a tokenizer is known.

    Raises:
        DataError: none is: whose tokens should they be? Or it is one text without labels.
    """
    found, name = texts_at(wanted.record, wanted.split, wanted.path), wanted.description.name
    asked = wanted.request.options
    form = asked.text
    if form is None or found.labels is None:
        raise DataError(
            "expected token numbers, which a model's own tokenizer makes, found "
            f"{plural(len(found.texts), 'raw text')} of {name} in {wanted.path}",
            hint=_ONE_TEXT_HINT if found.labels is None else _TEXTS_HINT,
        )
    columns = {"id": np.array(found.ids), "text": np.array(found.texts), "label": found.labels}
    index = limited(found.labels, asked.limit)
    rows: dict[str, AnyArray] = {column: values[index] for column, values in columns.items()}
    digest = record_digest([array_digest(values) for values in rows.values()])
    options = replace(asked, input_columns=(), label_column=None, slices=())
    description = replace(wanted.description, class_names=found.class_names)
    return cached_examples(
        wanted.request.cache,
        record_digest("texts", FORMAT_VERSION, name, digest, found.class_names, form),
        lambda folder: write_stream(
            folder,
            ({c: v[i : i + _CHUNK] for c, v in rows.items()} for i in range(0, len(index), _CHUNK)),
            roles=roles_of(tuple(rows), options, where=name),
            description=description,
            options=options,
            progress=wanted.request.progress,
        ),
    )


def _labelled(record: DataSet, rows: Sequence[tuple[str, str, int]]) -> Texts:
    names = record.classes if isinstance(record.classes, tuple) else ()
    return Texts(
        ids=tuple(row[0] for row in rows),
        texts=tuple(row[1] for row in rows),
        labels=np.array([row[2] for row in rows], dtype=np.int64),
        class_names=names,
    )


def _ag_news(record: DataSet, split: Split, path: Path) -> Texts:
    """Class (1 to 4), title, description; a title and its description are one text."""
    rows: list[tuple[str, str, int]] = []
    for i, row in enumerate(csv.reader(text_lines(path / f"{split}.csv"))):
        if i == 0 and not row[0].isdecimal():
            continue
        if len(row) != 3 or row[0] not in {"1", "2", "3", "4"}:
            raise DataError(
                f"expected a class from 1 to 4, a title and a description in row {i + 1} of {path}/{split}.csv"
            )
        rows.append((str(len(rows)), f"{row[1]} {row[2]}", int(row[0]) - 1))
    return _labelled(record, rows)


def _sst2(record: DataSet, split: Split, path: Path) -> Texts:
    """GLUE's `sentence<TAB>label`; its test file has no labels, so the development set is the test."""
    name = "dev.tsv" if split == "test" else "train.tsv"
    rows: list[tuple[str, str, int]] = []
    for i, line in enumerate(text_lines(path / name)):
        text, _, label = line.rstrip("\r\n").rpartition("\t")
        if i == 0:
            continue
        if label not in {"0", "1"}:
            raise DataError(
                f"expected a sentence, a tab and 0 or 1 in line {i + 1} of {path / name}, found {label[:40]!r}"
            )
        rows.append((str(i - 1), text.strip(), int(label)))
    return _labelled(record, rows)


def _imdb(record: DataSet, split: Split, path: Path) -> Texts:
    rows: list[tuple[str, str, int]] = []
    for label, name in enumerate(("neg", "pos")):
        for file in sorted((path / split / name).glob("*.txt")):
            rows.append((f"{name}/{file.name}", "".join(text_lines(file)), label))
    return _labelled(record, rows)


def _shakespeare(record: DataSet, split: Split, path: Path) -> Texts:
    """The last tenth of the characters is the test."""
    text = "".join(text_lines(path / "input.txt"))
    cut = len(text) - int(_TEST_SHARE * len(text) + 0.5)
    part = text[cut:] if split == "test" else text[:cut]
    return Texts(ids=(record.name,), texts=(part,), labels=None, class_names=tuple(sorted(set(text))))


_Reader = Callable[[DataSet, Split, Path], Texts]
# Each with the file that shows that it is there.
_READERS: dict[str, tuple[_Reader, dict[Split, str]]] = {
    "ag-news": (_ag_news, {"test": "test.csv", "train": "train.csv"}),
    "sst2": (_sst2, {"test": "dev.tsv", "train": "train.tsv"}),
    "imdb": (_imdb, {"test": "test/pos", "train": "train/pos"}),
    "tiny-shakespeare": (_shakespeare, {"test": "input.txt", "train": "input.txt"}),
}


def _find(record: DataSet, split: Split, roots: Sequence[Path]) -> Path | None:
    marker = _READERS[record.layout][1][split]
    return first_folder(record, roots, lambda path: (path / marker).exists())


TEXT_LAYOUTS = {name: Layout(find=_find, load=_load) for name in _READERS}
