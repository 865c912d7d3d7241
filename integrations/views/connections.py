"""The pages of connections: health in words, a new one, one with its test, its secret and its end."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts.actor import Actor, actor_of
from accounts.operations.members import list_members
from accounts.roles import ROLE_WORDS
from integrations import neighbours, registry
from integrations.forms import ConnectionForm
from integrations.models import Connection
from integrations.neighbours import Uses
from integrations.oauth import provider_ready
from integrations.operations import connections as operations
from integrations.operations.checking import history
from integrations.operations.finding import free_name
from integrations.operations.forecast import next_to_break
from integrations.operations.secrets import get_service, service_of
from integrations.spec import Integration
from integrations.views.common import add_problem, crumbs, prove_first
from integrations.views.health import alert_of, alerts_of, row_of, rows_of
from orchestrator_site.lib.errors import UserError


def connections(request: HttpRequest, workspace: str) -> HttpResponse:
    """All connections with their health, and what else one can connect to."""
    actor = actor_of(request)
    found = operations.connections_of(actor.workspace).select_related("bucket", "breaker")
    rows = rows_of(list(found), neighbours.uses_of(actor.workspace), workspace)
    shown = {
        "rows": rows,
        "working": sum(row["tone"] in ("ok", "dry") for row in rows),
        "needing": sum(row["tone"] in ("need", "bad") for row in rows),
        "alerts": alerts_of(rows),
        "services": registry.connectable(),
        "may_change": actor.can("connections"),
    }
    return render(request, "integrations/connections.html", shown)


def new(request: HttpRequest, workspace: str) -> HttpResponse:
    """Choose a service, then fill in the form made from its declaration."""
    actor = actor_of(request)
    slug = request.GET.get("service", "")
    if not slug:
        return render(request, "integrations/connection_new.html", {"services": registry.connectable()})
    integration = get_service(slug)
    back = f"{reverse('connection_new', kwargs={'workspace': workspace})}?service={slug}"
    if request.method == "POST" and (proof := prove_first(request, back)):
        return proof
    initial = {"name": free_name(actor.workspace, slug)}
    form = ConnectionForm(integration, request.POST or None, initial=initial, sandbox="sandbox" in request.POST)
    if request.method == "POST" and form.is_valid():
        try:
            made = operations.create_connection(
                actor,
                service=slug,
                name=form.cleaned_data["name"],
                secret=form.secret,
                base_url=form.cleaned_data.get("base_url", ""),
                sandbox="sandbox" in request.POST,
            )
        except UserError as problem:
            add_problem(form, problem)
        else:
            return _made(request, workspace, made)
    shown = {"form": form, "integration": integration, "oauth": integration.oauth, "crumbs": _crumbs(workspace)}
    return render(request, "integrations/connection_new.html", shown, status=400 if form.errors else 200)


def connection(request: HttpRequest, workspace: str, pk: UUID) -> HttpResponse:
    """One connection: what it can do, and a form to rename it or replace its secret."""
    actor = actor_of(request)
    found = operations.get_connection(actor, pk)
    integration = service_of(found)
    back = reverse("connection", kwargs={"workspace": workspace, "pk": pk})
    if request.method == "POST" and (proof := prove_first(request, back)):
        return proof
    initial = {name: getattr(found, name) for name in ("name", "base_url", "requests_per_minute", "at_once")}
    form = ConnectionForm(
        integration, request.POST or None, initial=initial, stored=found.masked, sandbox=found.sandbox, limits=True
    )
    if request.method == "POST" and form.is_valid():
        try:
            operations.update_connection(
                actor,
                found,
                name=form.cleaned_data["name"],
                secret=form.secret or None,
                base_url=form.cleaned_data.get("base_url"),
                verify="untried" not in request.POST,
            )
            operations.set_limits(actor, found, **form.limits)
        except UserError as problem:
            add_problem(form, problem)
        else:
            messages.success(request, f"{found.name} is saved.")
            return redirect("connection", workspace=workspace, pk=pk)
    report = request.session.pop(_report_key(pk), None)
    shown = {
        **_page(actor, found, integration),
        "untried": "untried" in request.POST,
        "form": form,
        "may_change": actor.can("connections"),
        "report": report,
    }
    shown["crumbs"] = _crumbs(workspace)
    return render(request, "integrations/connection.html", shown, status=400 if form.errors else 200)


def test(request: HttpRequest, workspace: str, pk: UUID) -> HttpResponse:
    """Try the connection now and show in words what it can do."""
    actor = actor_of(request)
    found = operations.get_connection(actor, pk)
    report = operations.test_connection(actor, found)
    request.session[_report_key(pk)] = report
    return redirect("connection", workspace=workspace, pk=pk)


def share(request: HttpRequest, workspace: str, pk: UUID) -> HttpResponse:
    """Say who may use the connection in workflows."""
    actor = actor_of(request)
    found = operations.get_connection(actor, pk)
    back = reverse("connection", kwargs={"workspace": workspace, "pk": pk})
    if proof := prove_first(request, back):
        return proof
    try:
        operations.share_connection(
            actor,
            found,
            everyone=request.POST.get("who") != "chosen",
            role=request.POST.get("role", ""),
            members=request.POST.getlist("member"),
        )
    except UserError as problem:
        messages.error(request, f"{problem.message} {problem.hint or ''}".strip())
    else:
        messages.success(request, f"Who may use {found.name} is saved.")
    return redirect("connection", workspace=workspace, pk=pk)


def default(request: HttpRequest, workspace: str, pk: UUID) -> HttpResponse:
    """Use this connection where a step names none."""
    actor = actor_of(request)
    found = operations.make_default(actor, operations.get_connection(actor, pk))
    messages.success(request, f"Steps that name no connection now use {found.name}.")
    return redirect("connection", workspace=workspace, pk=pk)


def delete(request: HttpRequest, workspace: str, pk: UUID) -> HttpResponse:
    """Forget the connection and its secret."""
    actor = actor_of(request)
    found = operations.get_connection(actor, pk)
    back = reverse("connection", kwargs={"workspace": workspace, "pk": pk})
    if proof := prove_first(request, back):
        return proof
    operations.delete_connection(actor, found)
    messages.success(request, f"{found.name} is deleted and its secret forgotten.")
    return redirect("connections", workspace=workspace)


def _made(request: HttpRequest, workspace: str, made: Connection) -> HttpResponse:
    if made.sandbox:
        messages.success(request, f"{made.name} is ready.")
        return redirect("connections", workspace=workspace)
    if made.is_default:
        messages.success(request, f"Steps that name no connection to {service_of(made).title} now use {made.name}.")
    request.session[_report_key(made.pk)] = operations.test_connection(actor_of(request), made)
    return redirect("connection", workspace=workspace, pk=made.pk)


def _page(actor: Actor, connection: Connection, integration: Integration) -> dict[str, Any]:
    uses = neighbours.uses_of(actor.workspace, problems_of=connection.pk).get(connection.pk, Uses())
    row = row_of(connection, uses, history([connection])[connection.pk], actor.workspace.slug)
    return {
        **row,
        "here_row": row,
        "sharing": operations.sharing_json(connection),
        "members": list_members(actor),
        "roles": ROLE_WORDS.items(),
        "alert": alert_of(row) if next_to_break([connection]) else None,
        "integration": integration,
        "oauth": integration.oauth,
        "oauth_ready": bool(integration.oauth and provider_ready(integration.oauth.provider)),
    }


def _crumbs(workspace: str) -> list[tuple[str, str]]:
    return crumbs(workspace, ("Connections", "connections", {}))


def _report_key(pk: UUID) -> str:
    return f"connection_report_{pk}"
