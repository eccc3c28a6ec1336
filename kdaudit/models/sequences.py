"""Sequences of tensors that are split and read at once become plain splits.

torch's dynamo exporter writes `chunk` and `split` in this way if it is told not to optimise.
"""

from __future__ import annotations

from dataclasses import replace

from kdaudit.models.graph import Graph, Node


def without_sequences(graph: Graph) -> Graph:
    """The graph with a Split in place of each SplitToSequence that is read by SequenceAt at fixed positions alone.

    A single size given for all parts, which SplitToSequence allows, is left to Split too.
    """
    positions = _positions(graph)
    renamed: dict[str, str] = {}
    nodes = []
    for node in graph.nodes:
        if node.op == "SequenceAt" and node.inputs[0] in positions:
            renamed[node.outputs[0]] = f"{node.inputs[0]}@{positions[node.inputs[0]][node]}"
            continue
        inputs = tuple(renamed.get(name, name) for name in node.inputs)
        if node.op == "SplitToSequence" and node.outputs[0] in positions:
            name = node.outputs[0]
            parts = tuple(f"{name}@{i}" for i in range(max(positions[name].values()) + 1))
            nodes.append(replace(node, op="Split", inputs=inputs, outputs=parts))
        else:
            nodes.append(replace(node, inputs=inputs))
    return replace(graph, nodes=tuple(nodes), output=renamed.get(graph.output, graph.output))


def _positions(graph: Graph) -> dict[str, dict[Node, int]]:
    """For each sequence that can be written as a split: at which position each of its readers reads it."""
    consumers = graph.consumers()
    found = {}
    for node in graph.nodes:
        if node.op != "SplitToSequence" or not node.has(1):
            continue
        readers = [use.node for use in consumers.get(node.outputs[0], [])]
        at = {reader: int(graph.weights[reader.inputs[1]]) for reader in readers if _is_fixed(reader, graph)}
        if readers and len(at) == len(readers) and min(at.values()) >= 0:
            found[node.outputs[0]] = at
    return found


def _is_fixed(reader: Node, graph: Graph) -> bool:
    return reader.op == "SequenceAt" and reader.inputs[1] in graph.weights
