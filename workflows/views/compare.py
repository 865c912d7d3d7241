"""Two runs of one workflow side by side."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from orchestrator_site.lib.errors import UserError
from workflows.operations import runs as operations
from workflows.operations.compare_runs import compare_runs
from workflows.views.pages import PageRequest, back_with_error, link

STEPS_SHOWN = 100


@require_safe
def runs_compare(request: PageRequest, workspace: str) -> HttpResponse:
    """`?a=` and `?b=`: what differs, and the first step that made a difference."""
    if not request.GET.get("a") or not request.GET.get("b"):
        error = UserError("E_REQUIRED", "Tick two runs to compare them.")
        return back_with_error(request, error, link(workspace, "runs"))
    before = operations.get_run(request.actor, request.GET.get("a", ""))
    after = operations.get_run(request.actor, request.GET.get("b", ""))
    try:
        found = compare_runs(request.actor, before, after)
    except UserError as error:
        return back_with_error(request, error, link(workspace, "runs"))
    page = link(workspace, "workflow", slug=after.workflow.slug)
    context = {
        "found": found,
        "steps": found.steps[:STEPS_SHOWN],
        "more": len(found.steps) - STEPS_SHOWN,
        "sides": [("A", before), ("B", after)],
        "crumbs": [("Runs", link(workspace, "runs")), (after.workflow.name, page), ("Compare", "")],
        "back": {"label": "Runs", "url": link(workspace, "runs")},
    }
    return render(request, "workflows/runs_compare.html", context)
