"""From the sandbox to a real connection: the steps as a diff to review, then drafts that are saved."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from integrations.operations.connections import get_connection
from orchestrator_site.lib.errors import UserError
from workflows.operations.switching import switch_steps, switchable
from workflows.views.pages import PageRequest, say, tell_error


@require_http_methods(["GET", "HEAD", "POST"])
def connection_switch(request: PageRequest, workspace: str, pk: UUID) -> HttpResponse:
    """Which steps run in the sandbox and could use this connection; a POST saves the ticked ones in their drafts."""
    connection = get_connection(request.actor, pk)
    if request.method == "POST":
        try:
            done = switch_steps(request.actor, connection, request.POST.getlist("step"))
        except UserError as problem:
            tell_error(request, problem)
            return redirect("connection_switch", workspace=workspace, pk=pk)
        count = sum(done.values())
        say(request, f"{count} step{'s' if count > 1 else ''} use {connection.name} in the draft; publish to use it")
        only = next(iter(done))
        return redirect("workflow", workspace, only.slug) if len(done) == 1 else redirect("workflows", workspace)
    return render(request, "workflows/switch.html", {"connection": connection, "rows": switchable(connection)})
