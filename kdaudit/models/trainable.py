"""A student's file or architecture goes in; networks of the same architecture with fresh weights come out."""

from __future__ import annotations

import inspect
from copy import deepcopy
from dataclasses import replace
from functools import cached_property
from importlib import import_module

import torch
from torch import nn

from kdaudit.digest import array_digest, record_digest
from kdaudit.errors import ModelError
from kdaudit.models.batchnorm import reinsert
from kdaudit.models.blueprint import Blueprint, architecture_blueprint, read_weights
from kdaudit.models.convert import convert
from kdaudit.models.dropout import with_dropout
from kdaudit.models.fidelity import describe_built, describe_converted
from kdaudit.models.freeze import freeze
from kdaudit.models.graph import Graph
from kdaudit.models.identify import WEIGHTS_ALONE
from kdaudit.models.initialise import redraw
from kdaudit.models.onnx_file import read_graph
from kdaudit.models.start import Start, start_from_network, start_from_state, start_from_tensors
from kdaudit.types import Fidelity, NetworkSpec

# What a file of each kind gives to train again: a blueprint, or a graph that only the converter can train.
_ARCHITECTURES = {
    "huggingface": "kdaudit.models.huggingface:huggingface_blueprint",
    "torchscript": "kdaudit.models.torchscript:torchscript_network",
    "exported": "kdaudit.models.exported:exported_network",
    "pickle": "kdaudit.models.pickled:pickled_blueprint",
}


def open_network(spec: NetworkSpec) -> OnnxNetwork | ArchitectureNetwork:
    """The architecture of a model, ready to be built with fresh weights: its callable if it has one, else its file.

    Raises:
        ModelError: the file cannot be converted, or holds weights alone and no architecture is named.
    """
    kind = spec.model.kind
    if spec.model.arch is not None:
        return ArchitectureNetwork(spec)
    if kind == "onnx":
        return OnnxNetwork(spec)
    if kind not in _ARCHITECTURES:
        raise ModelError(
            f"expected an architecture to train again, found weights alone ({kind}) in {spec.model.path}",
            hint="name it with --student-arch module:callable",
        )
    module, name = _ARCHITECTURES[kind].split(":")
    found: Blueprint | Graph = getattr(import_module(module), name)(spec)
    return ArchitectureNetwork(spec, found) if isinstance(found, Blueprint) else OnnxNetwork(spec, found)


class OnnxNetwork:
    """The network of an ONNX file, or of the graph of another one. The file is read once; `build` may be called often.

    Attributes:
        spec: what it was made from.
        graph: the graph of the file.
        network: the network to be trained, with the file's weights, BatchNorm put back.
        original: the network as the file has it.
    """

    def __init__(self, spec: NetworkSpec, graph: Graph | None = None) -> None:
        self.spec = spec
        self.graph = read_graph(spec.model.path) if graph is None else graph
        shapes = dict(spec.example_shapes)
        self.original = convert(self.graph, shapes, initialisation=spec.initialisation)
        frozen = freeze(self.graph, spec.freeze, self.original.shapes)
        self._reinsertion = reinsert(frozen.graph, self.original.shapes, mode=spec.reinsert_bn)
        graph = self._reinsertion.graph
        if spec.dropout is not None:
            graph = with_dropout(graph, spec.dropout)
        self.network = self.original
        if self._reinsertion.inserted or frozen.names or spec.dropout is not None:
            self.network = convert(graph, shapes, initialisation=spec.initialisation, kept=frozen.names)
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
            self.network.code,
            self.network.batching,
            {key: [str(tensor.dtype), list(tensor.shape)] for key, tensor in state.items()},
            {key: repr(part) for key, part in module.named_modules() if not any(part.children())},
            {key: [draw.kind, draw.size] for key, draw in self.network.draws.items()},
            {k: array_digest(t.numpy()) for k, t in state.items() if "constant" in k},
            _start_digest(self._start),
        )

    @cached_property
    def fidelity(self) -> Fidelity:
        """What became of BatchNorm, on which evidence, and what is not trained."""
        found = describe_converted(
            self._reinsertion, self.network, self.original, self._start, dropout=self.spec.dropout
        )
        kind = self.spec.model.kind
        if kind == "onnx":
            return found
        return replace(
            found, sentence=f"{found.sentence} The student's file ({kind}) was converted by way of ONNX."
        )

    @property
    def taken(self) -> frozenset[str]:
        """Keys of the state that hold initial weights instead of drawn ones."""
        return frozenset() if self._start is None else frozenset(self._start.tensors)

    def build(self, seed: int) -> nn.Module:
        """The network with weights drawn from `seed` (or taken from `init_from`), in training mode."""
        module = deepcopy(self.network.module)
        redraw(module, self.network.draws, seed=seed)
        _apply(self._start, module)
        return module.train()

    def build_original(self) -> nn.Module:
        """The file as it is: its own weights, no BatchNorm put back, in evaluation mode."""
        return deepcopy(self.original.module).eval()

    def _find_start(self) -> Start | None:
        ref = self.spec.init_from
        if ref is None:
            return None
        if ref.kind in WEIGHTS_ALONE:
            return start_from_tensors(ref, self.network, read_weights(ref))
        if ref.kind != self.spec.model.kind:
            raise ModelError(
                f"expected initial weights in the student's own format, {self.spec.model.kind}, found {ref.kind} "
                f"in {ref.path}",
                hint="export them with the student's exporter, or name the architecture with --student-arch",
            )
        other = open_network(replace(self.spec, model=ref, init_from=None))
        if not isinstance(other, OnnxNetwork):
            raise ModelError(
                f"expected initial weights exported as the student was, found another kind of network in {ref.path}",
                hint="export them with the student's exporter, or name the architecture with --student-arch",
            )
        return start_from_network(ref, self.network, other.network)


