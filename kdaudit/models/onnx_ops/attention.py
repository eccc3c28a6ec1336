"""Attention and rotary positions, which ONNX has as operators since opset 23."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from kdaudit.models.onnx_ops.call import Call

# What attention has besides for writing text word by word, and what torch's kernels do not compute.
_REFUSED_INPUTS = {
    4: "keys and values of the past",
    6: "a number of keys that differs from example to example",
}
_REFUSED_ATTRIBUTES = {
    "softcap": "scores that are capped",
    "left_window_size": "a window over the keys",
    "right_window_size": "a window over the keys",
}


def attention(call: Call) -> Tensor:
    """softmax(Q K^T scale + mask) V for each head."""
    beyond = [what for slot, what in _REFUSED_INPUTS.items() if call.node.has(slot)]
    beyond += [what for name, what in _REFUSED_ATTRIBUTES.items() if call.node.number(name, 0.0)]
    if beyond:
        raise call.refuse(beyond[0])
    q, k, v = (_heads(call, slot) for slot in (0, 1, 2))
    groups = _n_heads(call, 0) // _n_heads(call, 1)
    if groups > 1:
        k, v = k.repeat_interleave(groups, dim=1), v.repeat_interleave(groups, dim=1)
    mask, causal = call.optional(3), bool(call.node.integer("is_causal", 0))
    if causal and mask is not None:
        mask, causal = _causal(call, mask), False
    scale = call.node.number("scale", 0.0) or None
    y = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal, scale=scale)
    return y.transpose(1, 2).flatten(2) if len(call.shape(0)) == 3 else y


def rotary_embedding(call: Call) -> Tensor:
    """Pairs of features turned by angles that depend on their place."""
    flat = len(call.shape(0)) == 3
    x = call.tensor(0)
    if flat:
        x = torch.unflatten(x, -1, (call.node.integer("num_heads", 1), -1)).transpose(1, 2)
    width = 2 * call.shape(1)[-1]
    turned, rest = x[..., :width], x[..., width:]
    cos, sin = (_angles(call, slot) for slot in (1, 2))
    if call.node.integer("interleaved", 0):
        a, b = turned[..., 0::2], turned[..., 1::2]
        y = torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1).flatten(-2)
    else:
        a, b = turned[..., : width // 2], turned[..., width // 2 :]
        y = torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)
    y = torch.cat([y, rest], dim=-1)
    return y.transpose(1, 2).flatten(2) if flat else y


def _heads(call: Call, slot: int) -> Tensor:
    """The queries, keys or values as (n, heads, places, features)."""
    x = call.tensor(slot)
    return (
        x
        if len(call.shape(slot)) == 4
        else torch.unflatten(x, -1, (_n_heads(call, slot), -1)).transpose(1, 2)
    )


def _n_heads(call: Call, slot: int) -> int:
    if len(call.shape(slot)) == 4:
        return call.shape(slot)[1]
    return call.node.integer("kv_num_heads" if slot else "q_num_heads", 1)


def _causal(call: Call, mask: Tensor) -> Tensor:
    """The mask without what comes later."""
    places = [call.shape(slot)[-2] for slot in (0, 1)]
    earlier = call.constant(torch.ones(places, dtype=torch.bool).tril())
    return mask & earlier if call.dtype(3) == torch.bool else mask.masked_fill(~earlier, float("-inf"))


def _angles(call: Call, slot: int) -> Tensor:
    """The sines or cosines as (n, 1, places, features / 2), looked up where the node names the places."""
    table = call.tensor(slot)
    return (table[call.tensor(3)] if call.node.has(3) else table).unsqueeze(1)
