"""What each float array of a graph is for: by the operator that reads it and what stands around that.

Never by its numbers, but for two questions: whether all of them are the same, and whether a formula gave them. Such
arrays were not trained.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from kdaudit.errors import ModelError
from kdaudit.models.formulas import is_computed
from kdaudit.models.graph import WAYS_OUT, Graph, Node, Use
from kdaudit.models.onnx_ops import OPERATORS, WeightRole
from kdaudit.models.surroundings import LAYER_WEIGHTS, Surroundings, n_axes
from kdaudit.types import AnyArray

# Operators that put an array among the activations as further places.
_JOINING = ("Concat", "Where")
# What a normalisation without scale and offset is given.
_NEUTRAL = {WeightRole.NORM_SCALE: 1.0, WeightRole.NORM_OFFSET: 0.0}
_NORM_NAMES = {1: "weight", 2: "bias", 3: "running_mean", 4: "running_var"}
_RECURRENT_NAMES = {1: "weight", 2: "recurrent", 3: "bias"}


class Kind(StrEnum):
    """What an array is, as far as its fresh numbers depend on it."""

    WEIGHT = "weight of a layer"
    PROJECTION = "joint projection to queries, keys and values"
    BIAS = "bias of a layer"
    RECURRENT = "recurrent"
    EMBEDDING = "embedding"
    TIED_EMBEDDING = "embedding that is the output layer too"
    PLACE = "position or token"
    FACTOR = "factor"
    BRANCH_FACTOR = "factor of a branch before it is added"
    ADDEND = "addend"
    SLOPE = "slope"
    HELD = "held by a normalisation module, which resets itself"


_KINDS = {
    WeightRole.NORM: Kind.HELD,
    WeightRole.NORM_SCALE: Kind.FACTOR,
    WeightRole.NORM_OFFSET: Kind.ADDEND,
    WeightRole.SLOPE: Kind.SLOPE,
    WeightRole.RECURRENT: Kind.RECURRENT,
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Weight:
    """A trained array: its `name` in the file, its `key` in the network's state, and its `kind`.

    `layer` is the node whose number of inputs and outputs scales the draw, None where the draw needs none.
    """

    name: str
    key: str
    kind: Kind
    layer: Node | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Weights:
    """The float arrays of a graph, by what becomes of them.

    `trained` are drawn anew and trained, by name. The others keep their numbers: `raw` are applied to the raw inputs,
    such as a mean to subtract; `computed` came from a formula or the exporter, such as a mask.
    Numbers that belong to an operator itself are in none.
    """

    trained: Mapping[str, Weight]
    raw: tuple[str, ...]
    computed: tuple[str, ...]


def find_weights(graph: Graph, kept: Collection[str] = ()) -> Weights:
    """What each float array of a graph is for, but of those that are `kept` as they are.

    Raises:
        ModelError: an array whose purpose is not known; to leave it as it is would train a part of the network only.
    """
    around = Surroundings(graph)
    namer = _Namer(graph)
    trained: dict[str, Weight] = {}
    raw, computed = [], []
    for name, array in graph.weights.items():
        own = name in graph.parameters
        if array.dtype.kind != "f" or array.size == 0 or (array.ndim == 0 and not own) or name in kept:
            continue
        use = _deciding_use(name, around)
        if use is not None and _role(use) is WeightRole.SETTING:
            continue
        if use is None or _is_untrained(name, array, use, around):
            computed.append(name)
            continue
        found = _purpose(name, array, use, around)
        if found.weak and array.size == 1 and not own:
            continue
        if found.weak and around.is_raw(use.node):
            raw.append(name)
        elif found.kind is None:
            raise ModelError(
                f"expected to know what each weight of {graph.path} is for, "
                f"found {name!r} of shape {array.shape} read by {use.node}",
                hint=WAYS_OUT,
            )
        else:
            key = namer.key(use, found.kind)
            trained[name] = Weight(name=name, key=key, kind=found.kind, layer=found.layer)
    return Weights(trained=trained, raw=tuple(raw), computed=tuple(computed))


def node_labels(graph: Graph) -> dict[Node, str]:
    """A name for each node that depends on the graph alone, not on the file's names: conv1, conv2, gemm1."""
    counts: dict[str, int] = {}
    labels = {}
    for node in graph.nodes:
        counts[node.op] = counts.get(node.op, 0) + 1
        labels[node] = f"{node.op.lower()}{counts[node.op]}"
    return labels


