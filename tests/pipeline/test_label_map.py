"""Label maps: models whose outputs are not the data's classes, in another order, with others beside them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from torch import nn

from kdaudit.errors import AlignmentError, ModelError, SpecError
from kdaudit.options import AuditSpec
from kdaudit.pipeline.audit import audit
from kdaudit.pipeline.label_map import read_label_map
from kdaudit.types import LabelMap
from tests.pipeline.conftest import Auditor
from tests.planted import flawed_world
from tests.trainable import N_CLASSES, TrainableWorld, blobs, export, trainable_world, trained

BACKGROUND_FIRST = [None, *range(N_CLASSES)]


def written(path: Path, entries: object) -> str:
    """A label map in a file."""
    path.write_text(json.dumps(entries), encoding="utf-8")
    return str(path)


def test_a_teacher_with_another_order_and_a_background_class_gives_the_same_audit(
    audited: Auditor, tmp_path: Path
) -> None:
    """Its outputs are shuffled and one more put before them; with the map every number is what it was."""
    world = flawed_world(tmp_path / "w", copied=0.4)
    plain = audited(world)
    order = [3, 1, 4, 0, 2]
    model = onnx.load(world.path("teacher"))
    weight = numpy_helper.to_array(model.graph.initializer[0])
    shuffled = np.concatenate([np.zeros((len(weight), 1), np.float32), weight[:, order]], axis=1)
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(shuffled, "w"))
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 6
    onnx.save(model, world.path("teacher"))
    with pytest.raises(AlignmentError, match="to have the teacher's 6 classes, found 5") as caught:
        audited(world)
    assert "--teacher-label-map" in str(caught.value.hint)
    mapped = audited(world, teacher_label_map=written(tmp_path / "map.json", [None, *order]))
    assert (plain.kappa_W, plain.kappa_R, plain.n_W) == (mapped.kappa_W, mapped.kappa_R, mapped.n_W)
    assert any("Classes of the teacher" in row.what for row in mapped.assumptions)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> TrainableWorld:
    """Blobs with a plain teacher, and a student whose first output is a background class."""
    found = trainable_world(tmp_path_factory.mktemp("trainable"))
    body = trained(16, blobs(1500, seed=1), seed=5)
    head = body[-1]
    assert isinstance(head, nn.Linear)
    wider = nn.Linear(head.in_features, N_CLASSES + 1)
    with torch.no_grad():
        wider.weight[1:], wider.bias[1:] = head.weight, head.bias
        wider.weight[0], wider.bias[0] = 0.0, -9.0
    body[-1] = wider
    export(body, found.folder / "wide.onnx")
    return found


def test_controls_learn_at_the_students_outputs(world: TrainableWorld, tmp_path: Path) -> None:
    """Labels become output numbers in training, answers classes again: controls, positive ones too, are accurate."""
    spec = AuditSpec(
        teacher=world.path("teacher.onnx"),
        students=(world.path("wide.onnx"),),
        student_label_map=written(tmp_path / "map.json", BACKGROUND_FIRST),
        data=world.path("eval.npz"),
        train_data=world.path("train.npz"),
        controls=3,
        random_controls=1,
        positive_controls=1,
        epochs="6",
        lr=3e-3,
        batch_size=60,
        workers=0,
        device="cpu",
        cache_dir=str(tmp_path / "cache"),
    )
    (audited,) = audit(spec)
    accuracies = {m.name: m.accuracy or 0.0 for m in audited.result.models}
    assert all(accuracy > 0.6 for accuracy in accuracies.values()), accuracies
    (again,) = audit(spec)
    assert audited.result.kappa_W == again.result.kappa_W, "kept controls are aligned as well"


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({"0": 1}, "expected a JSON list"),
        ([0, 1, 1], "expected each class once"),
        ([0, 2], "expected an output for every class of the data in .*, found none for 1"),
        (
            [0, "horse", 2],
            "expected a class number, a name of cat, dog, bird, ... or null in .*, found 'horse'",
        ),
        ([0, True, 2], "found True"),
        ([0, 1, -2], "found -2"),
        ([0, 1], "found none for 2"),
        ([0, 1, 2, 3], "found 4 of 3"),
    ],
)
def test_a_map_that_cannot_be_is_refused_invalid(tmp_path: Path, entries: object, said: str) -> None:
    """With the entry that is wrong, and what a map looks like."""
    with pytest.raises(SpecError, match=said) as caught:
        read_label_map(Path(written(tmp_path / "m.json", entries)), ("cat", "dog", "bird"))
    assert "one entry for each output" in str(caught.value.hint)


def test_no_file_and_no_json_are_refused_invalid(tmp_path: Path) -> None:
    """Named by path."""
    with pytest.raises(SpecError, match="expected a label map at"):
        read_label_map(tmp_path / "nothing.json", ())
    (tmp_path / "text.json").write_text("[1,")
    with pytest.raises(SpecError, match="expected JSON in the label map"):
        read_label_map(tmp_path / "text.json", ())


def test_names_and_numbers_mix(tmp_path: Path) -> None:
    """Names are those of the data."""
    found = read_label_map(Path(written(tmp_path / "m.json", ["dog", None, 0])), ("cat", "dog"))
    assert LabelMap(columns=(2, 0), n_outputs=3) == found


def test_a_map_of_another_length_is_refused_invalid(audited: Auditor, tmp_path: Path) -> None:
    """The model has five outputs, the map says six."""
    world = flawed_world(tmp_path / "w")
    with pytest.raises(ModelError, match=r"expected 6 outputs from .*, as in its label map, found 5"):
        audited(world, teacher_label_map=written(tmp_path / "m.json", [None, 0, 1, 2, 3, 4]))
