"""Pages of triggers: those of a workflow, a new one, one of them with its deliveries, its times and a try."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from orchestrator_site.lib.clock import now
from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.json import clean_json, dumps
from workflows.api.shapes import address
from workflows.engine.due_times import Schedule
from workflows.models import InboundEvent, Trigger
from workflows.operations import deliveries as inbound
from workflows.operations import triggers as operations
from workflows.operations.backfills import backfill, look_at_range
from workflows.operations.trigger_health import waiting_of
from workflows.operations.trigger_kinds import kind_of, kinds, scheme_of
from workflows.operations.trigger_secrets import address_of, unseal
from workflows.operations.trigger_times import preview_schedule, schedule_for, state_of
from workflows.operations.workflows import get_workflow
from workflows.views.editor import editor_context
from workflows.views.pages import PageRequest, back_with_error, go, link, say
from workflows.views.trigger_forms import trigger_form
from workflows.views.trigger_range import RangeForm

SHOWN = 50
STATES = {"on": ("On", "ok"), "off": ("Off", "idle"), "paused": ("Paused: the workflow is off", "idle")}
STATUSES = {
    "run": ("Started a run", "ok"),
    "filtered": ("Not let through", "idle"),
    "before": ("Was there before", "idle"),
    "waiting": ("Waits", "need"),
    "failed": ("No run", "bad"),
    "rejected": ("Not readable", "bad"),
}


@require_safe
def workflow_triggers(request: PageRequest, workspace: str, slug: str) -> HttpResponse:
    """What starts the workflow by itself, and what may be added."""
    found = get_workflow(request.actor, slug)
    rows = list(operations.list_triggers(request.actor, workflow=found.slug))
    waiting = waiting_of(rows)
    context = {
        **editor_context(request, found, tab="triggers"),
        "rows": [row_of(row, waiting.get(row.pk, 0)) for row in rows],
        "kinds": list(kinds().values()),
        "quiet": True,
        "curl": _curl(found),
    }
    return render(request, "workflows/triggers.html", context)


def row_of(trigger: Trigger, waiting: int) -> dict[str, Any]:
    """A trigger as lists show it."""
    kind, schedule = kind_of(trigger.kind), schedule_for(trigger)
    word, tone = STATES[state_of(trigger)]
    return {
        "trigger": trigger,
        "kind": kind,
        "says": schedule.sentence if schedule else kind.title,
        "next": trigger.next_due_at if schedule else None,
        "state": word,
        "tone": tone,
        "waiting": waiting,
    }


def _curl(workflow: Any) -> str:
    """How a program starts the workflow."""
    inputs: Any = {str(spec.get("name")): "…" for spec in workflow.inputs or ()}
    return (
        f"curl -X POST {address(f'/api/v1/workflows/{workflow.slug}/runs')} \\\n"
        "  -H 'Authorization: Bearer awo_…' -H 'Content-Type: application/json' \\\n"
        f"  -H 'Idempotency-Key: a-name-of-your-own' \\\n  -d '{dumps({'inputs': inputs})}'"
    )


@require_http_methods(["GET", "HEAD", "POST"])
def workflow_trigger_new(request: PageRequest, workspace: str, slug: str) -> HttpResponse:
    """Fill in a new trigger of a kind; its page opens next."""
    found = get_workflow(request.actor, slug)
    try:
        kind = kind_of(request.GET.get("kind", ""))
    except UserError:
        return go(workspace, "workflow_triggers", slug=slug)
    form = trigger_form(kind, found, request.POST or None)
    if request.method == "POST" and form.is_valid():
        said = {**form.said(), "enabled": bool(request.POST.get("enabled"))}
        try:
            made = operations.create_trigger(request.actor, operations.NewTrigger(found.slug, kind.name, **said))
        except UserError as error:
            form.put_errors(error)
        else:
            say(request, f"“{made.trigger.name}” is there{', and on' if made.trigger.enabled else '; it is off'}")
            if made.secret is None:
                return go(workspace, "trigger", pk=made.trigger.pk)
            return _page(request, made.trigger, secret=made.secret)
    context = {
        **editor_context(request, found, tab="triggers"),
        "kind": kind,
        "form": form,
        "quiet": True,
        "is_schedule": kind.name == "schedule",
    }
    return render(request, "workflows/trigger_new.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def trigger(request: PageRequest, workspace: str, pk: UUID) -> HttpResponse:
    """One trigger: how it is, what came, what is due; and its form."""
    found = operations.get_trigger(request.actor, pk)
    if request.method != "POST":
        return _page(request, found)
    form = trigger_form(kind_of(found.kind), found.workflow, request.POST, found)
    if form.is_valid():
        try:
            changed = operations.change_trigger(request.actor, found, **form.said())
        except UserError as error:
            form.put_errors(error)
        else:
            say(request, "Saved")
            if changed.secret is None:
                return go(workspace, "trigger", pk=pk)
            return _page(request, changed.trigger, secret=changed.secret)
    return _page(request, found, form=form, status=422)


def _page(request: PageRequest, found: Trigger, *, status: int = 200, **more: Any) -> HttpResponse:
    kind, schedule = kind_of(found.kind), schedule_for(found)
    may_edit = request.actor.can("edit")
    events = list(inbound.list_deliveries(request.actor, found)[:SHOWN])
    word, tone = STATES[state_of(found)]
    auth = str(found.config.get("auth") or "")
    scheme = scheme_of(auth)
    context = {
        **editor_context(request, found.workflow, tab="triggers"),
        "quiet": True,
        "trigger": found,
        "kind": kind,
        "state": word,
        "tone": tone,
        "schedule": schedule,
        "upcoming": _local(schedule) if schedule else [],
        "ticks": list(found.ticks.select_related("run").order_by("-due_at")[:SHOWN]) if schedule else [],
        "events": [_event(event) for event in events],
        "waiting": waiting_of([found]).get(found.pk, 0),
        "form": trigger_form(kind, found.workflow, None, found) if may_edit else None,
        "range": RangeForm() if schedule else None,
        "address": address_of(found) if may_edit else None,
        "handshake": unseal(found).get("handshake") if may_edit else None,
        "open_address": kind.name == "webhook" and auth == "none",
        "awaits_handshake": bool(scheme and scheme.handshake and not unseal(found).get("secret")),
        "sample": _json(inbound.newest_or_sample(request.actor, found)),
        "is_schedule": schedule is not None,
        **more,
    }
    response = render(request, "workflows/trigger.html", context, status=status)
    response["Cache-Control"] = "no-store"
    return response


def _local(schedule: Schedule) -> list[datetime]:
    """The next due times by the wall of the schedule's zone (without a zone, so that no template moves them)."""
    return [due.astimezone(schedule.zone).replace(tzinfo=None) for due in schedule.upcoming(now())]


