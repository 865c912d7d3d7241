"""The sandbox world as it is looked at: lists per kind, one thing with what changed in it, and the same as JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.actor import Actor
from integrations.models import SandboxObject
from integrations.operations.sandbox import World, get_world, is_touched, objects_of, worlds
from integrations.world import Collection, Column
from orchestrator_site.lib.clock import moment
from orchestrator_site.lib.errors import NotFound

NEW, CHANGED, SEEDED = "new", "changed", ""
_TIME = re.compile(r"\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-]\d\d:\d\d)?")
_OWN = ("title", "external_id", "parent")


@dataclass(frozen=True)
class Row:
    """One thing in a list."""

    thing: SandboxObject
    state: str
    cells: tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Shelf:
    """The things of one kind."""

    collection: Collection
    rows: tuple[Row, ...]

    @property
    def touched(self) -> int:
        """How many of them runs have made or changed."""
        return sum(bool(row.state) for row in self.rows)


@dataclass(frozen=True)
class Difference:
    """One part of a thing that is not as it was."""

    name: str
    before: Any
    after: Any


def summary(actor: Actor) -> list[tuple[World, int, int]]:
    """Each world with how many things it holds, and how many of these runs have made or changed."""
    actor.require("read")
    found = []
    for world in worlds():
        things = list(objects_of(actor.workspace, world.integration.slug).defer("data"))
        found.append((world, len(things), sum(map(is_touched, things))))
    return found


def shelves(actor: Actor, service: str) -> tuple[World, list[Shelf]]:
    """The world of a service, a shelf per kind. Raises NotFound."""
    actor.require("read")
    world = get_world(service)
    things = list(objects_of(actor.workspace, service))
    return world, [_shelf(collection, things) for collection in world.collections]


def get_thing(actor: Actor, service: str, pk: UUID) -> tuple[World, SandboxObject]:
    """One thing of a world. Raises NotFound, for another workspace's too."""
    actor.require("read")
    world = get_world(service)
    found = objects_of(actor.workspace, service).filter(pk=pk).first()
    if found is None:
        raise NotFound("That is not in the sandbox.", hint="It may be gone since the sandbox was reset.")
    return world, found


def children_of(actor: Actor, world: World, thing: SandboxObject) -> Shelf | None:
    """What lies under a thing: the rows of a database, the mails of a thread."""
    collection = world.collection(thing.kind)
    below = world.collection(collection.children) if collection and collection.children else None
    if below is None:
        return None
    things = objects_of(actor.workspace, thing.service).filter(kind=below.kind, parent=thing.external_id)
    return _shelf(below, list(things))


def differences(world: World, thing: SandboxObject) -> list[Difference]:
    """What runs have changed in a thing that was there from the start."""
    seed = world.thing(thing.kind, thing.external_id)
    if seed is None or not is_touched(thing):
        return []
    before = {"title": seed.title[:300], **seed.data}
    after = {"title": thing.title, **thing.data}
    names = [*before, *(name for name in after if name not in before)]
    return [Difference(n, before.get(n), after.get(n)) for n in names if before.get(n) != after.get(n)]


def cell(thing: SandboxObject, path: str) -> Any:
    """The value of a column."""
    if path in _OWN:
        return getattr(thing, path)
    value: Any = thing.data
    for part in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list) and part.isdigit():
            value = value[int(part)] if int(part) < len(value) else None
        else:
            return None
    return value


def cells(thing: SandboxObject, columns: tuple[Column, ...]) -> tuple[tuple[str, Any], ...]:
    """The values of some columns with their labels."""
    return tuple((column.label, cell(thing, column.path)) for column in columns)


def state_of(thing: SandboxObject) -> str:
    """new, changed, or "" for what is as it was."""
    if not thing.seeded:
        return NEW
    return CHANGED if is_touched(thing) else SEEDED


def world_json(actor: Actor, service: str) -> dict[str, Any]:
    """What the sandbox of a service holds: a list per kind, newest change first."""
    world, _ = shelves(actor, service)
    found: dict[str, Any] = {"service": service, **{collection.kind: [] for collection in world.collections}}
    for thing in objects_of(actor.workspace, service):
        found.setdefault(thing.kind, []).append(thing_json(thing))
    return found


def thing_json(thing: SandboxObject) -> dict[str, Any]:
    """One thing as JSON."""
    return {
        "id": str(thing.pk),
        "external_id": thing.external_id,
        "title": thing.title,
        "parent": thing.parent,
        "state": state_of(thing) or "seeded",
        "data": thing.data,
        "created_at": moment(thing.created_at),
        "updated_at": moment(thing.updated_at),
    }


def _shelf(collection: Collection, things: list[SandboxObject]) -> Shelf:
    mine = [thing for thing in things if thing.kind == collection.kind]
    rows = (Row(thing, state_of(thing), _shown(thing, collection.columns)) for thing in mine)
    return Shelf(collection, tuple(rows))


def _shown(thing: SandboxObject, columns: tuple[Column, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((label, in_words(value)) for label, value in cells(thing, columns))


def in_words(value: Any) -> str:
    """A value on one line: lists with commas, objects as name: value, yes and no, at most 200 characters."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return ""
    if isinstance(value, Mapping):
        text = ", ".join(
            f"{name}: {in_words(item)}" if item not in (None, "") else str(name) for name, item in value.items()
        )
    elif isinstance(value, list):
        text = ", ".join(in_words(item) for item in value)
    else:
        text = _moment(" ".join(str(value).split()))
    return text if len(text) <= 200 else f"{text[:199]}…"


def _moment(text: str) -> str:
    """A point in time as people read it; any other text as it is."""
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00")) if _TIME.fullmatch(text) else None
    except ValueError:
        moment = None
    return moment.strftime("%d %b %Y, %H:%M").lstrip("0") if moment else text
