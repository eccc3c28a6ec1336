"""Elements by their positions: gathering, scattering, and what positions are turned into."""

from __future__ import annotations

import torch
from torch import Tensor

from kdaudit.models.onnx_ops.call import Call
from kdaudit.models.onnx_ops.shape import DTYPES

_SCATTERED = {"add": "sum", "mul": "prod", "max": "amax", "min": "amin"}


def gather(call: Call) -> Tensor:
    """The named positions along an axis."""
    axis = call.node.integer("axis", 0) % len(call.shape(0))
    # A single position would be read as a number, which tensors without numbers do not have.
    places = call.tensor(1) if call.shape(1) else call.tensor(1).reshape(1)
    found = call.tensor(0)[(slice(None),) * axis + (places,)]
    return found if call.shape(1) else found.squeeze(axis)


def gather_nd(call: Call) -> Tensor:
    """The elements or slices at the positions that the last axis of the indices spells out."""
    if call.node.integer("batch_dims", 0):
        raise call.refuse("batch_dims other than 0")
    return call.tensor(0)[_spelled_out(call)]


def gather_elements(call: Call) -> Tensor:
    """For each position of the indices, the element at that index along an axis."""
    return torch.gather(call.tensor(0), call.node.integer("axis", 0), _from_start(call))


def scatter_elements(call: Call) -> Tensor:
    """The input with elements put at, or combined with those at, the indices along an axis."""
    x, axis, indices, updates = (
        call.tensor(0),
        call.node.integer("axis", 0),
        _from_start(call),
        call.tensor(2),
    )
    how = call.node.text("reduction", "none")
    if how == "none":
        return x.scatter(axis, indices, updates)
    return x.scatter_reduce(axis, indices, updates, reduce=_SCATTERED[how])


def scatter_nd(call: Call) -> Tensor:
    """The input with elements or slices put at, or added to, the positions that the indices spell out."""
    how = call.node.text("reduction", "none")
    if how not in ("none", "add"):
        raise call.refuse(f"reduction {how!r}")
    # Without numbers, torch does not look.
    places = (*call.shape(1)[:-1], *call.shape(0)[call.shape(1)[-1] :])
    if call.shape(2) != places:
        raise call.refuse(f"updates of shape {call.shape(2)} for places of shape {places}")
    return call.tensor(0).index_put(_spelled_out(call), call.tensor(2), accumulate=how == "add")


def one_hot(call: Call) -> Tensor:
    """A new axis of `depth` places: the second of `values` at the index, the first elsewhere."""
    depth, values = call.integers(1)[0], call.tensor(2)
    rank = len(call.shape(0)) + 1
    axis = call.node.integer("axis", -1) % rank
    places = call.constant(torch.arange(depth).reshape(_along(axis, rank)))
    indices = call.tensor(0).unsqueeze(axis)
    here = torch.where(indices < 0, indices + depth, indices) == places
    return torch.where(here, values[1], values[0])


def reverse_sequence(call: Call) -> Tensor:
    """The first places of each example in reverse, as many as the example is long; the others as they are."""
    x, rank = call.tensor(0), len(call.shape(0))
    time, batch = call.node.integer("time_axis", 0), call.node.integer("batch_axis", 1)
    if call.level(1) == call.shape(0)[time]:
        return x.flip(time)
    places = call.constant(torch.arange(call.shape(0)[time]).reshape(_along(time, rank)))
    lengths = call.tensor(1).reshape(_along(batch, rank))
    return torch.take_along_dim(x, torch.where(places < lengths, lengths - 1 - places, places), dim=time)


def non_zero(call: Call) -> Tensor:
    """The positions of all elements that are not 0, one a column; of constants only: their number is a shape."""
    return torch.nonzero(call.value(0)).t()


def triangle(call: Call) -> Tensor:
    """The input with the elements below, or above, a diagonal set to 0."""
    diagonal = call.integers(1)[0] if call.node.has(1) else 0
    cut = torch.triu if call.node.integer("upper", 1) else torch.tril
    return cut(call.tensor(0), diagonal)


def eye_like(call: Call) -> Tensor:
    """1 on a diagonal and 0 elsewhere, in the shape of the input."""
    k = call.node.integer("k", 0)
    dtype = DTYPES.get(call.node.integer("dtype", 0), call.dtype(0))
    return torch.ones_like(call.alone(0), dtype=dtype).triu(k).tril(k)


def _spelled_out(call: Call) -> tuple[Tensor, ...]:
    indices = call.tensor(1)
    return tuple(indices[..., i] for i in range(call.shape(1)[-1]))


def _along(axis: int, rank: int) -> list[int]:
    """A shape with all elements along one axis."""
    return [-1 if i == axis else 1 for i in range(rank)]


def _from_start(call: Call) -> Tensor:
    """The indices of input 1 along the node's axis, those from the end counted from the start."""
    indices, size = call.tensor(1), call.shape(0)[call.node.integer("axis", 0)]
    return torch.where(indices < 0, indices + size, indices)
