"""What a connection offers for an input of an action: its models, repositories, databases; asked once a minute."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from django.core.cache import cache

from accounts.actor import Actor
from integrations import direct, registry
from integrations.context import Calls, Choice, ConnectionInfo
from integrations.errors import ServiceError
from integrations.models import Connection
from integrations.operations.finding import default_connection, find_connection
from integrations.operations.opening import client_for, open_connection
from integrations.operations.sharing import require_use
from integrations.spec import Action, choices_of
from orchestrator_site.lib.errors import NotFound, UserError
from orchestrator_site.lib.json import repair_text

SECONDS = 8
KEPT_SECONDS = 60
MOST = 200
LONGEST = 300


def list_choices(
    actor: Actor, action: str, field: str, *, connection: str = "", q: str = "", given: Mapping[str, str] | None = None
) -> list[Choice]:
    """The choices for one input, over the named connection or the one the step would use (none yet: no choices).

    Raises NotFound for an input without such a list, UserError in words when the service gives none now.
    """
    actor.require("edit")
    declared, name, depends = _declared(action, field)
    found = _connection(actor, declared, connection)
    if found is None:
        return []
    require_use(actor, found)
    known = {key: str(value)[:LONGEST] for key, value in (given or {}).items() if key in depends and value}
    key = _key(found, name, q[:LONGEST], known)
    kept = cache.get(key)
    if kept is None:
        kept = _ask(found, name, q[:LONGEST], known)
        cache.set(key, kept, KEPT_SECONDS)
    return [Choice(*pair) for pair in kept]


def given_of(params: Mapping[str, object]) -> dict[str, str]:
    """The inputs that came along, as `with-<name>`; expressions are not known yet and left out."""
    found = {name.removeprefix("with-"): str(value) for name, value in params.items() if name.startswith("with-")}
    return {name: value for name, value in found.items() if "{{" not in value and "{%" not in value}


def _declared(action: str, field: str) -> tuple[Action, str, tuple[str, ...]]:
    declared = registry.get_action(action)
    if declared is not None and field in declared.input.model_fields:
        name, depends = choices_of(declared.input, field)
        if name:
            return declared, name, depends
    raise NotFound("There is no list of choices for this input.")


def _connection(actor: Actor, action: Action, name: str) -> Connection | None:
    if not name:
        return default_connection(actor.workspace, action.needs or action.service)
    found = find_connection(actor.workspace, name)
    if found is None or found.service not in registry.services_for(action):
        raise NotFound("That connection is not here.", hint="Choose another one in the step.")
    return found


def _ask(connection: Connection, name: str, q: str, given: Mapping[str, str]) -> list[tuple[str, str]]:
    try:
        info = open_connection(connection)
        found = direct.call(lambda calls: _asked(info, calls, name, q, given), timeout=SECONDS)
    except ServiceError as problem:
        raise UserError(problem.code, problem.message, hint=problem.hint, status=502) from problem
    return [(repair_text(c.value)[:LONGEST], repair_text(c.label)[:LONGEST]) for c in found if c.value][:MOST]


async def _asked(info: ConnectionInfo, calls: Calls, name: str, q: str, given: Mapping[str, str]) -> list[Choice]:
    client: Any = client_for(info, calls)
    if not hasattr(client, "choices"):
        return []
    return list(await client.choices(name, q, given))


def _key(connection: Connection, name: str, q: str, given: Mapping[str, str]) -> str:
    parts = [str(connection.pk), connection.updated_at.isoformat(), name, q, sorted(given.items())]
    return f"choices:{hashlib.sha256(json.dumps(parts).encode()).hexdigest()}"
