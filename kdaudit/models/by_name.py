"""Networks that name their inputs and wrap their outputs: called by name, and asked for the class scores alone."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from kdaudit.errors import ModelError


class ByName(nn.Module):
    """A network for training: takes its inputs in the order of `names` and gives class scores (n, C)."""

    def __init__(self, network: nn.Module, names: Sequence[str], path: str) -> None:
        super().__init__()
        self.network = network
        self._names = tuple(names)
        self._path = path

    def forward(self, *inputs: Tensor) -> Tensor:
        """Class scores (n, C)."""
        return call_by_name(self.network, dict(zip(self._names, inputs, strict=True)), self._path)


def call_by_name(network: nn.Module, inputs: Mapping[str, Tensor], path: str) -> Tensor:
    """The class scores of a network for inputs by name. One input fits whatever it is called.

    Raises:
        ModelError: the network takes no inputs of these names, or does not give class scores.
    """
    names = argument_names(network)
    if len(inputs) == 1:
        name = getattr(network, "main_input_name", names[0] if names else "")
        return class_scores(network(**{name: next(iter(inputs.values()))}), path)
    if unknown := [name for name in inputs if name not in names]:
        raise ModelError(
            f"expected inputs among {', '.join(names)} for {path}, found {', '.join(unknown)} in the data",
            hint="store one array per input in the .npz, under the network's own names",
        )
    return class_scores(network(**inputs), path)


def argument_names(network: nn.Module) -> tuple[str, ...]:
    """The names of a network's inputs, in its order."""
    if isinstance(network, torch.jit.ScriptModule):
        schema = network.forward.schema  # type: ignore[attr-defined]  # TorchScript's methods have one
        return tuple(argument.name for argument in schema.arguments[1:])
    parameters = inspect.signature(network.forward).parameters.values()
    return tuple(p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD)


def class_scores(output: object, path: str) -> Tensor:
    """The tensor of class scores in what a network gives: alone, the only one of a tuple, or under 'logits'.

    Raises:
        ModelError: there is none, or several that are not told apart.
    """
    found = output
    if isinstance(output, Mapping):
        found = output.get("logits", next(iter(output.values())) if len(output) == 1 else None)
    elif isinstance(output, tuple | list) and len(output) == 1:
        found = output[0]
    if not isinstance(found, Tensor):
        raise ModelError(
            f"expected {path} to put out one tensor, found {_described(output)}",
            hint="give a network whose forward returns the class scores alone",
        )
    return found


def _described(output: object) -> str:
    if isinstance(output, Mapping):
        return f"{type(output).__name__} with {', '.join(map(str, output))}"
    if isinstance(output, tuple | list):
        return f"{type(output).__name__} of {len(output)}"
    return type(output).__name__
