"""Activations: functions of each element, and the softmax family."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from kdaudit.models.onnx_ops.call import Call


def relu(call: Call) -> Tensor:
    """max(x, 0)."""
    return torch.relu(call.tensor(0))


def leaky_relu(call: Call) -> Tensor:
    """X where positive, else alpha x."""
    return functional.leaky_relu(call.tensor(0), call.node.number("alpha", 0.01))


def sigmoid(call: Call) -> Tensor:
    """1 / (1 + exp(-x))."""
    return torch.sigmoid(call.tensor(0))


def tanh(call: Call) -> Tensor:
    """Hyperbolic tangent."""
    return torch.tanh(call.tensor(0))


def hard_sigmoid(call: Call) -> Tensor:
    """max(0, min(1, alpha x + beta))."""
    x = call.tensor(0)
    return (x * call.node.number("alpha", 0.2) + call.node.number("beta", 0.5)).clamp(0.0, 1.0)


def hard_swish(call: Call) -> Tensor:
    """X max(0, min(1, x/6 + 1/2))."""
    return functional.hardswish(call.tensor(0))


def gelu(call: Call) -> Tensor:
    """X Phi(x), exact or by the tanh approximation."""
    return functional.gelu(call.tensor(0), approximate=call.node.text("approximate", "none"))


def erf(call: Call) -> Tensor:
    """The error function."""
    return torch.erf(call.tensor(0))


def clip(call: Call) -> Tensor:
    """X limited to [min, max]; either may be absent."""
    low, high = call.scalar(1, "min"), call.scalar(2, "max")
    x = call.tensor(0)
    if low is None and high is None:
        return x
    # torch gives the type of the limits if they are floats and x is not.
    return torch.clamp(x, min=low, max=high).to(call.dtype(0))


def softmax(call: Call) -> Tensor:
    """exp(x) / sum exp(x) along an axis."""
    return _along_axis(call, torch.softmax)


def log_softmax(call: Call) -> Tensor:
    """Logarithm of the softmax along an axis."""
    return _along_axis(call, torch.log_softmax)


def _along_axis(call: Call, function: Callable[..., Tensor]) -> Tensor:
    x = call.tensor(0)
    if call.opset >= 13:
        return function(x, dim=call.node.integer("axis", -1))
    # Before opset 13 all axes from `axis` on are normalised together.
    axis, rank = call.node.integer("axis", 1) % len(call.shape(0)), len(call.shape(0))
    if axis == rank - 1:
        return function(x, dim=-1)
    return torch.unflatten(function(x.flatten(axis), dim=-1), axis, call.shape(0)[axis:])
