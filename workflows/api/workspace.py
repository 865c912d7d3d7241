"""The API of variables, use and cost, and the workers."""

from __future__ import annotations

from datetime import timedelta

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from orchestrator_site.lib.api import ApiView, CursorPage
from orchestrator_site.lib.body import read_body
from orchestrator_site.lib.clock import moment, now
from workflows.api import bodies, parameters
from workflows.models import Variable, Worker
from workflows.operations import variables
from workflows.operations.usage import usage_by_workflow


def variable_json(variable: Variable) -> dict[str, object]:
    """A variable as the API shows it."""
    return {
        "name": variable.name,
        "value": variable.value,
        "help": variable.help,
        "updated_at": moment(variable.updated_at),
        "updated_by": variable.updated_by or None,
    }


class VariableList(ApiView):
    """Workspace variables."""

    @extend_schema(operation_id="variables_list", responses={200: bodies.VariableBody})
    def get(self, request: Request) -> Response:
        """List the variables by name."""
        page = CursorPage(ordering=("name",))
        shown = page.paginate_queryset(variables.list_variables(actor_of(request)), request, view=self) or []
        return page.get_paginated_response([variable_json(row) for row in shown])

    @extend_schema(operation_id="variables_create", request=bodies.NewVariable, responses={201: bodies.VariableBody})
    def post(self, request: Request) -> Response:
        """Make a variable, or give one a new value."""
        values = read_body(request.data, bodies.NewVariable)
        row = variables.set_variable(actor_of(request), values.name, values.value, help=values.help)
        return Response(variable_json(row), status=201)


class VariableDetail(ApiView):
    """One variable."""

    @extend_schema(operation_id="variables_read", responses={200: bodies.VariableBody})
    def get(self, request: Request, name: str) -> Response:
        """Read a variable."""
        return Response(variable_json(variables.get_variable(actor_of(request), name)))

    @extend_schema(operation_id="variables_change", request=bodies.VariableValue, responses={200: bodies.VariableBody})
    def put(self, request: Request, name: str) -> Response:
        """Give a variable a new value; runs in flight keep the old one."""
        row = variables.get_variable(actor_of(request), name)
        values = read_body(request.data, bodies.VariableValue)
        help = row.help if values.help is None else values.help
        return Response(variable_json(variables.set_variable(actor_of(request), row.name, values.value, help=help)))

    @extend_schema(operation_id="variables_delete", responses={204: None})
    def delete(self, request: Request, name: str) -> Response:
        """Delete a variable; workflows that name it show a problem."""
        variables.delete_variable(actor_of(request), variables.get_variable(actor_of(request), name))
        return Response(status=204)


class Usage(ApiView):
    """Use and cost."""

    @extend_schema(
        operation_id="usage_read",
        parameters=[OpenApiParameter("days", int, description="1 to 366, by default 30")],
        responses={200: bodies.UsageBody},
    )
    def get(self, request: Request) -> Response:
        """Runs, tokens and cost of the last days, in all and per workflow."""
        days = parameters.number(request, "days", 30, low=1, high=366)
        workflows = usage_by_workflow(actor_of(request), days)
        totals = {
            name: sum(row[name] for row in workflows) for name in ("runs", "input_tokens", "output_tokens", "cost_usd")
        }
        return Response({"days": days, **totals, "workflows": workflows})


class WorkerList(ApiView):
    """The worker processes of this installation."""

    @extend_schema(operation_id="workers_list", responses={200: bodies.WorkerBody})
    def get(self, request: Request) -> Response:
        """List workers that are live or draining, and those that ended within the last hour."""
        moment = now()
        rows = Worker.objects.exclude(ended_at__lt=moment - timedelta(hours=1)).order_by("-started_at")[:200]
        shown = [
            {
                "id": str(row.id),
                "pid": row.pid,
                "host": row.host,
                "state": row.state,
                "beat_age": round(max(0.0, (moment - row.beat_at).total_seconds()), 1),
            }
            for row in rows
        ]
        return Response({"results": shown, "next": None, "previous": None})
