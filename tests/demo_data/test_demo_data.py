"""What is bundled for `kdaudit demo` is licensed, shows the planted flaw, and is made again by its script."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

import kdaudit.demo_data
from kdaudit.data import DataOptions, Examples, load_data
from kdaudit.data.duplicates import duplicate_positions
from kdaudit.types import Int64

FOLDER = Path(kdaudit.demo_data.__file__).parent
MODELS = ("teacher", "student-honest", "student-distilled")


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    """The bundled evaluation pictures."""
    cache = tmp_path_factory.mktemp("cache")
    return load_data(str(FOLDER / "eval.npz"), cache=cache, options=DataOptions())


def answers(model: Path, examples: Examples) -> Int64:
    """A model's answers through onnxruntime."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    parts = [session.run(None, {"input": batch.inputs["x"]})[0] for batch in examples.batches(1000)]
    found: Int64 = np.concatenate(parts).argmax(axis=1).astype(np.int64)
    return found


def repeated_errors(student: Int64, teacher: Int64, labels: Int64) -> float:
    """Share of the teacher's errors that the student repeats."""
    wrong = teacher != labels
    return float((student == teacher)[wrong].mean())


def test_the_licence_of_the_pictures_is_bundled() -> None:
    """The notice that the MIT licence asks for."""
    notice = (FOLDER / "LICENSE-fashion-mnist.txt").read_text(encoding="utf-8")
    assert "MIT License" in notice
    assert "Zalando" in notice


def test_pictures_to_judge_are_stratified_and_were_not_trained_on(
    evaluation: Examples, tmp_path: Path
) -> None:
    """400 of each class, none of which is among the training pictures, under the same class names."""
    training = load_data(str(FOLDER / "train.npz"), cache=tmp_path, options=DataOptions())
    assert [400] * 10 == np.bincount(evaluation.labels).tolist()
    assert "Shirt" == evaluation.class_names[6]
    assert evaluation.class_names == training.class_names
    assert [] == duplicate_positions(evaluation, training).tolist()


def test_only_the_distilled_student_repeats_the_planted_flaw_planted(evaluation: Examples) -> None:
    """The distilled student says coat to the teacher's shirts far more often than the honest one."""
    teacher, honest, distilled = (answers(FOLDER / f"{name}.onnx", evaluation) for name in MODELS)
    labels = evaluation.labels
    assert (teacher != labels).sum() >= 500
    gap = repeated_errors(distilled, teacher, labels) - repeated_errors(honest, teacher, labels)
    assert gap > 0.2
    shirts_called_coats = (labels == 6) & (teacher == 4)
    assert (distilled[shirts_called_coats] == 4).mean() > (honest[shirts_called_coats] == 4).mean() + 0.3


@pytest.mark.slow
def test_the_script_makes_the_bundle_again(evaluation: Examples, tmp_path: Path) -> None:
    """The pictures to the byte; the models with nearly the same answers, on whatever machine."""
    from examples.demo.make_models import make

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        make(tmp_path, data_root=None)
    finally:
        torch.set_num_threads(threads)
    for name in ("eval.npz", "train.npz"):
        with np.load(FOLDER / name) as bundled, np.load(tmp_path / name) as made:
            for array in ("x", "y", "class_names"):
                np.testing.assert_array_equal(bundled[array], made[array])
    for name in MODELS:
        bundled_answers = answers(FOLDER / f"{name}.onnx", evaluation)
        assert (answers(tmp_path / f"{name}.onnx", evaluation) == bundled_answers).mean() > 0.9
