"""Normalisation and Dropout: what behaves differently in training."""

from __future__ import annotations

import torch
from torch import Tensor, nn

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
    scale, bias, mean, variance = (call.array(slot) for slot in (1, 2, 3, 4))
    # ONNX's momentum is the share that is kept, torch's the share that is replaced.
    norm = kind(len(scale), eps=call.node.number("epsilon", 1e-5), momentum=_replaced(call))
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


def _replaced(call: Call) -> float:
    # Rounded, because the file holds it in single precision: 0.8999999761581421 stands for 0.9.
    return round(1.0 - call.node.number("momentum", 0.9), 6)


def dropout(call: Call) -> Tensor:
    """Dropout where the file was exported with it alive (a true `training_mode` input), else the input."""
    alive = call.node.has(2) and bool(call.value(2).item())
    if not alive:
        return call.tensor(0)
    ratio = call.scalar(1, "ratio")
    return call.module(nn.Dropout(0.5 if ratio is None else ratio), call.tensor(0))
