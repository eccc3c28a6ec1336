"""Networks in torch and their ONNX exports: by both exporters, for one batch size or any, BatchNorm folded or kept."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn
from torch.onnx import TrainingMode

from kdaudit.models.trainable import OnnxNetwork
from kdaudit.types import AnyArray, Float32, ModelRef, NetworkSpec, Role
from tests.models.zoo_networks import NETWORKS

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


def make(name: str, *, seed: int = 1) -> nn.Module:
    """A network of the zoo as if it had been trained: no array is level, running statistics have moved."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        network = NETWORKS[name].make()
        for module in network.modules():
            state = dict(module.named_parameters(recurse=False)) | dict(module.named_buffers(recurse=False))
            if "running_var" in state:
                nn.init.uniform_(state["weight"], 0.8, 1.2)
                nn.init.normal_(state["bias"], std=0.2)
                nn.init.normal_(state["running_mean"], std=0.2)
                nn.init.uniform_(state["running_var"], 0.5, 1.5)
            elif "bias" in state:
                nn.init.normal_(state["bias"], std=0.1)
        for parameter in network.parameters():
            parameter.add_(0.03 * torch.randn_like(parameter))
    return network.eval()


def examples(name: str, n: int, *, seed: int = 0) -> AnyArray:
    """Drawn inputs (n, ...) for a network of the zoo."""
    rng = np.random.default_rng(seed)
    entry = NETWORKS[name]
    if entry.n_tokens:
        return rng.integers(entry.n_tokens, size=(n, *entry.shape))
    return rng.standard_normal((n, *entry.shape)).astype(np.float32)


def export(way: Export, path: Path, network: nn.Module | None = None) -> Path:
    """Writes a network of the zoo to `path` as ONNX, with input 'x' and output 'scores'."""
    network = make(way.network) if network is None else network
    example = torch.from_numpy(examples(way.network, way.batch or 2))
    with warnings.catch_warnings():
        # Tracers warn of every size that a network looks at.
        warnings.simplefilter("ignore")
        _export(way, path, network, example)
    return path


def _export(way: Export, path: Path, network: nn.Module, example: torch.Tensor) -> None:
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
        return
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


def reference(path: Path) -> ModelRef:
    """The file as a student."""
    return ModelRef(name="student", role=Role.STUDENT, path=str(path), kind="onnx", sha256="0" * 64)


def opened(path: Path, **settings: object) -> OnnxNetwork:
    """The file's network; settings are those of NetworkSpec."""
    return OnnxNetwork(NetworkSpec(model=reference(path), **settings))  # type: ignore[arg-type]


def answers(path: Path, inputs: AnyArray) -> Float32:
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
