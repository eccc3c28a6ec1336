"""How each trained array is drawn anew.

The default is what torch's own layers do: kaiming_uniform with a = sqrt(5) for weights, which is uniform in
1 / sqrt(fan-in), as are their biases and whatever an LSTM, GRU or RNN holds (there 1 / sqrt(hidden size)); Xavier for
the joint projection of torch's attention; N(0, 1) for embeddings. Where torch has no layer, the habit of published
code decides: N(0, 0.02) for positions, tokens and embeddings that are the output layer too; 1 and 0 for scales and
offsets; 1e-6 for the factor of a branch before it joins the others (ConvNeXt's layer scale).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod, sqrt
from typing import Literal

import torch
from torch import Tensor, nn

from kdaudit.models.graph import Node
from kdaudit.models.onnx_ops import OPERATORS, WeightRole
from kdaudit.models.onnx_ops.call import Shape
from kdaudit.models.roles import Kind, Weight
from kdaudit.types import Initialisation

_NARROW = 0.02
_CONSTANTS = {Kind.FACTOR: 1.0, Kind.ADDEND: 0.0, Kind.SLOPE: 0.25, Kind.BRANCH_FACTOR: 1e-6}


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """Where fresh numbers come from.

    `size` is the half-width of a uniform draw around 0, the deviation of a normal one, or the number itself.
    """

    kind: Literal["uniform", "normal", "constant"]
    size: float

    def into(self, tensor: Tensor, generator: torch.Generator) -> None:
        """Fills the tensor in place."""
        if self.kind == "uniform":
            tensor.uniform_(-self.size, self.size, generator=generator)
        elif self.kind == "normal":
            tensor.normal_(0.0, self.size, generator=generator)
        else:
            tensor.fill_(self.size)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fans:
    """How many numbers one unit of a layer reads, and how many units read one number."""

    inputs: int
    outputs: int


def draw_for(weight: Weight, shapes: Mapping[str, Shape], scheme: Initialisation) -> Draw | None:
    """How a trained array is drawn; None where a normalisation module resets itself.

    Args:
        weight: the array.
        shapes: the shape of every value of its graph.
        scheme: torch: see above; kaiming: N(0, 2 / fan-out), as torchvision's convolutional networks; xavier: uniform
            in sqrt(6 / (fan-in + fan-out)); trunc02: N(0, 0.02), as ViT, ConvNeXt and BERT. All but torch's set
            biases to 0. Recurrent weights keep torch's own draw.
    """
    if weight.kind is Kind.HELD:
        return None
    if weight.kind in _CONSTANTS:
        return Draw(kind="constant", size=_CONSTANTS[weight.kind])
    if weight.kind is Kind.EMBEDDING:
        return Draw(kind="normal", size=1.0 if scheme == "torch" else _NARROW)
    if weight.layer is None:
        return Draw(kind="normal", size=_NARROW)
    if weight.kind is Kind.RECURRENT:
        return Draw(kind="uniform", size=1.0 / sqrt(weight.layer.integer("hidden_size", 1)))
    if weight.kind is Kind.BIAS and scheme != "torch":
        return Draw(kind="constant", size=0.0)
    return _of_layer(weight.kind, _fans(weight.layer, shapes), scheme)


def redraw(network: nn.Module, draws: Mapping[str, Draw], *, seed: int) -> None:
    """Gives a network fresh weights, in place.

    Parameters named in `draws` are drawn in the order of the network; normalisation modules get scale 1, offset 0 and
    the running statistics of no data.
    """
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.reset_parameters()
    with torch.no_grad():
        for key, parameter in network.named_parameters():
            if key in draws:
                draws[key].into(parameter, generator)


def _of_layer(kind: Kind, fans: _Fans, scheme: Initialisation) -> Draw:
    if scheme == "xavier" or (scheme == "torch" and kind is Kind.PROJECTION):
        return Draw(kind="uniform", size=sqrt(6.0 / (fans.inputs + fans.outputs)))
    if scheme == "kaiming":
        return Draw(kind="normal", size=sqrt(2.0 / fans.outputs))
    if scheme == "trunc02":
        return Draw(kind="normal", size=_NARROW)
    return Draw(kind="uniform", size=1.0 / sqrt(fans.inputs))


def _fans(layer: Node, shapes: Mapping[str, Shape]) -> _Fans:
    roles = OPERATORS[layer.op].roles
    if WeightRole.CONV_WEIGHT in roles.values():
        shape = shapes[layer.inputs[1]]
        return _Fans(inputs=prod(shape[1:]), outputs=shape[0] * prod(shape[2:]))
    read = shapes[layer.inputs[0]][0 if layer.integer("transA", 0) else -1]
    return _Fans(inputs=read, outputs=shapes[layer.outputs[0]][-1])
