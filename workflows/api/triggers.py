"""The API of triggers: list, make, change, delete, look at a schedule, backfill."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from orchestrator_site.lib.api import ApiView, CursorPage
from orchestrator_site.lib.body import read_body
from orchestrator_site.lib.clock import moment, now
from orchestrator_site.lib.errors import UserError
from workflows.api import parameters
from workflows.api import trigger_bodies as bodies
from workflows.api.shapes import address
from workflows.models import Trigger
from workflows.operations import triggers as operations
from workflows.operations.backfills import Backfill, backfill, look_at_range
from workflows.operations.trigger_health import waiting_of
from workflows.operations.trigger_kinds import kinds
from workflows.operations.trigger_secrets import address_of
from workflows.operations.trigger_times import preview_schedule, schedule_for, state_of


def trigger_json(
    trigger: Trigger, waiting: int = 0, url: str | None = None, secret: str | None = None
) -> dict[str, Any]:
    """A trigger as the API shows it."""
    schedule = schedule_for(trigger)
    workflow = trigger.workflow
    shape = {
        "id": str(trigger.pk),
        "workflow": workflow.slug,
        "version": workflow.published.number if workflow.published else None,
        "kind": trigger.kind,
        "name": trigger.name,
        "config": trigger.config,
        "inputs": trigger.inputs,
        "filter": trigger.filter,
        "connection": trigger.connection or None,
        "enabled": trigger.enabled,
        "state": state_of(trigger),
        "sentence": schedule.sentence if schedule else None,
        "next": [moment(due) for due in schedule.upcoming(now())] if schedule else [],
        "health": health_json(trigger, waiting),
        "url": url,
        "page": _page(trigger),
        "created_at": moment(trigger.created_at),
        "created_by": trigger.created_by,
    }
    return {**shape, "secret": secret} if secret else shape


def _page(trigger: Trigger) -> str:
    return address(reverse("trigger", kwargs={"workspace": trigger.workspace.slug, "pk": trigger.pk}))


def health_json(trigger: Trigger, waiting: int) -> dict[str, Any]:
    """How a trigger is."""
    return {
        "last_poll_at": moment(trigger.last_poll_at),
        "last_event_at": moment(trigger.last_event_at),
        "last_run_at": moment(trigger.last_run_at),
        "next_due_at": moment(trigger.next_due_at),
        "error": trigger.error and {**trigger.error, "at": moment(trigger.error_at)},
        "failures": trigger.failures,
        "refused": trigger.refused,
        "waiting": waiting,
        "missed_count": trigger.missed_count,
        "silence": trigger.silence,
    }


class TriggerList(ApiView):
    """The triggers of the workspace."""

    @extend_schema(
        operation_id="triggers_list",
        parameters=[OpenApiParameter("workflow", str), OpenApiParameter("kind", str)],
        responses={200: bodies.TriggerShape},
    )
    def get(self, request: Request) -> Response:
        """List triggers, newest first, each with its health."""
        parameters.known_only(request, ("workflow", "kind", "cursor", "limit"))
        rows = operations.list_triggers(
            actor_of(request),
            workflow=parameters.search(request, "workflow"),
            kind=parameters.search(request, "kind"),
        )
        page = CursorPage(ordering=("-id",))
        shown = page.paginate_queryset(rows, request, view=self) or []
        waiting = waiting_of(shown)
        may = actor_of(request).can("edit")
        rows_json = [trigger_json(row, waiting.get(row.pk, 0), address_of(row) if may else None) for row in shown]
        return page.get_paginated_response(rows_json)

    @extend_schema(operation_id="triggers_create", request=bodies.NewTriggerBody, responses={201: bodies.TriggerShape})
    def post(self, request: Request) -> Response:
        """Make a trigger; it is off unless `enabled`. A secret is told here, once."""
        values = read_body(request.data, bodies.NewTriggerBody)
        made = operations.create_trigger(actor_of(request), operations.NewTrigger(**values.model_dump()))
        headers = {"Location": f"/api/v1/triggers/{made.trigger.pk}"}
        return Response(shown(request, made.trigger, made.secret), status=201, headers=headers)


class TriggerDetail(ApiView):
    """One trigger."""

    @extend_schema(operation_id="triggers_read", responses={200: bodies.TriggerShape})
    def get(self, request: Request, pk: str) -> Response:
        """Read a trigger with its health and what is due next."""
        return Response(shown(request, find(request, pk)))

    @extend_schema(operation_id="triggers_change", request=bodies.TriggerPatch, responses={200: bodies.TriggerShape})
    def patch(self, request: Request, pk: str) -> Response:
        """Change it, switch it on or off. What was due before it was switched on is not made up for."""
        found = find(request, pk)
        values = read_body(request.data, bodies.TriggerPatch)
        changed = operations.change_trigger(actor_of(request), found, **values.model_dump())
        return Response(shown(request, changed.trigger, changed.secret))

    @extend_schema(operation_id="triggers_delete", responses={204: None})
    def delete(self, request: Request, pk: str) -> Response:
        """Delete it; its runs stay on record."""
        operations.delete_trigger(actor_of(request), find(request, pk))
        return Response(status=204)


class RotateSecret(ApiView):
    """The secret of a trigger."""

    @extend_schema(operation_id="triggers_rotate", request=bodies.RotateBody, responses={200: bodies.TriggerShape})
    def post(self, request: Request, pk: str) -> Response:
        """Make a new secret (or set one); the old one stays good for `keep_hours`. It is told here, once."""
        found = find(request, pk)
        values = read_body(request.data, bodies.RotateBody)
        made = operations.rotate_secret(actor_of(request), found, **values.model_dump())
        return Response(shown(request, made.trigger, made.secret))


class TriggerKinds(ApiView):
    """What kinds there are."""

    @extend_schema(operation_id="triggers_kinds", responses={200: bodies.TriggerKindBody})
    def get(self, request: Request) -> Response:
        """List the kinds of triggers, with what their config may be and what their runs see."""
        found = [
            {
                "kind": kind.name,
                "title": kind.title,
                "description": kind.description,
                "config": kind.schema,
                "sees": dict(kind.sees),
            }
            for kind in kinds().values()
        ]
        return Response({"results": found, "next": None, "previous": None})


class SchedulePreview(ApiView):
    """A schedule before it is stored."""

    @extend_schema(operation_id="triggers_preview", request=bodies.PreviewBody, responses={200: bodies.PreviewAnswer})
    def post(self, request: Request) -> Response:
        """Say a schedule in words, and its next five due times."""
        values = read_body(request.data, bodies.PreviewBody)
        schedule = preview_schedule(actor_of(request), values.config)
        return Response({"sentence": schedule.sentence, "next": [moment(due) for due in schedule.upcoming(now())]})


class BackfillView(ApiView):
    """Past due times."""

    @extend_schema(
        operation_id="triggers_backfill",
        request=bodies.BackfillBody,
        responses={200: bodies.BackfillAnswer, 202: bodies.BackfillAnswer},
    )
    def post(self, request: Request, pk: str) -> Response:
        """Start a run for each due time of a range that has had none (at most 1,000). Again starts nothing more."""
        found = find(request, pk)
        values = read_body(request.data, bodies.BackfillBody)
        start, end = _time(values.from_, "from"), _time(values.to, "to")
        if values.check:
            return Response(_told(look_at_range(actor_of(request), found, start, end)))
        return Response(_told(backfill(actor_of(request), found, start, end)), status=202)


def _told(made: Backfill) -> dict[str, Any]:
    return {"due": [moment(due) for due in made.due], "done": made.done, "runs": [str(run.pk) for run in made.runs]}


def _time(text: str, field: str) -> datetime:
    try:
        found = datetime.fromisoformat(text[:40])
    except ValueError:
        raise UserError("E_DATE", f"{field} must be a date and time like 2026-07-29T14:30:00Z.", field=field) from None
    if not 1970 <= found.year <= 2200:
        raise UserError("E_DATE", f"{field} must lie between 1970 and 2200.", field=field)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)


def find(request: Request, pk: str) -> Trigger:
    """The trigger of the address. Raises NotFound."""
    return operations.get_trigger(actor_of(request), parameters.uuid_or_404(pk, "trigger"))


def shown(request: Request, trigger: Trigger, secret: str | None = None) -> dict[str, Any]:
    """One trigger with its health, and for who may edit it its address."""
    counts: dict[UUID, int] = waiting_of([trigger])
    url = address_of(trigger) if actor_of(request).can("edit") else None
    return trigger_json(trigger, counts.get(trigger.pk, 0), url, secret)
