"""The inbox: everything that waits for a person."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from workflows.operations.inbox import open_waits
from workflows.views.pages import PageRequest


@require_safe
def inbox(request: PageRequest, workspace: str) -> HttpResponse:
    """Open questions of runs, oldest first."""
    context = {"waits": list(open_waits(request.actor)[:200]), "can_decide": request.actor.can("decide")}
    return render(request, "workflows/inbox.html", context)
