"""The editor as a page, or as the parts of it that a page which is open already has to change.

The browser says which draft it shows (`X-Draft`, the etag). Every save is kept, so the outline it shows can be made
again and compared: only the lists and steps that differ are sent, and the panel. Without the header, and without
JavaScript, it is the whole page.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render

from workflows.models import Workflow
from workflows.operations import drafts, undo
from workflows.operations.outline import outline_of
from workflows.views.editor import list_of, readable
from workflows.views.pages import PageRequest
from workflows.views.touched import Touched, touched

JSON = dict[str, Any]
QUIET = messages.WARNING


@dataclass(frozen=True)
class Parts:
    """What of the outline is shown anew: all of it, or lists and steps as `shown` makes them."""

    whole: bool = False
    lists: list[JSON] = field(default_factory=list)
    steps: list[JSON] = field(default_factory=list)

    @property
    def map(self) -> bool:
        """Whether the drawing is another one, too."""
        return bool(self.whole or self.lists or self.steps)


def render_editor(request: PageRequest, workflow: Workflow, context: JSON, status: int = 200) -> HttpResponse:
    """The editor with `context`: whole, or its changed parts for a page that says which draft it shows."""
    shows = request.headers.get("X-Draft", "")[:64]
    if not shows:
        return render(request, "workflows/workflow.html", context, status=status)
    parts = None if shows == workflow.draft_etag else parts_since(workflow, shows, context)
    told = list(messages.get_messages(request))
    said = [message for message in told if message.level < QUIET]
    loud = [message for message in told if message.level >= QUIET]
    answer = render(
        request,
        "workflows/_editor_parts.html",
        context | {"parts": parts, "said": said, "messages": loud},
        status=status,
    )
    answer.headers["X-Parts"] = "1"
    return answer


def parts_since(workflow: Workflow, etag: str, context: JSON) -> Parts:
    """What differs between the outline of an earlier draft and that of `context`."""
    earlier = undo.revision_of(workflow, etag)
    parsed = readable(earlier.definition) if earlier else None
    if earlier is None or parsed is None or not context["items"]:
        return Parts(whole=True)
    before = outline_of(parsed, drafts.problems_in(workflow, earlier.definition))
    if not before:
        return Parts(whole=True)
    return _parts(touched(before, context["items"]), context["outline"])


def _parts(found: list[Touched], outline: list[JSON]) -> Parts:
    steps, lists = {}, {("", ""): {**list_of("", ""), "steps": outline}}
    for step, branches in _walk(outline):
        steps[step["key"]] = step
        lists |= {(branch["parent"], branch["branch"]): branch for branch in branches}
    return Parts(
        lists=[lists[each.parent, each.branch] for each in found if not each.key],
        steps=[steps[each.key] for each in found if each.key],
    )


def _walk(outline: list[JSON]) -> Iterator[tuple[JSON, list[JSON]]]:
    for step in outline:
        branches = step["branches"] or ([step["inner"]] if step["inner"] else [])
        yield step, branches
        for branch in branches:
            yield from _walk(branch["steps"])
