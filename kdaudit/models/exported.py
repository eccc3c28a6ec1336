"""Programs saved by torch.export: answered by torch, and trained again with BatchNorm and Dropout switched back on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Self

import torch
from torch import Tensor, fx, nn
from torch.export.graph_signature import InputKind

from kdaudit.digest import record_digest
from kdaudit.errors import ModelError
from kdaudit.models.blueprint import DRAWN_BY_DEFAULT, Blueprint
from kdaudit.models.by_name import class_scores
from kdaudit.models.exported_file import read_program
from kdaudit.models.graph import WAYS_OUT, Graph
from kdaudit.models.layers import ATTENTION_OUTPUT, Layer, layers_of, redraw_layers, without_default
from kdaudit.models.onnx_export import export_graph
from kdaudit.models.pytorch import TorchModel
from kdaudit.models.quiet import first_line, silent_torch
from kdaudit.types import ModelRef, NetworkSpec, TensorSpec

# What an operator's argument is called that says whether it trains.
_TRAINS = ("training", "train")
_OTHER_FORM = "no_training"
_BATCH = 2


class ExportedModel(TorchModel):
    """An exported program; its file says what it takes."""

    def __enter__(self) -> Self:
        """Load the program."""
        super().__enter__()
        program = self._open
        if isinstance(program, ExportedNetwork):
            self.inputs, self.fixed_batch = program.inputs, program.fixed_batch
        return self


class ExportedNetwork(nn.Module):
    """The module of a program. Takes its inputs in the order of the file; `train` and `eval` switch its operators.

    Attributes:
        inputs: what it takes.
        fixed_batch: the only batch size that the program was exported for, or None.
    """

    def __init__(self, path: str) -> None:
        super().__init__()
        program = read_program(path)
        self.path = path
        declared = _declared(program, path)
        self.inputs = tuple(replace(spec, shape=spec.shape[1:]) for spec in declared)
        self.fixed_batch = next((spec.shape[0] for spec in declared if spec.shape[0] is not None), None)
        self._keywords = _keywords(program)
        self._kinds = dict(_layer_kinds(program))
        try:
            with silent_torch():
                # The guards are code in the text of the file; what they guard is checked on real examples.
                self.network: fx.GraphModule = program.module(check_guards=False)
        except (RuntimeError, TypeError, ValueError, AttributeError, LookupError, AssertionError) as failure:
            raise ModelError(
                f"expected a program that torch can run in {path}, found {first_line(failure)}", hint=WAYS_OUT
            ) from failure
        _tie(self.network)
        self.eval()

    def forward(self, *inputs: Tensor) -> Tensor:
        """Class scores (n, C)."""
        n = len(inputs) - len(self._keywords)
        named = dict(zip(self._keywords, inputs[n:], strict=True))
        # Not by a call: that would check shapes, which have been checked already and cannot be traced.
        return class_scores(self.network.forward(*inputs[:n], **named), self.path)

    def train(self, mode: bool = True) -> Self:
        """Switch BatchNorm, Dropout and recurrent layers to training, or back."""
        self.training = mode
        for node in self.network.graph.nodes:
            for position in _switches(node):
                node.update_arg(position, mode)
        self.network.recompile()
        return self

    def layers(self) -> Iterator[Layer]:
        """The layers of the network that was exported, as far as the program tells."""
        for layer in layers_of(self.network):
            yield replace(layer, kind=self._kinds.get(layer.path, ""))

    @property
    def code(self) -> str:
        """The program's text."""
        return str(self.network.graph)


def load_exported(ref: ModelRef, *, device: str) -> ExportedModel:
    """A program saved by torch.export."""
    return ExportedModel(lambda: ExportedNetwork(ref.path), ref, device=device)


