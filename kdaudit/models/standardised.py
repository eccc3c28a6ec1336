"""BatchNorm that standardises a layer's weights, as NFNet and BiT do, becomes what it is there: InstanceNormalization.

torch gives such layers by BatchNorm in training mode, on weights laid out as one example. Exporters write out the
statistics, so that the BatchNorm has none of its own to be held.
"""

from __future__ import annotations

from dataclasses import replace

from kdaudit.models.graph import Graph, Node


def with_instance_norms(graph: Graph) -> Graph:
    """The graph with an InstanceNormalization in place of each BatchNorm that standardises an array of the file."""
    computed: set[str] = set()
    moving = {spec.name for spec in graph.inputs}
    nodes: list[Node] = []
    for node in graph.nodes:
        computed.update(node.outputs)
        if not moving.isdisjoint(node.inputs):
            moving.update(node.outputs)
        elif node.op == "BatchNormalization" and computed.issuperset(node.inputs[3:5]):
            nodes.append(
                replace(node, op="InstanceNormalization", inputs=node.inputs[:3], outputs=node.outputs[:1])
            )
            continue
        nodes.append(node)
    return replace(graph, nodes=tuple(nodes))
