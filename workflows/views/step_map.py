"""The map beside the outline: the same tree as a small read-only drawing; it only orients."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from workflows.operations.outline import OutlineItem

BOX_WIDTH, BOX_HEIGHT, GAP, INDENT, MAX_BOXES = 104, 20, 8, 12, 200


def step_map(items: Iterable[OutlineItem], current: str = "") -> dict[str, Any]:
    """Boxes {x, y, width, label, current, frame} and the drawing's size; deeper steps stand further in."""
    boxes: list[dict[str, Any]] = []
    _place(list(items), 0, current, boxes)
    height = max([box["y"] + BOX_HEIGHT for box in boxes], default=0) + GAP
    return {"boxes": boxes, "width": 152, "height": height}


def _place(items: list[OutlineItem], depth: int, current: str, boxes: list[dict[str, Any]]) -> None:
    for item in items:
        if len(boxes) >= MAX_BOXES:
            return
        label = f"{item.number} {item.name}"
        boxes.append(
            {
                "x": 4 + depth * INDENT,
                "y": GAP + len(boxes) * (BOX_HEIGHT + GAP),
                "width": max(60, 144 - depth * INDENT),
                "label": label if len(label) <= 18 else f"{label[:17]}…",
                "current": item.key == current,
                "frame": bool(item.branches) or item.inner is not None,
            }
        )
        for branch in item.branches:
            _place(list(branch.steps), depth + 1, current, boxes)
        _place(list(item.inner or ()), depth + 1, current, boxes)
