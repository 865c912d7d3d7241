"""Counting calls in the cache that all processes share; a broken cache lets calls through and says so in the log."""

from __future__ import annotations

import hashlib
import logging

from django.core.cache import caches
from django.core.cache.backends.db import DatabaseCache
from django.db import connection, transaction

from orchestrator_site.lib import clock
from orchestrator_site.lib.errors import RateLimited

log = logging.getLogger(__name__)


def hit(key: str, limit: int, period_seconds: int) -> RateLimited | None:
    """Count one call under `key`. Returns the refusal when more than `limit` fell into the period; 0 is no limit.

    Windows are fixed, so that one counter in the cache is all there is to agree on.
    """
    if limit <= 0:
        return None
    moment = clock.now().timestamp()
    window = int(moment // period_seconds)
    count = _count(_name(key, period_seconds, window), period_seconds)
    if count <= limit:
        return None
    left = (window + 1) * period_seconds - moment
    return RateLimited(
        f"More than {limit} requests in {_period(period_seconds)}.", retry_after=max(1.0, left), limit=limit
    )


def give_back(key: str, period_seconds: int) -> None:
    """Uncount one call of the running period: it turned out not to be one that is limited."""
    window = int(clock.now().timestamp() // period_seconds)
    _add(_name(key, period_seconds, window), -1, period_seconds)


def _name(key: str, period: int, window: int) -> str:
    return f"rate:{hashlib.sha256(key.encode()).hexdigest()[:32]}:{period}:{window}"


def _count(name: str, period: int) -> int:
    """Count one; returns how many there are now."""
    return _add(name, 1, period)


def _add(name: str, amount: int, period: int) -> int:
    try:
        return _add_once(name, amount, period)
    except Exception:
        log.exception("The shared cache does not count; the limit is not enforced")
        return 0


def _add_once(name: str, amount: int, period: int) -> int:
    cache = caches["shared"]
    if isinstance(cache, DatabaseCache):  # its incr reads, adds and writes: two processes would count one
        with transaction.atomic():
            _lock(name)
            count = max(0, int(cache.get(name) or 0) + amount)
            cache.set(name, count, timeout=period + 5)
            return count
    if cache.add(name, max(0, amount), timeout=period + 5):
        return amount
    try:
        return int(cache.incr(name, amount))
    except ValueError:  # it ran out between the two calls
        return 1


def _lock(name: str) -> None:
    """One at a time: on SQLite a transaction that writes is alone already; PostgreSQL has locks by number."""
    if connection.vendor == "postgresql":
        number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])


def _period(seconds: int) -> str:
    names = {1: "a second", 60: "a minute", 3600: "an hour", 86400: "a day"}
    return names.get(seconds, f"{seconds} seconds")
