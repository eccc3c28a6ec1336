"""Saved audits from answers: as `check` would write them, but for numbers that no comparison reads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kdaudit.pipeline.saved import SavedAudit
from kdaudit.render import render
from kdaudit.schema import AuditResult, ModelRecord
from kdaudit.types import Int64, Outcome
from tests.factories import audit_result

Arrays = dict[str, npt.NDArray[np.generic]]
CLASSES = ("cat", "dog", "owl", "bat")


def saved(
    rows: Int64,
    *,
    student: str = "student",
    controls: str = "control",
    ids: Sequence[str] | None = None,
    groups: Int64 | None = None,
    **changed: object,
) -> SavedAudit:
    """The audit of rows labels, teacher, student, controls; digests are the models' names, `changed` its fields."""
    result = document(rows, student=student, controls=controls).model_copy(update=changed)
    n = rows.shape[1]
    return SavedAudit(
        result=result,
        ids=np.array(ids if ids is not None else [str(i) for i in range(n)], dtype=np.str_),
        labels=rows[0],
        answers=rows[1:].astype(np.int32),
        groups=groups,
    )


def document(rows: Int64, *, student: str = "student", controls: str = "control") -> AuditResult:
    """The document of such an audit; it passed."""
    invented = audit_result("pass")
    n_controls = len(rows) - 3
    names = ["teacher", student, *(f"{controls}{i}" for i in range(n_controls))]
    roles = ["teacher", "student", *["independent"] * n_controls]
    models = [
        ModelRecord.model_validate(
            {
                **invented.models[0].model_dump(),
                "name": name,
                "role": role,
                "sha256": name,
                "accuracy": float(np.mean(answers == rows[0])),
            }
        )
        for name, role, answers in zip(names, roles, rows[1:], strict=True)
    ]
    return invented.model_copy(
        update={
            "verdict": Outcome.PASS,
            "teacher": "teacher",
            "students": (student,),
            "models": tuple(models),
            "n": rows.shape[1],
            "data": invented.data.model_copy(update={"class_names": CLASSES}),
        }
    )


def written(folder: Path, audit: SavedAudit, **changed: npt.NDArray[np.generic]) -> Path:
    """The folder with the audit's two files; `changed` replaces arrays."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "audit.json").write_text(render(audit.result, "json"), encoding="utf-8")
    arrays: Arrays = {
        "answers": audit.answers.astype(np.uint16),
        "ids": audit.ids,
        "labels": np.empty(0, dtype=np.int64) if audit.labels is None else audit.labels,
        "models": np.array([model.name for model in audit.result.models]),
        "groups": np.empty(0, dtype=np.int64) if audit.groups is None else audit.groups,
        **changed,
    }
    np.savez_compressed(folder / "examples.npz", **arrays)  # type: ignore[arg-type]
    return folder
