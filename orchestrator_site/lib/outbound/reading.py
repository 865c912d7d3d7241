"""While only reading is allowed, nothing that changes something leaves: the last gate below every client.

A dry run works within `only_reads`; the transports ask `check_request` before the first byte, whatever the code above
them meant to do. What is neither GET nor HEAD is a change, except a question that a service takes by POST (a search,
a model's answer, a token for our own key): an integration names the paths of those beforehand.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from orchestrator_site.lib.outbound.call import NotSent

READS = frozenset({"GET", "HEAD", "OPTIONS"})
_asks: ContextVar[tuple[str, ...] | None] = ContextVar("asks", default=None)


class WouldChange(NotSent):
    """A change wanted to leave where only reading is allowed; nothing left."""


@contextlib.contextmanager
def only_reads(asks: Sequence[str] = ()) -> Iterator[None]:
    """Within it, and in what is started from it, no change leaves; `asks` are paths that may be asked by POST."""
    token = _asks.set(tuple(asks))
    try:
        yield
    finally:
        _asks.reset(token)


def reads_only() -> bool:
    """Whether only reading is allowed here."""
    return _asks.get() is not None


def check_request(method: str, url: str) -> None:
    """Raise WouldChange for a request that may change something, where only reading is allowed."""
    asks = _asks.get()
    if asks is None or method.upper() in READS:
        return
    path = urlsplit(url).path
    if method.upper() == "POST" and any(fnmatchcase(path, pattern) for pattern in asks):
        return
    raise WouldChange(f"a dry run sends no {method.upper()} to {path[:200]}")


def check_change(what: str) -> None:
    """The same for a change by another protocol; `what` names it ("a mail")."""
    if reads_only():
        raise WouldChange(f"a dry run sends no {what}")
