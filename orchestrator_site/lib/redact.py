"""Takes secrets out of text before it is logged, stored or shown: living ones by value, all others by their shape."""

from __future__ import annotations

import json
import os
import re
import threading
from collections import OrderedDict
from collections.abc import MutableMapping
from typing import Any

REDACTED = "[redacted]"
_MAX_SECRETS = 2000
_SHORTEST = 8
_LONGEST_TEXT = 1024 * 1024

_lock = threading.Lock()
_living: OrderedDict[str, None] = OrderedDict()
_snapshot: tuple[str, ...] = ()

_SHAPES = re.compile(
    r"""
      \bsk-[A-Za-z0-9_-]{6,}
    | \bgh[pousr]_[A-Za-z0-9_]{6,}
    | \bgithub_pat_\w{6,}
    | \bntn_\w{6,}
    | \bsecret_[A-Za-z0-9]{24,}
    | \bya29\.[\w.-]{6,}
    | \b1//[\w-]{16,}
    | \bxox[abeprs]-[\w-]{6,}
    | \bAKIA[0-9A-Z]{16}
    | \bAIza[\w-]{30,}
    | \bGOCSPX-[\w-]{10,}
    | \bawo_[a-z0-9]{8}_[\w-]{16,}
    | \beyJ[\w-]{6,}\.[\w-]{6,}\.[\w-]*
    | -----BEGIN\ [A-Z ]{0,30}PRIVATE\ KEY-----(?:[\w+/=\s\\:,.]|-(?!-)){0,20000}(?:-----END\ [A-Z ]{0,30}KEY-----)?
    """,
    re.VERBOSE,
)
# Every shape holds one of these; looking for them first is a hundred times cheaper than the pattern.
_SHAPE_MARKS = (
    *("sk-", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "ntn_", "secret_", "ya29.", "1//", "xox", "AKIA"),
    *("AIza", "GOCSPX-", "awo_", "eyJ", "-----BEGIN"),
)
_HEADERS = re.compile(
    r"(?i)((?:authorization|x-api-key|api-key|cookie|set-cookie|x-csrftoken)[\"']?\s{0,4}[:=]\s{0,4}[\"']?)"
    r"(?:(?:bearer|basic|token)\s{1,4})?[^\s\"',;]{4,}"
)
_BEARER = re.compile(r"(?i)\b(bearer|basic)(\s{1,4})[\w.~+/=-]{8,}")
_USERINFO = re.compile(r"(://[^/\s:@]{1,200}:)[^/\s@]{1,500}@")
_NAMES = frozenset(
    [
        "password",
        "passwd",
        "secret",
        "token",
        "api_key",
        "apikey",
        "access_token",
        "refresh_token",
        "id_token",
        "client_secret",
        "private_key",
        "authorization",
        "cookie",
        "secret_key",
        "field_key",
        "webhook_secret",
        "x-api-key",
    ]
)


# One look instead of twenty; over a long text twenty searches for a word are quicker.
_SHORT_TEXT = 200
_ANY_MARK = re.compile(
    "|".join(
        re.escape(mark)
        for mark in (*_SHAPE_MARKS, "authorization", "api-key", "cookie", "csrf", "bearer", "basic", "@")
    ),
    re.IGNORECASE,
)


def remember(secret: str) -> None:
    """From now on this value is taken out of every text. Values that are short or plain words are not remembered."""
    global _snapshot
    forms = [form for form in _forms(secret) if _is_worth_it(form)]
    with _lock:
        for form in forms:
            _living[form] = None
            _living.move_to_end(form)
        while len(_living) > _MAX_SECRETS:
            _living.popitem(last=False)
        if forms:
            _snapshot = tuple(sorted(_living, key=len, reverse=True))


def _is_worth_it(form: str) -> bool:
    """Long and mixed enough for a secret: nobody's "https://" or "workflow" may vanish from everybody's texts."""
    if len(form) < _SHORTEST or "://" in form:
        return False
    return len(form) >= 16 or (any(c.isdigit() for c in form) and any(c.isalpha() for c in form))


def _forms(secret: str) -> list[str]:
    """The value as it is, as it stands in JSON, and the long lines of a key of several lines."""
    forms = [secret, secret.strip(), json.dumps(secret)[1:-1]]
    if "\n" in secret:
        forms += [line.strip() for line in secret.splitlines() if len(line.strip()) >= 24]
    return list(dict.fromkeys(forms))


def redact(text: str) -> str:
    """`text` with secrets replaced by [redacted]."""
    if len(text) > _LONGEST_TEXT:
        text = text[:_LONGEST_TEXT] + "…"
    for secret in _snapshot:
        if secret in text:
            text = text.replace(secret, REDACTED)
    if len(text) < _SHORT_TEXT and _ANY_MARK.search(text) is None:
        return text
    if any(mark in text for mark in _SHAPE_MARKS):
        text = _SHAPES.sub(REDACTED, text)
    small = text.lower()
    if any(mark in small for mark in ("authorization", "api-key", "cookie", "csrf")):
        text = _HEADERS.sub(rf"\1{REDACTED}", text)
    if "bearer" in small or "basic" in small:
        text = _BEARER.sub(rf"\1\2{REDACTED}", text)
    return _USERINFO.sub(rf"\1{REDACTED}@", text) if "@" in text else text


def redact_value(value: Any) -> Any:
    """A JSON value with secrets taken out of its texts; fields named like a secret lose their whole text."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {redact(str(key)): _field(str(key), item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [redact_value(item) for item in value]
    return value


def _field(name: str, value: Any) -> Any:
    if name.lower() in _NAMES and isinstance(value, str) and value:
        return REDACTED
    return redact_value(value)


def redact_event(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor."""
    for key in list(event):
        value = event[key]
        plain = value is None or isinstance(value, (str, int, float, bool, dict, list, tuple))
        event[key] = _field(key, value if plain else str(value))
    return event


def _after_fork() -> None:
    """A lock that another thread of the parent held is nobody's in the child."""
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
