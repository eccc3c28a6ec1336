"""Networks known only by their layers (TorchScript, exported programs, pickles): layers drawn anew as torch draws them.

A file does not hold the code that drew its weights. Layers of torch's own have a default, which is taken; a weight of
any other layer has none, and is named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import sqrt

import torch
from torch import Tensor, nn
from torch.nn import init

# Of tokens and positions of their own; and of a matrix that both embeds tokens and scores them, with which the
# embedding's own default would make the first loss huge.
_NARROW_STD = 0.02
ATTENTION_OUTPUT = "NonDynamicallyQuantizableLinear"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layer:
    """One layer's own tensors, parameters and buffers, by their names in it; `kind` is the name of its class."""

    path: str
    kind: str
    parameters: Mapping[str, Tensor]
    buffers: Mapping[str, Tensor]


def layers_of(network: nn.Module) -> Iterator[Layer]:
    """The layers of a network that have tensors of their own."""
    for path, module in network.named_modules():
        parameters = dict(module.named_parameters(recurse=False))
        buffers = dict(module.named_buffers(recurse=False))
        if parameters or buffers:
            yield Layer(path=path, kind=layer_kind(module), parameters=parameters, buffers=buffers)


def layer_kind(module: nn.Module) -> str:
    """The name of a module's class, also where TorchScript holds it."""
    return str(module.original_name) if isinstance(module, torch.jit.ScriptModule) else type(module).__name__


def without_default(layers: Iterable[Layer]) -> tuple[str, ...]:
    """The names of parameters whose layers have no default draw."""
    return tuple(
        f"{layer.path}.{name}".removeprefix(".")
        for layer in layers
        if layer.parameters and _rule(layer) is None
        for name in layer.parameters
    )


def redraw_layers(layers: Iterable[Layer]) -> None:
    """Draws every layer anew, in place, from torch's random numbers; buffers other than running statistics stay."""
    layers = tuple(layers)
    with torch.no_grad():
        for layer in layers:
            rule = _rule(layer)
            if rule is not None:
                rule(layer)
        for tensor in _tied(layers):
            init.normal_(tensor, std=_NARROW_STD)


def _tied(layers: tuple[Layer, ...]) -> list[Tensor]:
    embedded = {
        t.data_ptr() for layer in layers if _rule(layer) is _embedding for t in layer.parameters.values()
    }
    dense = [t for layer in layers if _rule(layer) is _dense for t in layer.parameters.values()]
    return [tensor for tensor in dense if tensor.data_ptr() in embedded]


def _dense(layer: Layer) -> None:
    weight = layer.parameters["weight"]
    init.kaiming_uniform_(weight, a=sqrt(5))
    if "bias" in layer.parameters:
        # Attention's projection of its outputs starts without an offset.
        bound = 0.0 if layer.kind == ATTENTION_OUTPUT else 1 / sqrt(weight[0].numel())
        init.uniform_(layer.parameters["bias"], -bound, bound)


def _norm(layer: Layer) -> None:
    for name, tensor in (*layer.parameters.items(), *layer.buffers.items()):
        init.constant_(tensor, 1.0 if name in ("weight", "running_var") else 0.0)


def _embedding(layer: Layer) -> None:
    init.normal_(layer.parameters["weight"])


def _recurrent(layer: Layer) -> None:
    hidden = next(t.shape[1] for name, t in layer.parameters.items() if name.startswith("weight_hh"))
    for tensor in layer.parameters.values():
        init.uniform_(tensor, -1 / sqrt(hidden), 1 / sqrt(hidden))


def _attention(layer: Layer) -> None:
    for name, tensor in layer.parameters.items():
        if name == "in_proj_bias":
            init.zeros_(tensor)
        elif name.startswith("bias_"):
            init.xavier_normal_(tensor)
        else:
            init.xavier_uniform_(tensor)


def _place(layer: Layer) -> None:
    for tensor in layer.parameters.values():
        init.normal_(tensor, std=_NARROW_STD)


def _slope(layer: Layer) -> None:
    init.constant_(layer.parameters["weight"], 0.25)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """How layers whose class is called `starts`... are drawn if all of their parameters are called `names`..."""

    starts: tuple[str, ...]
    names: tuple[str, ...]
    draw: Callable[[Layer], None]


_AFFINE = ("weight", "bias")
_KINDS = (
    _Kind(starts=("BatchNorm", "SyncBatchNorm", "InstanceNorm"), names=_AFFINE, draw=_norm),
    _Kind(starts=("LayerNorm", "GroupNorm", "RMSNorm"), names=_AFFINE, draw=_norm),
    _Kind(starts=("Linear", ATTENTION_OUTPUT, "Conv"), names=_AFFINE, draw=_dense),
    _Kind(starts=("Embedding",), names=("weight",), draw=_embedding),
    _Kind(starts=("LSTM", "GRU", "RNN"), names=("weight_ih", "weight_hh", "bias_"), draw=_recurrent),
    _Kind(starts=("MultiheadAttention",), names=("in_proj", "q_", "k_", "v_", "bias_"), draw=_attention),
    _Kind(starts=("PReLU",), names=("weight",), draw=_slope),
)


def _rule(layer: Layer) -> Callable[[Layer], None] | None:
    """How a layer is drawn; None if its class is not known, or has parameters that torch's own has not."""
    for kind in _KINDS:
        if layer.kind.startswith(kind.starts) and all(n.startswith(kind.names) for n in layer.parameters):
            weight = layer.parameters.get("weight")
            matrix = weight is not None and weight.ndim > 1
            return kind.draw if matrix or kind.draw is not _dense else None
    # What is alike for all examples and lies along further axes is a token or positions: (1, places, width).
    places = [tensor.ndim > 2 and tensor.shape[0] == 1 for tensor in layer.parameters.values()]
    return _place if places and all(places) else None
