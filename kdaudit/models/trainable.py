"""A student's file or architecture goes in; networks of the same architecture with fresh weights come out."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from copy import deepcopy
from functools import cached_property

import torch
from torch import Tensor, fx, nn

from kdaudit.digest import array_digest, record_digest
from kdaudit.errors import ModelError
from kdaudit.models.architecture import build_architecture
from kdaudit.models.batchnorm import reinsert
from kdaudit.models.emit import convert
from kdaudit.models.fidelity import describe_architecture, describe_converted
from kdaudit.models.initialise import redraw
from kdaudit.models.onnx_file import read_graph
from kdaudit.models.start import Start, start_from_network, start_from_state
from kdaudit.models.weights import read_safetensors, read_state_dict
from kdaudit.types import Fidelity, ModelRef, NetworkSpec


def open_network(spec: NetworkSpec) -> OnnxNetwork | ArchitectureNetwork:
    """The architecture of a model, ready to be built with fresh weights: its callable if it has one, else its file.

    Raises:
        ModelError: the file cannot be converted, or holds weights alone and no architecture is named.
    """
    if spec.model.arch is not None:
        return ArchitectureNetwork(spec)
    if spec.model.kind == "onnx":
        return OnnxNetwork(spec)
    raise ModelError(
        f"expected an architecture to train again, found weights alone ({spec.model.kind}) in {spec.model.path}",
        hint="name it with --student-arch module:callable",
    )


class OnnxNetwork:
    """The network of an ONNX file. The file is read once; `build` may be called many times.

    Attributes:
        spec: what it was made from.
        graph: the graph of the file.
        network: the network to be trained, with the file's weights, BatchNorm put back.
        original: the network as the file has it.
    """

    def __init__(self, spec: NetworkSpec) -> None:
        self.spec = spec
        self.graph = read_graph(spec.model.path)
        shapes = dict(spec.example_shapes)
        self.original = convert(self.graph, shapes)
        self._reinsertion = reinsert(self.graph, self.original.shapes, mode=spec.reinsert_bn)
        self.network = (
            convert(self._reinsertion.graph, shapes) if self._reinsertion.inserted else self.original
        )
        self._start = self._find_start()

    @property
    def family(self) -> str:
        """'convolution', 'attention', 'recurrent' or 'dense', by the operators."""
        operators = {node.op for node in self.graph.nodes}
        if operators & {"LSTM", "GRU", "RNN"}:
            return "recurrent"
        if "LayerNormalization" in operators:
            return "attention"
        return "convolution" if "Conv" in operators else "dense"

    @cached_property
    def spec_digest(self) -> str:
        """Digest of the converted code, its shapes, bounds and frozen numbers; never of trained weights."""
        module = self.network.module
        state = module.state_dict()
        return record_digest(
            module.code,
            {key: [str(tensor.dtype), list(tensor.shape)] for key, tensor in state.items()},
            {key: repr(part) for key, part in module.named_children()},
            dict(self.network.bounds),
            {k: array_digest(t.numpy()) for k, t in state.items() if k.startswith("constant")},
            _start_digest(self._start),
        )

    @cached_property
    def fidelity(self) -> Fidelity:
        """What became of BatchNorm, on which evidence, and what is not trained."""
        return describe_converted(self._reinsertion, self.network, self.original, self._start)

    @property
    def taken(self) -> frozenset[str]:
        """Keys of the state that hold initial weights instead of drawn ones."""
        return frozenset() if self._start is None else frozenset(self._start.tensors)

    def build(self, seed: int) -> fx.GraphModule:
        """The network with weights drawn from `seed` (or taken from `init_from`), in training mode."""
        module = deepcopy(self.network.module)
        redraw(module, self.network.bounds, seed=seed)
        _apply(self._start, module)
        return module.train()

    def build_original(self) -> fx.GraphModule:
        """The file as it is: its own weights, no BatchNorm put back, in evaluation mode."""
        return deepcopy(self.original.module).eval()

    def _find_start(self) -> Start | None:
        ref = self.spec.init_from
        if ref is None:
            return None
        if ref.kind != "onnx":
            raise ModelError(
                f"expected initial weights for an ONNX student as ONNX too, found {ref.kind} in {ref.path}",
                hint="export them with the student's exporter, or name the architecture with --student-arch",
            )
        other = OnnxNetwork(
            NetworkSpec(model=ref, reinsert_bn=self.spec.reinsert_bn, example_shapes=self.spec.example_shapes)
        )
        return start_from_network(ref, self.network, other.network)


class ArchitectureNetwork:
    """The network that a callable of the user's builds.

    Attributes:
        spec: what it was made from.
    """

    def __init__(self, spec: NetworkSpec) -> None:
        self.spec = spec
        self._start: Start | None = None
        self._example = self.build(0)
        if spec.init_from is not None:
            self._start = start_from_state(
                spec.init_from, self._example.state_dict(), _read_weights(spec.init_from)
            )

    @property
    def family(self) -> str:
        """'convolution', 'attention', 'recurrent' or 'dense', by the modules."""
        modules = list(self._example.modules())

        def any_of(*kinds: type[nn.Module]) -> bool:
            return any(isinstance(module, kinds) for module in modules)

        if any_of(nn.RNNBase):
            return "recurrent"
        if any_of(nn.MultiheadAttention, nn.LayerNorm):
            return "attention"
        return "convolution" if any_of(nn.Conv1d, nn.Conv2d, nn.Conv3d) else "dense"

    @cached_property
    def spec_digest(self) -> str:
        """Digest of the architecture's name and arguments, its modules, their source and the shapes of its state."""
        state = self._example.state_dict()
        return record_digest(
            self.spec.model.arch,
            self.spec.model.arch_args,
            repr(self._example),
            _sources(self._example),
            {key: [str(tensor.dtype), list(tensor.shape)] for key, tensor in state.items()},
            _start_digest(self._start),
        )

    @cached_property
    def fidelity(self) -> Fidelity:
        """Exact: the architecture is the student's own."""
        return describe_architecture(str(self.spec.model.arch), self._example, self._start)

    @property
    def taken(self) -> frozenset[str]:
        """Keys of the state that hold initial weights instead of drawn ones."""
        return frozenset() if self._start is None else frozenset(self._start.tensors)

    def build(self, seed: int) -> nn.Module:
        """The network with the weights that its own code draws from `seed`, or those of `init_from`, to be trained."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            module = build_architecture(str(self.spec.model.arch), self.spec.model.arch_args)
        _apply(self._start, module)
        return module.train()


def _apply(start: Start | None, module: nn.Module) -> None:
    if start is not None:
        module.load_state_dict(dict(start.tensors), strict=False)


def _start_digest(start: Start | None) -> str:
    return "" if start is None else start.ref.sha256


def _read_weights(ref: ModelRef) -> Mapping[str, Tensor]:
    readers = {"state_dict": read_state_dict, "safetensors": read_safetensors}
    if ref.kind not in readers:
        raise ModelError(
            f"expected weights of the architecture as a state_dict or safetensors, found {ref.kind} in {ref.path}"
        )
    return readers[ref.kind](ref.path)


def _sources(module: nn.Module) -> list[str]:
    """The source of the module's classes, torch's own left out: an edited forward is another architecture."""
    return sorted(
        _source(kind)
        for kind in {type(part) for part in module.modules()}
        if not kind.__module__.startswith("torch.")
    )


def _source(kind: type[nn.Module]) -> str:
    try:
        return inspect.getsource(kind)
    except (OSError, TypeError):
        # Without its module, whose name is drawn for each process where the class comes from a file.
        return kind.__qualname__
