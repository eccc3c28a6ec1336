"""Controls are trained on what the student takes: its inputs in its order, whole numbers as stored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from kdaudit.data import DataOptions, Examples, load_data
from kdaudit.errors import DataError
from kdaudit.options import AuditSpec
from kdaudit.pipeline.audit import audit
from kdaudit.pipeline.in_order import in_order
from kdaudit.protocols import TrainingData
from kdaudit.types import AnyArray, ModelRef, NetworkSpec, Role


def examples(folder: Path, **inputs: AnyArray) -> Examples:
    """Two examples of two classes."""
    np.savez(folder / "d.npz", y=np.array([0, 1]), **inputs)  # type: ignore[arg-type]
    return load_data(str(folder / "d.npz"), cache=folder, options=DataOptions())


def taken(data: Examples, **dtypes: str) -> TrainingData:
    """What a network that takes inputs of these names and types is trained on."""
    model = ModelRef(name="m", role=Role.STUDENT, path="m.onnx", kind="onnx", sha256="")
    shapes = tuple((name, (1,)) for name in dtypes)
    return in_order(
        data, NetworkSpec(model=model, example_shapes=shapes, example_dtypes=tuple(dtypes.values())), None
    )


PIXELS = np.array([[0], [255]], dtype=np.uint8)


def test_pixels_reach_a_network_that_takes_them_as_stored(tmp_path: Path) -> None:
    """No division by 255 where the network divides itself."""
    data = examples(tmp_path, x=PIXELS)
    assert taken(data, pixels="uint8").preprocess.is_identity
    assert not taken(data, pixels="float32").preprocess.is_identity


def test_tokens_stored_as_bytes_are_integers_again(tmp_path: Path) -> None:
    """Embeddings look integers up."""
    stored = taken(examples(tmp_path, x=PIXELS), tokens="int64").stored["x"]
    assert np.int64 == stored.dtype
    assert [0, 255] == stored[:, 0].tolist()


def test_inputs_come_in_the_order_of_the_network(tmp_path: Path) -> None:
    """Whatever the order in the file."""
    data = examples(tmp_path, b=PIXELS, a=np.ones((2, 3), np.int64))
    assert ["a", "b"] == list(taken(data, a="int64", b="uint8").stored)


def test_inputs_that_the_network_cannot_be_given_invalid(tmp_path: Path) -> None:
    """A missing one, and pixels of two kinds."""
    data = examples(tmp_path, a=PIXELS, b=PIXELS)
    with pytest.raises(DataError, match="expected training inputs a, c, found a, b"):
        taken(data, a="uint8", c="uint8")
    with pytest.raises(
        DataError, match="expected the network to take all uint8 inputs as uint8 or none, found a of a, b"
    ):
        taken(data, a="uint8", b="float32")


class _TwoInputs(nn.Module):
    """Pixels that it divides itself, and a measurement."""

    def __init__(self) -> None:
        super().__init__()
        self.pixels = nn.Linear(6, 8)
        self.size = nn.Linear(1, 8)
        self.scores = nn.Linear(8, 2)

    def forward(self, pixels: torch.Tensor, size: torch.Tensor) -> torch.Tensor:
        """Class scores."""
        scores: torch.Tensor = self.scores(torch.relu(self.pixels(pixels) + self.size(size)))
        return scores


def test_controls_of_a_student_with_two_inputs_answer(tmp_path: Path) -> None:
    """The inputs lie in the file in another order than the network takes them."""
    rng = np.random.default_rng(0)
    for name, n in (("train", 600), ("eval", 500)):
        y = rng.integers(2, size=n)
        pixels = (rng.normal(size=(n, 6)) + y[:, None]).astype(np.float32)
        np.savez(
            tmp_path / f"{name}.npz", size=rng.normal(size=(n, 1)).astype(np.float32), pixels=pixels, y=y
        )
    for seed, name in enumerate(("teacher", "student")):
        torch.manual_seed(seed)
        torch.onnx.export(
            _TwoInputs().eval(),
            (torch.zeros(2, 6), torch.zeros(2, 1)),
            str(tmp_path / f"{name}.onnx"),
            dynamo=False,
            input_names=["pixels", "size"],
            dynamic_axes={"pixels": {0: "n"}, "size": {0: "n"}},
        )
    (only,) = audit(
        AuditSpec(
            teacher=str(tmp_path / "teacher.onnx"),
            students=(str(tmp_path / "student.onnx"),),
            data=str(tmp_path / "eval.npz"),
            train_data=str(tmp_path / "train.npz"),
            controls=1,
            random_controls=0,
            positive_controls=0,
            epochs="6",
            lr=0.03,
            workers=0,
            device="cpu",
            cache_dir=str(tmp_path / "cache"),
            train_anyway=True,
        )
    )
    (control,) = [m.accuracy for m in only.result.models if m.role == "independent"]
    assert control is not None
    assert control > 0.6
