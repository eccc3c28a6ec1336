"""Networks in torch and their ONNX exports: by both exporters, for one batch size or any, BatchNorm folded or kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
import torchvision
from torch import nn
from torch.onnx import TrainingMode

from kdaudit.models.trainable import OnnxNetwork
from kdaudit.types import Float32, ModelRef, NetworkSpec, Role

TS, DYNAMO = "ts", "dynamo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """One way to export a network of the zoo. `batch` None stands for a dynamic batch axis."""

    network: str
    exporter: str = TS
    batch: int | None = None
    folded: bool = True

    def __str__(self) -> str:
        batch = "dynamic" if self.batch is None else f"batch{self.batch}"
        return f"{self.network}-{self.exporter}-{batch}-{'folded' if self.folded else 'kept'}"


def small_vgg() -> nn.Module:
    """Four convolutions with BatchNorm, pooling and a dense head."""
    return nn.Sequential(
        *_block(3, 8), nn.MaxPool2d(2), *_block(8, 16), nn.MaxPool2d(2), *_block(16, 16), *_block(16, 24),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(24, 10),
    )  # fmt: skip


def biased_vgg() -> nn.Module:
    """Convolutions that have a bias of their own before their BatchNorm, as torchvision's VGGs do."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.AvgPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.LeakyReLU(0.1), nn.Flatten(),
        nn.Linear(16 * 8 * 8, 10),
    )  # fmt: skip


def plain_cnn() -> nn.Module:
    """Convolutions that never had a BatchNorm."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16 * 3 * 3, 32), nn.ReLU(), nn.Linear(32, 10),
    )  # fmt: skip


def audio_cnn() -> nn.Module:
    """Convolutions over time with BatchNorm."""
    return nn.Sequential(
        nn.Conv1d(1, 8, 9, stride=2), nn.BatchNorm1d(8), nn.ReLU(), nn.Conv1d(8, 16, 5, stride=2),
        nn.BatchNorm1d(16), nn.ReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(16, 5),
    )  # fmt: skip


def mlp() -> nn.Module:
    """Dense layers with BatchNorm1d and Dropout."""
    return nn.Sequential(
        nn.Linear(20, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 32),
        nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 5),
    )  # fmt: skip


class Gated(nn.Module):
    """A squeeze-and-excitation gate (convolutions onto one point, with true biases) and a skip connection."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(*_block(3, 16))
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(16, 4, 1), nn.ReLU(), nn.Conv2d(4, 16, 1), nn.Hardsigmoid()
        )
        self.body = nn.Sequential(*_block(16, 16), nn.Hardswish())
        self.head = nn.Linear(16, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Class scores."""
        x = self.stem(x)
        x = torch.cat([x * self.gate(x), self.body(x) + x], dim=1)[:, 8:24]
        out: torch.Tensor = self.head(x.mean((2, 3)))
        return out


def vgg11_bn() -> nn.Module:
    """The VGG11 of torchvision with BatchNorm; its dense layers, of 120 million weights, made small."""
    network: nn.Module = torchvision.models.vgg11_bn(num_classes=10)
    network.classifier = nn.Sequential(nn.Linear(512 * 7 * 7, 32), nn.ReLU(), nn.Dropout(), nn.Linear(32, 10))
    return network


def _block(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]


NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "small_vgg": (small_vgg, (3, 16, 16)),
    "biased_vgg": (biased_vgg, (3, 16, 16)),
    "plain_cnn": (plain_cnn, (3, 16, 16)),
    "audio_cnn": (audio_cnn, (1, 120)),
    "mlp": (mlp, (20,)),
    "gated": (Gated, (3, 16, 16)),
    "resnet18": (lambda: torchvision.models.resnet18(num_classes=10), (3, 32, 32)),
    "resnet34": (lambda: torchvision.models.resnet34(num_classes=10), (3, 32, 32)),
    "resnet50": (lambda: torchvision.models.resnet50(num_classes=10), (3, 32, 32)),
    "vgg11_bn": (vgg11_bn, (3, 32, 32)),
    "vgg11_bn_224": (vgg11_bn, (3, 224, 224)),
}


def make(name: str, *, seed: int = 1) -> nn.Module:
    """A network of the zoo as if it had been trained: no array is level, running statistics have moved."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = NETWORKS[name][0]()
        for module in network.modules():
            state = dict(module.named_parameters(recurse=False)) | dict(module.named_buffers(recurse=False))
            if "running_var" in state:
                nn.init.uniform_(state["weight"], 0.8, 1.2)
                nn.init.normal_(state["bias"], std=0.2)
                nn.init.normal_(state["running_mean"], std=0.2)
                nn.init.uniform_(state["running_var"], 0.5, 1.5)
            elif "bias" in state:
                nn.init.normal_(state["bias"], std=0.1)
    return network.eval()


def examples(name: str, n: int, *, seed: int = 0) -> Float32:
    """Drawn inputs (n, ...) for a network of the zoo."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, *NETWORKS[name][1])).astype(np.float32)


def export(way: Export, path: Path, network: nn.Module | None = None) -> Path:
    """Writes a network of the zoo to `path` as ONNX, with input 'x' and output 'scores'."""
    network = make(way.network) if network is None else network
    example = torch.from_numpy(examples(way.network, way.batch or 2))
    if way.exporter == TS:
        torch.onnx.export(
            network,
            (example,),
            path,
            dynamo=False,
            opset_version=17,
            input_names=["x"],
            output_names=["scores"],
            dynamic_axes=None if way.batch else {"x": {0: "n"}, "scores": {0: "n"}},
            training=TrainingMode.EVAL if way.folded else TrainingMode.PRESERVE,
            do_constant_folding=way.folded,
        )
        return path
    torch.onnx.export(
        network,
        (example,),
        path,
        dynamo=True,
        opset_version=20,
        input_names=["x"],
        output_names=["scores"],
        dynamic_shapes=None if way.batch else ({0: torch.export.Dim("n")},),
        optimize=way.folded,
        external_data=False,
        verbose=False,
    )
    return path


def reference(path: Path) -> ModelRef:
    """The file as a student."""
    return ModelRef(name="student", role=Role.STUDENT, path=str(path), kind="onnx", sha256="0" * 64)


def opened(path: Path, **settings: object) -> OnnxNetwork:
    """The file's network; settings are those of NetworkSpec."""
    return OnnxNetwork(NetworkSpec(model=reference(path), **settings))  # type: ignore[arg-type]


def answers(path: Path, inputs: Float32) -> Float32:
    """The file's raw outputs (n, C) by onnxruntime, batch by batch where the file knows only one batch size."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    declared = session.get_inputs()[0]
    size = declared.shape[0] if isinstance(declared.shape[0], int) else len(inputs)
    parts = [session.run(None, {declared.name: inputs[i : i + size]})[0] for i in range(0, len(inputs), size)]
    return np.concatenate(parts)


def anonymous(path: Path, to: Path) -> Path:
    """The same graph as another tool would write it: no names of layers, no notes of the exporter."""
    model = onnx.load(path)
    renamed = {tensor.name: f"w{i}" for i, tensor in enumerate(model.graph.initializer)}
    for tensor in model.graph.initializer:
        tensor.name = renamed[tensor.name]
    for i, node in enumerate(model.graph.node):
        node.name = f"node{i}"
        node.input[:] = [renamed.get(name, name) for name in node.input]
        del node.metadata_props[:]
    onnx.save(model, to)
    return to
