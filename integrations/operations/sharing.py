"""Who may use a connection in workflows: everybody here, or chosen roles and members. Nobody sees its secret.

Asked when a draft is saved, when it is published, when choices are read over the connection, and when a worker claims a
run (workflows.engine.sharing): whoever started the run and whoever published its version must have the right then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from accounts import audit
from accounts.actor import Actor
from accounts.models import Member
from accounts.roles import ROLES, rank
from integrations.models import Connection
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.errors import Forbidden, UserError
from orchestrator_site.lib.names import did_you_mean

MOST_MEMBERS = 200


def usable_by(sharing: Mapping[str, Any], user: Any, role: str) -> bool:
    """Whether a member with this role may use a connection that is shared like this; "" as role: no member, nothing."""
    if not sharing:
        return True
    least = sharing.get("role") or ""
    return bool(role) and (str(user) in sharing.get("members", ()) or (least != "" and rank(role) >= rank(least)))


def may_use(actor: Actor, connection: Connection) -> bool:
    """Whether the actor may let workflows use the connection. The product itself may."""
    if actor.kind == "system" or not connection.sharing:
        return True
    return actor.user is not None and usable_by(connection.sharing, actor.user.pk, actor.role)


def refusal(connection: Connection, step: str = "") -> Forbidden:
    """The error for somebody who may not use it."""
    where = f" “{step}” uses it." if step else ""
    return Forbidden(
        f"The connection “{connection.name}” is not shared with you.{where}",
        code="E_CONN_SHARED",
        field="connection",
        hint="Choose another connection, or ask those who look after connections to share it with you.",
    )


def require_use(actor: Actor, connection: Connection) -> None:
    """Go on only where the actor may use it. Raises Forbidden E_CONN_SHARED."""
    if not may_use(actor, connection):
        raise refusal(connection)


def share_connection(
    actor: Actor, connection: Connection, *, everyone: bool, role: str = "", members: Sequence[str] = ()
) -> Connection:
    """Say who may use it: `everyone`, or members from `role` on (that one and those above) and those named by e-mail.

    Raises UserError for a role or a member that there is none of, or when nobody is left.
    """
    actor.require("connections")
    before = connection.sharing
    sharing = {} if everyone else _chosen(actor, role, members)
    if sharing != before:
        connection.sharing, connection.updated_at = sharing, now()
        with transaction.atomic():
            connection.save(update_fields=["sharing", "updated_at"])
            audit.record(actor, "connection.share", connection, details={"before": before, "after": sharing})
    return connection


def sharing_json(connection: Connection) -> dict[str, Any]:
    """Who may use it, as the API and the page say it: {everyone, role, members (e-mail addresses)}."""
    sharing = connection.sharing
    emails: list[str] = []
    if sharing.get("members"):
        rows = Member.objects.of(connection.workspace_id).filter(user__in=sharing["members"])
        emails = list(rows.order_by("user__email").values_list("user__email", flat=True))
    return {"everyone": not sharing, "role": sharing.get("role") or None, "members": emails}


def _chosen(actor: Actor, role: str, members: Sequence[str]) -> dict[str, Any]:
    if role and role not in ROLES:
        hint = did_you_mean(role, list(ROLES))
        raise UserError("E_CHOICE", f"There is no role “{role[:40]}”.", field="sharing.role", hint=hint)
    if len(members) > MOST_MEMBERS:
        raise UserError("E_LENGTH", f"At most {MOST_MEMBERS} members are named.", field="sharing.members")
    known = dict(Member.objects.of(actor.workspace).values_list("user__email", "user_id"))
    chosen = []
    for email in members:
        pk = known.get(email.strip().lower())
        if pk is None:
            hint = did_you_mean(email[:200], list(known))
            text = f"“{email[:200]}” is no member of this workspace."
            raise UserError("E_NOT_FOUND", text, field="sharing.members", hint=hint)
        chosen.append(str(pk))
    if not role and not chosen:
        raise UserError(
            "E_REQUIRED", "Nobody could use it.", field="sharing", hint="Choose a role or members, or everybody."
        )
    return {"role": role, "members": sorted(set(chosen))}
