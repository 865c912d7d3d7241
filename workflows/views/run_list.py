"""The list of runs: filters, one batch and how far it is, and what is done to many runs at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.ids import short_token
from workflows.models import Run
from workflows.operations import runs as operations
from workflows.operations.batches import progress
from workflows.operations.bulk import MOST_RUNS, Bulk, cancel_runs, chosen, run_all_again, table_of
from workflows.operations.turns import repairs
from workflows.operations.workflows import list_workflows
from workflows.views.pages import PageRequest, back_with_error, link, page_of, say
from workflows.views.run_timeline import took

FILTERS = ("workflow", "trigger", "q", "batch")
STATES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("", "All", ()),
    ("active", "Active", ("queued", "running", "waiting", "paused")),
    ("attention", "Needs you", ("attention",)),
    ("succeeded", "Succeeded", ("succeeded",)),
    ("failed", "Failed", ("failed", "timed_out")),
    ("cancelled", "Cancelled", ("cancelled",)),
)
LONG = ("inputs", "outputs")
TRIGGERS = {
    "page": "a person",
    "undo": "an undo",
    "try": "a try",
    "api": "API",
    "command": "the command line",
    "python": "Python",
    "seed": "the original's API",
    "rerun": "run again",
    "workflow": "another workflow",
    "schedule": "a schedule",
    "webhook": "a webhook",
}


@require_safe
def run_list(request: PageRequest, workspace: str) -> HttpResponse:
    """Runs with tabs by state, search and filters; everything lives in the URL."""
    chosen_state, filters = _asked(request.GET)
    problem = ""
    try:
        rows = _filtered(request, filters)
    except UserError as error:
        rows, problem = operations.list_runs(request.actor), error.message
    batch = progress(rows) if filters["batch"] and not problem else None
    shown, edges = page_of(_in_state(rows, chosen_state).defer(*LONG), request)
    context = {
        "runs": run_lines(shown),
        "tabs": _tabs(request, chosen_state),
        "filters": filters,
        "state": chosen_state,
        "filtered": bool(chosen_state or any(filters.values())),
        "workflows": list_workflows(request.actor).order_by("name").values_list("slug", "name")[:200],
        "triggers": TRIGGERS,
        "problem": problem,
        "can_run": request.actor.can("run"),
        "most": MOST_RUNS,
        "once": short_token(16),
        "batch": batch,
        "export_url": f"{link(request.workspace, 'runs_export')}?{urlencode(_query(filters, chosen_state))}",
        **edges,
    }
    return render(request, "workflows/run_list.html", context)


def _asked(said: Any) -> tuple[str, dict[str, str]]:
    return said.get("state", ""), {name: said.get(name, "")[:200].replace("\x00", "") for name in FILTERS}


def _filtered(request: PageRequest, filters: dict[str, str]) -> QuerySet[Run]:
    return operations.list_runs(request.actor, **filters)


def _in_state(rows: QuerySet[Run], chosen_state: str) -> QuerySet[Run]:
    states = next((states for name, _, states in STATES if name == chosen_state), ())
    return rows.filter(status__in=states) if states else rows


def _query(filters: dict[str, str], state: str) -> dict[str, str]:
    return {name: value for name, value in {**filters, "state": state}.items() if value}


def _tabs(request: HttpRequest, chosen_state: str) -> list[dict[str, Any]]:
    tabs = []
    for name, label, _ in STATES:
        query = request.GET.copy()
        for gone in ("before", "after", "state"):
            query.pop(gone, None)
        if name:
            query["state"] = name
        tabs.append({"label": label, "url": f"?{query.urlencode()}", "active": name == chosen_state})
    return tabs


def run_lines(runs: Iterable[Run]) -> list[dict[str, Any]]:
    """Runs of one workspace for a list; those that wait for a connection say so."""
    found = list(runs)
    waits = {run: said[0] for run, said in repairs(found).items()}
    lines = [run_line(run) for run in found]
    for line in lines:
        if (repair := waits.get(line["run"].pk)) is not None:
            line["why"] = f"Waits for the connection {repair.connection.name}. {repair.text}"
    return lines


def run_line(run: Run) -> dict[str, Any]:
    """One run in a list: what happened, why, who, what it cost."""
    reason = (run.error or {}).get("message", "") or next((str(text) for text in run.warnings or []), "")
    return {
        "run": run,
        "why": reason,
        "by": run.started_by or TRIGGERS.get(run.trigger_kind, run.trigger_kind),
        "took": took(run.started_at, run.finished_at) if run.started_at else None,
        "warnings": len(run.warnings or []),
    }


# Many at once


@require_POST
def runs_bulk(request: PageRequest, workspace: str) -> HttpResponse:
    """Cancel, run again or compare: the ticked runs (`run`), or with `which=all` all that the filter shows.

    A page that is sent twice (`once`) runs none of them again twice.
    """
    state, filters = _asked(request.POST)
    query = _query(filters, state)
    back = link(workspace, "runs") + (f"?{urlencode(query)}" if query else "")
    act = request.POST.get("act", "")
    ids = None if request.POST.get("which") == "all" else _ids(request)
    if act == "compare":
        return _compare(request, ids or [], back)
    try:
        runs = chosen(_in_state(_filtered(request, filters), state), ids)
        if act == "cancel":
            _tell(request, "Cancelling", cancel_runs(request.actor, runs))
            return redirect(back)
        if act not in ("failed", "again"):
            raise UserError("E_CHOICE", "Choose what to do with the runs.")
        once = f"page:{act}:{request.POST['once'][:64]}" if request.POST.get("once") else None
        bulk = run_all_again(request.actor, runs, "@failed" if act == "failed" else "", idempotency_key=once)
    except UserError as error:
        return back_with_error(request, error, back)
    _tell(request, "Started again:", bulk)
    return redirect(f"{link(workspace, 'runs')}?batch={bulk.batch}" if bulk.done else back)


def _ids(request: PageRequest) -> list[UUID]:
    found = []
    for text in request.POST.getlist("run")[:MOST_RUNS]:
        try:
            found.append(UUID(text))
        except ValueError:
            continue
    return found


def _compare(request: PageRequest, ids: list[UUID], back: str) -> HttpResponse:
    if len(ids) != 2:
        return back_with_error(request, UserError("E_LENGTH", "Tick two runs to compare them."), back)
    first, second = sorted(ids)
    return redirect(f"{link(request.workspace, 'runs_compare')}?{urlencode({'a': str(first), 'b': str(second)})}")


def _tell(request: PageRequest, what: str, bulk: Bulk) -> None:
    count = len(bulk.done)
    if count:
        say(request, f"{what} {count:,} run{'s' if count > 1 else ''}")
    for why, times in list(bulk.reasons.items())[:5]:
        messages.warning(request, f"{times:,} left as {'they are' if times > 1 else 'it is'}: {why}")


@require_safe
def runs_export(request: PageRequest, workspace: str) -> HttpResponse | StreamingHttpResponse:
    """What the filter shows, as a CSV table: what each run was given and gave."""
    state, filters = _asked(request.GET)
    try:
        lines = table_of(request.actor, _in_state(_filtered(request, filters), state))
    except UserError as error:
        return back_with_error(request, error, link(workspace, "runs"))
    answer = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="runs.csv"'
    answer["X-Content-Type-Options"] = "nosniff"
    return answer
