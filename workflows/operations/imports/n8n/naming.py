"""What a field of a node is called here: of a step, of a loop's item, or an input in place of a trigger. Pure."""

from __future__ import annotations

from typing import Any

from orchestrator_site.lib.names import slugify_key
from workflows.operations.imports.keys import Keys
from workflows.operations.imports.n8n.expressions import Path, liquid_path
from workflows.operations.imports.n8n.mapping import Mapped
from workflows.operations.imports.n8n.reading import Graph, Node
from workflows.operations.imports.n8n.scope import Scope, dotted

JSON = dict[str, Any]


class Naming:
    """Resolves references; `inputs` are made where a trigger gave something."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.names = Keys(fallback="input")
        self.inputs: dict[str, JSON] = {}

    def resolve(self, node: Node, name: str, path: Path, scope: Scope) -> str | None:
        """A field of what a node gave as our expression; None where it is not provable."""
        source = name or scope.source_of(node.name)
        if source in scope.placed and scope.placed[source].passes_on:
            source = scope.source_of(source)
        known = self.graph.nodes.get(source)
        if known is None or known.is_trigger:
            return self._from_trigger(known, path)
        placed = scope.placed.get(source)
        if placed is None or placed.mapped is None or placed.loops != scope.loops[: len(placed.loops)]:
            return None
        return self._of_step(source, placed.key, placed.mapped, path, scope)

    def _of_step(self, source: str, key: str, mapped: Mapped, path: Path, scope: Scope) -> str | None:
        ours = mapped.fields.get(dotted(path))
        if source in scope.loops:
            if scope.loops[-1] != source:
                return None
            root = "item"
        elif mapped.items:
            root = f"steps.{key}.{mapped.items}[0]"
        else:
            root = f"steps.{key}"
        if ours is not None:
            return f"{root}.{ours}"
        if mapped.whole is None:
            return None
        return liquid_path(f"{root}.{mapped.whole}" if mapped.whole else root, path)

    def _from_trigger(self, node: Node | None, path: Path) -> str | None:
        """What came with the trigger is asked for as an input, until there is a trigger again."""
        if node is not None and node.kind in ("scheduletrigger", "cron", "interval"):
            return "run.started_at" if path and str(path[0]).lower() in ("timestamp", "readable date") else None
        names = [str(part) for part in path if part not in ("body", "query", "params", "headers")]
        if not names:
            return None
        label = ".".join(str(part) for part in path)
        if label not in self.inputs:
            key = self.names.give(slugify_key("_".join(names), fallback="input"))
            spec = {"name": key, "type": "text", "required": True, "label": label[:120]}
            self.inputs[label] = {**spec, "help": "Came with the trigger in n8n."}
        return f"inputs.{self.inputs[label]['name']}"
