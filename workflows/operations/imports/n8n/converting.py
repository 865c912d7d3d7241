"""n8n's graph as a tree of steps. Pure.

n8n runs a node once for each item that reaches it. So what follows a node that gives a list becomes a loop over it; an
If sends an item one of two ways, so what both ways share stands after the block, and what they do not share stands in
each. A node that is not known stands where it stood, switched off, and says what it did.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator_site.lib.json import JSONValue
from orchestrator_site.lib.names import slugify_key
from workflows.operations.imports.building import MAX_DESCRIPTION, MAX_NAME
from workflows.operations.imports.n8n.blocks import Blocks
from workflows.operations.imports.n8n.reading import Graph, Node, read_graph
from workflows.operations.imports.n8n.scope import Scope
from workflows.operations.imports.result import Converted

DIALECT = "n8n"
JSON = dict[str, Any]


def convert(source: Mapping[str, JSONValue]) -> Converted:
    """The definition of an n8n file, with a line for each node of what became of it."""
    graph = read_graph(source)
    blocks = Blocks(graph)
    scope = Scope()
    triggers = [node for node in graph.nodes.values() if node.is_trigger]
    for node in triggers:
        blocks.note(node, "left out", "", _trigger_words(node))
        scope.enter(node.name, "")
    starts = [target for node in triggers for target in _follow(graph, scope, node.name)]
    reached = {target for outputs in graph.next.values() for targets in outputs for target in targets}
    plugged = {name for pairs in graph.helpers.values() for name, _ in pairs}
    roots = [name for name in graph.nodes if name not in reached | plugged and not graph.nodes[name].is_trigger]
    if not triggers:
        starts, roots = roots[:1], roots[1:]
    steps = blocks.sequence(starts, scope)
    for name in roots:
        steps += blocks.stray(name)
    name = str(source.get("name") or "Workflow from n8n")
    definition: JSON = {
        "format": 1,
        "slug": slugify_key(name, fallback="workflow"),
        "name": name[:MAX_NAME],
        "description": _description(graph),
        "inputs": list(blocks.inputs.values()),
        "steps": steps,
        "outputs": {},
    }
    for holder, pairs in graph.helpers.items():
        for helper, how in pairs:
            words = (
                "the connection's usual model is asked" if how == "ai_languageModel" else "choose what it may do there"
            )
            blocks.note(graph.nodes[helper], "left out", "", f"It was plugged into “{holder[:80]}”: {words}.")
    return Converted(
        dialect=DIALECT,
        identifier=str(source.get("id") or definition["slug"])[:200],
        definition=definition,
        warnings=[*graph.warnings, *blocks.warnings],
        problems=blocks.problems,
        report=blocks.report,
    )


def _follow(graph: Graph, scope: Scope, name: str) -> list[str]:
    for target in graph.targets(name):
        scope.before.setdefault(target, name)
    return graph.targets(name)


def _trigger_words(node: Node) -> str:
    """What started it, said for whoever makes the trigger anew."""
    said = {
        "manualtrigger": "It was started by hand.",
        "webhook": f"It was started by a web address ({node.parameters.get('httpMethod', 'GET')}): make a webhook.",
        "scheduletrigger": "It was started by a schedule: make one.",
        "cron": "It was started by a schedule: make one.",
        "gmailtrigger": "It was started by new mail: make a trigger for it.",
    }
    return said.get(node.kind, f"It was started by {node.type.rpartition('.')[2]}: make a trigger if there is one.")


def _description(graph: Graph) -> str:
    """The notes that stood beside the nodes."""
    text = "\n\n".join(graph.notes)
    return text[:MAX_DESCRIPTION]