def _event(event: InboundEvent) -> dict[str, Any]:
    word, tone = STATUSES.get(event.status, (event.status, "idle"))
    return {"event": event, "word": word, "tone": tone}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


@require_POST
def trigger_toggle(request: PageRequest, workspace: str, pk: UUID) -> HttpResponse:
    """Switch a trigger on or off."""
    found = operations.get_trigger(request.actor, pk)
    back = link(workspace, "trigger", pk=pk)
    try:
        changed = operations.change_trigger(request.actor, found, enabled=not found.enabled).trigger
    except UserError as error:
        return back_with_error(request, error, back)
    say(request, f"“{changed.name}” is {'on' if changed.enabled else 'off'}")
    return redirect(back)


@require_POST
def trigger_delete(request: PageRequest, workspace: str, pk: UUID) -> HttpResponse:
    """Delete a trigger; its runs stay."""
    found = operations.get_trigger(request.actor, pk)
    operations.delete_trigger(request.actor, found)
    say(request, f"Deleted “{found.name}”; its runs stay on record")
    return go(workspace, "workflow_triggers", slug=found.workflow.slug)


@require_POST
def trigger_rotate(request: PageRequest, workspace: str, pk: UUID) -> HttpResponse:
    """A new secret, shown once; the old one is good for another day."""
    found = operations.get_trigger(request.actor, pk)
    try:
        made = operations.rotate_secret(request.actor, found)
    except UserError as error:
        return back_with_error(request, error, link(workspace, "trigger", pk=pk))
    return _page(request, made.trigger, secret=made.secret)


