"""A graph goes in; a trainable network that takes batches of any size comes out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass

from torch import fx, nn

from kdaudit.errors import ModelError
from kdaudit.models.batching import Batching, Grouped, drawn_examples, group, is_same
from kdaudit.models.emit import write
from kdaudit.models.graph import WAYS_OUT, Graph
from kdaudit.models.initialise import Draw, draw_for
from kdaudit.models.onnx_ops.call import Shape
from kdaudit.models.roles import Weight, Weights, find_weights
from kdaudit.models.specialise import check_operators, specialise
from kdaudit.types import Initialisation


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Network:
    """A graph as a torch module that holds the graph's own weights, in evaluation mode.

    The module's state has keys that depend on the graph alone (conv1.weight, batchnormalization1.running_mean, ...):
    `names` gives the name in the file of each trained array, `draws` how each is drawn anew. Arrays that keep their
    numbers: `kept` by request, `frozen` because they are applied to the raw inputs, `computed` because a formula or the
    exporter gave them. `shapes` holds the shape of every value at the batch size of the conversion. `code` is what the
    module runs, `batching` how it takes batches of any size. `turned` are the keys of matrices that are held as
    (inputs, outputs), not as torch's layers hold theirs.
    """

    module: nn.Module
    code: str
    batching: Batching
    names: Mapping[str, str]
    turned: frozenset[str]
    draws: Mapping[str, Draw]
    kept: tuple[str, ...]
    frozen: tuple[str, ...]
    computed: tuple[str, ...]
    shapes: Mapping[str, Shape]


def convert(
    graph: Graph,
    example_shapes: Mapping[str, Shape],
    *,
    initialisation: Initialisation = "torch",
    kept: Collection[str] = (),
) -> Network:
    """The network of a graph.

    Files that hold the batch size of their export as a number are repaired. Where that fails, or the repaired network
    mixes examples, the graph is converted for that batch size (for single examples where the file takes any), and
    the examples are given to it in groups of that size.

    Args:
        graph: a graph.
        example_shapes: shapes of one example by input, needed where the file leaves an axis besides the batch open.
        initialisation: how fresh weights are drawn.
        kept: names of arrays that are not trained.

    Raises:
        ModelError: an operator is not known, a weight's purpose is not, or the graph works at one batch size only and
            its BatchNorm would see too few examples there.
    """
    check_operators(graph)
    weights = find_weights(graph, kept)
    written = _written(graph, weights, example_shapes)
    module, shapes = written.module, written.shapes
    prefix = "network." if isinstance(module, Grouped) else ""
    draws = {w.key: draw_for(w, shapes, initialisation) for w in weights.trained.values()}
    return Network(
        module=module.eval(),
        code=module.network.code if isinstance(module, Grouped) else module.code,
        batching=module.batching if isinstance(module, Grouped) else Batching.ANY,
        names={f"{prefix}{weight.key}": weight.name for weight in weights.trained.values()},
        turned=frozenset(
            f"{prefix}{weight.key}" for weight in weights.trained.values() if _is_turned(weight)
        ),
        draws={f"{prefix}{key}": draw for key, draw in draws.items() if draw is not None},
        kept=tuple(kept),
        frozen=weights.raw,
        computed=weights.computed,
        shapes=shapes,
    )


def _is_turned(weight: Weight) -> bool:
    layer = weight.layer
    if layer is None or weight.name not in layer.inputs[1:2]:
        return False
    return layer.op == "MatMul" or (layer.op == "Gemm" and not layer.integer("transB", 0))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Written:
    """A module and the shape of every value at the batch size that it was written for."""

    module: fx.GraphModule | Grouped
    shapes: Mapping[str, Shape]


def _written(graph: Graph, weights: Weights, example_shapes: Mapping[str, Shape]) -> _Written:
    """The graph for any batch size, else for one and grouped.

    Raises:
        ModelError: neither works; the reason is that of the first.
    """
    try:
        return _for_any_batch(graph, weights, example_shapes)
    except ModelError:
        with suppress(ModelError):
            grouped = _for_groups(graph, weights, example_shapes)
            if grouped is not None:
                return grouped
        raise


def _for_any_batch(graph: Graph, weights: Weights, example_shapes: Mapping[str, Shape]) -> _Written:
    specialised = specialise(graph, trained=weights.trained.keys(), example_shapes=example_shapes)
    module, shapes = write(specialised, weights).eval(), specialised.shapes()
    if graph.fixed_batch is not None:
        examples = drawn_examples(graph, shapes, size=graph.fixed_batch)
        alone = Grouped(module, size=graph.fixed_batch, batching=Batching.GROUPS)
        if not is_same(module, alone, examples):
            raise ModelError(
                f"expected the same outputs from {len(examples[0])} examples together and {graph.fixed_batch} at a "
                f"time, found others in {graph.path}, which was exported for batches of {graph.fixed_batch}",
                hint=f"export it with a dynamic batch axis, or {WAYS_OUT}",
            )
    return _Written(module=module, shapes=shapes)


def _for_groups(graph: Graph, weights: Weights, example_shapes: Mapping[str, Shape]) -> _Written | None:
    specialised = specialise(
        graph, trained=weights.trained.keys(), example_shapes=example_shapes, only=graph.fixed_batch or 1
    )
    module, shapes = write(specialised, weights).eval(), specialised.shapes()
    examples = drawn_examples(graph, shapes, size=specialised.batch)
    grouped = group(module, examples, size=specialised.batch)
    return None if grouped is None else _Written(module=grouped, shapes=shapes)
