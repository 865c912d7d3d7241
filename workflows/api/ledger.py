"""The API of what waits for a person, and of the changes made outside."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from orchestrator_site.lib.api import ApiView, CursorPage
from orchestrator_site.lib.body import read_body
from workflows.api import bodies, parameters, shapes
from workflows.operations import runs as operations

EFFECT_STATES = ("sent", "confirmed", "refused", "unknown", "absent")


class WaitList(ApiView):
    """What waits."""

    @extend_schema(operation_id="waits_list", responses={200: bodies.WaitBody})
    def get(self, request: Request) -> Response:
        """List everything that waits for a person, newest first."""
        parameters.known_only(request, ("cursor", "limit"))
        page = CursorPage(ordering=("-id",))
        shown = page.paginate_queryset(operations.list_waits(actor_of(request)), request, view=self) or []
        return page.get_paginated_response([shapes.wait_json(wait) for wait in shown])


class Decide(ApiView):
    """Answering."""

    @extend_schema(operation_id="waits_decide", request=bodies.DecideBody, responses={200: bodies.WaitBody})
    def post(self, request: Request, pk: str) -> Response:
        """Answer a wait. A second answer is 409."""
        values = read_body(request.data, bodies.DecideBody)
        wait = operations.get_wait(actor_of(request), parameters.uuid_or_404(pk, "question"))
        decided = operations.decide(
            actor_of(request), wait, values.decision, values=values.values, comment=values.comment
        )
        return Response(shapes.wait_json(decided))


class EffectList(ApiView):
    """From a page, issue or mail back to its run."""

    @extend_schema(
        operation_id="effects_list",
        parameters=[
            OpenApiParameter("url", str),
            OpenApiParameter("external_id", str),
            OpenApiParameter("state", str, enum=list(EFFECT_STATES)),
        ],
        responses={200: bodies.EffectBody},
    )
    def get(self, request: Request) -> Response:
        """List effects, newest first; `url` or `external_id` finds the run that made a thing."""
        parameters.known_only(request, ("url", "external_id", "state", "cursor", "limit"))
        rows = operations.list_effects(
            actor_of(request),
            url=request.query_params.get("url", "")[:1000],
            external_id=request.query_params.get("external_id", "")[:300],
            state=parameters.choice(request, "state", EFFECT_STATES),
        )
        page = CursorPage(ordering=("-id",))
        shown = page.paginate_queryset(rows, request, view=self) or []
        return page.get_paginated_response([shapes.effect_json(effect) for effect in shown])


class Settle(ApiView):
    """Saying what happened to a change whose answer was lost."""

    @extend_schema(operation_id="effects_settle", request=bodies.SettleBody, responses={200: bodies.EffectBody})
    def post(self, request: Request, pk: str) -> Response:
        """It happened, it did not (do it again), or stop the run. Only for an unknown effect; else 409."""
        values = read_body(request.data, bodies.SettleBody)
        effect = operations.get_effect(actor_of(request), parameters.uuid_or_404(pk, "effect"))
        settled = operations.settle_effect(
            actor_of(request),
            effect,
            values.answer,
            external_id=values.external_id,
            external_url=values.external_url,
        )
        return Response(shapes.effect_json(settled))
