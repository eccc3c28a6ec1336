"""Functions of single elements, with broadcasting: arithmetic, comparisons, logic."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from kdaudit.models.onnx_ops.call import Call

Apply = Callable[[Call], Tensor]


def of_one(function: Callable[[Tensor], Tensor]) -> Apply:
    """The operator that applies a function of torch to its only input."""
    return lambda call: function(call.tensor(0))


def of_two(function: Callable[[Tensor, Tensor], Tensor]) -> Apply:
    """The operator that applies a function of torch to its two inputs."""
    return lambda call: function(call.tensor(0), call.tensor(1))


def of_several(function: Callable[[Tensor, Tensor], Tensor]) -> Apply:
    """The operator that applies a function of two to the first inputs, then to its result and the next."""

    def apply(call: Call) -> Tensor:
        result = call.tensor(0)
        for slot in range(1, len(call.node.inputs)):
            result = function(result, call.tensor(slot))
        return result

    return apply


def div(call: Call) -> Tensor:
    """A / B; integers are cut towards zero."""
    whole = not call.dtype(0).is_floating_point
    return torch.div(call.tensor(0), call.tensor(1), rounding_mode="trunc" if whole else None)


def pow_(call: Call) -> Tensor:
    """A to the power of B, in the type of A."""
    exponent = call.level(1) if call.shape(1) == () else None
    # A plain number lets torch take a square as a product.
    power = torch.pow(call.tensor(0), call.tensor(1) if exponent is None else exponent)
    return power.to(call.dtype(0))


def mod(call: Call) -> Tensor:
    """The rest of A / B, with the sign of B, or with that of A where `fmod` is set."""
    function = torch.fmod if call.node.integer("fmod", 0) else torch.remainder
    return function(call.tensor(0), call.tensor(1))


def is_inf(call: Call) -> Tensor:
    """Whether an element is infinite, of the signs that the node asks for."""
    x = call.tensor(0)
    positive, negative = call.node.integer("detect_positive", 1), call.node.integer("detect_negative", 1)
    if positive and negative:
        return torch.isinf(x)
    if not positive and not negative:
        return torch.zeros_like(x, dtype=torch.bool)
    return torch.isposinf(x) if positive else torch.isneginf(x)


def where(call: Call) -> Tensor:
    """The second input where the first is true, else the third."""
    return torch.where(call.tensor(0), call.tensor(1), call.tensor(2))


def mean(call: Call) -> Tensor:
    """The mean of the inputs, element by element."""
    return of_several(torch.add)(call) / len(call.node.inputs)
