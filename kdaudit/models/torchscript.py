"""TorchScript archives: answered by torch, trained again as they are where they were scripted, else through ONNX."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn
from torch.fx.experimental.proxy_tensor import make_fx

from kdaudit.digest import record_digest
from kdaudit.errors import ModelError
from kdaudit.models.archives import open_archive
from kdaudit.models.blueprint import DRAWN_BY_DEFAULT, Blueprint
from kdaudit.models.by_name import ByName
from kdaudit.models.graph import WAYS_OUT, Graph
from kdaudit.models.layers import layers_of, redraw_layers, without_default
from kdaudit.models.onnx_export import export_graph
from kdaudit.models.pytorch import NamedModel
from kdaudit.models.quiet import first_line, silent_torch
from kdaudit.models.signature import weight_shapes
from kdaudit.models.specialise import check_operators
from kdaudit.types import ModelRef, NetworkSpec, Signature

# What TorchScript code can do besides arithmetic: open files, call other machines, write to the terminal.
_REACHES_OUT = re.compile(
    r"\b(save|from_file|load_tensor|rpc_async|rpc_sync|rpc_remote|print|_print)\b"
    r"|\btorch\s*\.\s*classes\s*\.\s*(?!quantized\b)\w+"
)
_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'')
_LONG_QUOTES = ('"""', "'''")
_MANGLED = re.compile(r"___torch_mangle_\d+\.")
_COMMENT = re.compile(r" *#.*")
# Operators that behave otherwise in training; a trace has settled for one behaviour.
_BATCH = 2
_TOLERANCE = 1e-4
_TWO_MODES = (
    "aten::batch_norm",
    "aten::dropout",
    "aten::dropout_",
    "aten::feature_dropout",
    "aten::lstm",
    "aten::gru",
)


def load_torchscript(ref: ModelRef, *, device: str) -> ScriptModel:
    """A TorchScript archive."""
    return ScriptModel(lambda: read_script(ref.path), ref, device=device)


class ScriptModel(NamedModel):
    """A TorchScript network."""

    def signature(self) -> Signature:
        """The parameters' shapes, counted; of a frozen network, the numbers and operators in its code."""
        script = cast("torch.jit.ScriptModule", self._open)
        constants = _frozen(script)
        if not constants:
            return super().signature()
        tensors = [*constants, *script.parameters()]
        operators = Counter(node.kind() for node in script.inlined_graph.nodes())
        return Signature(
            kind="torch",
            n_parameters=sum(tensor.numel() for tensor in tensors),
            operators=tuple(sorted(operators.items())),
            weights=weight_shapes(tensor.shape for tensor in tensors),
        )


def torchscript_network(spec: NetworkSpec) -> Blueprint | Graph:
    """The architecture of a TorchScript archive.

    A scripted network whose layers are torch's own is trained as it is. A trace knows evaluation only, a frozen network
    has no weights to train, and other layers have no draw of their own: those go through ONNX.

    Raises:
        ModelError: it does not take any number of such examples, or cannot be exported.
    """
    path = spec.model.path
    names = [name for name, _ in spec.example_shapes]
    script = read_script(path)
    network, examples = ByName(script, names, path).eval(), _examples(spec)
    _require_any_batch(network, examples, path)
    if _is_fixed(script) or without_default(layers_of(script)):
        return _graph_of(network, examples, path)

    def make() -> nn.Module:
        # Read again: copies of scripted networks have parameters that do not train.
        network = read_script(path)
        redraw_layers(layers_of(network))
        return ByName(network, names, path)

    def read(ref: ModelRef) -> Mapping[str, Tensor]:
        return ByName(read_script(ref.path), names, path).state_dict()

    return Blueprint(
        title=path,
        sentence=f"The controls are the student's own scripted network, with BatchNorm and Dropout. {DRAWN_BY_DEFAULT}",
        identity=(record_digest(_MANGLED.sub("", _COMMENT.sub("", str(script.inlined_graph)))), names),
        make=make,
        read=read,
    )


def _graph_of(network: nn.Module, examples: Mapping[str, Tensor], path: str) -> Graph:
    """The graph of a network by its code; where that branches or asks what ONNX does not know, by what it computes."""
    try:
        graph = export_graph(network, examples, path=path, free_batch=True)
        check_operators(graph)
        return graph
    except ModelError as failure:
        # With inputs that take gradients, attention's fused form for evaluation is not used.
        given = [t.clone().requires_grad_(t.is_floating_point()) for t in examples.values()]
        try:
            with silent_torch():
                recorded = make_fx(
                    network, tracing_mode="real", pre_dispatch=True, _allow_non_fake_inputs=True
                )(*given)
        except (RuntimeError, TypeError, ValueError, AssertionError, NotImplementedError):
            raise failure from None
        return export_graph(recorded, examples, path=path, free_batch=False)


