"""The map beside the outline: the same tree as a small read-only drawing; it only orients."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from workflows.operations.outline import OutlineItem

BOX_HEIGHT, GAP, INDENT, WIDTH, MAX_BOXES = 20, 6, 10, 148, 200
LONGEST = 20


def step_map(items: Iterable[OutlineItem], current: str = "") -> dict[str, Any]:
    """Boxes {x, y, width, label, current}, frames {x, y, width, height} and the drawing's size."""
    boxes: list[dict[str, Any]] = []
    frames: list[dict[str, Any]] = []
    _place(list(items), 0, current, boxes, frames)
    height = max([box["y"] + BOX_HEIGHT for box in boxes], default=0) + GAP
    return {"boxes": boxes, "frames": frames, "width": WIDTH, "height": height}


def _place(
    items: list[OutlineItem], depth: int, current: str, boxes: list[dict[str, Any]], frames: list[dict[str, Any]]
) -> None:
    for item in items:
        if len(boxes) >= MAX_BOXES:
            return
        inset = min(depth, 5) * INDENT
        box: dict[str, Any] = {
            "x": 4 + inset,
            "y": GAP + len(boxes) * (BOX_HEIGHT + GAP),
            "width": WIDTH - 8 - inset * 2,
            "key": item.key,
            "title": f"{item.number} {item.name}",
            "label": _label(item, LONGEST - depth * 3),
            "current": item.key == current,
        }
        boxes.append(box)
        box |= {"text_x": box["x"] + box["width"] / 2, "text_y": box["y"] + 14}
        for branch in item.branches:
            _place(list(branch.items), depth + 1, current, boxes, frames)
        if item.branches:
            bottom = boxes[-1]["y"] + BOX_HEIGHT
            frames.append(
                {
                    "x": box["x"] - 3,
                    "y": box["y"] - 3,
                    "width": box["width"] + 6,
                    "height": bottom - box["y"] + 6,
                    "loop": item.is_loop,
                }
            )


def _label(item: OutlineItem, longest: int) -> str:
    text = f"{item.number} {item.name}"
    return text if len(text) <= longest else f"{text[: max(1, longest - 1)]}…"
