"""The only way out: addresses are checked and pinned, one call is one request, and every failure says whether it left.

Blocking SDKs: `guarded_session(call)`, `GuardedAdapter(call)`, `GuardedHttp(call)` (for httplib2 users).
Async SDKs: `guarded_async_client("httpx2")` (openai, anthropic) or `("httpx")`, or the transport alone.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from orchestrator_site.lib.outbound.addresses import is_public
from orchestrator_site.lib.outbound.call import MAX_BYTES, Call, Lost, NotSent, TooMuch, TransportError
from orchestrator_site.lib.outbound.reading import WouldChange, check_change, only_reads, reads_only
from orchestrator_site.lib.outbound.resolve import resolve
from orchestrator_site.lib.outbound.urls import CheckedUrl, UrlBlocked, check_url

if TYPE_CHECKING:
    from orchestrator_site.lib.outbound.asynchronous import guarded_async_client, guarded_async_transport
    from orchestrator_site.lib.outbound.blocking import GuardedAdapter, GuardedSession, guarded_session
    from orchestrator_site.lib.outbound.httplib2_face import GuardedHttp

# Imported when first used: checking an address must not cost the import of three HTTP libraries.
_LATER = {
    "GuardedAdapter": "blocking",
    "GuardedSession": "blocking",
    "guarded_session": "blocking",
    "GuardedHttp": "httplib2_face",
    "guarded_async_client": "asynchronous",
    "guarded_async_transport": "asynchronous",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(name)
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)


__all__ = [
    "MAX_BYTES",
    "Call",
    "CheckedUrl",
    "GuardedAdapter",
    "GuardedHttp",
    "GuardedSession",
    "Lost",
    "NotSent",
    "TooMuch",
    "TransportError",
    "UrlBlocked",
    "WouldChange",
    "check_change",
    "check_url",
    "guarded_async_client",
    "guarded_async_transport",
    "guarded_session",
    "is_public",
    "only_reads",
    "reads_only",
    "resolve",
]
