"""Pages of runs: start one, the list, one run live, cancel, again, export."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.json import dumps
from workflows.api import shapes
from workflows.models import Run, StepRun, Workflow
from workflows.operations import live
from workflows.operations import runs as operations
from workflows.operations.blobs import RECORD, with_outputs
from workflows.operations.files import upload_file
from workflows.operations.trying import KIND as TRY
from workflows.operations.turns import repairs, waits_for
from workflows.operations.undoing import KIND as UNDO
from workflows.operations.undoing import Offer, undo_offers
from workflows.operations.versions import get_version
from workflows.operations.workflows import get_workflow
from workflows.views.pages import PageRequest, back_with_error, go, link, say
from workflows.views.plan_page import plan_page
from workflows.views.run_form import RunForm, add_errors, run_inputs
from workflows.views.run_list import TRIGGERS
from workflows.views.run_page import RunPage, build
from workflows.views.run_timeline import took


@require_http_methods(["GET", "HEAD", "POST"])
def workflow_run(request: PageRequest, workspace: str, slug: str) -> HttpResponse:
    """The run form of a workflow, made from its inputs; POST starts the run."""
    workflow = get_workflow(request.actor, slug)
    version = _wanted_version(request, workflow)
    specs = run_inputs(workflow, version)
    form = RunForm(specs, request.POST or None, request.FILES or None, direct=request.POST.get("direct") == "1")
    if request.method == "POST" and form.is_valid():
        try:
            inputs = form.values(lambda upload: upload_file(request.actor, upload))
            run = operations.start_run(
                request.actor, slug, inputs, mode=_mode(request), version=version, trigger_kind="page"
            )
        except UserError as error:
            add_errors(form, error)
        else:
            return go(workspace, "run", run=run.pk)
    status = 422 if request.method == "POST" else 200
    context = {
        "workflow": workflow,
        "form": form,
        "version": version,
        "crumbs": _crumbs(request, workflow),
        "back": {"label": workflow.name, "url": link(workspace, "workflow", slug=slug)},
    }
    return render(request, "workflows/run_form.html", context, status=status)


def _mode(request: PageRequest) -> str:
    """Dry for the button “Dry run”, else live."""
    return "dry" if request.POST.get("mode") == "dry" else "live"


def _wanted_version(request: PageRequest, workflow: Workflow) -> int | str | None:
    """`?version=`: a number, "draft", or the published one; the draft where nothing is published."""
    wanted = request.GET.get("version", "")
    if wanted.isascii() and wanted.isdigit() and len(wanted) < 10:
        return get_version(workflow, int(wanted)).number
    return "draft" if wanted == "draft" or workflow.published is None else None


def _crumbs(request: PageRequest, workflow: Workflow) -> list[tuple[str, str]]:
    return [
        ("Workflows", link(request.workspace, "workflows")),
        (workflow.name, link(request.workspace, "workflow", slug=workflow.slug)),
        ("Run", ""),
    ]


@require_safe
def run(request: PageRequest, workspace: str, run: UUID) -> HttpResponse:
    """One run: what it did, what it changed, and the one thing to do now."""
    found = operations.get_run(request.actor, run)
    return render(request, "workflows/run.html", _run_context(request, found))


def _run_context(request: PageRequest, found: Run) -> dict[str, Any]:
    page = build(found)
    offers = _offers(request, found, page)
    return {
        "run": found,
        "undoable": [offer for offer in offers if offer.can],
        "live_part": "workflows/dry_live.html" if found.mode == "dry" else "workflows/run_live.html",
        "plan": plan_page(request.actor, found, page.steps, page.numbers) if found.mode == "dry" else None,
        "page": page,
        "workflow": found.workflow,
        "events_url": link(request.workspace, "run_events", run=found.pk),
        "facts": _facts(request, page),
        "crumbs": [("Runs", link(request.workspace, "runs")), (found.workflow.name, "")],
        "can_run": request.actor.can("run"),
        "can_decide": request.actor.can("decide"),
        "actor": request.actor,
        "workspace": request.workspace,
        "what_stays": _what_stays(page.confirmed),
        "waits_for": waits_for(found),
        "turn_text": _turn_text(found),
        "repairs": repairs([found]).get(found.pk, []),
        "first_ask": page.first_ask,
        "approval": next(iter(page.asks.approvals), None),
        "waiting_for": page.asks.waiting_for(request.actor),
        "again_version": _again_version(found),
        "go_on": _go_on(found, page),
        "back": {"label": "Runs", "url": link(request.workspace, "runs")},
    }


def _offers(request: PageRequest, found: Run, page: RunPage) -> list[Offer]:
    """How the changes of a run that has ended are taken back; each is put beside its line."""
    if not (found.is_terminal and page.effects):
        return []
    offers = undo_offers(request.actor, found)
    known = {offer.effect.pk: offer for offer in offers}
    page.effects[:] = [replace(line, offer=known.get(line.effect.pk)) for line in page.effects]
    return offers


def _again_version(found: Run) -> str:
    """Which version "Run again" takes: the newest published one, else the draft; nothing where it cannot run."""
    workflow = found.workflow
    if workflow.deleted_at is not None or not workflow.enabled or found.trigger_kind in (UNDO, TRY):
        return ""
    return "newest" if found.version.number and workflow.published_id else "draft"


def _turn_text(found: Run) -> str:
    limit = found.concurrency_limit or 1
    many = "one run goes on" if limit == 1 else f"{limit} runs go on"
    which = f" with the key “{found.concurrency_key}”" if found.concurrency_key else ""
    return f"Only {many} at a time{which}. It starts by itself."


def _go_on(found: Run, page: RunPage) -> str:
    """What the button says that goes on where the run stopped; nothing where it would begin at the beginning."""
    if not found.is_terminal or found.status == "succeeded" or not page.stands:
        return ""
    number = page.number_of(str((found.error or {}).get("step") or ""))
    return f"Go on from step {number}" if number else "Go on where it stopped"


def _what_stays(confirmed: int) -> str:
    if not confirmed:
        return "No change was made outside."
    return f"{confirmed} {'change is' if confirmed == 1 else 'changes are'} already made and stay."


def _facts(request: PageRequest, page: Any) -> list[tuple[str, Any]]:
    from orchestrator_site.lib.look import duration, money
    from orchestrator_site.lib.templatetags.elements import timeago

    found: Run = page.run
    facts: list[tuple[str, Any]] = [
        ("Started by", found.started_by or TRIGGERS.get(found.trigger_kind, found.trigger_kind)),
        ("Version", found.version.number or "draft"),
        ("Started", timeago(found.started_at) if found.started_at else "not yet"),
        ("Took" if found.is_terminal else "Running for", duration(took(found.started_at, found.finished_at))),
    ]
    if page.tokens:
        facts += [("Tokens", f"{page.tokens:,}"), ("Cost", money(found.cost_usd))]
    if page.effects:
        facts.append(("Changes made", f"{page.confirmed} confirmed of {page.changes}"))
    return facts


@require_safe
def run_events(request: PageRequest, workspace: str, run: UUID) -> HttpResponse | StreamingHttpResponse:
    """The live part of the run page as server-sent events: the fragment anew at each change, then `end`."""
    found = operations.get_run(request.actor, run)
    response = StreamingHttpResponse(_live(request, found), content_type="text/event-stream; charset=utf-8")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    return response


def _live(request: PageRequest, found: Run) -> Iterator[str]:
    from queue import Full

    try:
        for changes in live.stream(found):
            if changes is None:
                yield ": still here\n\n"
                continue
            if isinstance(changes, live.Writing):
                yield from _words(changes)
                continue
            yield _fragment(request, changes.run)
            if changes.is_final:
                yield "event: end\ndata: end\n\n"
    except Full:
        # No place left: this answer is one look, and the browser asks again (polling by the same road).
        fresh = live.changes(found)
        yield "retry: 5000\n" + _fragment(request, fresh.run)
        if fresh.is_final:
            yield "event: end\ndata: end\n\n"


def _words(written: live.Writing) -> Iterator[str]:
    """What models are writing, as `preview` events that the page puts beside their steps."""
    for step, text in written.texts.items():
        yield f"event: preview\ndata: {dumps({'step': str(step), 'text': text})}\n\n"


def _fragment(request: PageRequest, found: Run) -> str:
    request.page_shell = None  # a stream lives longer than one look at the workers
    context = _run_context(request, found)
    html = render_to_string(context["live_part"], context, request=request)
    return "".join(f"data: {line}\n" for line in html.split("\n")).replace("\r", "") + "\n"


@require_POST
def run_cancel(request: PageRequest, workspace: str, run: UUID) -> HttpResponse:
    """Cancel a run."""
    found = operations.get_run(request.actor, run)
    try:
        operations.cancel_run(request.actor, found)
    except UserError as error:
        return back_with_error(request, error, link(workspace, "run", run=run))
    say(request, "Cancelling: nothing new starts")
    return go(workspace, "run", run=run)


@require_safe
def run_export(request: PageRequest, workspace: str, run: UUID) -> JsonResponse:
    """The whole record of a run as JSON, as a download."""
    found = operations.get_run(request.actor, run)
    steps = StepRun.objects.of(request.workspace).filter(run=found).prefetch_related("attempts").order_by("id")
    effects = operations.list_effects(request.actor, run=found).order_by("id")
    record = {
        "run": shapes.run_json(found),
        "steps": [shapes.step_json(step, step.attempts.all()) for step in with_outputs(steps, most=RECORD)],
        "effects": [shapes.effect_json(effect) for effect in effects],
    }
    answer = JsonResponse(record, json_dumps_params={"indent": 2, "ensure_ascii": False})
    answer["Content-Disposition"] = f'attachment; filename="run-{found.pk}.json"'
    answer["X-Content-Type-Options"] = "nosniff"
    return answer
