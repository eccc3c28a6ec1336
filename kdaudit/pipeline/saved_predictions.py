"""Predictions that were made elsewhere: files read, rows aligned, and everything said that files cannot say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kdaudit.data import Examples
from kdaudit.data.cache import cached_examples
from kdaudit.data.examples import FORMAT_VERSION, Description, write_examples
from kdaudit.data.listing import few
from kdaudit.data.outputs import Columns, read_columns, read_outputs
from kdaudit.data.roles import LABELS_HINT, NO_LABELS_HINT
from kdaudit.digest import array_digest, file_digest, record_digest
from kdaudit.errors import AlignmentError, DataError, SpecError
from kdaudit.judge_options import JudgeSpec
from kdaudit.models.predict import stated_logits
from kdaudit.options import AuditSpec
from kdaudit.pipeline.plan import refuse_one_file_twice
from kdaudit.pipeline.store import Store
from kdaudit.types import Int64, ModelRef, Predictions, Role

ELSEWHERE = "models ran elsewhere"
_LABELS_HINT = (
    f"name a file that holds them with --labels, such as the evaluation data itself; {NO_LABELS_HINT}"
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judged:
    """Everybody's predictions on the same examples; `by_ids` says how rows found each other."""

    data: Examples
    predictions: tuple[Predictions, ...]
    by_ids: bool

    def of(self, *roles: Role) -> tuple[Predictions, ...]:
        """The predictions of some roles, in order."""
        return tuple(p for p in self.predictions if p.model.role in roles)


def read_predictions(files: JudgeSpec, spec: AuditSpec, store: Store) -> Judged:
    """The predictions in all files, their rows aligned by ids where all files have ids, else by position.

    Raises:
        DataError: a file cannot be read or holds no outputs; there are no labels, or some where there should be none.
        AlignmentError: files hold other examples, other labels, or one file is given twice.
        SpecError: outputs are not what was stated, or a slice column is missing.
        ModelError: outputs are not finite, or not what they are said to be.
    """
    given = _given(files)
    columns = {path: read_columns(path, spec.slice) for _, path in given}
    models = tuple(_models(given))
    refuse_one_file_twice(models)
    labelled = read_columns(files.labels, spec.slice) if files.labels else columns[files.teacher]
    _require_labels_as_said((labelled, *columns.values()), unlabelled=spec.unlabelled)
    if missing := [name for name in spec.slice if name not in labelled.slices]:
        raise SpecError(
            f"expected a column {missing[0]!r} in {labelled.path} for --slice, found none",
            hint="store it there beside the labels: one text or whole number for each example",
        )
    by_ids = labelled.ids is not None and all(found.ids is not None for found in columns.values())
    orders = {path: _order(found, labelled, by_ids=by_ids) for path, found in columns.items()}
    for path, found in columns.items():
        _require_same_labels(found, orders[path], labelled)
    data = _examples(labelled, store)
    return Judged(
        data=data,
        predictions=tuple(_predictions(m, orders[m.path], data, store, files) for m in models),
        by_ids=by_ids,
    )


def _require_labels_as_said(files: Sequence[Columns], *, unlabelled: bool) -> None:
    """Labels in the first file, or in none."""
    if not unlabelled:
        if files[0].labels is None:
            raise DataError(f"expected labels in {files[0].path}, found none", hint=_LABELS_HINT)
        return
    if labelled := [file.path for file in files if file.labels is not None]:
        raise DataError(
            f"expected no labels, as --unlabelled says, found some in {few(labelled)}", hint=LABELS_HINT
        )


def _given(files: JudgeSpec) -> list[tuple[Role, str]]:
    """All files by role, the teacher and the students first."""
    given = [(Role.TEACHER, files.teacher), *((Role.STUDENT, path) for path in files.student)]
    given += [(Role.INDEPENDENT, path) for path in files.control]
    given += [(Role.RANDOM, path) for path in files.random_control]
    given += [(Role.POSITIVE, path) for path in files.positive_control]
    given += [(Role.ALTERNATE_TEACHER, path) for path in (files.alternate_teacher,) if path]
    given += [(Role.ALTERNATE, path) for path in files.alternate_control]
    return given


