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
from workflows.operations.undoing import undo_effect, undo_offers, undo_run

WAIT_KINDS = ("approval", "event", "timer", "unknown")
EFFECT_STATES = ("sent", "confirmed", "refused", "unknown", "absent")


class WaitList(ApiView):
    """What waits."""

    @extend_schema(
        operation_id="waits_list",
        parameters=[OpenApiParameter("kind", str, enum=list(WAIT_KINDS)), OpenApiParameter("run", str)],
        responses={200: bodies.WaitBody},
    )
    def get(self, request: Request) -> Response:
        """List what runs wait for, newest first: decisions of people, events, and timers."""
        parameters.known_only(request, ("kind", "run", "cursor", "limit"))
        rows = operations.list_waits(actor_of(request), kind=parameters.choice(request, "kind", WAIT_KINDS))
        if "run" in request.query_params:
            rows = rows.filter(run_id=parameters.uuid_or_404(request.query_params["run"], "run"))
        page = CursorPage(ordering=("-id",))
        shown = page.paginate_queryset(rows, request, view=self) or []
        return page.get_paginated_response([shapes.wait_json(wait) for wait in shown])


class WaitDetail(ApiView):
    """One question."""

    @extend_schema(operation_id="waits_read", responses={200: bodies.WaitBody})
    def get(self, request: Request, pk: str) -> Response:
        """Read a wait: what is asked, and what was decided. Looking decides nothing."""
        return Response(
            shapes.wait_json(operations.get_wait(actor_of(request), parameters.uuid_or_404(pk, "question")))
        )


class Decide(ApiView):
    """Answering."""

    @extend_schema(operation_id="waits_decide", request=bodies.DecideBody, responses={200: bodies.WaitBody})
    def post(self, request: Request, pk: str) -> Response:
        """Answer a wait: approve (perhaps with edited `values`), reject, or one of its choices.

        The same answer again is answered alike; another one is 409, and so is any after the end of the run.
        """
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


class UndoEffect(ApiView):
    """Taking one change back."""

    @extend_schema(operation_id="effects_undo", request=None, responses={202: bodies.UndoneBody})
    def post(self, request: Request, pk: str) -> Response:
        """Take a change back by a run of its own. 409: it cannot be (E_NO_UNDO), was changed since, or is undone."""
        actor = actor_of(request)
        effect = operations.get_effect(actor, parameters.uuid_or_404(pk, "effect"))
        undo = undo_effect(actor, effect)
        return Response({"run": str(undo.run_id), "effects": [str(effect.pk)], "stays": []}, status=202)


class UndoRun(ApiView):
    """What of a run can be taken back, and doing it."""

    @extend_schema(operation_id="runs_undo_list", responses={200: bodies.OfferBody})
    def get(self, request: Request, run: str) -> Response:
        """List the changes of a run, the newest first: each with how it is taken back, or why it cannot be."""
        actor = actor_of(request)
        offers = undo_offers(actor, operations.get_run(actor, parameters.uuid_or_404(run, "run")))
        return Response({"results": [shapes.offer_json(offer) for offer in offers], "next": None})

    @extend_schema(operation_id="runs_undo", request=None, responses={202: bodies.UndoneBody})
    def post(self, request: Request, run: str) -> Response:
        """Take back all that can be, the newest first; `stays` says what is left as it is, and why."""
        actor = actor_of(request)
        undos, stays = undo_run(actor, operations.get_run(actor, parameters.uuid_or_404(run, "run")))
        body = {"run": str(undos[0].run_id), "effects": [str(undo.effect_id) for undo in undos]}
        return Response({**body, "stays": [shapes.offer_json(offer) for offer in stays]}, status=202)
