"""Normalisation and Dropout: what behaves differently in training."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from kdaudit.models.onnx_ops.call import Call

_BATCH_NORMS: dict[int, type[nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d]] = {
    2: nn.BatchNorm1d,
    3: nn.BatchNorm1d,
    4: nn.BatchNorm2d,
    5: nn.BatchNorm3d,
}


def batch_normalization(call: Call) -> Tensor:
    """BatchNorm: statistics of the batch in training, running ones in evaluation.

    A file that was exported in training mode (`training_mode=1`) is evaluated with its running statistics too.
    """
    kind = _BATCH_NORMS.get(len(call.shape(0)))
    if kind is None:
        raise call.refuse(f"an input of rank {len(call.shape(0))}")
    if (eps := call.node.number("epsilon", 1e-5)) <= 0:
        raise call.refuse(f"an epsilon of {eps}")
    scale, bias, mean, variance = (call.array(slot) for slot in (1, 2, 3, 4))
    # ONNX's momentum is the share that is kept, torch's the share that is replaced.
    norm = kind(len(scale), eps=eps, momentum=_replaced(call))
    norm.load_state_dict(
        {
            "weight": scale,
            "bias": bias,
            "running_mean": mean,
            "running_var": variance,
            "num_batches_tracked": torch.tensor(0),
        },
        assign=True,
    )
    return call.module(norm, call.tensor(0))


def dropout(call: Call) -> Tensor:
    """Dropout where the file was exported with it alive (a true `training_mode` input), else the input."""
    alive = call.node.has(2) and bool(call.value(2).item())
    if not alive:
        return call.tensor(0)
    ratio = call.scalar(1, "ratio")
    return call.module(nn.Dropout(0.5 if ratio is None else ratio), call.tensor(0))


def layer_normalization(call: Call) -> Tensor:
    """The input with mean 0 and variance 1 over all axes from `axis` on, then scaled and shifted."""
    axis = call.node.integer("axis", -1)
    sizes, epsilon = call.shape(0)[axis:], call.node.number("epsilon", 1e-5)
    if all(call.shape(slot) == sizes for slot in (1, 2) if call.node.has(slot)):
        return functional.layer_norm(call.tensor(0), sizes, call.tensor(1), call.optional(2), epsilon)
    normal = functional.layer_norm(call.tensor(0), sizes, None, None, epsilon) * call.tensor(1)
    return normal + call.tensor(2) if call.node.has(2) else normal


def rms_normalization(call: Call) -> Tensor:
    """The input divided by the root of its mean square over all axes from `axis` on, then scaled."""
    sizes, epsilon = call.shape(0)[call.node.integer("axis", -1) :], call.node.number("epsilon", 1e-5)
    if call.shape(1) == sizes:
        return functional.rms_norm(call.tensor(0), sizes, call.tensor(1), epsilon)
    return functional.rms_norm(call.tensor(0), sizes, None, epsilon) * call.tensor(1)


def instance_normalization(call: Call) -> Tensor:
    """Each channel of each example with mean 0 and variance 1 over space, then scaled and shifted by channel."""
    weights, epsilon = (call.tensor(1), call.tensor(2)), call.node.number("epsilon", 1e-5)
    return functional.instance_norm(call.tensor(0), None, None, *weights, eps=epsilon)


def group_normalization(call: Call) -> Tensor:
    """Each group of channels with mean 0 and variance 1, then scaled and shifted by channel.

    Before opset 21 there was one scale and one offset a group.
    """
    n_groups, scale, bias = call.node.integer("num_groups", 1), call.tensor(1), call.tensor(2)
    repeats = call.shape(0)[1] // call.shape(1)[0]
    if repeats > 1:
        scale, bias = scale.repeat_interleave(repeats), bias.repeat_interleave(repeats)
    return functional.group_norm(call.tensor(0), n_groups, scale, bias, call.node.number("epsilon", 1e-5))


def local_response(call: Call) -> Tensor:
    """The input divided by a power of the mean square of neighbouring channels."""
    size = call.node.integer("size", 1)
    if size % 2 == 0:
        raise call.refuse(f"an even number of channels to normalise over ({size})")
    alpha, beta = call.node.number("alpha", 1e-4), call.node.number("beta", 0.75)
    return functional.local_response_norm(call.tensor(0), size, alpha, beta, call.node.number("bias", 1.0))


def unit_length(call: Call) -> Tensor:
    """The input divided by its norm along an axis; what is 0 stays 0."""
    order = float(call.node.integer("p", 2))
    return functional.normalize(call.tensor(0), p=order, dim=call.node.integer("axis", -1))


def _replaced(call: Call) -> float:
    # Rounded, because the file holds it in single precision: 0.8999999761581421 stands for 0.9.
    return round(1.0 - call.node.number("momentum", 0.9), 6)
