"""Networks answered by torch: weights with their architecture, trained controls, and what names its inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from kdaudit.errors import ModelError
from kdaudit.models.architecture import build_architecture
from kdaudit.models.by_name import call_by_name, class_scores
from kdaudit.models.signature import weight_shapes
from kdaudit.models.trainable import open_network
from kdaudit.models.weights import fill, read_safetensors, read_state_dict
from kdaudit.types import AnyArray, Conversions, ModelRef, NetworkSpec, Signature, TensorSpec


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

    @property
    def network(self) -> torch.nn.Module:
        """The module, in evaluation mode."""
        return self._open

    def run(self, inputs: Mapping[str, AnyArray], shared: Conversions | None = None) -> AnyArray:
        """The raw output for a batch, inputs in the order given; a network may change its own copies of them.

        Raises:
            ModelError: the network fails on these inputs.
        """
        shared = shared or Conversions()
        place = f"torch on {self._device}"
        tensors = {name: shared.once(array, place, self._placed).clone() for name, array in inputs.items()}
        try:
            with torch.inference_mode():
                return self._answer(tensors).float().cpu().numpy()
        except (RuntimeError, TypeError, ValueError, IndexError) as failure:
            if isinstance(failure, torch.cuda.OutOfMemoryError):
                raise
            raise ModelError(
                f"expected {self._ref.path} to run on the data, found {type(failure).__name__}: {failure}",
                hint="check the input's shape and the architecture's arguments",
            ) from failure

    def bytes_per_example(self, inputs: Mapping[str, AnyArray]) -> int:
        """Sum of everything that is computed on one example."""
        with _Allocations() as allocations:
            self.run(inputs)
        n_bytes: int = allocations.n_bytes + sum(array.nbytes for array in inputs.values())
        return n_bytes

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
            weights=weight_shapes(parameter.shape for parameter in self._open.parameters()),
        )

    def _placed(self, array: AnyArray) -> Tensor:
        """The array on the device; to a GPU through pinned memory, while the processor goes on."""
        tensor = torch.from_numpy(np.ascontiguousarray(array))
        if torch.device(self._device).type == "cuda":
            tensor = tensor.pin_memory()
        return tensor.to(self._device, non_blocking=True)

    def _answer(self, tensors: Mapping[str, Tensor]) -> Tensor:
        return class_scores(self._open(*tensors.values()), self._ref.path)

    @property
    def _open(self) -> torch.nn.Module:
        if self._module is None:
            raise ModelError(f"expected {self._ref.path} to be entered before use, found it closed")
        return self._module


class NamedModel(TorchModel):
    """A network that names its inputs: they are given to it by name."""

    def _answer(self, tensors: Mapping[str, Tensor]) -> Tensor:
        return call_by_name(self._open, tensors, self._ref.path)


class _Allocations(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes of new tensors that operators give, TorchScript's and exported programs' too."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.n_bytes = 0

    def __torch_dispatch__(  # type: ignore[no-untyped-def]  # as torch declares it
        self, operator, types, args=(), kwargs=None
    ):
        """Count what one operator gives."""
        given = operator(*args, **(kwargs or {}))
        taken = {t.untyped_storage().data_ptr() for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor)}
        for tensor in tree_leaves(given):
            if isinstance(tensor, Tensor) and tensor.untyped_storage().data_ptr() not in taken:
                self.n_bytes += tensor.nbytes
        return given


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

    model = TorchModel(build, ref, device=device)
    model.inputs = _trained_on(network)
    return model


def _trained_on(network: NetworkSpec) -> tuple[TensorSpec, ...]:
    """The inputs that a control was trained on, in its order and types; any size, where the network takes any."""
    return tuple(
        TensorSpec(name=name, shape=(None,) * len(shape), dtype=dtype)
        for (name, shape), dtype in zip(network.example_shapes, network.example_dtypes, strict=False)
    )


def _with_weights(ref: ModelRef, tensors: Mapping[str, torch.Tensor]) -> torch.nn.Module:
    if ref.arch is None:
        raise ModelError(f"expected an architecture for {ref.path}, found none")
    with torch.random.fork_rng(devices=[]):
        return fill(build_architecture(ref.arch, ref.arch_args), tensors, ref.path)
