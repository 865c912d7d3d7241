"""The page of stored values: what workflows keep from run to run, to be looked at and cleared."""

from __future__ import annotations

from itertools import groupby
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from accounts.actor import actor_of
from integrations.models import StoredValue
from integrations.operations import stored as operations
from integrations.operations.looking import in_words
from orchestrator_site.lib.json import clean_text

SHOWN = 300


def stored(request: HttpRequest, workspace: str) -> HttpResponse:
    """The values by workflow, the newest changes of each first; `?q=` narrows to names."""
    actor = actor_of(request)
    q = clean_text(request.GET.get("q", "").strip(), field="q", max_length=200)
    found = operations.list_stored(actor, q=q)
    rows = list(found[: SHOWN + 1])
    shown = {"groups": _groups(rows[:SHOWN]), "q": q, "more": len(rows) > SHOWN, "most": SHOWN}
    return render(request, "integrations/stored.html", {**shown, "may_edit": actor.can("edit")})


def _groups(rows: list[StoredValue]) -> list[dict[str, Any]]:
    """The workspace's own first, then by workflow; within them as they came."""

    def place(row: StoredValue) -> tuple[bool, str]:
        return bool(row.owner), row.workflow if row.owner else ""

    return [
        {"workflow": slug, "own": own, "rows": [{"value": row, "words": in_words(row.value)} for row in group]}
        for (own, slug), group in groupby(sorted(rows, key=place), key=place)
    ]


@require_POST
def delete(request: HttpRequest, workspace: str, pk: UUID) -> HttpResponse:
    """Delete one value."""
    actor = actor_of(request)
    value = operations.get_stored(actor, pk)
    operations.delete_stored(actor, value)
    messages.success(request, f"“{value.key}” is deleted; the next run finds nothing there.")
    return redirect("stored", workspace=workspace)


@require_POST
def clear(request: HttpRequest, workspace: str) -> HttpResponse:
    """Delete all values of a workflow, or those of the workspace."""
    slug = clean_text(request.POST.get("workflow", ""), field="workflow", max_length=48)
    count = operations.clear_stored(actor_of(request), workflow=slug)
    messages.success(request, f"{count} stored value{'' if count == 1 else 's'} deleted.")
    return redirect("stored", workspace=workspace)
