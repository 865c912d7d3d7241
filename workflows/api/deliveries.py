"""The API of deliveries: list, read, replay; and testing a trigger."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from orchestrator_site.lib.api import ApiView, CursorPage
from orchestrator_site.lib.body import read_body
from orchestrator_site.lib.clock import moment
from orchestrator_site.lib.json import MIB
from workflows.api import trigger_bodies as bodies
from workflows.api.shapes import run_json
from workflows.api.triggers import find
from workflows.engine.inbound import Taken
from workflows.models import InboundEvent
from workflows.operations import deliveries as operations


def delivery_json(event: InboundEvent) -> dict[str, Any]:
    """A delivery as lists show it."""
    return {
        "n": event.n,
        "id": str(event.pk),
        "source": event.source,
        "status": event.status,
        "error": event.error,
        "run": str(event.run_id) if event.run_id else None,
        "replay_of": event.replay_of.n if event.replay_of else None,
        "repeats": event.repeats,
        "received_at": moment(event.received_at),
        "content_type": event.content_type,
        "size": len(event.body or b""),
        "headers": event.headers,
        "query": event.query,
    }


def _taken(taken: Taken) -> dict[str, Any]:
    return {"delivery": delivery_json(taken.event), "run": run_json(taken.run) if taken.run is not None else None}


class DeliveryList(ApiView):
    """What was delivered."""

    @extend_schema(operation_id="triggers_deliveries", responses={200: bodies.DeliveryBody})
    def get(self, request: Request, pk: str) -> Response:
        """List what was delivered to a trigger or found by it, newest first; kept for 14 days."""
        page = CursorPage(ordering=("-n",))
        rows = operations.list_deliveries(actor_of(request), find(request, pk))
        shown = page.paginate_queryset(rows, request, view=self) or []
        return page.get_paginated_response([delivery_json(event) for event in shown])


class DeliveryDetail(ApiView):
    """One delivery."""

    @extend_schema(operation_id="triggers_delivery", responses={200: bodies.DeliveryBody})
    def get(self, request: Request, pk: str, n: int) -> Response:
        """Read a delivery, with what its run saw as `trigger.body`."""
        event = operations.get_delivery(actor_of(request), find(request, pk), n)
        content = operations.content_of(event) or {}
        return Response({**delivery_json(event), "body": content.get("body", content or None)})


class Replay(ApiView):
    """A delivery once more."""

    @extend_schema(operation_id="triggers_replay", request=None, responses={202: bodies.ReplayAnswer})
    def post(self, request: Request, pk: str, n: int) -> Response:
        """Run a delivery once more, by the trigger's inputs and filter as they are now."""
        return Response(_taken(operations.replay_delivery(actor_of(request), find(request, pk), n)), status=202)


class TestTrigger(ApiView):
    """Trying a trigger."""

    max_body = 8 * MIB

    @extend_schema(
        operation_id="triggers_test",
        request=bodies.TestBody,
        responses={200: bodies.TestAnswer, 202: bodies.TestAnswer},
    )
    def post(self, request: Request, pk: str) -> Response:
        """Tell what the filter says to an event and which inputs it gives; with `run`, start a run with it.

        The event is a captured `delivery`, or given; without either the newest delivery, or a sample.
        """
        found = find(request, pk)
        values = read_body(request.data if request.data is not None else {}, bodies.TestBody)
        delivery, event = values.delivery, values.event
        tried = operations.try_event(actor_of(request), found, delivery=delivery, event=event)
        said = {"passes": tried.passes, "inputs": tried.inputs, "problem": tried.problem, "event": tried.event}
        if not values.run:
            return Response({**said, "run": None})
        actor = actor_of(request)
        taken = operations.run_event(actor, found, delivery=delivery, event=event, mode=values.mode)
        return Response({**said, "run": _taken(taken)["run"]}, status=202)
