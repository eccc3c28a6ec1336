"""Files exported in training mode are evaluated in inference mode, wherever they are evaluated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn
from torch.onnx import TrainingMode

from kdaudit.models import load_model
from kdaudit.models.inference import for_inference, in_training_mode
from kdaudit.types import AnyArray, Float32
from tests.models.files import write
from tests.models.zoo import examples, make, opened, reference


def in_training(network: nn.Module, path: Path) -> Path:
    """The file of a network as it trains."""
    torch.onnx.export(
        network.train(),
        (torch.from_numpy(examples("mlp", 4)),),
        path,
        dynamo=False,
        opset_version=17,
        input_names=["x"],
        output_names=["scores"],
        training=TrainingMode.TRAINING,
        do_constant_folding=False,
        dynamic_axes={"x": {0: "n"}},
    )
    return path


def run(path: Path, x: AnyArray) -> Float32:
    """The file's outputs as the audit gets them."""
    with load_model(reference(path), device="cpu") as model:
        return np.asarray(model.run({"x": x}), np.float32)


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")  # torch's own BatchNorm looks at sizes
def test_batchnorm_and_dropout_are_set_to_inference(tmp_path: Path) -> None:
    """Each example's answer is that of the network in evaluation, whatever stands beside it."""
    network = make("mlp")
    path = in_training(network, tmp_path / "net.onnx")
    x = examples("mlp", 9)
    with torch.no_grad():
        wanted = network.eval()(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(run(path, x), wanted, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(run(path, x[:2]), wanted[:2], rtol=1e-4, atol=1e-5)
    assert "exported in training mode; it is evaluated in inference mode" in opened(path).fidelity.sentence


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_weights_beside_the_file_are_found(tmp_path: Path) -> None:
    """The model that is run is not the file on disk, its weights are."""
    network = make("mlp")
    path = in_training(network, tmp_path / "net.onnx")
    onnx.save(onnx.load(path), path, save_as_external_data=True, location="w.bin", size_threshold=0)
    x = examples("mlp", 5)
    with torch.no_grad():
        wanted = network.eval()(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(run(path, x), wanted, rtol=1e-4, atol=1e-5)


NORM = "BatchNormalization <training_mode = 1> (x, scale, offset, mean, variance)"


@pytest.mark.parametrize(
    ("body", "opset", "expected"),
    [
        (f"h, m, v = {NORM}", 20, ["BatchNormalization"]),
        ("h, m, v, a, b = BatchNormalization (x, scale, offset, mean, variance)", 9, ["BatchNormalization"]),
        ("h = BatchNormalization (x, scale, offset, mean, variance)", 20, []),
        ("t = Cast <to = 9> (step)  h = Dropout (x, half, t)", 20, ["Dropout"]),
        ("h = Dropout (x)", 20, []),
        ("h = Dropout (x, half)", 20, []),
    ],
)
def test_what_is_in_training_mode_is_known(
    body: str, opset: int, expected: list[str], tmp_path: Path
) -> None:
    """By the attribute, the number of outputs in older files, or the input; and afterwards nothing is."""
    model = onnx.load(write(body, tmp_path / "net.onnx", opset=opset))
    assert expected == [node.op_type for node in in_training_mode(model)]
    assert bool(expected) == for_inference(model)
    assert [] == in_training_mode(model)


def test_a_dropout_that_a_constant_turns_off_is_off(tmp_path: Path) -> None:
    """As an initializer or a Constant node; torch writes False where the module was in evaluation."""
    path = write("t = Constant <value = bool {0}> ()  h = Dropout (x, half, t)", tmp_path / "net.onnx")
    assert [] == in_training_mode(onnx.load(path))
    path = write("t = Constant <value = bool {1}> ()  h = Dropout (x, half, t)", tmp_path / "net.onnx")
    assert 1 == len(in_training_mode(onnx.load(path)))


def test_branches_are_looked_into(tmp_path: Path) -> None:
    """A BatchNorm in a branch of an If."""
    body = (
        "t = Cast <to = 9> (step)  h = If (t) <then_branch = g () => (float[N, 3, 6, 6] p) "
        f"{{ p, m, v = {NORM} }}, else_branch = k () => (float[N, 3, 6, 6] q) {{ q = Identity (x) }}>"
    )
    model = onnx.load(write(body, tmp_path / "net.onnx"))
    assert ["BatchNormalization"] == [node.op_type for node in in_training_mode(model)]
