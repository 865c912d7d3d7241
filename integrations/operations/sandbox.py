"""The sandbox world of a workspace: filled once, looked at, and put back to how it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from accounts import audit
from accounts.actor import Actor
from accounts.models import Workspace
from integrations import registry
from integrations.models import Connection, SandboxObject
from integrations.operations.changing import create_connection
from integrations.operations.finding import connections_of, find_connection, free_name
from integrations.spec import Integration
from integrations.world import Collection, Thing
from orchestrator_site.lib.errors import NotFound, UserError


@dataclass(frozen=True)
class World:
    """What the sandbox module of a service says about its world."""

    integration: Integration
    collections: tuple[Collection, ...]
    things: tuple[Thing, ...]

    def collection(self, kind: str) -> Collection | None:
        """How things of a kind are shown."""
        return next((collection for collection in self.collections if collection.kind == kind), None)

    def thing(self, kind: str, external_id: str) -> Thing | None:
        """What a thing was like at first, or None for what a run made."""
        return next((t for t in self.things if t.kind == kind and t.external_id == external_id), None)


def worlds() -> list[World]:
    """The services whose sandbox holds things."""
    found = (_world(integration) for integration in registry.connectable() if integration.sandbox)
    return [world for world in found if world.collections]


def get_world(service: str) -> World:
    """The world of one service. Raises NotFound."""
    found = next((world for world in worlds() if world.integration.slug == service), None)
    if found is None:
        raise NotFound("There is no sandbox by that name.", hint="Open the sandbox page to see which there are.")
    return found


def objects_of(workspace: Workspace | Any, service: str) -> QuerySet[SandboxObject]:
    """What the sandbox of a service holds now, newest change first."""
    return SandboxObject.objects.of(workspace).filter(service=service).order_by("-updated_at", "external_id")


def seed_sandbox(workspace: Workspace) -> None:
    """Give a workspace its sandbox: a connection per service, named like it, and a filled world. Idempotent."""
    actor = Actor.system(workspace, "sandbox")
    with transaction.atomic():
        for integration in registry.connectable():
            if not integration.sandbox:
                continue
            _connect(actor, integration)
            if not objects_of(workspace, integration.slug).exists():
                _fill(workspace, _world(integration))


def sandbox_connection(actor: Actor, services: Sequence[str]) -> Connection:
    """The sandbox's connection of the first of these services that has one; made, with its world, where there is none.

    Making one needs the permission for connections. Raises UserError where no service of them has a sandbox.
    """
    known = connections_of(actor.workspace).filter(service__in=services, sandbox=True)
    by_service = {row.service: row for row in known}
    found = next((by_service[slug] for slug in services if slug in by_service), None)
    if found is not None:
        return found
    able = (registry.get_integration(slug) for slug in services)
    service = next((one for one in able if one and one.sandbox), None)
    if service is None:
        raise UserError("E_NO_SANDBOX", f"{' or '.join(services)} cannot be tried: there is no sandbox for it.")
    with transaction.atomic():
        name = free_name(actor.workspace, f"{service.slug[:40]}_sandbox")
        made = create_connection(actor, service=service.slug, name=name, sandbox=True, make_default=False)
        if not objects_of(actor.workspace, service.slug).exists():
            _fill(actor.workspace, _world(service))
    return made


def reset_sandbox(actor: Actor) -> int:
    """Put the sandbox world back to how it was; returns how many things that runs had made or changed are gone."""
    actor.require("edit")
    with transaction.atomic():
        everything = SandboxObject.objects.of(actor.workspace)
        touched = sum(is_touched(thing) for thing in everything)
        everything.delete()
        for world in worlds():
            _fill(actor.workspace, world)
        audit.record(actor, "sandbox.reset", details={"touched": touched})
    return touched


def is_touched(thing: SandboxObject) -> bool:
    """Whether a run made or changed it."""
    return not thing.seeded or thing.updated_at > thing.created_at


def _connect(actor: Actor, integration: Integration) -> None:
    slug = integration.slug
    known = connections_of(actor.workspace).filter(service=slug, sandbox=True).exists()
    if known or find_connection(actor.workspace, slug):
        return
    create_connection(actor, service=slug, name=slug, sandbox=True)


def _fill(workspace: Workspace, world: World) -> None:
    slug = world.integration.slug
    SandboxObject.objects.bulk_create(_row(workspace, slug, thing) for thing in world.things)


def _row(workspace: Workspace, service: str, thing: Thing) -> SandboxObject:
    row = SandboxObject(
        workspace=workspace,
        service=service,
        kind=thing.kind,
        external_id=thing.external_id,
        parent=thing.parent,
        title=thing.title[:300],
        data=dict(thing.data),
        seeded=True,
    )
    row.updated_at = row.created_at
    return row


def _world(integration: Integration) -> World:
    module = import_module(integration.sandbox.rpartition(".")[0])
    seeds = getattr(module, "seed_objects", None)
    return World(integration, tuple(getattr(module, "WORLD", ())), tuple(seeds()) if seeds else ())
