"""What was decided or taken from the user stands in the report."""

from __future__ import annotations

from pathlib import Path

import onnx

from kdaudit.options import AuditSpec
from kdaudit.pipeline.audit import audit
from tests.trainable import trainable_world


def switch_to_training(path: str) -> None:
    """As if the file had been exported so."""
    model = onnx.load(path)
    (norm,) = [node for node in model.graph.node if node.op_type == "BatchNormalization"]
    (mode,) = [attribute for attribute in norm.attribute if attribute.name == "training_mode"]
    mode.i = 1
    onnx.save(model, path)


def test_an_architecture_from_another_file_and_training_mode_are_named(tmp_path: Path) -> None:
    """Controls made like --student-train-as are not said to be the student's own network alone; the teacher trains."""
    world = trainable_world(tmp_path)
    switch_to_training(world.path("teacher.onnx"))
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
            lr=0.003,
            workers=0,
            device="cpu",
            cache_dir=str(tmp_path / "cache"),
        )
    )
    stated = [row.value for row in only.result.assumptions if row.what == "Architecture"]
    assert f"that of {world.path('teacher.onnx')}; that the student is of it is the user's word" == stated[0]
    (mode,) = [row.value for row in only.result.assumptions if row.what == "Training mode"]
    assert "teacher.onnx: exported in it, evaluated in inference mode" == mode
    recipe = [(row.known_from, row.value) for row in only.result.assumptions if row.what == "Recipe"]
    assert [
        ("stated", "learning rate 0.003"),
        ("default", "adamw, cosine, batch 128, weight decay 0.01, label smoothing 0, augmentation none"),
    ] == recipe
