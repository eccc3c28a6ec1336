"""Weights that training starts from, where it does not start from fresh ones (`--init-from`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from kdaudit.errors import ModelError
from kdaudit.models.convert import Network
from kdaudit.types import ModelRef

# How the keys of networks begin whose inputs are given by name.
_WITHIN = "network."


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Start:
    """Tensors by their keys in the network's state; `unmatched` arrays found no counterpart and are drawn anew."""

    ref: ModelRef
    tensors: Mapping[str, Tensor]
    unmatched: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """What the report says about it."""
        text = f"Training starts from the weights of {self.ref.path}"
        if not self.unmatched:
            return f"{text}."
        return f"{text}; {len(self.unmatched)} arrays without a counterpart there are drawn anew."


def start_from_network(ref: ModelRef, own: Network, other: Network) -> Start:
    """The other network's weights where they fit: by name in the file, else by position in the graph.

    Raises:
        ModelError: nothing fits.
    """
    other_state = other.module.state_dict()
    by_name = {name: other_state[key] for key, name in other.names.items()}
    own_state = own.module.state_dict()
    candidates = {
        key: [tensor for tensor in (by_name.get(name), other_state.get(key)) if tensor is not None]
        for key, name in own.names.items()
    }
    fitting = {
        key: [tensor for tensor in tensors if tensor.shape == own_state[key].shape]
        for key, tensors in candidates.items()
    }
    return _start(ref, {key: tensors[0] for key, tensors in fitting.items() if tensors}, own.names)


def start_from_tensors(ref: ModelRef, own: Network, other: Mapping[str, Tensor]) -> Start:
    """The tensors of a state of torch where they fit a graph: by name in the file, else by place and shape.

    Place means: of the tensors of one shape and kind that no name gave (weights, biases, running statistics), the
    first is the graph's first, and so on, if there are as many here as there. Matrices are turned as the graph holds
    them.

    Raises:
        ModelError: nothing fits.
    """
    state = own.module.state_dict()
    found = {
        key: other[name]
        for key, name in own.names.items()
        if name in other and other[name].shape == state[key].shape
    }
    named = {own.names[key] for key in found}
    wanted = _by_place({key: _as_in_torch(state[key], key, own) for key in own.names if key not in found})
    given = _by_place({name: tensor for name, tensor in other.items() if name not in named})
    for place, keys in wanted.items():
        names = given.get(place, [])
        if len(names) == len(keys):
            found.update(
                {
                    k: _as_in_torch(other[name], k, own).reshape(state[k].shape)
                    for k, name in zip(keys, names, strict=True)
                }
            )
    return _start(ref, found, own.names)


def _as_in_torch(tensor: Tensor, key: str, own: Network) -> Tensor:
    """A matrix as torch's layers hold it, given as the graph does; and the other way round."""
    return tensor.t().contiguous() if key in own.turned else tensor


def _by_place(tensors: Mapping[str, Tensor]) -> dict[tuple[str, tuple[int, ...]], list[str]]:
    """Names in their order, by kind and shape; axes of size 1 do not count."""
    places: dict[tuple[str, tuple[int, ...]], list[str]] = {}
    for name, tensor in tensors.items():
        last = name.rpartition(".")[2]
        kind = last if last.startswith("running_") else "bias" if last.endswith("bias") else "weight"
        shape = tuple(size for size in tensor.shape if size > 1)
        if tensor.is_floating_point():
            places.setdefault((kind, shape), []).append(name)
    return places


def start_from_state(ref: ModelRef, own: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> Start:
    """The other state's tensors of equal name and shape; a network within the own one may be named without it.

    Raises:
        ModelError: nothing fits.
    """
    named = {key: key if key in other else key.removeprefix(_WITHIN) for key in own}
    fitting = {
        key: other[named[key]]
        for key, tensor in own.items()
        if named[key] in other and other[named[key]].shape == tensor.shape
    }
    return _start(ref, fitting, {key: key for key in own})


def _start(ref: ModelRef, tensors: Mapping[str, Tensor], names: Mapping[str, str]) -> Start:
    if not tensors:
        raise ModelError(
            f"expected initial weights that fit the student in {ref.path}, found none of the same name or place "
            "and shape",
            hint="--init-from takes a file of the student's own architecture",
        )
    unmatched = tuple(name for key, name in names.items() if key not in tensors)
    return Start(ref=ref, tensors=tensors, unmatched=unmatched)
