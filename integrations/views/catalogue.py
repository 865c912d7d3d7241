"""The catalogue: every action there is, by service, and a page for each, made from its declaration."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.actor import actor_of
from integrations import catalogue as entries
from integrations import registry
from integrations.described import example_of, facts_of, inputs_of, outputs_of
from integrations.operations.connections import connections_of
from integrations.views.common import crumbs
from orchestrator_site.lib.errors import NotFound
from orchestrator_site.lib.json import clean_text
from orchestrator_site.lib.names import did_you_mean

ENGINE = "Flow"
OWN = "Decide, repeat, wait and ask: what the engine does itself."
TONES = {"pure": "idle", "read": "ok", "model": "run", "effect": "need", "control": "idle"}


def catalogue(request: HttpRequest, workspace: str) -> HttpResponse:
    """The actions by service; every word of `?q=` is somewhere in what an action says of itself."""
    actor = actor_of(request)
    q = clean_text(request.GET.get("q", "").strip(), field="q", max_length=100)
    found = entries.entries(q=q)
    connected = {connection.service for connection in connections_of(actor.workspace)}
    shown = {"groups": _groups(found, connected), "q": q, "count": len(found), "may_connect": actor.can("connections")}
    return render(request, "integrations/catalogue.html", shown)


def _groups(found: list[dict[str, Any]], connected: set[str]) -> list[dict[str, Any]]:
    """What the engine does itself first, then the services by their title."""
    by_service: dict[str, list[dict[str, Any]]] = {}
    for entry in found:
        by_service.setdefault(str(entry["service"]), []).append({**entry, "first": first_line(entry)})
    groups = []
    for slug, actions in by_service.items():
        service = registry.get_integration(slug) if slug else None
        groups.append(
            {
                "slug": slug,
                "title": service.title if service else ENGINE,
                "text": service.description if service else OWN,
                "connects": bool(service and service.takes_connection),
                "connected": slug in connected,
                "actions": actions,
            }
        )
    return sorted(groups, key=lambda group: (bool(group["slug"]), str(group["title"]).lower()))


def action(request: HttpRequest, workspace: str, action: str) -> HttpResponse:
    """One action: what it takes and gives, how it behaves, and a step of it as an example."""
    actor = actor_of(request)
    everything = {str(entry["name"]): entry for entry in entries.entries()}
    entry = everything.get(action)
    if entry is None:
        raise NotFound("There is no such action.", hint=did_you_mean(action[:100], list(everything)))
    services = set(entry["connection_services"])
    service = registry.get_integration(str(entry["service"]))
    usable = [connection for connection in connections_of(actor.workspace) if connection.service in services]
    shown = {
        "entry": entry,
        "first": first_line(entry),
        "rest": [text for text in str(entry["description"]).replace("`", "").split("\n\n")[1:] if text],
        "service_title": service.title if service else ENGINE,
        "tone": TONES.get(str(entry["kind"]), "idle"),
        "facts": facts_of(entry),
        "inputs": inputs_of(entry),
        "outputs": outputs_of(entry),
        "example": example_of(entry),
        "usable": usable,
        "needs": bool(services),
        "may_connect": actor.can("connections"),
        "crumbs": crumbs(workspace, ("Catalogue", "catalogue", {})),
    }
    return render(request, "integrations/catalogue_action.html", shown)


def first_line(entry: dict[str, Any]) -> str:
    """The first line of what an action says of itself, without marks of code."""
    return str(entry["description"]).split("\n")[0].replace("`", "")
