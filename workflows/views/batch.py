"""Running a workflow for each row of a table: choose it, see each row as inputs, start all or none."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core import signing
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_http_methods

from orchestrator_site.lib.errors import Problems, UserError
from orchestrator_site.lib.ids import short_token
from orchestrator_site.lib.json import MIB
from orchestrator_site.lib.tables import defused, table_text
from workflows.engine.definition import InputSpec
from workflows.engine.newrun import facts_of
from workflows.models import Workflow
from workflows.operations.batches import Sheet, batch_of, read_sheet
from workflows.operations.starting import choose_version, start_batch
from workflows.operations.workflows import get_workflow
from workflows.views.forms import ImportForm
from workflows.views.pages import PageRequest, back_with_error, link, say

ROWS_SHOWN = 50
LIFE = 24 * 3600


class TableForm(ImportForm):
    """A CSV file, or rows copied from a spreadsheet."""

    file = forms.FileField(
        required=False, label="File", help_text="CSV: commas, semicolons or tabs. At most 1,000 rows and 1 MiB."
    )
    pasted = forms.CharField(
        required=False,
        label="Or rows copied from a spreadsheet",
        strip=False,
        help_text="With the first row, which names the columns.",
        widget=forms.Textarea(attrs={"rows": 8, "class": "form-code"}),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def workflow_batch(request: PageRequest, workspace: str, slug: str) -> HttpResponse:
    """GET asks for the table (`?empty=1` gives one without rows); POST shows it as inputs, and starts it."""
    workflow = get_workflow(request.actor, slug)
    try:
        specs = facts_of(choose_version(request.actor, workflow, None)).inputs
    except UserError as error:
        return back_with_error(request, error, link(workspace, "workflow", slug=slug))
    if request.GET.get("empty") == "1":
        return _empty_table(workflow, specs)
    if request.method == "POST" and "table" in request.POST:
        return _second(request, workflow, specs)
    form = TableForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            text = table_text(form.text(MIB))
            return _shown(request, workflow, specs, text, read_sheet(request.actor, workflow, text))
        except UserError as error:
            form.add_error(None, f"{error.message} {error.hint or ''}".strip())
    return render(
        request,
        "workflows/batch.html",
        {"workflow": workflow, "form": form, "specs": specs, **_place(request, workflow)},
        status=422 if request.method == "POST" else 200,
    )


def _second(request: PageRequest, workflow: Workflow, specs: tuple[InputSpec, ...]) -> HttpResponse:
    """The table comes back with the columns' inputs: shown again, or started."""
    here = link(request.workspace, "workflow_batch", slug=workflow.slug)
    try:
        text = signing.loads(request.POST["table"], salt=_salt(workflow), max_age=LIFE)
    except signing.BadSignature:
        say(request, "Choose the table again")
        return redirect(here)
    mapping = [request.POST.get(f"map_{at}", "") for at in range(_columns(request))]
    try:
        sheet = read_sheet(request.actor, workflow, text, mapping)
    except UserError as error:
        return back_with_error(request, error, here)
    if request.POST.get("start") != "1" or not sheet.is_ready:
        return _shown(request, workflow, specs, text, sheet)
    try:
        runs = start_batch(
            request.actor,
            workflow.slug,
            [row.inputs for row in sheet.rows],
            idempotency_key=f"page-{request.POST.get('key', '')[:40]}",
            trigger_kind="page",
        )
    except UserError as error:
        first = error.extra["errors"][0]["message"] if isinstance(error, Problems) else error.message
        return back_with_error(request, UserError(error.code, first, hint=error.hint), here)
    say(request, f"Started {len(runs):,} runs" if len(runs) > 1 else "Started 1 run")
    return redirect(f"{link(request.workspace, 'runs')}?batch={batch_of(runs[0])}")


def _columns(request: PageRequest) -> int:
    return sum(name.startswith("map_") for name in request.POST)


def _salt(workflow: Workflow) -> str:
    return f"batch.{workflow.workspace_id}.{workflow.pk}"


def _shown(
    request: PageRequest, workflow: Workflow, specs: tuple[InputSpec, ...], text: str, sheet: Sheet
) -> HttpResponse:
    """The table as inputs: rows with errors first, then the beginning."""
    wrong = sheet.wrong
    rows = wrong[:ROWS_SHOWN] or sheet.rows[:ROWS_SHOWN]
    context = {
        "workflow": workflow,
        "sheet": sheet,
        "rows": rows,
        "more": len(wrong or sheet.rows) - len(rows),
        "wrong": len(wrong),
        "specs": specs,
        "table": signing.dumps(text, salt=_salt(workflow), compress=True),
        "key": request.POST.get("key", "")[:40] or short_token(24),
        "say_count": f"{len(sheet.rows):,} run{'s' if len(sheet.rows) > 1 else ''}",
        **_place(request, workflow),
    }
    return render(request, "workflows/batch_rows.html", context, status=200 if sheet.is_ready else 422)


def _empty_table(workflow: Workflow, specs: tuple[InputSpec, ...]) -> HttpResponse:
    line = ",".join(f'"{defused(spec.name)}"' for spec in specs)
    answer = HttpResponse(f"\ufeff{line}\r\n", content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = content_disposition_header(True, f"{workflow.slug}.csv") or "attachment"
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


def _place(request: PageRequest, workflow: Workflow) -> dict[str, Any]:
    page = link(request.workspace, "workflow", slug=workflow.slug)
    crumbs = [("Workflows", link(request.workspace, "workflows")), (workflow.name, page), ("Run for a table", "")]
    return {"crumbs": crumbs, "back": {"label": workflow.name, "url": page}}
