"""A save that came too late, on a page: both sides, what both changed, and the button that saves them together."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from orchestrator_site.lib.errors import Conflict
from workflows.engine.comparing import FieldChange
from workflows.models import Workflow
from workflows.operations import versions
from workflows.operations.stale import Joining, Match
from workflows.views.diff import field_lines

PICK = "pick:"
WORDS = {"step": "Whether the step stays", "place": "Where the step stands"}


def match_of(request: HttpRequest, etag: str) -> Match:
    """The draft that was seen; pressed “Save both”, it is to be joined with what was saved since."""
    if "join" not in request.POST:
        return etag
    given = {name.removeprefix(PICK): value for name, value in request.POST.items() if name.startswith(PICK)}
    return Joining(request.POST.get("seen", "")[:40], {name[:200]: str(side) for name, side in given.items()})


def both_sides(request: HttpRequest, workflow: Workflow, error: Conflict) -> dict[str, Any]:
    """The context of `_stale.html`: what the two sides changed differently, and whether they can be joined."""
    clashes = error.extra.get("clashes")
    who = versions.list_revisions(workflow).first()
    return {
        "stale": True,
        "stale_by": who.saved_by if who else "",
        "stale_seen": request.POST.get("seen") or request.POST.get("etag", ""),
        "stale_joins": clashes is not None,
        "stale_parts": [_part(clash, request.POST.get(f"{PICK}{clash['id']}", "")) for clash in clashes or ()],
    }


def _part(clash: dict[str, Any], picked: str) -> dict[str, Any]:
    field = str(clash["field"])
    shown = field_lines(FieldChange(field, clash["theirs"], clash["mine"]))
    name = WORDS.get(field) or ("The order of the steps" if field.startswith("order") else shown["name"])
    return {
        "id": f"{PICK}{clash['id']}",
        "step": clash["step"],
        "name": name,
        "lines": shown["lines"],
        "picked": picked,
    }
