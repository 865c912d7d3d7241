"""The pages of the sandbox world: what each service holds, and what runs have changed in it."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.safestring import SafeString

from accounts.actor import actor_of
from integrations.operations import looking
from integrations.operations.connections import reset_sandbox
from integrations.views.common import crumbs
from orchestrator_site.lib.markdown import render_markdown

_HIDDEN = re.compile(r"<!--.*?-->", re.DOTALL)


def sandbox(request: HttpRequest, workspace: str) -> HttpResponse:
    """Every service's world in one line."""
    actor = actor_of(request)
    shown = {"worlds": looking.summary(actor), "may_edit": actor.can("edit")}
    return render(request, "integrations/sandbox.html", shown)


def service(request: HttpRequest, workspace: str, service: str) -> HttpResponse:
    """The things of one service by kind; what runs made or changed is marked and stands first."""
    actor = actor_of(request)
    world, shelves = looking.shelves(actor, service)
    shown = {"world": world, "shelves": shelves, "crumbs": crumbs(workspace, ("Sandbox", "sandbox", {}))}
    return render(request, "integrations/sandbox_service.html", shown)


def thing(request: HttpRequest, workspace: str, service: str, pk: UUID) -> HttpResponse:
    """One thing: its text, its facts, and how it differs from what was there at first."""
    actor = actor_of(request)
    world, found = looking.get_thing(actor, service, pk)
    collection = world.collection(found.kind)
    body = looking.cell(found, collection.body) if collection and collection.body else None
    above = (world.integration.title, "sandbox_service", {"service": service})
    shown = {
        "crumbs": crumbs(workspace, ("Sandbox", "sandbox", {}), above),
        "world": world,
        "thing": found,
        "collection": collection,
        "state": looking.state_of(found),
        "facts": _facts(looking.cells(found, (*collection.columns[1:], *collection.facts))) if collection else (),
        "body": _body(body if isinstance(body, str) else "", collection.body_format if collection else "text"),
        "shelf": looking.children_of(actor, world, found),
        "differences": looking.differences(world, found),
    }
    return render(request, "integrations/sandbox_object.html", shown)


def _facts(cells: tuple[tuple[str, Any], ...]) -> list[tuple[str, str]]:
    return [(label, looking.in_words(value)) for label, value in cells if value not in (None, "", [], {})]


def _body(text: str, body_format: str) -> str | SafeString:
    """The text of a thing; Markdown becomes harmless HTML, hidden marks in it stay hidden."""
    return render_markdown(_HIDDEN.sub("", text)) if body_format == "markdown" else text


def reset(request: HttpRequest, workspace: str) -> HttpResponse:
    """Put everything back to how it was."""
    touched = reset_sandbox(actor_of(request))
    things = (
        "1 thing that runs had made or changed is" if touched == 1 else f"{touched} things that runs had changed are"
    )
    messages.success(request, f"The sandbox is as it was at first; {things} gone.")
    return redirect("sandbox", workspace=workspace)
