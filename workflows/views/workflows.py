"""Pages of workflows: the list, a new one, import, the outline, settings, on/off, duplicate, delete, export."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from orchestrator_site.lib.errors import UserError
from workflows.models import Run, Workflow
from workflows.operations import drafts
from workflows.operations import workflows as operations
from workflows.operations.exports import export_workflow
from workflows.operations.imports import import_workflow
from workflows.views.editor import editor_context
from workflows.views.forms import ImportForm, NewWorkflowForm, SettingsForm
from workflows.views.pages import PageRequest, back_with_error, go, link, say

MAX_FILE = 2 * 1024 * 1024


@require_GET
def workflow_list(request: PageRequest, workspace: str) -> HttpResponse:
    """Workflows of the workspace, by name, with search."""
    q = request.GET.get("q", "")[:200]
    try:
        rows = list(operations.list_workflows(request.actor, q=q).select_related("published").order_by("name")[:500])
        problem = ""
    except UserError as error:
        rows, problem = [], str(error)
    context = {
        "rows": [_row(row, newest) for row, newest in _with_newest(request, rows)],
        "q": q,
        "problem": problem,
        "can_edit": request.actor.can("edit"),
        "can_run": request.actor.can("run"),
    }
    return render(request, "workflows/workflow_list.html", context)


def _with_newest(request: PageRequest, rows: list[Workflow]) -> list[tuple[Workflow, Run | None]]:
    """Each workflow with its newest run (one query for all)."""
    newest: dict[Any, Run] = {}
    ids = (
        Run.objects.of(request.workspace)
        .filter(workflow__in=[row.pk for row in rows])
        .order_by("workflow_id", "-pk")
        .values_list("workflow_id", "pk")
    )
    wanted: dict[Any, Any] = {}
    for workflow_id, run_id in _first_of_each(ids):
        wanted[workflow_id] = run_id
    for run in Run.objects.of(request.workspace).filter(pk__in=wanted.values()):
        newest[run.workflow_id] = run
    return [(row, newest.get(row.pk)) for row in rows]


def _first_of_each(pairs: Any) -> list[tuple[Any, Any]]:
    """The newest run of each workflow: one small query per workflow beats reading every run."""
    from django.db.models import Max

    return list(pairs.order_by().values("workflow_id").annotate(newest=Max("pk")).values_list("workflow_id", "newest"))


def _row(row: Workflow, newest: Run | None) -> dict[str, Any]:
    return {"workflow": row, "newest": newest, "by": row.updated_by}


@require_http_methods(["GET", "POST"])
def workflow_new(request: PageRequest, workspace: str) -> HttpResponse:
    """Name a new workflow; the outline opens next."""
    form = NewWorkflowForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        definition = {"format": 1, **form.cleaned_data, "inputs": [], "steps": [], "outputs": {}}
        try:
            made = operations.create_workflow(request.actor, definition, draft=True)
        except UserError as error:
            form.add_error(None, str(error))
        else:
            return go(workspace, "workflow", slug=made.slug)
    return render(request, "workflows/workflow_new.html", {"form": form}, status=_status(request, form))


def _status(request: HttpRequest, form: Any) -> int:
    return 422 if request.method == "POST" and form.errors else 200


@require_http_methods(["GET", "POST"])
def workflow_import(request: PageRequest, workspace: str) -> HttpResponse:
    """Import a file of any known dialect; nothing in it runs by itself."""
    form = ImportForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            result = import_workflow(request.actor, form.text(MAX_FILE))
        except UserError as error:
            form.add_error(None, f"{error.message} {error.hint or ''}".strip())
        else:
            for warning in [*result.warnings, *result.problems][:10]:
                from django.contrib import messages

                messages.warning(request, str(getattr(warning, "message", warning)))
            say(request, f"Imported “{result.workflow.name}”")
            return go(workspace, "workflow", slug=result.workflow.slug)
    return render(request, "workflows/workflow_import.html", {"form": form}, status=_status(request, form))


@require_GET
def workflow(request: PageRequest, workspace: str, slug: str) -> HttpResponse:
    """The outline of the draft."""
    found = operations.get_workflow(request.actor, slug)
    return render(request, "workflows/workflow.html", editor_context(request, found, tab="steps"))


@require_http_methods(["GET", "POST"])
def workflow_settings(request: PageRequest, workspace: str, slug: str) -> HttpResponse:
    """Name, inputs, outputs and settings of the draft."""
    found = operations.get_workflow(request.actor, slug)
    form = SettingsForm.of(found, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            drafts.edit_frame(request.actor, found, if_match=form.cleaned_data["etag"], **form.frame())
        except UserError as error:
            form.put_errors(error)
        else:
            say(request, "Saved in the draft")
            return go(workspace, "workflow_settings", slug=slug)
    context = {**editor_context(request, found, tab="settings"), "form": form}
    return render(request, "workflows/workflow_settings.html", context, status=_status(request, form))


@require_POST
def workflow_toggle(request: PageRequest, workspace: str, slug: str) -> HttpResponse:
    """Switch a workflow on or off."""
    found = operations.get_workflow(request.actor, slug)
    changed = operations.set_enabled(request.actor, found, not found.enabled)
    say(request, f"“{changed.name}” is {'on' if changed.enabled else 'off: nothing new starts'}")
    return redirect(_back(request, link(workspace, "workflow", slug=slug)))


def _back(request: HttpRequest, otherwise: str) -> str:
    """The page the form stood on, if it is one of ours."""
    wanted = request.POST.get("next", "")
    return wanted if wanted.startswith("/w/") and "//" not in wanted and "\\" not in wanted else otherwise


@require_POST
def workflow_duplicate(request: PageRequest, workspace: str, slug: str) -> HttpResponse:
    """Make a copy of the draft under a new name."""
    found = operations.get_workflow(request.actor, slug)
    try:
        copy = operations.duplicate_workflow(request.actor, found)
    except UserError as error:
        return back_with_error(request, error, link(workspace, "workflow", slug=slug))
    say(request, f"Made “{copy.name}”")
    return go(workspace, "workflow", slug=copy.slug)


@require_POST
def workflow_delete(request: PageRequest, workspace: str, slug: str) -> HttpResponse:
    """Delete a workflow; its runs stay on record."""
    found = operations.get_workflow(request.actor, slug)
    try:
        operations.delete_workflow(request.actor, found)
    except UserError as error:
        return back_with_error(request, error, link(workspace, "workflow", slug=slug))
    say(request, f"Deleted “{found.name}”; its runs stay on record")
    return go(workspace, "workflows")


@require_GET
def workflow_export(request: PageRequest, workspace: str, slug: str) -> HttpResponse:
    """The draft as a file: JSON, YAML, or the original product's format."""
    found = operations.get_workflow(request.actor, slug)
    wanted = request.GET.get("format", "json")
    wanted = wanted if wanted in ("json", "yaml", "seed") else "json"
    try:
        text = export_workflow(found, wanted)
    except UserError as error:
        return back_with_error(request, error, link(workspace, "workflow", slug=slug))
    ending = "yaml" if wanted == "yaml" else "json"
    answer = HttpResponse(text, content_type=f"application/{ending}; charset=utf-8")
    answer["Content-Disposition"] = content_disposition_header(True, f"{found.slug}.{ending}") or "attachment"
    answer["X-Content-Type-Options"] = "nosniff"
    return answer
