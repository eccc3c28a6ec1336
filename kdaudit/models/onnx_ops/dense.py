"""Dense layers: matrix products."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from kdaudit.models.onnx_ops.call import Call


def gemm(call: Call) -> Tensor:
    """Alpha A B + beta C, with A and B transposed where the node says so."""
    a, b, bias = call.tensor(0), call.tensor(1), call.optional(2)
    alpha, beta = call.node.number("alpha", 1.0), call.node.number("beta", 1.0)
    a = a.t() if call.node.integer("transA", 0) else a
    if alpha == beta == 1.0 and call.node.integer("transB", 0) and (bias is None or len(call.shape(2)) == 1):
        # As torch's own layer does it: one fused kernel.
        return functional.linear(a, b, bias)
    product = torch.matmul(a, b.t() if call.node.integer("transB", 0) else b)
    product = product if alpha == 1.0 else product * alpha
    if bias is None:
        return product
    return product + (bias if beta == 1.0 else bias * beta)


def einsum(call: Call) -> Tensor:
    """A sum of products over named axes."""
    tensors = [call.tensor(slot) for slot in range(len(call.node.inputs))]
    return torch.einsum(call.node.text("equation", ""), *tensors)
