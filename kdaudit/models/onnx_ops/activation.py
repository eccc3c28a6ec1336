"""Activations: functions of each element, and the softmax family."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from kdaudit.models.onnx_ops.call import Call

_SELU_ALPHA, _SELU_GAMMA = 1.67326319217681884765625, 1.05070102214813232421875


def leaky_relu(call: Call) -> Tensor:
    """X where positive, else alpha x."""
    return functional.leaky_relu(call.tensor(0), call.node.number("alpha", 0.01))


def elu(call: Call) -> Tensor:
    """X where positive, else alpha (exp(x) - 1)."""
    return functional.elu(call.tensor(0), call.node.number("alpha", 1.0))


def celu(call: Call) -> Tensor:
    """X where positive, else alpha (exp(x / alpha) - 1)."""
    return functional.celu(call.tensor(0), call.node.number("alpha", 1.0))


def selu(call: Call) -> Tensor:
    """Gamma times: x where positive, else alpha (exp(x) - 1)."""
    alpha, gamma = call.node.number("alpha", _SELU_ALPHA), call.node.number("gamma", _SELU_GAMMA)
    return functional.elu(call.tensor(0), alpha) * gamma


def prelu(call: Call) -> Tensor:
    """X where positive, else slope x; the slope may differ by channel."""
    x, slope, rank = call.tensor(0), call.tensor(1), len(call.shape(0))
    by_channel = (1,) * (rank - 1 - len(call.shape(1))) + call.shape(1)
    if rank > 1 and by_channel == (call.shape(0)[1], *(1,) * (rank - 2)):
        # As torch's own layer does it.
        return functional.prelu(x, slope.flatten())
    return torch.where(x > 0, x, slope * x)


def thresholded_relu(call: Call) -> Tensor:
    """X where larger than alpha, else 0."""
    return functional.threshold(call.tensor(0), call.node.number("alpha", 1.0), 0.0)


def shrink(call: Call) -> Tensor:
    """X moved towards 0 by a bias; 0 where |x| <= lambd."""
    x, edge, bias = call.tensor(0), call.node.number("lambd", 0.5), call.node.number("bias", 0.0)
    return torch.where(x.abs() > edge, x - bias * torch.sign(x), torch.zeros_like(x))


def swish(call: Call) -> Tensor:
    """X sigmoid(alpha x)."""
    alpha, x = call.node.number("alpha", 1.0), call.tensor(0)
    return functional.silu(x) if alpha == 1.0 else x * torch.sigmoid(alpha * x)


def hard_sigmoid(call: Call) -> Tensor:
    """max(0, min(1, alpha x + beta))."""
    x = call.tensor(0)
    return (x * call.node.number("alpha", 0.2) + call.node.number("beta", 0.5)).clamp(0.0, 1.0)


def gelu(call: Call) -> Tensor:
    """X Phi(x), exact or by the tanh approximation."""
    return functional.gelu(call.tensor(0), approximate=call.node.text("approximate", "none"))


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


def hard_max(call: Call) -> Tensor:
    """1 at the largest element along an axis, else 0."""
    return _along_axis(call, _hard_max)


def _hard_max(x: Tensor, *, dim: int) -> Tensor:
    return torch.zeros_like(x).scatter(dim, torch.argmax(x, dim=dim, keepdim=True), 1.0)


def _along_axis(call: Call, function: Callable[..., Tensor]) -> Tensor:
    x = call.tensor(0)
    if call.opset >= 13:
        return function(x, dim=call.node.integer("axis", -1))
    # Before opset 13 all axes from `axis` on are normalised together.
    axis, rank = call.node.integer("axis", 1) % len(call.shape(0)), len(call.shape(0))
    if axis == rank - 1:
        return function(x, dim=-1)
    return torch.unflatten(function(x.flatten(axis), dim=-1), axis, call.shape(0)[axis:])
