"""What the actions ask of a client, the real one or the sandbox's, and how an address is put together. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from integrations.context import ConnectionReport
from integrations.errors import Rejected
from orchestrator_site.lib.json import MIB
from orchestrator_site.lib.outbound import UrlBlocked, check_url
from orchestrator_site.lib.templating.values import as_text

READ_LIMIT = 8 * MIB
ANSWER_LIMIT = MIB
USER_AGENT = "AI-Workflow-Orchestrator"
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\U0010ffff]{0,8192}")
# What the transport itself decides; a value from outside could split or redirect the request.
_OURS = frozenset(
    {
        *("host", "content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "te", "trailer"),
        *("expect", "accept-encoding", "proxy-authorization", "proxy-connection"),
    }
)


@dataclass(frozen=True)
class Request:
    """One request. An answer longer than `limit` is cut where `cut` says so, else refused."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""
    limit: int = READ_LIMIT
    cut: bool = False
    key: str = ""


@dataclass(frozen=True)
class Answer:
    """What came back: the headers' names are in small letters, `url` is where a redirect led to."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    url: str
    truncated: bool = False

    @property
    def media_type(self) -> str:
        """The content type without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


class HttpClient(Protocol):
    """One connection, or none; the key goes along where it may."""

    base_url: str

    async def ask(self, request: Request) -> Answer:
        """Send once. GET and HEAD follow up to three redirects, each checked anew. Raises ServiceError."""
        ...

    async def describe(self) -> ConnectionReport:
        """What answers at the connection's address."""
        ...


def origin_of(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of an address that may be called. Raises UrlBlocked."""
    checked = check_url(url, look_up=False)
    return checked.scheme, checked.host, checked.port


def full_address(base_url: str, url: str, query: Mapping[str, Any], field: str = "url") -> str:
    """The whole address of a request, within the connection's host where there is a connection.

    Raises Rejected, with nothing sent, for one that leads elsewhere or may not be called at all.
    """
    whole = url.strip()
    if "://" not in whole:
        if not base_url:
            raise Rejected(
                f"“{whole[:80]}” is no whole address.",
                code="E_URL",
                refused=True,
                hint="Write https:// and the host, or choose a connection whose address it is below.",
            )
        whole = f"{base_url.rstrip('/')}/{whole.lstrip('/')}" if whole.strip("/") else base_url
    try:
        checked = check_url(whole, field=field, look_up=False)
        if base_url and origin_of(base_url) != (checked.scheme, checked.host, checked.port):
            host = urlsplit(base_url).netloc
            raise Rejected(
                f"The key of this connection is only for {host}, and this address is at {checked.host}.",
                code="E_URL_HOST",
                refused=True,
                hint="Choose another connection, or none, or write a path below the connection's address.",
            )
    except UrlBlocked as blocked:
        raise Rejected(blocked.message, code=blocked.code, refused=True, hint=blocked.hint or "") from None
    return with_query(checked.url, query)


def with_query(url: str, query: Mapping[str, Any]) -> str:
    """The address with more parameters; a list gives one for each item, null none."""
    parts = urlsplit(url)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    for name, value in query.items():
        values = value if isinstance(value, list) else [value]
        pairs += [(name, as_text(one)) for one in values if one is not None]
    return urlunsplit(parts._replace(query=urlencode(pairs) if query else parts.query, fragment=""))


def clean_headers(given: Mapping[str, str]) -> dict[str, str]:
    """Headers as they may be sent. Raises Rejected for a name or a value that could become something else."""
    for name, value in given.items():
        if not _TOKEN.fullmatch(name) or name.lower() in _OURS:
            raise Rejected(
                f"The header “{name[:60]}” cannot be set.",
                code="E_HEADER",
                refused=True,
                hint="Names have letters, digits and hyphens; length, host and encoding are set by us.",
            )
        if not _VALUE.fullmatch(value):
            raise Rejected(
                f"The header {name} has a value with a line break or another control character.",
                code="E_HEADER",
                refused=True,
                hint="Take it out, for example with the filter strip_newlines.",
            )
    return dict(given)
