"""The map beside the outline: the same tree as a small read-only drawing, branches side by side; it only orients."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from workflows.operations.outline import OutlineItem

BOX_HEIGHT, GAP, INSET, WIDTH, MAX_BOXES = 20, 6, 4, 148, 200
NARROWEST, LETTER = 44, 5.6
"""The least width of a column (narrower ones stand below each other), and that of a letter of a label."""


def step_map(items: Iterable[OutlineItem], current: str = "") -> dict[str, Any]:
    """Boxes {key, x, y, width, label, current, …}, frames {x, y, width, height, loop}, lines, the drawing's size."""
    drawn = _Drawing(current)
    bottom = drawn.column(list(items), INSET, WIDTH - 2 * INSET, GAP)
    return {"boxes": drawn.boxes, "frames": drawn.frames, "lines": drawn.lines, "width": WIDTH, "height": bottom}


@dataclass
class _Drawing:
    current: str
    boxes: list[dict[str, Any]] = field(default_factory=list)
    frames: list[dict[str, Any]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def column(self, items: Sequence[OutlineItem], x: float, width: float, y: float) -> float:
        """Steps below each other, from `y` on; gives where the next would stand."""
        for item in items:
            if len(self.boxes) >= MAX_BOXES:
                break
            y = self._step(item, x, width, y)
        return y

    def _step(self, item: OutlineItem, x: float, width: float, y: float) -> float:
        self._box(item, x, width, y)
        under = y + BOX_HEIGHT + GAP
        held = [branch.items for branch in item.branches if branch.items]
        if not item.branches:
            return under
        room = width - 2 * INSET
        across = (room - (len(held) - 1) * INSET) / len(held) if held else 0
        if len(held) > 1 and across >= NARROWEST:
            tops = [x + INSET + n * (across + INSET) for n in range(len(held))]
            bottom = max(self.column(steps, left, across, under) for steps, left in zip(held, tops, strict=True))
            self.lines += [f"M{x + width / 2:g} {y + BOX_HEIGHT}L{left + across / 2:g} {under}" for left in tops]
        else:
            bottom = under
            for steps in held:
                bottom = self.column(steps, x + INSET, room, bottom)
        height = bottom - GAP - y + 6
        self.frames.append({"x": x - 3, "y": y - 3, "width": width + 6, "height": height, "loop": item.is_loop})
        return bottom + 3

    def _box(self, item: OutlineItem, x: float, width: float, y: float) -> None:
        title = f"{item.number} {item.name}"
        self.boxes.append(
            {
                "key": item.key,
                "x": round(x, 1),
                "y": y,
                "width": round(width, 1),
                "title": title,
                "label": _cut(title, max(3, int(width / LETTER) - 1)),
                "current": item.key == self.current,
                "text_x": round(x + width / 2, 1),
                "text_y": y + 14,
            }
        )


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"