@require_POST
def trigger_test(request: PageRequest, workspace: str, pk: UUID) -> HttpResponse:
    """See what the trigger makes of an event; with “run” start a run with it."""
    found = operations.get_trigger(request.actor, pk)
    text = request.POST.get("event", "")
    try:
        event = clean_json(text, field="event") if text.strip() else None
        if request.POST.get("run"):
            taken = inbound.run_event(request.actor, found, event=event)
            if taken.run is not None:
                say(request, "Started a run with this event")
                return go(workspace, "run", run=taken.run.pk)
        tried = inbound.try_event(request.actor, found, event=event)
    except UserError as error:
        return _page(request, found, test_problem=error, sample=text or "{}", status=422)
    return _page(request, found, tried=tried, tried_inputs=_json(tried.inputs), sample=text or _json(tried.event))


@require_POST
def trigger_replay(request: PageRequest, workspace: str, pk: UUID, n: int) -> HttpResponse:
    """Run a delivery once more."""
    found = operations.get_trigger(request.actor, pk)
    back = link(workspace, "trigger", pk=pk)
    try:
        taken = inbound.replay_delivery(request.actor, found, n)
    except UserError as error:
        return back_with_error(request, error, back)
    if taken.run is None:
        say(request, f"Delivery {n} was taken again and started no run: {taken.event.status}")
        return redirect(back)
    say(request, f"Delivery {n} runs once more")
    return go(workspace, "run", run=taken.run.pk)


@require_safe
def trigger_delivery(request: PageRequest, workspace: str, pk: UUID, n: int) -> HttpResponse:
    """One delivery as it came."""
    found = operations.get_trigger(request.actor, pk)
    event = inbound.get_delivery(request.actor, found, n)
    content = inbound.content_of(event)
    context = {
        **editor_context(request, found.workflow, tab="triggers"),
        "quiet": True,
        "trigger": found,
        **_event(event),
        "content": _json(content) if content is not None else None,
        "raw": bytes(event.body or b"")[:20_000].decode("utf-8", "replace"),
    }
    return render(request, "workflows/trigger_delivery.html", context)


@require_POST
def trigger_backfill(request: PageRequest, workspace: str, pk: UUID) -> HttpResponse:
    """Look at past due times of a range, or start their runs."""
    found = operations.get_trigger(request.actor, pk)
    schedule, form = schedule_for(found), RangeForm(request.POST)
    if schedule is None or not form.is_valid():
        return _page(request, found, range=form, status=422)
    start, end = form.moments(schedule.zone)
    try:
        if request.POST.get("start"):
            made = backfill(request.actor, found, start, end)
            count = len(made.runs)
            say(request, f"Started {count} run{'' if count == 1 else 's'}; {made.done} due times had theirs")
            return go(workspace, "trigger", pk=pk)
        seen = look_at_range(request.actor, found, start, end)
    except UserError as error:
        form.add_error(None, f"{error.message} {error.hint or ''}".strip())
        return _page(request, found, range=form, status=422)
    return _page(request, found, range=form, seen=seen)


@require_POST
def schedule_preview(request: PageRequest, workspace: str, slug: str) -> HttpResponse:
    """A schedule in words with its next five due times, while it is being filled in."""
    found = get_workflow(request.actor, slug)
    form = trigger_form(kind_of("schedule"), found, request.POST)
    form.is_valid()
    context: dict[str, Any] = {}
    try:
        schedule = preview_schedule(request.actor, form.config())
        context = {"schedule": schedule, "upcoming": _local(schedule)}
    except UserError as error:
        context = {"problem": error}
    except KeyError:
        context = {}
    return render(request, "workflows/_schedule.html", context)
