"""An n8n file as nodes and edges; what is no node is left out with a warning. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator_site.lib.errors import UserError

MAX_NODES = 1000
MAIN, USED = "main", "usedCredentialNames"
BASE = ("n8n-nodes-base.", "@n8n/n8n-nodes-langchain.", "n8n-nodes-langchain.")
_TRIGGERS = {"webhook", "cron", "interval", "start", "formtrigger", "chattrigger", "emailreadimap", "ssetrigger"}
JSON = dict[str, Any]


@dataclass
class Node:
    """One node. `kind` is its type without the package, in lower case."""

    name: str
    type: str
    kind: str
    parameters: JSON
    version: float = 1.0
    disabled: bool = False
    notes: str = ""
    credentials: tuple[str, ...] = ()
    carries_on: bool = False
    error_output: bool = False
    retries: int | None = None
    pause: float | None = None

    @property
    def is_trigger(self) -> bool:
        """Whether it starts executions."""
        return self.kind in _TRIGGERS or self.kind.endswith("trigger")


@dataclass
class Graph:
    """Nodes by name; `next` are the targets of each output, `helpers` what is plugged in from below (models, tools)."""

    nodes: dict[str, Node]
    next: dict[str, list[list[str]]] = field(default_factory=dict)
    helpers: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def targets(self, name: str, output: int = 0) -> list[str]:
        """Where one output leads."""
        outputs = self.next.get(name, [])
        return outputs[output] if output < len(outputs) else []

    def helping(self, name: str, kind: str) -> list[Node]:
        """The nodes plugged into a node by a connection of this kind (ai_languageModel, ai_tool …)."""
        return [self.nodes[one] for one, how in self.helpers.get(name, []) if how == kind]


def read_graph(source: Mapping[str, Any]) -> Graph:
    """The graph of a file. Raises UserError only for what is no n8n file at all."""
    listed = source.get("nodes")
    if not isinstance(listed, list):
        raise UserError("E_TYPE", "The field nodes must be a list.", field="nodes")
    if len(listed) > MAX_NODES:
        text = f"The file holds {len(listed):,} nodes; at most {MAX_NODES:,} are imported."
        raise UserError("E_DEF_SIZE", text, field="nodes", limit=MAX_NODES)
    graph = Graph({})
    for i, value in enumerate(listed):
        _add(graph, i, value)
    edges = source.get("connections")
    for name, kinds in edges.items() if isinstance(edges, dict) else ():
        for kind, outputs in kinds.items() if isinstance(kinds, dict) and name in graph.nodes else ():
            _connect(graph, name, str(kind), outputs)
    return graph


def _add(graph: Graph, i: int, value: Any) -> None:
    if not isinstance(value, dict) or not isinstance(value.get("type"), str):
        graph.warnings.append(f"nodes[{i}] is no node and was left out.")
        return
    kind = kind_of(value["type"])
    parameters = value.get("parameters")
    parameters = parameters if isinstance(parameters, dict) else {}
    if kind == "stickynote":
        text = str(parameters.get("content") or "").strip()
        graph.notes += [text] if text else []
        return
    name = str(value.get("name") or f"{value['type']} {i + 1}")[:200]
    if name in graph.nodes:
        graph.warnings.append(f"Two nodes are called “{name[:80]}”; the second was left out.")
        return
    graph.nodes[name] = _node(name, kind, value, parameters)


def _node(name: str, kind: str, value: JSON, parameters: JSON) -> Node:
    used = value.get(USED)
    named = used if isinstance(used, list) else []
    on_error = str(value.get("onError") or "")
    tries = value.get("maxTries") if value.get("retryOnFail") else None
    wait = value.get("waitBetweenTries")
    return Node(
        name=name,
        type=value["type"],
        kind=kind,
        parameters=parameters,
        version=_number(value.get("typeVersion"), 1.0),
        disabled=value.get("disabled") is True,
        notes=str(value.get("notes") or "")[:2000],
        credentials=tuple(str(one)[:80] for one in named if one),
        carries_on=value.get("continueOnFail") is True or on_error.startswith("continue"),
        error_output=on_error == "continueErrorOutput",
        retries=min(10, max(0, int(_number(tries, 3)) - 1)) if value.get("retryOnFail") else None,
        pause=min(3600.0, max(0.0, _number(wait, 1000) / 1000)) if value.get("retryOnFail") else None,
    )


def kind_of(type_name: str) -> str:
    """`n8n-nodes-base.httpRequest` is httprequest."""
    found = next((type_name.removeprefix(base) for base in BASE if type_name.startswith(base)), type_name)
    return found.lower()


def _connect(graph: Graph, name: str, kind: str, outputs: Any) -> None:
    lists = outputs if isinstance(outputs, list) else []
    found = [[target for edge in (one or []) if (target := _target(graph, edge))] for one in lists if _listed(one)]
    if kind == MAIN:
        graph.next[name] = found
        return
    for target in {target for targets in found for target in targets}:
        graph.helpers.setdefault(target, []).append((name, kind))


def _listed(value: Any) -> bool:
    return value is None or isinstance(value, list)


def _target(graph: Graph, edge: Any) -> str:
    name = edge.get("node") if isinstance(edge, dict) else None
    if isinstance(name, str) and name in graph.nodes:
        return name
    graph.warnings.append(f"A connection leads to “{str(name)[:60]}”, which is not in the file.")
    return ""


def _number(value: Any, usual: float) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else usual


def without_credentials(source: Mapping[str, Any]) -> JSON:
    """A copy in which each node says only what its credentials are called."""
    listed = source.get("nodes")
    nodes = [_named(one) if isinstance(one, dict) else one for one in listed] if isinstance(listed, list) else listed
    return {**source, "nodes": nodes}


def _named(node: JSON) -> JSON:
    held = node.get("credentials")
    names = (
        [one["name"] for one in held.values() if isinstance(one, dict) and isinstance(one.get("name"), str)]
        if (isinstance(held, dict))
        else []
    )
    return {**{name: item for name, item in node.items() if name != "credentials"}, USED: names}


def located(value: Any) -> Any:
    """A value out of n8n's resource locator `{"__rl": true, "value": …}`, or as it is."""
    return value.get("value", "") if isinstance(value, dict) and "__rl" in value else value
