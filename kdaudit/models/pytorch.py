"""PyTorch weights answered by torch: a state_dict or safetensors with its architecture, and trained controls."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from kdaudit.errors import ModelError
from kdaudit.models.architecture import build_architecture
from kdaudit.models.trainable import open_network
from kdaudit.types import AnyArray, ModelRef, Signature, TensorSpec

# Keys under which training scripts keep the weights in a checkpoint.
_NESTED = ("state_dict", "model_state_dict", "model")


class TorchModel:
    """A module on one device, in evaluation mode. `build` makes it with its weights, on the CPU."""

    inputs: tuple[TensorSpec, ...] = ()
    fixed_batch: int | None = None

    def __init__(self, build: Callable[[], torch.nn.Module], ref: ModelRef, *, device: str) -> None:
        self._build = build
        self._ref = ref
        self._device = device
        self._module: torch.nn.Module | None = None

    def __enter__(self) -> Self:
        """Build the network and load its weights onto the device."""
        self._module = self._build().eval().to(self._device)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Free the weights."""
        self._module = None

    @property
    def device(self) -> str:
        """The device, with the GPU's name."""
        if self._device == "cpu":
            return "cpu (torch)"
        return f"{self._device} {torch.cuda.get_device_name(self._device)} (torch)"

    def run(self, inputs: Mapping[str, AnyArray]) -> AnyArray:
        """The raw output for a batch, inputs in the order given.

        Raises:
            ModelError: the network fails on these inputs.
        """
        tensors = [
            torch.from_numpy(np.ascontiguousarray(array)).to(self._device) for array in inputs.values()
        ]
        try:
            with torch.inference_mode():
                output = self._open(*tensors)
        except (RuntimeError, TypeError, ValueError, IndexError) as failure:
            if isinstance(failure, torch.cuda.OutOfMemoryError):
                raise
            raise ModelError(
                f"expected {self._ref.path} to run on the data, found {type(failure).__name__}: {failure}",
                hint="check the input's shape and the architecture's arguments",
            ) from failure
        if not isinstance(output, torch.Tensor):
            raise ModelError(
                f"expected {self._ref.path} to put out one tensor, found {type(output).__name__}",
                hint="give an architecture whose forward returns the class scores alone",
            )
        return output.float().cpu().numpy()

    def bytes_per_example(self, inputs: Mapping[str, AnyArray]) -> int:
        """Sum of the outputs of all leaf modules on one example."""
        total = sum(array.nbytes for array in inputs.values())

        def count(_module: object, _taken: object, given: object) -> None:
            nonlocal total
            total += given.nbytes if isinstance(given, torch.Tensor) else 0

        leaves = [module for module in self._open.modules() if not any(module.children())]
        hooks = [leaf.register_forward_hook(count) for leaf in leaves]
        try:
            self.run(inputs)
        finally:
            for hook in hooks:
                hook.remove()
        return total

    def signature(self) -> Signature:
        """The parameters' shapes, counted."""
        shapes: dict[str, int] = {}
        for parameter in self._open.parameters():
            key = "x".join(map(str, parameter.shape))
            shapes[key] = shapes.get(key, 0) + 1
        return Signature(
            kind="torch",
            n_parameters=sum(p.numel() for p in self._open.parameters()),
            operators=tuple(sorted(shapes.items())),
        )

    @property
    def _open(self) -> torch.nn.Module:
        if self._module is None:
            raise ModelError(f"expected {self._ref.path} to be entered before use, found it closed")
        return self._module


def load_state_dict(ref: ModelRef, *, device: str) -> TorchModel:
    """A state_dict saved with torch.save (alone, or under 'state_dict' in a checkpoint) in its architecture."""
    return TorchModel(lambda: _with_weights(ref, read_state_dict(ref.path)), ref, device=device)


def load_safetensors(ref: ModelRef, *, device: str) -> TorchModel:
    """A safetensors file in its architecture."""
    return TorchModel(lambda: _with_weights(ref, read_safetensors(ref.path)), ref, device=device)


def load_control(ref: ModelRef, *, device: str) -> TorchModel:
    """A control that kdaudit trained: its weights in the student's network."""
    if ref.network is None:
        raise ModelError(f"expected the network of the control {ref.path}, found none")
    network = ref.network

    def build() -> torch.nn.Module:
        return fill(open_network(network).build(0), read_safetensors(ref.path), ref.path)

    return TorchModel(build, ref, device=device)


def read_state_dict(path: str) -> dict[str, torch.Tensor]:
    """The tensors of a file written by torch.save. Never runs code from it (`weights_only=True`).

    Raises:
        ModelError: the file holds anything but tensors and plain containers, or is damaged.
    """
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as failure:
        raise ModelError(
            f"expected only tensors in {path}, found Python objects whose loading would run code{_named(path)}",
            hint="save model.state_dict() instead of the model, or export to ONNX",
        ) from failure
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as failure:
        raise ModelError(
            f"expected weights saved by torch.save in {path}, found a damaged file: {failure}"
        ) from failure
    for key in _NESTED:
        if isinstance(found, Mapping) and isinstance(found.get(key), Mapping):
            found = found[key]
    if not isinstance(found, Mapping) or not all(isinstance(v, torch.Tensor) for v in found.values()):
        raise ModelError(
            f"expected a state_dict in {path}, found {type(found).__name__} without one",
            hint=f"save model.state_dict(), alone or under one of the keys {', '.join(_NESTED)}",
        )
    return {name.removeprefix("module."): tensor for name, tensor in found.items()}


def read_safetensors(path: str) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file.

    Raises:
        ModelError: the file is damaged.
    """
    try:
        return dict(load_file(path))
    except (SafetensorError, OSError, ValueError) as failure:
        raise ModelError(f"expected safetensors in {path}, found: {failure}") from failure


def fill(module: torch.nn.Module, tensors: Mapping[str, torch.Tensor], path: str) -> torch.nn.Module:
    """`module` with these weights; every tensor must find its place and every place its tensor.

    Raises:
        ModelError: names or shapes differ; the first few are listed.
    """
    own = module.state_dict()
    missing = sorted(own.keys() - tensors.keys())
    unknown = sorted(tensors.keys() - own.keys())
    shapes = sorted(name for name in own.keys() & tensors.keys() if own[name].shape != tensors[name].shape)
    if missing or unknown or shapes:
        parts = [
            f"{len(names)} {what} ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})"
            for what, names in (("missing", missing), ("unknown", unknown), ("of another shape", shapes))
            if names
        ]
        raise ModelError(
            f"expected the weights in {path} to fit the architecture, found {', '.join(parts)}",
            hint="check the architecture and its arguments, such as the number of classes",
        )
    module.load_state_dict(dict(tensors))
    return module


def _with_weights(ref: ModelRef, tensors: Mapping[str, torch.Tensor]) -> torch.nn.Module:
    if ref.arch is None:
        raise ModelError(f"expected an architecture for {ref.path}, found none")
    with torch.random.fork_rng(devices=[]):
        return fill(build_architecture(ref.arch, ref.arch_args), tensors, ref.path)


def _named(path: str) -> str:
    try:
        names = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except (RuntimeError, ValueError, pickle.UnpicklingError):
        return ""
    return f" ({', '.join(sorted(names)[:5])})" if names else ""
