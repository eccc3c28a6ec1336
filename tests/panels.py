"""Panels from answers: small factories for tests that need no logits and no models."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kdaudit.stats.sample import Sample
from kdaudit.types import Int64, ModelRef, Panel, Role

_Ints = Sequence[int] | np.ndarray[tuple[int, ...], np.dtype[np.int64]]


def model_ref(name: str, role: Role) -> ModelRef:
    """A reference to no file."""
    return ModelRef(name=name, role=role, path=name, kind="none", sha256=name)


def panel_of_answers(
    *,
    labels: _Ints,
    teacher: _Ints,
    students: Sequence[_Ints],
    independent: Sequence[_Ints],
    random: Sequence[_Ints] = (),
    alternate: Sequence[_Ints] = (),
    n_classes: int = 3,
    groups: Int64 | None = None,
) -> Panel:
    """A Panel with these answers, confidence 1 and distances 1[answers differ]."""
    y = np.asarray(labels, dtype=np.int64)
    answers = np.array([teacher, *students, *independent, *random, *alternate], dtype=np.int32)
    roles = (
        [Role.TEACHER]
        + [Role.STUDENT] * len(students)
        + [Role.INDEPENDENT] * len(independent)
        + [Role.RANDOM] * len(random)
        + [Role.ALTERNATE] * len(alternate)
    )
    differ = (answers != answers[0]).astype(np.float32)
    ones = np.ones(answers.shape, dtype=np.float32)
    return Panel(
        models=tuple(model_ref(f"{role}/{i}", role) for i, role in enumerate(roles)),
        n_classes=n_classes,
        labels=y,
        groups=groups,
        answers=answers,
        confidence=ones,
        log_likelihood=np.where(answers == y, 0, -10).astype(np.float32),
        log_teacher_answer=np.where(answers == answers[0], 0, -10).astype(np.float32),
        margin=np.where(answers == y, 1.0, -1.0).astype(np.float32),
        best_other=np.where(answers == y, (y + 1) % n_classes, answers).astype(np.int32),
        distances={"activation": differ, "js": differ, "rank": differ},
        tied=np.zeros(len(answers)),
    )


def sample_of(panel: Panel) -> Sample:
    """All students against all independent, random and alternate controls of a panel."""
    return Sample(
        panel=panel,
        students=tuple(panel.rows(Role.STUDENT)),
        independent=tuple(panel.rows(Role.INDEPENDENT)),
        random=tuple(panel.rows(Role.RANDOM)),
        alternate=tuple(panel.rows(Role.ALTERNATE)),
    )
