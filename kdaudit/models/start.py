"""Weights that training starts from, where it does not start from fresh ones (`--init-from`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from kdaudit.errors import ModelError
from kdaudit.models.convert import Network
from kdaudit.types import ModelRef


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


def start_from_state(ref: ModelRef, own: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> Start:
    """The other state's tensors of equal name and shape.

    Raises:
        ModelError: nothing fits.
    """
    fitting = {k: other[k] for k, tensor in own.items() if k in other and other[k].shape == tensor.shape}
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
