"""The map of a workflow as a picture that stands alone: an SVG file with its own colours, light and dark."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from workflows.operations.outline import OutlineItem
from workflows.operations.step_map import BOX_HEIGHT, step_map

STYLE = (
    "rect{fill:#fff;stroke:#cdd3dc}.f{fill:none}.l{stroke-dasharray:3 3}"
    "text{fill:#525c6b;font:10px sans-serif;text-anchor:middle}"
    "@media(prefers-color-scheme:dark){rect{fill:#161a20;stroke:#3a4350}.f{fill:none}text{fill:#a9b2bf}}"
)


def drawing(items: Iterable[OutlineItem]) -> str:
    """The SVG of an outline; every text in it is escaped."""
    drawn = step_map(items)
    frames = [
        f'<rect class="f{" l" if frame["loop"] else ""}" x="{frame["x"]}" y="{frame["y"]}" '
        f'width="{frame["width"]}" height="{frame["height"]}" rx="5"/>'
        for frame in drawn["frames"]
    ]
    boxes = [
        f'<rect x="{box["x"]}" y="{box["y"]}" width="{box["width"]}" height="{BOX_HEIGHT}" rx="3"/>'
        f'<text x="{box["text_x"]}" y="{box["text_y"]}">{escape(box["label"])}</text>'
        for box in drawn["boxes"]
    ]
    width, height = drawn["width"], drawn["height"]
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    inside = "".join([*frames, *boxes])
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}><style>{STYLE}</style>{inside}</svg>'
