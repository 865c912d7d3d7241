"""A delivery as a run sees it, made of the bytes as they came; and what tells it from others. Pure."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from integrations.trigger_spec import Signature
from orchestrator_site.lib.clock import moment
from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.json import MIB, JSONValue, clean_json, dumps, repair_text

MOST_BYTES = 5 * MIB
MOST_HEADERS, LONGEST_HEADER = 100, 8192
MOST_FIELDS = 1000
MOST_KEY = 200
FORM = "application/x-www-form-urlencoded"
SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "x-csrftoken"})
ID_HEADERS = ("idempotency-key", "x-delivery-id", "x-request-id", "webhook-id")


def kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that are stored and that runs see: lower-case names, nothing that lets anybody in."""
    kept = {name: repair_text(value)[:LONGEST_HEADER] for name, value in headers.items() if name not in SECRET_HEADERS}
    return dict(list(kept.items())[:MOST_HEADERS])


def read_query(text: str) -> dict[str, JSONValue]:
    """The query of the address: text, or a list of texts where a name comes more than once. Raises UserError."""
    try:
        found = parse_qs(text, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise UserError("E_BODY", "The query cannot be read.", field="query", limit=MOST_FIELDS) from None
    return {repair_text(name): _one([repair_text(value) for value in values]) for name, values in found.items()}


def _one(values: list[str]) -> JSONValue:
    return values[0] if len(values) == 1 else list(values)


def read_content(raw: bytes, content_type: str) -> JSONValue:
    """The body: JSON as its value, a form as its fields (one that holds JSON as `payload` is that), else text.

    Bytes that are no text become base64. Raises UserError: E_JSON, E_JSON_DEPTH, E_NUMBER …
    """
    kind = content_type.split(";")[0].strip().lower()
    if not raw:
        return None
    if kind == FORM:
        return _form(raw)
    if kind.endswith(("/json", "+json")) or (kind in ("", "text/plain") and raw.lstrip()[:1] in (b"{", b"[")):
        return _json(raw)
    try:
        return repair_text(raw.decode("utf-8"))
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(raw).decode(), "content_type": kind}


def _json(raw: bytes | str) -> JSONValue:
    return clean_json(raw, max_bytes=MOST_BYTES, max_string=MOST_BYTES, repair=True)


def _form(raw: bytes) -> JSONValue:
    try:
        text = raw.decode("utf-8")
        fields = parse_qs(text, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise UserError("E_BODY", "The form cannot be read.", field="body", limit=MOST_FIELDS) from None
    if set(fields) == {"payload"} and len(fields["payload"]) == 1 and fields["payload"][0].lstrip()[:1] in ("{", "["):
        return _json(fields["payload"][0])
    return {repair_text(name): _one([repair_text(value) for value in values]) for name, values in fields.items()}


def delivery_data(
    id: str, received: datetime, headers: Mapping[str, Any], query: Mapping[str, Any], body: JSONValue
) -> dict[str, Any]:
    """What the run of a delivery sees as `trigger`."""
    return {
        "id": id,
        "received_at": moment(received),
        "body": body,
        "headers": dict(headers),
        "query": dict(query),
    }


def delivery_key(
    rule: str, scheme: Signature | None, signed: bool, stamp: str, headers: Mapping[str, str], query: str, raw: bytes,
    body: JSONValue,
) -> str | None:  # fmt: skip
    """What tells this delivery from others; the same key counts once.

    `rule`: "auto", "off", "header:NAME" or "path:data.id". Auto takes the id inside a signed body, else its bytes: a
    header that nobody signed says nothing there. Where the sender proves itself another way, its id header counts.
    """
    if rule == "off":
        return None
    named = ""
    if rule.startswith("header:"):
        named = headers.get(rule.removeprefix("header:").strip().lower(), "")
    elif rule.startswith("path:"):
        named = _at(body, rule.removeprefix("path:").strip())
    elif scheme is not None and scheme.id_path:
        named = _at(body, scheme.id_path)
    elif not signed:
        named = next((headers[name] for name in ID_HEADERS if headers.get(name)), "")
    if named:
        return short_key(f"id:{repair_text(named)}")
    whole = hashlib.sha256(raw)
    whole.update(b"\x00" + (stamp if signed else query).encode("utf-8", "replace"))
    return f"body:{whole.hexdigest()}"


def _at(body: JSONValue, path: str) -> str:
    found: Any = body
    for part in path.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    if found is None or isinstance(found, bool) or found == "":
        return ""
    return found if isinstance(found, str) else dumps(found)


def short_key(key: str) -> str:
    """A key as it is stored: one that is too long ends in its hash."""
    if len(key) <= MOST_KEY:
        return key
    return f"{key[: MOST_KEY - 65]} {hashlib.sha256(key.encode()).hexdigest()}"