def exported_network(spec: NetworkSpec) -> Blueprint | Graph:
    """The architecture of an exported program.

    Where its batch is free and its layers are torch's own, it is trained as it is; else it goes through ONNX.

    Raises:
        ModelError: its operators cannot be trained.
    """
    path = spec.model.path
    network = ExportedNetwork(path)
    if frozen := sorted(
        {str(node.target) for node in network.network.graph.nodes if _OTHER_FORM in str(node.target)}
    ):
        raise ModelError(
            f"expected BatchNorm that can be trained in {path}, found {', '.join(frozen)}",
            hint="save the program as torch.export gives it, before run_decompositions",
        )
    if network.fixed_batch is not None or without_default(network.layers()):
        return _through_onnx(network, spec.model.path)

    kinds = frozenset(layer.kind for layer in network.layers())

    def make() -> nn.Module:
        made = ExportedNetwork(path)
        redraw_layers(made.layers())
        return made

    def read(ref: ModelRef) -> Mapping[str, Tensor]:
        return ExportedNetwork(ref.path).state_dict()

    return Blueprint(
        title=path,
        sentence="The controls are the student's own exported program, its BatchNorm and Dropout switched to training. "
        f"{DRAWN_BY_DEFAULT}",
        identity=(record_digest(network.code),),
        make=make,
        read=read,
        kinds=lambda _network: kinds,
    )


def _through_onnx(network: ExportedNetwork, path: str) -> Graph:
    """The graph of a program whose batch is fixed or whose layers torch does not know, at one batch size."""
    batch = network.fixed_batch or _BATCH
    examples = {
        spec.name: torch.zeros((batch, *(size or 1 for size in spec.shape)), dtype=getattr(torch, spec.dtype))
        for spec in network.inputs
    }
    return export_graph(network, examples, path=path, free_batch=False)


def _declared(program: torch.export.ExportedProgram, path: str) -> tuple[TensorSpec, ...]:
    """The inputs of a program, its batch axis included."""
    given = {s.arg.name for s in program.graph_signature.input_specs if s.kind is InputKind.USER_INPUT}
    specs = []
    for node in program.graph.nodes:
        if node.op != "placeholder" or node.name not in given:
            continue
        value = node.meta.get("val")
        if not isinstance(value, Tensor) or value.ndim == 0:
            raise ModelError(
                f"expected tensors of examples as inputs of {path}, found {type(value).__name__} for {node.name!r}",
                hint="export the network with tensors as its only inputs",
            )
        shape = tuple(size if isinstance(size, int) else None for size in value.shape)
        specs.append(TensorSpec(name=node.name, shape=shape, dtype=str(value.dtype).removeprefix("torch.")))
    return tuple(specs)


def _keywords(program: torch.export.ExportedProgram) -> tuple[str, ...]:
    """The names of the inputs, the last ones, that the program takes by keyword."""
    _, keywords = program.call_spec.in_spec.children()
    return tuple(keywords.context)


def _layer_kinds(program: torch.export.ExportedProgram) -> Iterator[tuple[str, str]]:
    """Paths of modules and the names of their classes, as each operator's note of its origin has them."""
    for node in program.graph.nodes:
        for origin, of in (node.meta.get("nn_module_stack") or {}).values():
            path, kind = origin.partition("@")[0], str(of).rpartition(".")[2]
            yield path, kind
            if kind == "MultiheadAttention":
                # It reads the weights of this layer of its own without calling it.
                yield f"{path}.out_proj", ATTENTION_OUTPUT


def _switches(node: fx.Node) -> Iterator[int]:
    """The positions of a node's arguments that say whether it trains."""
    if isinstance(node.target, torch._ops.OpOverload):
        for position, argument in enumerate(node.target._schema.arguments[: len(node.args)]):
            if argument.name in _TRAINS:
                yield position


def _tie(network: nn.Module) -> None:
    """Makes one parameter again of several that share their memory."""
    first: dict[int, nn.Parameter] = {}
    for name, parameter in list(network.named_parameters(remove_duplicate=False)):
        shared = first.setdefault(parameter.data_ptr(), parameter)
        if shared is not parameter and shared.shape == parameter.shape:
            path, _, own = name.rpartition(".")
            setattr(network.get_submodule(path), own, shared)