class ArchitectureNetwork:
    """A network that the user's code builds, or a file that can be built anew.

    Attributes:
        spec: what it was made from.
        title: what messages call it.
    """

    def __init__(self, spec: NetworkSpec, blueprint: Blueprint | None = None) -> None:
        self.spec = spec
        self._blueprint = architecture_blueprint(spec.model) if blueprint is None else blueprint
        self.title = self._blueprint.title
        _refuse_changes(spec, self.title)
        self._start: Start | None = None
        self._example = self.build(0)
        if spec.init_from is not None:
            read = read_weights if spec.init_from.kind in WEIGHTS_ALONE else self._blueprint.read
            self._start = start_from_state(spec.init_from, self._example.state_dict(), read(spec.init_from))

    @property
    def family(self) -> str:
        """'convolution', 'attention', 'recurrent' or 'dense', by the modules."""
        kinds = self._blueprint.kinds(self._example)
        if kinds & {"LSTM", "GRU", "RNN"}:
            return "recurrent"
        if kinds & {"MultiheadAttention", "LayerNorm"}:
            return "attention"
        return "convolution" if kinds & {"Conv1d", "Conv2d", "Conv3d"} else "dense"

    @cached_property
    def spec_digest(self) -> str:
        """Digest of the architecture's name and arguments, its modules, their source and the shapes of its state."""
        state = self._example.state_dict()
        return record_digest(
            *self._blueprint.identity,
            repr(self._example),
            _sources(self._example),
            {key: [str(tensor.dtype), list(tensor.shape)] for key, tensor in state.items()},
            _start_digest(self._start),
        )

    @cached_property
    def fidelity(self) -> Fidelity:
        """How near the network is to the student's own."""
        return describe_built(self._blueprint, self._example, self._start)

    @property
    def taken(self) -> frozenset[str]:
        """Keys of the state that hold initial weights instead of drawn ones."""
        return frozenset() if self._start is None else frozenset(self._start.tensors)

    def build(self, seed: int) -> nn.Module:
        """The network with weights drawn from `seed`, or those of `init_from`, to be trained."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            module = self._blueprint.make()
        _apply(self._start, module)
        return module.train()


def _refuse_changes(spec: NetworkSpec, title: str) -> None:
    """A network that its own code builds is built as that says."""
    asked = {
        "--student-init": spec.initialisation != "torch",
        "--dropout": spec.dropout is not None,
        "--freeze": spec.freeze is not None,
    }
    if any(asked.values()):
        options = ", ".join(option for option, given in asked.items() if given)
        raise ModelError(
            f"expected {options} for a student whose network is an ONNX graph, found {title}, "
            "whose own code decides that",
            hint="leave it away, and say it in the architecture's code or arguments",
        )


def _apply(start: Start | None, module: nn.Module) -> None:
    if start is not None:
        module.load_state_dict(dict(start.tensors), strict=False)


def _start_digest(start: Start | None) -> str:
    return "" if start is None else start.ref.sha256


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
