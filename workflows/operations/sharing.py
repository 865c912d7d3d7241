"""Connections that not everybody may use, where drafts are saved and published."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from accounts.actor import Actor
from integrations.operations.finding import connections_of
from integrations.operations.sharing import may_use, refusal
from workflows.operations.chosen import Chosen, steps_in


def refuse_unshared(actor: Actor, definition: Mapping[str, Any], already: Iterable[Mapping[str, Any]] = ()) -> None:
    """Refuse a definition in which a step uses a connection that is not shared with the actor.

    `already`: the steps of the draft as it stands; what they use was somebody else's choice and may stay in the draft.
    Publishing and running ask again, for all of it. Raises Forbidden E_CONN_SHARED.
    """
    if actor.kind == "system":
        return
    connections = list(connections_of(actor.workspace))
    if not any(connection.sharing for connection in connections):
        return
    chosen = Chosen(connections)
    there = {(step.get("key"), one.pk) for step in already for one in chosen.of(step)}
    for step in steps_in(definition.get("steps")):
        for connection in chosen.of(step):
            if (step.get("key"), connection.pk) not in there and not may_use(actor, connection):
                raise refusal(connection, _title(step))


def _title(step: Mapping[str, Any]) -> str:
    return str(step.get("name") or step.get("key") or "")