def _models(given: Sequence[tuple[Role, str]]) -> Iterator[ModelRef]:
    """References to all files, with names that tell them apart."""
    names = [Path(path).name for _, path in given]
    for role, path in given:
        name = Path(path).name
        yield ModelRef(
            name=name if names.count(name) == 1 else path,
            role=role,
            path=path,
            kind="predictions",
            sha256=file_digest(Path(path), error=DataError, what=f"saved predictions ({role})"),
        )


def _order(found: Columns, labelled: Columns, *, by_ids: bool) -> Int64 | None:
    """Which row of a file belongs to each labelled example; None where they stand in the same order."""
    if not by_ids and found.n != labelled.n:
        raise AlignmentError(
            f"expected {labelled.n:,} rows in {found.path}, as in {labelled.path}, found {found.n:,}",
            hint="save the same examples of every model, or ids with all of them",
        )
    if found.ids is None or labelled.ids is None or np.array_equal(found.ids, labelled.ids):
        return None
    if not by_ids:
        i = int(np.argmax(found.ids != labelled.ids))
        raise AlignmentError(
            f"expected the order of {labelled.path} in {found.path}, found {str(found.ids[i])!r} instead of "
            f"{str(labelled.ids[i])!r} in row {i}",
            hint="rows are aligned by ids only where every file has ids",
        )
    for ours, theirs in ((labelled, found), (found, labelled)):
        _require_ids(ours, theirs)
    order: Int64 = np.argsort(found.ids)[np.searchsorted(np.sort(found.ids), labelled.ids)]
    return order


def _require_ids(wanted: Columns, there: Columns) -> None:
    if wanted.ids is None or there.ids is None:
        return
    missing = wanted.ids[~np.isin(wanted.ids, there.ids)]
    if len(missing):
        raise AlignmentError(
            f"expected every example of {wanted.path} in {there.path}, found {len(missing):,} of "
            f"{wanted.n:,} ids missing, the first {str(missing[0])!r}",
            hint="save the same examples of every model and of the labels",
        )


def _require_same_labels(found: Columns, order: Int64 | None, labelled: Columns) -> None:
    if found.labels is None or labelled.labels is None or found is labelled:
        return
    theirs = found.labels if order is None else found.labels[order]
    differing = np.flatnonzero(theirs != labelled.labels)
    if len(differing):
        i = int(differing[0])
        raise AlignmentError(
            f"expected the labels of {labelled.path} in {found.path}, found {len(differing):,} others, the first at "
            f"row {i}: {theirs[i]} instead of {labelled.labels[i]}",
            hint="the rows are not those of the same examples, or the classes are numbered in another way",
        )


def _examples(labelled: Columns, store: Store) -> Examples:
    """Examples without inputs; positions are their ids where nothing else tells how many there are."""
    ids = labelled.ids
    if ids is None and labelled.labels is None:
        ids = np.arange(labelled.n).astype(np.str_)
    key = record_digest(
        "predictions",
        FORMAT_VERSION,
        labelled.path,
        [
            None if column is None else array_digest(column)
            for column in (labelled.labels, ids, labelled.groups, *labelled.slices.values())
        ],
        [*labelled.slices],
        labelled.class_names,
    )
    description = Description(
        name=Path(labelled.path).name,
        kind="predictions",
        location=labelled.path,
        inputs=(),
        columns=tuple(labelled.slices),
        class_names=labelled.class_names,
    )

    def build(folder: Path) -> None:
        write_examples(
            folder,
            description,
            labels=labelled.labels,
            ids=ids,
            groups=labelled.groups,
            slices=list(labelled.slices.values()),
        )

    return cached_examples(store.root, key, build)


def _predictions(
    model: ModelRef, order: Int64 | None, data: Examples, store: Store, files: JudgeSpec
) -> Predictions:
    """A file's outputs as logits in the labels' order, kept on disk so that many of them need no memory."""
    found = read_outputs(model.path, files.outputs)
    model = replace(model, output=found.kind)
    key = record_digest("given", model.sha256, found.kind, data.ref.sha256, order is None)
    kept = store.predictions(key, model, data.ref)
    if kept is not None:
        return kept
    logits = stated_logits(model, found.values)
    made = Predictions(
        model=model,
        data=data.ref,
        logits=logits if order is None else logits[order],
        device=ELSEWHERE,
        batch_size=len(logits),
    )
    store.keep_predictions(key, made)
    return store.predictions(key, model, data.ref) or made
