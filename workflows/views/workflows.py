"""Pages of workflows: the list, a new one, import, the outline, settings, on/off, duplicate, delete, export."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import OuterRef, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from orchestrator_site.lib.errors import Conflict, UserError
from orchestrator_site.lib.json import clean_text
from workflows.engine.findings import Problem
from workflows.models import Run, Workflow
from workflows.operations import drafts, tags, versions
from workflows.operations import workflows as operations
from workflows.operations.exports import export_folder, export_workflow
from workflows.operations.imports import ImportResult, import_file
from workflows.operations.permits import permits_of_draft
from workflows.views.editor import editor_context
from workflows.views.editor_parts import render_editor
from workflows.views.forms import ImportForm, NewWorkflowForm, SettingsForm
from workflows.views.joining import both_sides, match_of
from workflows.views.pages import PageRequest, back_with_error, go, link, say

MAX_FILE = 5 * 1024 * 1024
PAGE_SIZE = 50


@require_safe
def workflow_list(request: PageRequest, workspace: str) -> HttpResponse:
    """Workflows of the workspace: search, tag, on or off, order; all of it in the address."""
    asked = {name: request.GET.get(name, "")[:200] for name in ("q", "tag", "state", "order")}
    rows, problem = [], ""
    try:
        clean_text(asked["q"], field="q")
        found = tags.find_workflows(request.actor, **asked).select_related("updated_by")
        page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
        rows = list(page)
    except UserError as error:
        page, problem = None, error.message
    context = {
        "rows": _with_newest(request, rows),
        "page": page if page and page.paginator.num_pages > 1 else None,
        "q": asked["q"],
        "asked": asked,
        "filtered": any(asked[name] for name in ("q", "tag", "state")),
        "tags": tags.tags_in(request.workspace),
        "states": tags.STATES,
        "orders": tags.ORDERS,
        "problem": problem,
        "can_edit": request.actor.can("edit"),
        "can_run": request.actor.can("run"),
    }
    return render(request, "workflows/workflow_list.html", context)


def _with_newest(request: PageRequest, rows: list[Workflow]) -> list[dict[str, Any]]:
    """Each workflow with its newest run and what is wrong with its draft (a fixed number of queries)."""
    runs = Run.objects.of(request.workspace)
    newest = runs.filter(workflow=OuterRef("pk")).order_by("-pk").values("pk")[:1]
    ids = dict(
        Workflow.objects.of(request.workspace)
        .filter(pk__in=[row.pk for row in rows])
        .annotate(newest=Subquery(newest))
        .values_list("pk", "newest")
    )
    found: dict[Any, Run] = {run.pk: run for run in runs.filter(pk__in=[pk for pk in ids.values() if pk])}
    problems, edits = drafts.problems_of_many(rows), versions.last_edits(rows)
    return [_row(row, found.get(ids.get(row.pk)), problems.get(row.pk, []), edits.get(row.pk, "")) for row in rows]


def _row(row: Workflow, newest: Run | None, problems: list[Problem], edit: str) -> dict[str, Any]:
    errors = [problem for problem in problems if problem.is_error]
    told = sum(problem.code != "E_DEF_EMPTY" for problem in errors)
    return {
        "workflow": row,
        "run": newest,
        "errors": told,
        "words": f"{told} problem{'' if told == 1 else 's'} in the draft",
        "runnable": row.enabled and (row.published is not None or not errors),
        "by": str(row.updated_by) if row.updated_by else "the system",
        "what": edit,
    }


@require_http_methods(["GET", "HEAD", "POST"])
def workflow_new(request: PageRequest, workspace: str) -> HttpResponse:
    """Name a new workflow; the outline opens next."""
    form = NewWorkflowForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        said = {name: value for name, value in form.cleaned_data.items() if value}
        definition = {"format": 1, **said, "inputs": [], "steps": [], "outputs": {}}
        try:
            made = operations.create_workflow(request.actor, definition, draft=True)
        except UserError as error:
            form.add_error(None, str(error))
        else:
            return go(workspace, "workflow", slug=made.slug)
    return render(request, "workflows/workflow_new.html", _new_context(request, form), status=_status(request, form))


def _new_context(request: PageRequest, form: Any) -> dict[str, Any]:
    back = link(request.workspace, "workflows")
    return {"form": form, "crumbs": [("Workflows", back)], "back": {"label": "Workflows", "url": back}}


def _status(request: HttpRequest, form: Any) -> int:
    return 422 if request.method == "POST" and form.errors else 200


@require_http_methods(["GET", "HEAD", "POST"])
def workflow_import(request: PageRequest, workspace: str) -> HttpResponse:
    """Import a file of any known dialect; nothing in it runs by itself."""
    form = ImportForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            results = import_file(request.actor, form.text(MAX_FILE))
        except UserError as error:
            form.add_error(None, f"{error.message} {error.hint or ''}".strip())
        else:
            if isinstance(results, list):
                return _imported(request, results)
            say(request, "This was a file of prompts; they are in the library now")
            return go(workspace, "prompts")
    return render(request, "workflows/workflow_import.html", _new_context(request, form), status=_status(request, form))


def _imported(request: PageRequest, results: list[ImportResult]) -> HttpResponse:
    """To the workflow, or to the list when there are several; what the reader should know goes along."""
    if len(results) == 1:
        say(request, f"Imported “{results[0].workflow.name}” as a draft")
        return go(request.workspace, "workflow_imported", slug=results[0].workflow.slug)
    for warning in [text for result in results for text in result.warnings][:10]:
        messages.warning(request, warning)
    say(request, f"Imported {len(results)} workflows as drafts")
    return go(request.workspace, "workflows")


@require_safe
def workflow(request: PageRequest, workspace: str, slug: str) -> HttpResponse:
    """The outline of the draft."""
    found = operations.get_workflow(request.actor, slug)
    return render_editor(request, found, editor_context(request, found, tab="steps"))


@require_http_methods(["GET", "HEAD", "POST"])
def workflow_settings(request: PageRequest, workspace: str, slug: str) -> HttpResponse:
    """Name, inputs, outputs and settings of the draft."""
    found = operations.get_workflow(request.actor, slug)
    form = SettingsForm(found, request.POST or None)
    status, both = 200, dict[str, Any]()
    if request.method == "POST":
        status = 422
        if form.is_complete():
            try:
                match = match_of(request, form.cleaned_data["etag"])
                drafts.change_definition(request.actor, found, form.changes(), if_match=match)
            except Conflict as error:
                status = 409
                both = both_sides(request, found, error)
                form.data = {**form.data.dict(), "etag": error.extra["draft_etag"]}  # type: ignore[attr-defined]
            except UserError as error:
                form.put_errors(error)
            else:
                say(request, "Saved in the draft")
                return go(workspace, "workflow_settings", slug=slug)
    context = {**editor_context(request, found, tab="settings"), "form": form, **both}
    return render(request, "workflows/workflow_settings.html", context, status=status)


@require_POST
def workflow_tags(request: PageRequest, workspace: str, slug: str) -> HttpResponse:
    """Give the workflow the tags of the form, written with commas between them."""
    found = operations.get_workflow(request.actor, slug)
    here = link(workspace, "workflow_settings", slug=slug)
    try:
        tags.set_tags(request.actor, found, request.POST.get("tags", "")[:5000].split(","))
    except UserError as error:
        return back_with_error(request, error, here)
    say(request, "Saved the tags")
    return redirect(here)


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


@require_safe
def workflow_imported(request: PageRequest, workspace: str, slug: str) -> HttpResponse:
    """What became of the file a workflow was imported from, and what the draft may do."""
    found = operations.get_workflow(request.actor, slug)
    source = found.source if isinstance(found.source, dict) else None
    if source is None:
        return go(workspace, "workflow", slug=slug)
    lines = source.get("report") or []
    context = {
        **editor_context(request, found, tab=""),
        "dialect": source.get("dialect", ""),
        "lines": lines,
        "counts": {word: sum(line["became"] == word for line in lines) for word in ("mapped", "changed", "off")},
        "warnings": source.get("warnings") or [],
        "permits": permits_of_draft(request.actor, found),
    }
    return render(request, "workflows/imported.html", context)


@require_safe
def workflows_export(request: PageRequest, workspace: str) -> HttpResponse:
    """Every workflow of the workspace as a zip."""
    answer = HttpResponse(export_folder(request.actor), content_type="application/zip")
    answer["Content-Disposition"] = content_disposition_header(True, f"{workspace}-workflows.zip") or "attachment"
    return answer


@require_safe
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
