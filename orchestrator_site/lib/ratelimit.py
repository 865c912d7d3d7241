"""Counting calls in the cache that all processes share; a broken cache lets calls through and says so in the log."""

from __future__ import annotations

import hashlib
import logging

from django.core.cache import caches

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


def is_full(key: str, limit: int, period_seconds: int) -> RateLimited | None:
    """The refusal when `limit` calls were counted under `key` already; counts nothing itself."""
    if limit <= 0:
        return None
    moment = clock.now().timestamp()
    window = int(moment // period_seconds)
    try:
        count = int(caches["shared"].get(_name(key, period_seconds, window)) or 0)
    except Exception:
        log.exception("The shared cache does not answer; the limit is not enforced")
        return None
    if count < limit:
        return None
    left = max(1.0, (window + 1) * period_seconds - moment)
    return RateLimited(f"More than {limit} tries in {_period(period_seconds)}.", retry_after=left, limit=limit)


def _name(key: str, period: int, window: int) -> str:
    return f"rate:{hashlib.sha256(key.encode()).hexdigest()[:32]}:{period}:{window}"


def _count(name: str, period: int) -> int:
    cache = caches["shared"]
    try:
        if cache.add(name, 1, timeout=period + 5):
            return 1
        return int(cache.incr(name))
    except ValueError:  # it ran out between the two calls
        return 1
    except Exception:
        log.exception("The shared cache does not count; the limit is not enforced")
        return 0


def _period(seconds: int) -> str:
    names = {1: "a second", 60: "a minute", 3600: "an hour", 86400: "a day"}
    return names.get(seconds, f"{seconds} seconds")
