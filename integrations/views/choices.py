"""What a connection offers for an input, as the options of a datalist; a field without them is a plain text field."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from integrations.operations.choices import given_of, list_choices
from orchestrator_site.lib.errors import NotFound, UserError


@require_safe
def choices(request: HttpRequest, workspace: str, action: str, field: str) -> HttpResponse:
    """The options for one input. A service that gives none now leaves the field as it is, and says why."""
    context: dict[str, Any] = {"choices": [], "why": "", "list_id": f"list-{field}"}
    try:
        context["choices"] = list_choices(
            request.actor,  # type: ignore[attr-defined]
            action,
            field,
            connection=request.GET.get("connection", ""),
            q=request.GET.get("q", ""),
            given=given_of(request.GET.dict()),
        )
    except NotFound:
        raise
    except UserError as problem:
        context["why"] = problem.message
    return render(request, "integrations/choices.html", context)
