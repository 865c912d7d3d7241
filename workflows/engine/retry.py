"""Whether another attempt may help, and when: error kind × policy → seconds to wait. Pure."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from workflows.engine.records import Failure

# Kinds of failure for which the same request may work later.
TEMPORARY = frozenset({"unavailable", "rate_limited", "timeout", "absent"})
LONGEST_WAIT = 24 * 3600.0


@dataclass(frozen=True)
class Policy:
    """How often and how patiently a step is tried again."""

    most: int = 2
    backoff: str = "exponential"
    delay: float = 2.0
    max_delay: float = 60.0


def wait_before_retry(
    policy: Policy, failure: Failure, attempt: int, jitter: Callable[[], float] = random.random
) -> float | None:
    """Seconds to wait after failed attempt number `attempt` (from 1), or None: do not try again.

    Attempts at which the service only asked to slow down are not counted (so it may be 0), but a step that is not to
    be tried again is not.

    What the service asks for (Retry-After) is never undercut. Jitter spreads the waits over ±25 %.
    """
    if attempt > policy.most or not policy.most or failure.kind not in TEMPORARY:
        return None
    waited = backoff(policy, max(1, attempt)) * (0.75 + 0.5 * jitter())
    asked = failure.retry_after or 0.0
    return min(LONGEST_WAIT, max(waited, asked * (1 + 0.1 * jitter())))


def backoff(policy: Policy, attempt: int) -> float:
    """The bare delay before attempt `attempt + 1`."""
    if policy.backoff == "fixed":
        grown = policy.delay
    elif policy.backoff == "linear":
        grown = policy.delay * attempt
    else:
        grown = policy.delay * 2 ** min(attempt - 1, 30)
    return min(policy.max_delay, grown)
