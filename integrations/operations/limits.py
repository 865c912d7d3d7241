"""Limits of a connection: what its owner sets, what its service asks for, and how the service does just now.

The engine keeps them (`workflows.engine.limits`); the rows of what all workers have learned are only read here.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db import transaction

from accounts import audit
from accounts.actor import Actor
from integrations import registry
from integrations.models import Breaker, Bucket, Connection
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.errors import UserError

MOST_A_MINUTE = 1_000_000
MOST_AT_ONCE = 10_000
NAMES = {"requests_per_minute": MOST_A_MINUTE, "at_once": MOST_AT_ONCE}


def set_limits(actor: Actor, connection: Connection, **limits: int | None) -> Connection:
    """Set `requests_per_minute` and `at_once`: None leaves it to the service, 0 is no limit. Raises UserError E_RANGE.

    They hold for all workers together, for calls that begin from a second later on.
    """
    actor.require("connections")
    before = {name: getattr(connection, name) for name in limits}
    for name, value in limits.items():
        setattr(connection, name, check_limit(name, value))
    after = {name: getattr(connection, name) for name in limits}
    if after != before:
        with transaction.atomic():
            connection.save(update_fields=list(limits))
            audit.record(actor, "connection.limits", connection, details={"before": before, "after": after})
    return connection


def check_limit(name: str, value: int | None) -> int | None:
    """A limit as it may be stored. Raises UserError E_RANGE."""
    if value is not None and (type(value) is not int or not 0 <= value <= NAMES[name]):
        raise UserError(
            "E_RANGE",
            f"It must be a whole number from 0 (no limit) to {NAMES[name]:,}.",
            field=name,
            hint="Leave it empty to keep what the service asks for.",
        )
    return value


def declared_limits(service: str) -> str:
    """What a service asks for by itself, in words; empty where it asks for nothing."""
    integration = registry.get_integration(service)
    return " and ".join(limit.words for limit in integration.limits) if integration else ""


def health_of(connection: Connection) -> dict[str, Any]:
    """How the service does, as all workers have learned: {state, since, last_error, blocked_until, retry_at}.

    state: ok; slowed (it asked us to wait); failing (no call is made); trying (one call is made to see).
    """
    bucket, breaker = _bucket(connection), _breaker(connection)
    blocked = bucket.blocked_until if bucket and bucket.blocked_until and bucket.blocked_until > now() else None
    found: dict[str, Any] = {
        "state": "slowed" if blocked else "ok", "since": None, "last_error": "", "blocked_until": blocked,
        "retry_at": None,
    }  # fmt: skip
    if breaker is not None and breaker.state != "closed" and not _healed(connection, breaker.opened_at):
        found |= {"state": "trying" if breaker.state == "half_open" else "failing", "retry_at": breaker.retry_at}
        found |= {"since": breaker.since, "last_error": breaker.last_error}
    return found


def _healed(connection: Connection, opened: datetime | None) -> bool:
    """Changed, or tried with success, since the breaker opened: it begins anew."""
    tried = connection.checked_at if connection.status == "works" else None
    return opened is not None and any(at is not None and at > opened for at in (connection.updated_at, tried))


def _bucket(connection: Connection) -> Bucket | None:
    try:
        return connection.bucket
    except ObjectDoesNotExist:
        return None


def _breaker(connection: Connection) -> Breaker | None:
    try:
        return connection.breaker
    except ObjectDoesNotExist:
        return None
