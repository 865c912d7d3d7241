"""Headers and query parameters of the API, read once and refused in one sentence."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING
from uuid import UUID

from orchestrator_site.lib.errors import NotFound, UserError
from orchestrator_site.lib.names import nearest

if TYPE_CHECKING:
    from rest_framework.request import Request

MAX_WAIT_SECONDS = 60
MAX_SEARCH, MAX_WORDS = 200, 10
_WAIT = re.compile(r"^wait\s*=\s*\"?(\d{1,4})\"?$")


def prefer(request: Request) -> tuple[float, bool]:
    """The `Prefer` header (RFC 7240): seconds to wait (0 to 60; what is not understood is ignored), respond-async."""
    seconds, respond_async = 0.0, False
    for part in str(request.headers.get("Prefer", "")).split(","):
        wish = part.strip().lower()
        found = _WAIT.match(wish)
        if found:
            seconds = float(min(MAX_WAIT_SECONDS, int(found[1])))
        respond_async = respond_async or wish == "respond-async"
    return seconds, respond_async


def idempotency_key(request: Request) -> str | None:
    """The Idempotency-Key: 1 to 128 visible ASCII characters, or None when absent. Raises UserError E_IDEM_KEY."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not 1 <= len(key) <= 128 or not all("!" <= character <= "~" for character in key):
        raise UserError(
            "E_IDEM_KEY",
            "Idempotency-Key must be 1 to 128 visible ASCII characters.",
            field="Idempotency-Key",
            hint="Use a UUID.",
            limit=128,
        )
    return key


def if_match(request: Request) -> str | None:
    """The tag of If-Match without quotes, or None when absent."""
    tag = request.headers.get("If-Match")
    return None if tag is None else tag.strip().removeprefix("W/").strip('"')


def flag(request: Request, name: str) -> bool:
    """Whether a query parameter is switched on (1, true, yes)."""
    return request.query_params.get(name, "").lower() in ("1", "true", "yes")


def search(request: Request, name: str = "q") -> str:
    """A search text: at most 200 characters and 10 words, no control characters."""
    text = request.query_params.get(name, "")
    if "\x00" in text or any(ord(character) < 32 for character in text):
        raise UserError("E_TEXT_CONTROL", f"{name} holds control characters.", field=name)
    if len(text) > MAX_SEARCH:
        raise UserError("E_LENGTH", f"{name} may have {MAX_SEARCH} characters.", field=name, limit=MAX_SEARCH)
    if len(text.split()) > MAX_WORDS:
        raise UserError("E_LENGTH", f"{name} may have {MAX_WORDS} words.", field=name, limit=MAX_WORDS)
    return text.strip()


def choice(request: Request, name: str, allowed: Collection[str]) -> str:
    """A query parameter that must be one of `allowed`; "" when absent. Raises UserError E_CHOICE."""
    value = request.query_params.get(name, "")
    if value and value not in allowed:
        close = nearest(value, allowed)
        raise UserError(
            "E_CHOICE",
            f"{name} must be one of: {', '.join(sorted(allowed))}.",
            field=name,
            hint=f"Did you mean {close}?" if close else None,
        )
    return value


def number(request: Request, name: str, default: int, *, low: int, high: int) -> int:
    """A whole number, clamped to low..high. Raises UserError E_TYPE for anything else."""
    value = request.query_params.get(name)
    if value is None:
        return default
    if not re.fullmatch(r"-?\d{1,18}", value):
        raise UserError("E_TYPE", f"{name} must be a whole number.", field=name)
    return min(high, max(low, int(value)))


def known_only(request: Request, names: Collection[str]) -> None:
    """Refuse query parameters nobody reads: a misspelt filter must not show everything. Raises E_UNKNOWN_FIELD."""
    for name in request.query_params:
        if name not in names:
            close = nearest(name, names)
            raise UserError(
                "E_UNKNOWN_FIELD",
                f"{name[:60]} is not a parameter here.",
                field=name[:60],
                hint=f"Did you mean {close}?" if close else f"Known here: {', '.join(sorted(names))}.",
            )


def uuid_or_404(text: str, what: str) -> UUID:
    """An id from the URL; a malformed one is simply not there, in the words for any other that is not."""
    try:
        return UUID(str(text))
    except ValueError:
        raise NotFound(f"That {what} is not here.") from None
