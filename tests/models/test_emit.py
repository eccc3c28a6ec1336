"""What a converted network is: its state, its modes, its use of the batch size, and its life in other processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.onnx import TrainingMode

from tests.models.files import drawn, write
from tests.models.zoo import TS, Export, answers, examples, make, opened

Exported = Callable[[Export], Path]


def test_keys_of_the_state_follow_the_graph_alone(exported: Exported) -> None:
    """They count the operators; a control's file loads into a network made from another student's file."""
    keys = list(opened(exported(Export(network="biased_vgg"))).build(0).state_dict())
    norm = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
    assert {
        "conv1.weight",
        "conv2.weight",
        *(f"batchnormalization1.{part}" for part in norm),
        *(f"batchnormalization2.{part}" for part in norm),
        "gemm1.weight",
        "gemm1.bias",
    } == set(keys)


_OTHER_PROCESS = """
import sys
import torch
from safetensors.torch import load_file
from kdaudit.models.trainable import OnnxNetwork
from kdaudit.types import ModelRef, NetworkSpec, Role

path, weights, seed = sys.argv[1:]
model = ModelRef(name="student", role=Role.STUDENT, path=path, kind="onnx", sha256="0" * 64)
network = OnnxNetwork(NetworkSpec(model=model))
built = network.build(int(seed))
print(network.spec_digest)
print(all(torch.equal(a, built.state_dict()[key]) for key, a in load_file(weights).items()))
"""


def test_another_process_builds_the_same_network(exported: Exported, tmp_path: Path) -> None:
    """Digest, keys and drawn weights are the same there, so a control that one trained the other can load."""
    path = exported(Export(network="gated"))
    network = opened(path)
    state = network.build(11).state_dict()
    save_file({key: tensor.clone() for key, tensor in state.items()}, tmp_path / "w.safetensors")
    run = subprocess.run(
        [sys.executable, "-c", _OTHER_PROCESS, str(path), str(tmp_path / "w.safetensors"), "11"],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert [network.spec_digest, "True"] == run.stdout.split()


def test_a_trained_state_loads_into_a_fresh_network(exported: Exported, tmp_path: Path) -> None:
    """After a step and a trip through a file, another build gives the same answers."""
    network = opened(exported(Export(network="small_vgg")))
    x = torch.from_numpy(examples("small_vgg", 8))
    one = network.build(0)
    optimizer = torch.optim.SGD(one.parameters(), lr=0.1)
    torch.autograd.backward(one(x).square().mean())
    optimizer.step()
    save_file(one.state_dict(), tmp_path / "w.safetensors")
    two = network.build(1)
    two.load_state_dict(load_file(tmp_path / "w.safetensors"))
    with torch.no_grad():
        assert torch.equal(one.eval()(x), two.eval()(x))


def training_mode_export(path: Path) -> Path:
    """An MLP exported as it trains: Dropout alive, BatchNorm with the statistics of the batch."""
    torch.onnx.export(
        make("mlp").train(),
        (torch.from_numpy(examples("mlp", 4)),),
        path,
        dynamo=False,
        opset_version=17,
        input_names=["x"],
        training=TrainingMode.TRAINING,
        do_constant_folding=False,
        dynamic_axes={"x": {0: "n"}},
    )
    return path


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")  # torch's own BatchNorm looks at sizes
def test_an_export_in_training_mode_has_both_modes(tmp_path: Path) -> None:
    """Dropout with its ratio and BatchNorm are modules: random in training, fixed and independent in evaluation."""
    network = opened(training_mode_export(tmp_path / "net.onnx"))
    assert "Dropout is kept." in network.fidelity.sentence
    assert "bn-kept" == network.fidelity.level
    x = torch.from_numpy(examples("mlp", 16))
    built = network.build(0)
    assert [0.2] == [pytest.approx(m.p) for m in built.modules() if isinstance(m, nn.Dropout)]
    assert not torch.equal(built(x), built(x))
    original = network.build_original()
    with torch.no_grad():
        torch.testing.assert_close(original(x)[:3], original(x[:3]))


def test_dropout_that_the_file_lost_is_said_to_be_unknown(exported: Exported) -> None:
    """An export for inference holds none."""
    network = opened(exported(Export(network="mlp")))
    assert "If the student was trained with Dropout, its file does not say so." in network.fidelity.sentence


@pytest.mark.parametrize("batch", [1, 2, 5])
@pytest.mark.parametrize(
    "body",
    [
        "s = Constant <value_ints = [BATCH, 108]> ()  h = Reshape (x, s)",
        "s = Constant <value_ints = [BATCH, 3, -1]> ()  h = Reshape (x, s)",
        "t = Transpose <perm = [1, 0, 2, 3]> (x)  s = Constant <value_ints = [3, BATCH, 36]> ()"
        "  r = Reshape (t, s)  h = Transpose <perm = [1, 0, 2]> (r)",
        "p = GlobalAveragePool (x)  s = Constant <value_ints = [BATCH, 3, 2, 2]> ()  h = Expand (p, s)",
    ],
    ids=["flat", "rest", "batch-second", "expand"],
)
def test_the_batch_size_of_the_export_is_taken_out(batch: int, body: str, tmp_path: Path) -> None:
    """Files for one batch size hold it in their shapes; the network takes any, with each example's own answer."""
    path = write(body.replace("BATCH", str(batch)), tmp_path / "net.onnx", batch=str(batch))
    network = opened(path).build_original()
    wanted = answers(path, drawn(2 * batch))
    for n in (1, 2 * batch):
        with torch.no_grad():
            found = network(torch.from_numpy(drawn(2 * batch)[:n])).numpy()
        np.testing.assert_allclose(found, wanted[:n], rtol=1e-5, atol=1e-6)


def test_a_channels_last_network_gives_the_same(exported: Exported) -> None:
    """The memory layout that training uses changes nothing."""
    network = opened(exported(Export(network="gated", exporter=TS))).build_original()
    x = torch.from_numpy(examples("gated", 4))
    with torch.no_grad():
        wanted = network(x)
        found = network.to(memory_format=torch.channels_last)(x.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)
