"""The API of integrations: the catalogue of actions, connections, and what the sandbox holds."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import Actor, actor_of
from integrations import catalogue, neighbours
from integrations.api import bodies
from integrations.models import Connection
from integrations.neighbours import Uses
from integrations.operations import connections as operations
from integrations.operations import stored
from integrations.operations.checking import history
from integrations.operations.choices import given_of, list_choices
from integrations.operations.finding import free_name
from integrations.operations.looking import world_json
from orchestrator_site.lib.api import ApiView, CursorPage
from orchestrator_site.lib.body import read_body
from orchestrator_site.lib.clock import moment
from orchestrator_site.lib.json import clean_text


def connection_json(connection: Connection) -> dict[str, Any]:
    """A connection as the API shows it: never its secret."""
    return {
        "id": str(connection.pk),
        "service": connection.service,
        "name": connection.name,
        "base_url": connection.base_url,
        "sandbox": connection.sandbox,
        "status": connection.status,
        "status_text": connection.status_text,
        "masked": connection.masked,
        "is_default": connection.is_default,
        "checked_at": moment(connection.checked_at),
        "created_at": moment(connection.created_at),
        "requests_per_minute": connection.requests_per_minute,
        "at_once": connection.at_once,
        "health": _health_json(connection),
        "broken_since": moment(connection.broken_at),
        "expires_at": moment(connection.expires_at),
        "expires_text": connection.expires_text,
        "sharing": operations.sharing_json(connection),
    }


def whole_json(actor: Actor, connection: Connection) -> dict[str, Any]:
    """One connection with its checks, the workflows that use it and the runs that wait for its repair."""
    uses = neighbours.uses_of(actor.workspace, problems_of=connection.pk).get(connection.pk, Uses())
    checks = [
        {"day": day["day"].isoformat(), "state": day["state"], "failed": day["failed"], "text": day["text"] or ""}
        for day in history([connection])[connection.pk]
        if day["state"] != "none"
    ]
    used_by = [{**asdict(use), "steps": list(use.steps)} for use in uses.workflows]
    found = {"checks": checks, "used_by": used_by, "waiting_runs": uses.waiting_runs}
    return {**connection_json(connection), **found}


def _health_json(connection: Connection) -> dict[str, Any]:
    found = operations.health_of(connection)
    times = {name: moment(found[name]) for name in ("since", "blocked_until", "retry_at")}
    return {**found, **times}


class ActionList(ApiView):
    """The catalogue."""

    @extend_schema(
        operation_id="actions_list",
        parameters=[
            OpenApiParameter("service", str, description="only the actions of this service"),
            OpenApiParameter("q", str, description="in name, title, description or keywords"),
        ],
        responses={200: bodies.ActionPage},
    )
    def get(self, request: Request) -> Response:
        """List every action with JSON Schemas, and the services with the fields of their secrets."""
        asked = {name: request.query_params.get(name, "").strip() for name in ("service", "q")}
        found = {"results": catalogue.entries(**asked), "services": catalogue.services()}
        return Response({**found, "next": None, "previous": None})


class ActionChoices(ApiView):
    """What a connection offers for an input."""

    @extend_schema(
        operation_id="actions_choices",
        parameters=[
            OpenApiParameter("connection", str, description="by name; left out: the one a step would use"),
            OpenApiParameter("q", str, description="what was typed so far"),
        ],
        responses={200: bodies.ChoicePage},
    )
    def get(self, request: Request, action: str, field: str) -> Response:
        """List the models, repositories and so on that an input can be; other inputs come as `with-<name>`."""
        params = request.query_params
        asked = {name: params.get(name, "").strip() for name in ("connection", "q")}
        found = list_choices(actor_of(request), action, field, given=given_of(params.dict()), **asked)
        shown = [{"value": choice.value, "label": choice.label} for choice in found]
        return Response({"results": shown, "next": None, "previous": None})


class ConnectionList(ApiView):
    """The connections of the workspace."""

    @extend_schema(operation_id="connections_list", responses={200: bodies.ConnectionPage})
    def get(self, request: Request) -> Response:
        """List connections, newest first; secrets are masked."""
        page = CursorPage(ordering=("-created_at", "-id"))
        rows = operations.connections_of(actor_of(request).workspace).select_related("bucket", "breaker")
        rows = rows.order_by("-created_at", "-id")
        shown = page.paginate_queryset(rows, request, view=self)
        return page.get_paginated_response([connection_json(row) for row in shown])

    @extend_schema(
        operation_id="connections_create", request=bodies.NewConnection, responses={201: bodies.ConnectionBody}
    )
    def post(self, request: Request) -> Response:
        """Make a connection. The secret goes in and never comes out."""
        actor = actor_of(request)
        values = read_body(request.data, bodies.NewConnection)
        made = operations.create_connection(
            actor,
            service=values.service,
            name=values.name or free_name(actor.workspace, values.service),
            secret=values.secret,
            base_url=values.base_url,
            sandbox=values.sandbox,
            make_default=values.is_default,
            requests_per_minute=values.requests_per_minute,
            at_once=values.at_once,
        )
        return Response(connection_json(made), status=201)


class ConnectionDetail(ApiView):
    """One connection."""

    @extend_schema(operation_id="connections_show", responses={200: bodies.WholeConnectionBody})
    def get(self, request: Request, pk: UUID) -> Response:
        """Show a connection: its health, the checks of the last 20 days, and what uses it; the secret is masked."""
        actor = actor_of(request)
        return Response(whole_json(actor, operations.get_connection(actor, pk)))

    @extend_schema(
        operation_id="connections_change", request=bodies.ConnectionChange, responses={200: bodies.ConnectionBody}
    )
    def patch(self, request: Request, pk: UUID) -> Response:
        """Rename it, replace its secret (tried first), move it to another address, make it the default, share it."""
        actor = actor_of(request)
        connection = operations.get_connection(actor, pk)
        values = read_body(request.data, bodies.ConnectionChange)
        changes = values.model_dump(include={"name", "secret", "base_url"}, exclude_none=True)
        if changes:
            connection = operations.update_connection(actor, connection, verify=values.verify, **changes)
        limits = values.model_dump(include={"requests_per_minute", "at_once"} & values.model_fields_set)
        if limits:
            operations.set_limits(actor, connection, **limits)
        if values.sharing is not None:
            who = values.sharing
            operations.share_connection(
                actor, connection, everyone=who.everyone, role=who.role or "", members=who.members
            )
        if values.is_default:
            operations.make_default(actor, connection)
        return Response(connection_json(connection))

    @extend_schema(operation_id="connections_delete", responses={204: None})
    def delete(self, request: Request, pk: UUID) -> Response:
        """Delete a connection; its secret is forgotten at once."""
        actor = actor_of(request)
        operations.delete_connection(actor, operations.get_connection(actor, pk))
        return Response(status=204)


class ConnectionTest(ApiView):
    """A try of a connection."""

    @extend_schema(operation_id="connections_test", request=None, responses={200: bodies.TestBody})
    def post(self, request: Request, pk: UUID) -> Response:
        """Ask the service what this connection can do."""
        actor = actor_of(request)
        return Response(operations.test_connection(actor, operations.get_connection(actor, pk)))


class SandboxService(ApiView):
    """What the sandbox of one service holds."""

    @extend_schema(operation_id="sandbox_show", responses={200: dict[str, Any]})
    def get(self, request: Request, service: str) -> Response:
        """List the things of each kind: mails, pages, issues, files."""
        return Response(world_json(actor_of(request), service))


class StoredList(ApiView):
    """What workflows keep from run to run."""

    @extend_schema(
        operation_id="stored_list",
        parameters=[
            OpenApiParameter("workflow", str, description="a slug; empty: the values of the workspace"),
            OpenApiParameter("q", str, description="part of the name"),
        ],
        responses={200: bodies.StoredPage},
    )
    def get(self, request: Request) -> Response:
        """List stored values, the newest change first."""
        page = CursorPage(ordering=("-updated_at", "-id"))
        params = request.query_params
        q = clean_text(params.get("q", "").strip(), field="q", max_length=200)
        rows = stored.list_stored(actor_of(request), workflow=params.get("workflow"), q=q)
        shown = page.paginate_queryset(rows, request, view=self)
        return page.get_paginated_response([stored.stored_json(row) for row in shown])


class StoredDetail(ApiView):
    """One stored value."""

    @extend_schema(operation_id="stored_show", responses={200: bodies.StoredBody})
    def get(self, request: Request, pk: UUID) -> Response:
        """Show a stored value."""
        return Response(stored.stored_json(stored.get_stored(actor_of(request), pk)))

    @extend_schema(operation_id="stored_delete", responses={204: None})
    def delete(self, request: Request, pk: UUID) -> Response:
        """Delete a stored value: the next run finds nothing there."""
        actor = actor_of(request)
        stored.delete_stored(actor, stored.get_stored(actor, pk))
        return Response(status=204)


class SandboxReset(ApiView):
    """The sandbox as a whole."""

    @extend_schema(operation_id="sandbox_reset", request=None, responses={200: bodies.ResetBody})
    def post(self, request: Request) -> Response:
        """Put the sandbox world back to how it was."""
        return Response({"touched": operations.reset_sandbox(actor_of(request))})
