"""A network that can be built anew: what is to be known of one, wherever its architecture comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kdaudit.errors import ModelError
from kdaudit.models.architecture import build_architecture
from kdaudit.models.layers import layer_kind
from kdaudit.models.weights import read_safetensors, read_state_dict
from kdaudit.types import ModelRef

DRAWN_BY_DEFAULT = (
    "Each layer is drawn as torch draws it by default: "
    "the file does not say how the student's own were drawn."
)


def kinds_of(network: nn.Module) -> frozenset[str]:
    """The names of the classes of all modules, and of those that they descend from where that is known."""
    found = set[str]()
    for module in network.modules():
        found.add(layer_kind(module))
        if not isinstance(module, torch.jit.ScriptModule):
            found.update(kind.__name__ for kind in type(module).__mro__)
    return frozenset(found)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Blueprint:
    """How to build one architecture.

    Attributes:
        title: what messages call it.
        sentence: what the report says about its fidelity to the student.
        identity: plain values; equal for equal architectures, and never a trained weight's number.
        make: gives the network with weights drawn from torch's own random numbers.
        read: the weights that a file holds for it, by their keys in the network's state.
        kinds: the names of the classes of a network's modules.
    """

    title: str
    sentence: str
    identity: tuple[object, ...]
    make: Callable[[], nn.Module]
    read: Callable[[ModelRef], Mapping[str, Tensor]]
    kinds: Callable[[nn.Module], frozenset[str]] = kinds_of


def architecture_blueprint(model: ModelRef) -> Blueprint:
    """The architecture that the user's own code builds."""
    arch = str(model.arch)
    return Blueprint(
        title=arch,
        sentence=f"The controls are built by the student's own architecture, {arch}.",
        identity=(arch, model.arch_args),
        make=lambda: build_architecture(arch, model.arch_args),
        read=read_weights,
    )


def read_weights(ref: ModelRef) -> Mapping[str, Tensor]:
    """The tensors of a state_dict or safetensors file.

    Raises:
        ModelError: the file is of another kind, or damaged.
    """
    readers = {"state_dict": read_state_dict, "safetensors": read_safetensors}
    if ref.kind not in readers:
        raise ModelError(
            f"expected weights of the architecture as a state_dict or safetensors, found {ref.kind} in {ref.path}"
        )
    return readers[ref.kind](ref.path)
