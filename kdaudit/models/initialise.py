"""Which arrays of a graph are trained weights, what each is for, and how it is drawn anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod, sqrt

import torch
from torch import nn

from kdaudit.errors import ModelError
from kdaudit.models.graph import WAYS_OUT, Graph, Node, Use
from kdaudit.models.onnx_ops import OPERATORS, WeightRole
from kdaudit.models.onnx_ops.call import Shape

_LAYER_WEIGHTS = {WeightRole.CONV_WEIGHT, WeightRole.LINEAR_WEIGHT}
_NORM_NAMES = {1: "weight", 2: "bias", 3: "running_mean", 4: "running_var"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Weight:
    """A trained array: its `name` in the file, its `key` in the network's state, and its `role`.

    `layer` is the node whose number of inputs scales the draw; None where a normalisation module holds the array.
    """

    name: str
    key: str
    role: WeightRole
    layer: Node | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Weights:
    """The float arrays of a graph, by what becomes of them.

    `trained` are drawn anew and trained, by name. `frozen` keep their numbers: arrays applied to the raw inputs,
    such as a mean to subtract. Single numbers that belong to an operator are in neither.
    """

    trained: Mapping[str, Weight]
    frozen: tuple[str, ...]


def find_weights(graph: Graph) -> Weights:
    """What each float array of a graph is for, by the operator that reads it.

    Raises:
        ModelError: an array whose purpose is not known; to leave it as it is would train a part of the network only.
    """
    consumers, producers, labels = graph.consumers(), graph.producers(), node_labels(graph)
    raw, held = _raw_values(graph), _held_values(graph)
    trained: dict[str, Weight] = {}
    frozen = []
    for name, array in graph.weights.items():
        own = name in graph.parameters
        if array.dtype.kind != "f" or (array.ndim == 0 and not own):
            continue
        use = _deciding_use(name, consumers)
        role = OPERATORS[use.node.op].roles.get(use.slot)
        layer = _layer_of(use, role, producers, held)
        if role is WeightRole.NORM or (role is not None and layer is not None):
            key = f"{labels[use.node]}.{_slot_name(role, use.slot)}"
            trained[name] = Weight(name=name, key=key, role=role, layer=layer)
        elif array.size == 1 and not own:
            continue
        elif raw.issuperset(use.node.inputs):
            frozen.append(name)
        else:
            raise ModelError(
                f"expected to know what each weight of {graph.path} is for, "
                f"found {name!r} of shape {array.shape} read by {use.node}",
                hint=WAYS_OUT,
            )
    return Weights(trained=trained, frozen=tuple(frozen))


def node_labels(graph: Graph) -> dict[Node, str]:
    """A name for each node that depends on the graph alone, not on the file's names: conv1, conv2, gemm1."""
    counts: dict[str, int] = {}
    labels = {}
    for node in graph.nodes:
        counts[node.op] = counts.get(node.op, 0) + 1
        labels[node] = f"{node.op.lower()}{counts[node.op]}"
    return labels


def bound(weight: Weight, shapes: Mapping[str, Shape]) -> float:
    """1 / sqrt(fan-in), the half-width of the uniform draw for a layer's weight and bias.

    It is torch's own default for convolutions and dense layers: kaiming_uniform with a = sqrt(5).
    """
    layer = weight.layer
    if layer is None:
        return 0.0
    if OPERATORS[layer.op].roles[1] is WeightRole.CONV_WEIGHT:
        return 1.0 / sqrt(prod(shapes[layer.inputs[1]][1:]))
    return 1.0 / sqrt(shapes[layer.inputs[0]][0 if layer.integer("transA", 0) else -1])


def redraw(network: nn.Module, bounds: Mapping[str, float], *, seed: int) -> None:
    """Gives a network fresh weights, in place.

    Parameters named in `bounds` are drawn from [-bound, bound] in the order of the network; normalisations get
    scale 1, offset 0 and the running statistics of no data.
    """
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.reset_parameters()
    with torch.no_grad():
        for key, parameter in network.named_parameters():
            if key in bounds:
                parameter.uniform_(-bounds[key], bounds[key], generator=generator)


def _deciding_use(name: str, consumers: Mapping[str, list[Use]]) -> Use:
    """The reader that says what an array is for: the first with a role for it, else the first."""
    uses = list(_final_uses(name, consumers))
    return next((use for use in uses if use.slot in OPERATORS[use.node.op].roles), uses[0])


def _final_uses(name: str, consumers: Mapping[str, list[Use]]) -> Iterator[Use]:
    """Where an array is read, seen through operators that only rearrange it."""
    for use in consumers.get(name, []):
        if OPERATORS[use.node.op].rearranges and use.slot == 0:
            yield from _final_uses(use.node.outputs[0], consumers)
        else:
            yield use


def _layer_of(
    use: Use, role: WeightRole | None, producers: Mapping[str, Node], held: set[str]
) -> Node | None:
    """The dense or convolution node to which an array belongs; for an addend, the one whose output it is added to."""
    if role is not WeightRole.OFFSET:
        return None if role is WeightRole.NORM else use.node
    node = producers.get(use.node.inputs[1 - use.slot])
    while node is not None and OPERATORS[node.op].rearranges:
        node = producers.get(node.inputs[0])
    if node is None:
        return None
    slots = [slot for slot, r in OPERATORS[node.op].roles.items() if r in _LAYER_WEIGHTS]
    return node if any(node.inputs[slot] in held for slot in slots) else None


def _slot_name(role: WeightRole, slot: int) -> str:
    if role is WeightRole.NORM:
        return _NORM_NAMES[slot]
    return "weight" if role in _LAYER_WEIGHTS else "bias"


def _held_values(graph: Graph) -> set[str]:
    """The arrays of the file, and what comes of merely rearranging them."""
    held = {name for name, array in graph.weights.items() if array.dtype.kind == "f"}
    for node in graph.nodes:
        if OPERATORS[node.op].rearranges and node.inputs[0] in held:
            held.update(node.outputs)
    return held


def _raw_values(graph: Graph) -> set[str]:
    """Values that no trained layer has touched yet."""
    raw = {spec.name for spec in graph.inputs} | set(graph.weights) | {""}
    for node in graph.nodes:
        layered = any(role is not WeightRole.OFFSET for role in OPERATORS[node.op].roles.values())
        if not layered and raw.issuperset(node.inputs):
            raw.update(node.outputs)
    return raw
