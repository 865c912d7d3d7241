"""Walking python-liquid's parse tree by its slots, whatever the node."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from liquid.ast import BlockNode, Node
from liquid.builtin.tags.for_tag import ForNode


def child_nodes(node: Node) -> Iterator[Node]:
    """Child nodes, straight from the parse tree."""
    if isinstance(node, BlockNode):
        yield from node.nodes
        return
    for _, _, value in held(node):
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, Node):
                yield child


def held(owner: Any) -> Iterator[tuple[Any, str, Any]]:
    """What an object keeps in its slots: (object, slot, value)."""
    kind: Any = type(owner)
    for slot in _slots(kind):
        if (value := getattr(owner, slot, None)) is not None:
            yield owner, slot, value


@cache
def _slots(kind: type) -> tuple[str, ...]:
    named = [slot for base in kind.__mro__ for slot in getattr(base, "__slots__", ())]
    return tuple(slot for slot in named if slot not in ("token", "blank"))


def count_nodes(node: Node) -> int:
    """How many nodes one rendering of `node` may visit; the bodies of inner loops pay for themselves."""
    if isinstance(node, ForNode):
        return 1
    return 1 + sum(count_nodes(child) for child in child_nodes(node))
