"""A torch network that cannot be trained as it is goes in; its graph comes out, by way of ONNX."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor, nn

from kdaudit.errors import ModelError
from kdaudit.models.by_name import ByName, argument_names
from kdaudit.models.graph import WAYS_OUT, Graph
from kdaudit.models.onnx_file import read_graph
from kdaudit.models.quiet import first_line, silent_torch

_OPSET = 17
_SCORES = "scores"


def export_graph(network: nn.Module, examples: Mapping[str, Tensor], *, path: str, free_batch: bool) -> Graph:
    """The graph of a network, BatchNorm kept.

    Args:
        network: the network, TorchScript or not.
        examples: inputs {name: (n, ...)} of the right shapes and types, in its order; their numbers do not matter.
        path: the file that it was read from.
        free_batch: whether it takes any number of examples.

    Raises:
        ModelError: torch cannot export it.
    """
    with TemporaryDirectory(prefix="kdaudit-") as folder:
        file = Path(folder) / "network.onnx"
        try:
            export_onnx(network, examples, file, free_batch=free_batch)
        except ModelError as failure:
            raise ModelError(
                f"expected torch to export {path} to ONNX, to train it again, found {failure.message}",
                hint=WAYS_OUT,
            ) from failure
        graph = read_graph(str(file))
        order = list(examples)
        inputs = sorted(graph.inputs, key=lambda spec: order.index(spec.name))
        return replace(graph, path=path, inputs=tuple(inputs))


def export_onnx(network: nn.Module, examples: Mapping[str, Tensor], file: Path, *, free_batch: bool) -> None:
    """Write a network to an ONNX file from which it can be trained again: nothing folded, names kept.

    TorchScript is exported by its own code, its inputs in its own order: a module around it cannot be traced.

    Raises:
        ModelError: torch cannot export it; the message is torch's reason.
    """
    network = network.eval()
    if isinstance(network, ByName) and isinstance(network.network, torch.jit.ScriptModule):
        network = network.network
        if len(examples) > 1:
            examples = {name: examples[name] for name in argument_names(network) if name in examples}
    try:
        with silent_torch():
            torch.onnx.export(
                network,
                tuple(examples.values()),
                str(file),
                dynamo=False,
                opset_version=_OPSET,
                do_constant_folding=False,
                training=torch.onnx.TrainingMode.PRESERVE,
                input_names=list(examples),
                output_names=[_SCORES],
                dynamic_axes={name: {0: "n"} for name in [*examples, _SCORES]} if free_batch else None,
            )
    except (
        RuntimeError,
        ValueError,
        TypeError,
        IndexError,
        torch.onnx.errors.OnnxExporterError,
    ) as failure:
        raise ModelError(first_line(failure)) from failure