@dataclass(frozen=True, slots=True, kw_only=True)
class _Purpose:
    """What an array is; `weak` if it is no weight where it is applied to raw inputs, or a single number."""

    kind: Kind | None
    layer: Node | None = None
    weak: bool = False


def _role(use: Use) -> WeightRole | None:
    return OPERATORS[use.node.op].roles.get(use.slot)


def _deciding_use(name: str, around: Surroundings) -> Use | None:
    """The reader that says what an array is for: a look-up, else the first with a role for it, else the first."""
    uses = list(around.final_uses(name))
    known = [use for use in uses if _role(use) is not None]
    looked_up = [use for use in known if _role(use) is WeightRole.EMBEDDING]
    return next(iter([*looked_up, *known, *uses]), None)


def _is_untrained(name: str, array: AnyArray, use: Use, around: Surroundings) -> bool:
    """Whether an array was made by a formula or by the exporter."""
    role, graph = _role(use), around.graph
    own = name in graph.parameters
    if role is WeightRole.NORM or array.size == 1:
        return False
    if name in graph.buffers:
        return True
    if role in _NEUTRAL:
        return not own and bool(np.all(array == _NEUTRAL[role]))
    if role in (WeightRole.OFFSET, WeightRole.SCALE, None):
        # Names of parameters that the TorchScript exporter keeps may be those of buffers too.
        told = own and bool(graph.buffers)
        filled = not own and _is_level(array) and (role is None or n_axes(array) > 1)
        return not told and (filled or is_computed(array) or around.makes_waves(name))
    return False


def _purpose(name: str, array: AnyArray, use: Use, around: Surroundings) -> _Purpose:
    role = _role(use)
    if role in LAYER_WEIGHTS:
        projection = around.is_projection(use.node)
        return _Purpose(kind=Kind.PROJECTION if projection else Kind.WEIGHT, layer=use.node)
    if role is WeightRole.BIAS:
        return _bias(use.node, around)
    if role is WeightRole.OFFSET:
        return _addend(array, use, around)
    if role is WeightRole.SCALE:
        ends = around.ends_a_branch(use.node)
        return _Purpose(kind=Kind.BRANCH_FACTOR if ends else Kind.FACTOR, weak=True)
    if role is WeightRole.EMBEDDING:
        tied = any(_role(other) in LAYER_WEIGHTS for other in around.final_uses(name))
        return _Purpose(kind=Kind.TIED_EMBEDDING if tied else Kind.EMBEDDING)
    if role is None:
        return _Purpose(kind=Kind.PLACE if use.node.op in _JOINING else None, weak=True)
    return _Purpose(kind=_KINDS[role], layer=use.node if role is WeightRole.RECURRENT else None)


def _bias(layer: Node, around: Surroundings) -> _Purpose:
    if around.is_projection(layer):
        return _Purpose(kind=Kind.ADDEND)
    return _Purpose(kind=Kind.BIAS, layer=layer)


def _addend(array: AnyArray, use: Use, around: Surroundings) -> _Purpose:
    """A bias if it is added to what a layer gives; else an offset per channel, or a table of positions."""
    before = around.source(around.other(use))
    if before is not None and around.is_layer(before) and n_axes(array) <= 1:
        return _bias(before, around)
    scaled = before is not None and before.op == "Mul" and bool(around.held.intersection(before.inputs))
    return _Purpose(kind=Kind.ADDEND if scaled or n_axes(array) <= 1 else Kind.PLACE, weak=True)


def _is_level(array: AnyArray) -> bool:
    return bool(np.all(array == array.flat[0]))


class _Namer:
    """Gives each array a key that depends on the graph alone; several that one slot reads are counted."""

    def __init__(self, graph: Graph) -> None:
        self._labels = node_labels(graph)
        self._taken: dict[str, int] = {}

    def key(self, use: Use, kind: Kind) -> str:
        key = f"{self._labels[use.node]}.{self._part(use, kind)}"
        self._taken[key] = self._taken.get(key, 0) + 1
        return key if self._taken[key] == 1 else f"{key}{self._taken[key]}"

    def _part(self, use: Use, kind: Kind) -> str:
        if kind is Kind.HELD:
            return _NORM_NAMES[use.slot]
        if kind is Kind.RECURRENT:
            return _RECURRENT_NAMES[use.slot]
        return "bias" if kind in (Kind.BIAS, Kind.ADDEND) else "weight"
