"""Layers whose weights are standardised by a BatchNorm are converted, drawn and trained as such."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from kdaudit.models.onnx_file import read_graph
from tests.models.files import drawn, write
from tests.models.zoo import answers, opened

# A convolution whose kernel has mean 0 and variance 1 for each output, times a gain.
STANDARDISED = (
    "as_one = Constant <value_ints = [1, 4, 18]> ()  as_four = Constant <value_ints = [4, 3, 2, 3]> ()"
    "  four = Constant <value_ints = [4]> ()  ends = Constant <value_ints = [0, 2]> ()"
    "  row = Constant <value_ints = [1, 4, 1]> ()"
    "  w = Reshape (kernel, as_one)  m = ReduceMean <keepdims = 0> (w, ends)  c = Reshape (m, row)"
    "  d = Sub (w, c)  q = Mul (d, d)  v = ReduceMean <keepdims = 0> (q, ends)  z = ConstantOfShape (four)"
    "  n, e, f = BatchNormalization <training_mode = 1, epsilon = 0.001> (w, kernel_bias, z, m, v)"
    "  k = Reshape (n, as_four)  h = Conv (x, k)"
)


def test_standardised_weights_are_those_of_the_file(tmp_path: Path) -> None:
    """The network gives what onnxruntime gives, and its operators are those that train."""
    path = write(STANDARDISED, tmp_path / "net.onnx")
    assert "BatchNormalization" not in {node.op for node in read_graph(str(path)).nodes}
    with torch.no_grad():
        found = opened(path).build_original()(torch.from_numpy(drawn(3))).numpy()
    np.testing.assert_allclose(found, answers(path, drawn(3)), rtol=1e-4, atol=1e-5)


def test_standardised_weights_and_their_gain_are_drawn_and_trained(tmp_path: Path) -> None:
    """The kernel is drawn anew, the gain starts at 1, and both get a gradient."""
    network = opened(write(STANDARDISED, tmp_path / "net.onnx")).build(0)
    state = dict(network.named_parameters())
    assert sorted(state) == ["conv1.weight", "instancenormalization1.weight"]
    torch.testing.assert_close(state["instancenormalization1.weight"].detach(), torch.ones(4))
    network(torch.from_numpy(drawn(3))).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in state.values())


@pytest.mark.parametrize(("input_", "statistics"), [("x", "m, v"), ("w", "m, variance"), ("w", "mean, v")])
def test_batchnorm_of_examples_or_with_a_stored_statistic_stays(
    input_: str, statistics: str, tmp_path: Path
) -> None:
    """Only what rests on the file's arrays alone is no BatchNorm of the network."""
    body = (
        "ends = Constant <value_ints = [0, 2, 3]> ()"
        "  row = Constant <value_ints = [1, 3, 1, 1]> ()  w = Reshape (shift, row)"
        "  m = ReduceMean <keepdims = 0> (shift, ends)"
        "  q = Mul (shift, shift)  v = ReduceMean <keepdims = 0> (q, ends)"
        f"  b = BatchNormalization ({input_}, scale, offset, {statistics})  h = Add (x, b)"
    )
    graph = read_graph(str(write(body, tmp_path / "net.onnx")))
    assert "BatchNormalization" in {node.op for node in graph.nodes}