def _require_any_batch(network: nn.Module, examples: Mapping[str, Tensor], path: str) -> None:
    """A trace may hold the batch size that it was made with: then it fails at others, or mixes the examples."""
    batch = list(examples.values())
    hint = f"trace or script it so that it takes any number of examples, or {WAYS_OUT}"
    try:
        with torch.inference_mode(), silent_torch():
            together = network(*batch)
            alone = torch.cat([network(*(tensor[i : i + 1] for tensor in batch)) for i in range(_BATCH)])
    except (RuntimeError, TypeError, ValueError, IndexError) as failure:
        shapes = ", ".join(str(tuple(tensor.shape[1:])) for tensor in batch)
        raise ModelError(
            f"expected {path} to take one or two examples of shape {shapes}, found {first_line(failure)}",
            hint=hint,
        ) from failure
    if not torch.allclose(together, alone, rtol=_TOLERANCE, atol=_TOLERANCE):
        raise ModelError(
            f"expected {path} to answer each example alike alone and among others, found a difference of "
            f"{float((together - alone).abs().max()):.2g}",
            hint=hint,
        )


def read_script(path: str) -> torch.jit.ScriptModule:
    """The network of a TorchScript archive, on the CPU. Its code is looked through before any of it runs.

    Raises:
        ModelError: the archive is damaged, or its code does more than compute.
    """
    _refuse_reaching_out(path)
    try:
        with silent_torch():
            loaded = torch.jit.load(path, map_location="cpu")  # type: ignore[no-untyped-call]
            return cast("torch.jit.ScriptModule", loaded)
    except (RuntimeError, ValueError, OSError, AttributeError) as failure:
        raise ModelError(
            f"expected TorchScript in {path}, found {first_line(failure)}",
            hint="the file is damaged, or needs operators of a package that is not here; export to ONNX instead",
        ) from failure


def _refuse_reaching_out(path: str) -> None:
    with open_archive(Path(path)) as archive:
        for name in archive.names:
            if not (name.startswith("code/") and name.endswith(".py")):
                continue
            if found := _reaching_out(archive.text(name)):
                raise ModelError(
                    f"expected TorchScript that only computes in {path}, found {found} in {name}",
                    hint="code that opens files or prints is not run: export the network to ONNX",
                )


def _reaching_out(code: str) -> str:
    """What code does besides computing; '' if nothing. Texts in it are no code, if it is certain where they end."""
    bare = _STRING.sub(" ", code)
    if any(quotes in code for quotes in _LONG_QUOTES) or '"' in bare or "'" in bare:
        return "texts of another form than torch writes"
    found = _REACHES_OUT.search(bare)
    return repr(found[0]) if found else ""


def _is_fixed(script: torch.jit.ScriptModule) -> bool:
    """Whether a network cannot be switched to training: it is frozen, or traced with layers that have two modes."""
    if _frozen(script):
        return True
    graph = script.inlined_graph
    return any(_is_settled(node) for kind in _TWO_MODES for node in _nodes(graph, kind))


def _frozen(script: torch.jit.ScriptModule) -> list[Tensor]:
    """Arrays of floats in a network's code: freezing put its weights there, if not all of them."""
    graph = script.inlined_graph
    values = [
        node.output().toIValue()
        for node in _nodes(graph, "prim::Constant")
        if isinstance(node.output().type(), torch._C.TensorType)
    ]
    return [v for v in values if isinstance(v, Tensor) and v.is_floating_point() and v.numel() > 1]


def _nodes(graph: torch._C.Graph, kind: str) -> list[torch._C.Node]:
    """The nodes of a kind, in blocks of branches and loops too. They live as long as the graph."""
    return cast("list[torch._C.Node]", graph.findAllNodes(kind))  # type: ignore[attr-defined]


def _is_settled(node: torch._C.Node) -> bool:
    """Whether an operator never trains."""
    arguments = torch._C.parse_schema(node.schema()).arguments
    position = next(i for i, argument in enumerate(arguments) if argument.name in ("training", "train"))
    # A constant True is attention's, which sets its rate to 0 instead.
    value: object = list(node.inputs())[position].toIValue()
    return value is False


def _examples(spec: NetworkSpec) -> dict[str, Tensor]:
    """Drawn inputs of the right shapes and types; whole numbers are 0 or 1, which every vocabulary has."""
    generator = torch.Generator().manual_seed(0)
    dtypes = spec.example_dtypes or ("float32",) * len(spec.example_shapes)
    return {
        name: torch.randn((_BATCH, *shape), generator=generator).to(getattr(torch, dtype)).abs().clamp(max=1)
        if dtype.startswith(("int", "uint"))
        else torch.randn((_BATCH, *shape), generator=generator, dtype=getattr(torch, dtype))
        for (name, shape), dtype in zip(spec.example_shapes, dtypes, strict=True)
    }
