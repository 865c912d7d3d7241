"""Step outputs that are too large for their row: the real value for APIs and records, its first part for pages."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from accounts.models import Workspace
from workflows.models import Blob, StepRun

WHOLE = 10 * 1024 * 1024
RECORD = 64 * 1024 * 1024
FIRST_TEXT = 2_000
FIRST_ITEMS = 20
FIRST_FIELDS = 60
JSON = Any


def is_reference(value: JSON) -> bool:
    """Whether a stored output only names where it is."""
    return isinstance(value, dict) and value.keys() == {"$blob", "size"} and isinstance(value["$blob"], str)


def resolve(value: JSON, workspace: Workspace | Any, *, most: int = WHOLE) -> JSON:
    """The value that a stored output stands for; the reference itself where it is larger than `most` or not there."""
    return _resolved([value], workspace, most)[0]


def with_outputs(steps: Iterable[StepRun], *, most: int = WHOLE, first_part: bool = False) -> list[StepRun]:
    """Step runs of one workspace with their outputs as they were made, at most `most` bytes of them together.

    The rows are for showing, not for saving. With `first_part` a large output is cut to what a page can show.
    """
    found = list(steps)
    large = [step for step in found if is_reference(step.output)]
    if not large:
        return found
    values = _resolved([step.output for step in large], large[0].workspace_id, most)
    for step, value in zip(large, values, strict=True):
        step.output = beginning(value) if first_part else value
    return found


def beginning(value: JSON) -> JSON:
    """The first part of a large value, saying where it was cut."""
    if is_reference(value):
        return f"A value of {value['size']:,} bytes; the run's record holds it."
    if isinstance(value, str) and len(value) > FIRST_TEXT:
        return f"{value[:FIRST_TEXT]}… (the first {FIRST_TEXT:,} of {len(value):,} characters)"
    if isinstance(value, list):
        rest = len(value) - FIRST_ITEMS
        return [beginning(item) for item in value[:FIRST_ITEMS]] + ([f"… and {rest:,} more"] if rest > 0 else [])
    if isinstance(value, dict):
        rest = len(value) - FIRST_FIELDS
        shown = {name: beginning(item) for name, item in list(value.items())[:FIRST_FIELDS]}
        return shown | ({"…": f"and {rest:,} more"} if rest > 0 else {})
    return value


def _resolved(values: list[JSON], workspace: Workspace | Any, most: int) -> list[JSON]:
    """One query; what does not fit any more stays a reference."""
    rows = Blob.objects.of(workspace)
    named = {value["$blob"] for value in values if is_reference(value)}
    sizes = dict(rows.filter(sha256__in=named).values_list("sha256", "size")) if named else {}
    taken, left = set(), most
    for sha in dict.fromkeys(value["$blob"] for value in values if is_reference(value)):
        if sha in sizes and sizes[sha] <= left:
            taken.add(sha)
            left -= sizes[sha]
    contents = {sha: bytes(content) for sha, content in rows.filter(sha256__in=taken).values_list("sha256", "content")}
    return [
        json.loads(contents[value["$blob"]]) if is_reference(value) and value["$blob"] in contents else value
        for value in values
    ]
