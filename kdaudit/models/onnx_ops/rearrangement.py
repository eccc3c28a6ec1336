"""Parts and copies: splitting, repeating, exchanging channels and space."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from kdaudit.models.onnx_ops.call import Call, as_tensor
from kdaudit.models.onnx_ops.shape import expanded


def split(call: Call) -> tuple[Tensor, ...]:
    """The input cut along an axis: in the sizes that are given, else in parts as alike as possible.

    A single size is that of all parts but the last, as SplitToSequence has it.
    """
    x, axis = call.tensor(0), call.node.integer("axis", 0)
    n_parts = len(call.node.outputs)
    sizes = call.axes(1, "split") or [-(-call.shape(0)[axis] // n_parts)]
    parts = torch.split(x, sizes if len(sizes) > 1 else sizes[0], dim=axis)
    return tuple(parts[i] for i in range(n_parts))


def tile(call: Call) -> Tensor:
    """The input repeated along its axes."""

    def target() -> list[int]:
        return [size * n for size, n in zip(call.shape(0), call.integers(1), strict=True)]

    # Axes of size 1 are spread, as cheap as Expand; longer ones are copied.
    sizes, repeats = call.new_shape(target, expanded), call.integers(1)
    longer = [size > 1 for size in call.shape(0)]
    spread = [-1 if keep else size for keep, size in zip(longer, sizes, strict=True)]
    copies = [n if keep else 1 for keep, n in zip(longer, repeats, strict=True)]
    x = call.tensor(0).expand(spread)
    return x if all(isinstance(n, int) and n == 1 for n in copies) else x.repeat(copies)


def constant_of_shape(call: Call) -> Tensor:
    """One number everywhere, in the shape that is given."""
    given = call.node.attributes.get("value")
    number = as_tensor(given) if isinstance(given, np.ndarray) else torch.zeros(1)
    return call.constant(number.reshape(())).expand(call.integers(0))


def depth_to_space(call: Call) -> Tensor:
    """Channels moved into blocks of space: (n, c b^2, h, w) to (n, c, h b, w b)."""
    block = call.node.integer("blocksize", 1)
    if call.node.text("mode", "DCR") == "CRD":
        return functional.pixel_shuffle(call.tensor(0), block)
    channels = call.shape(0)[1] // block**2
    parts = torch.unflatten(call.tensor(0), 1, (block, block, channels)).permute(0, 3, 4, 1, 5, 2)
    return parts.flatten(4, 5).flatten(2, 3)


def space_to_depth(call: Call) -> Tensor:
    """Blocks of space moved into channels: (n, c, h b, w b) to (n, b^2 c, h, w)."""
    block = call.node.integer("blocksize", 1)
    if call.node.text("mode", "DCR") == "CRD":
        return functional.pixel_unshuffle(call.tensor(0), block)
    height, width = (size // block for size in call.shape(0)[2:])
    parts = torch.unflatten(torch.unflatten(call.tensor(0), 3, (width, block)), 2, (height, block))
    return parts.permute(0, 3, 5, 1, 2, 4).flatten(1, 3)
