"""The complete list of inherited errors as a table: who answers what, how surely, and how surprising that is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from kdaudit.data import Examples
from kdaudit.stats.inherited import most_surprising_first
from kdaudit.stats.sample import Sample
from kdaudit.types import AnyArray, Inherited, Role

_ALONE = (Role.TEACHER, Role.ALTERNATE_TEACHER)


def inherited_table(data: Examples, sample: Sample, found: Inherited | None) -> dict[str, AnyArray]:
    """Columns (n,) of the inherited errors, the most surprising first; no row where the list could not be made.

    id, label, group and slice:COLUMN where the data have them; the answer and confidence of every model that was judged
    by, as `teacher_answer`, `student_confidence`, `independent_0_answer`, numbered as in the result's models; how many
    independent controls agree, and the surprise in nats.
    """
    panel = sample.panel
    rows = np.empty(0, dtype=np.int64)
    surprise = np.empty(0)
    if found is not None:
        order = most_surprising_first(found)
        rows, surprise = found.listed[order], found.surprise[order]
    answers, confidence = panel.answers[:, rows], panel.confidence[:, rows]
    columns: dict[str, AnyArray] = {
        "id": data.units.ids[rows],
        "label": panel.labels[rows],
        "label_name": _names(panel.labels[rows], data.class_names),
        "n_controls_agreeing": (answers[list(sample.independent)] == answers[0]).sum(axis=0),
        "surprise": surprise,
    }
    if panel.groups is not None:
        columns["group"] = panel.groups[rows]
    columns |= {f"slice:{name}": values[rows] for name, values in data.units.columns.items()}
    for row, name in _judged_by(sample):
        columns[f"{name}_answer"] = answers[row]
        columns[f"{name}_answer_name"] = _names(answers[row], data.class_names)
        columns[f"{name}_confidence"] = confidence[row]
    return columns


def _judged_by(sample: Sample) -> Iterator[tuple[int, str]]:
    """The rows of the panel but for controls that were left out, each with its name in the table."""
    models, count = sample.panel.models, Counter[Role]()
    left_out = {*sample.panel.rows(Role.INDEPENDENT), *sample.panel.rows(Role.ALTERNATE)}
    left_out -= {*sample.independent, *sample.alternate}
    for row, model in enumerate(models):
        alone = model.role in _ALONE or (model.role is Role.STUDENT and len(sample.students) == 1)
        name = model.role.value.replace("-", "_")
        if row not in left_out:
            yield row, name if alone else f"{name}_{count[model.role]}"
        count[model.role] += 1


def _names(classes: AnyArray, names: Sequence[str]) -> AnyArray:
    """Class names, empty where they are not known."""
    return np.array([names[c] if c < len(names) else "" for c in classes.tolist()], dtype=np.str_)
