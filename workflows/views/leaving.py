"""The page that deletes a workspace: what ends, what is kept, and its address to type."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.views.fresh import fresh_sign_in
from integrations.operations.finding import connections_of
from orchestrator_site.lib.errors import UserError
from workflows.models import Run, Workflow
from workflows.models.run import TERMINAL
from workflows.operations.leaving import KEPT, delete_workspace
from workflows.views.pages import PageRequest


@require_http_methods(["GET", "HEAD", "POST"])
@fresh_sign_in
def workspace_delete(request: PageRequest, workspace: str) -> HttpResponse:
    """Ask, and delete where the address of the workspace was typed."""
    actor, problem = request.actor, None
    if request.method == "POST":
        try:
            delete_workspace(actor, request.POST.get("confirm", ""))
        except UserError as found:
            problem = found
        else:
            messages.success(request, f"{actor.workspace.name} is deleted.")
            return redirect("workspace_list")
    shown = {
        "problem": problem,
        "days": KEPT.days,
        "runs": Run.objects.of(actor.workspace).exclude(status__in=TERMINAL).count(),
        "workflows": Workflow.objects.of(actor.workspace).filter(deleted_at__isnull=True).count(),
        "connections": connections_of(actor.workspace).filter(sandbox=False).count(),
    }
    return render(request, "workflows/workspace_delete.html", shown, status=problem.status if problem else 200)
