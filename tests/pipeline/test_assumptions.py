"""What was decided or taken from the user stands in the report."""

from __future__ import annotations

from pathlib import Path

from kdaudit.options import AuditSpec
from kdaudit.pipeline.audit import audit
from tests.trainable import trainable_world


def test_an_architecture_from_another_file_is_named(tmp_path: Path) -> None:
    """Controls made like --student-train-as are not said to be the student's own network alone."""
    world = trainable_world(tmp_path)
    (only,) = audit(
        AuditSpec(
            teacher=world.path("teacher.onnx"),
            students=(world.path("student.onnx"),),
            data=world.path("eval.npz"),
            train_data=world.path("train.npz"),
            student_train_as=world.path("teacher.onnx"),
            controls=1,
            random_controls=0,
            positive_controls=0,
            epochs="1",
            workers=0,
            device="cpu",
            cache_dir=str(tmp_path / "cache"),
        )
    )
    stated = [row.value for row in only.result.assumptions if row.what == "Architecture"]
    assert f"that of {world.path('teacher.onnx')}; that the student is of it is the user's word" == stated[0]
