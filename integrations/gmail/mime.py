"""A mail as Gmail hands it over, into words: headers decoded, the right part chosen, HTML turned into text. Pure.

Mail breaks every rule it has: unknown and wrong character sets, half-encoded headers, addresses without an @, dates of
no calendar. Nothing here raises for what a mail contains.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message as Mail
from email.utils import getaddresses, parsedate_to_datetime
from html import unescape
from typing import Any

from integrations.gmail.interface import MAIL, Address, Attachment, Message
from orchestrator_site.lib.json import repair_text
from orchestrator_site.lib.text import html_to_text

Part = Mapping[str, Any]
MAX_TEXT = 1024 * 1024
MAX_ENCODED_WORDS, MAX_ADDRESSES = 500, 20_000
_SEVEN_BIT = re.compile(r"iso-?2022|utf-?7|utf-?16|utf-?32|^hz", re.IGNORECASE)
_IN_ANGLES = re.compile(r"<\s{0,20}([^<>\s]{1,400})\s{0,20}>")
_SPACES = re.compile(r"\s+")


def message_of(data: Mapping[str, Any], labels: Mapping[str, str] | None = None) -> Message:
    """The mail in Gmail's `full` form; `labels` are names by label id."""
    payload = data.get("payload") if isinstance(data.get("payload"), Mapping) else {}
    headers = _headers(payload or {})
    plain, markup = _bodies(payload or {})
    identifier = str(data.get("id", ""))
    return Message(
        id=identifier,
        thread_id=str(data.get("threadId", "")),
        message_id=_one_line(headers.get("message-id", "")),
        sender=(_addresses(headers.get("from", "")) or [Address()])[0],
        to=_addresses(headers.get("to", "")),
        cc=_addresses(headers.get("cc", "")),
        reply_to=_addresses(headers.get("reply-to", "")),
        subject=header_text(headers.get("subject", "")),
        date=_date(headers.get("date", ""), data.get("internalDate")),
        snippet=repair_text(unescape(str(data.get("snippet", "")))),
        text=(plain.strip() or html_to_text(markup))[:MAX_TEXT],
        html=markup[:MAX_TEXT],
        labels=[(labels or {}).get(str(name), str(name)) for name in data.get("labelIds") or ()],
        attachments=list(_attachments(payload or {})),
        url=f"{MAIL}#all/{identifier}",
    )


def parts_left_out(payload: Part) -> list[tuple[str, str]]:
    """(part id, attachment id) of text that Gmail left out for its size; it is fetched apart."""
    left_out = []
    for part in walk(payload):
        body = part.get("body") or {}
        if _is_text(part) and not body.get("data") and body.get("attachmentId"):
            left_out.append((str(part.get("partId", "")), str(body["attachmentId"])))
    return left_out


def walk(part: Part, depth: int = 0) -> Iterator[Part]:
    """A part and all parts below it, in the order of the mail."""
    if depth > 50 or not isinstance(part, Mapping):
        return
    yield part
    for child in part.get("parts") or ():
        yield from walk(child, depth + 1)


def header_text(value: str) -> str:
    """A header with its encoded words decoded, on one line."""
    if not 1 <= value.count("=?") <= MAX_ENCODED_WORDS:  # none; or so many that decoding them takes seconds
        return _one_line(value)
    try:
        pieces = decode_header(value)
    except (HeaderParseError, binascii.Error, ValueError, LookupError, RecursionError):
        return _one_line(value)
    words = (decode_bytes(p, c or "ascii") if isinstance(p, bytes) else str(p) for p, c in pieces)
    return _one_line("".join(words))


def decode_bytes(data: bytes, charset: str) -> str:
    """Text out of bytes: UTF-8 where it is that (Gmail often converts and keeps the old label), else as labelled, else
    as Windows writes it."""
    order = [charset, "utf-8"] if _SEVEN_BIT.search(charset) else ["utf-8", charset]
    for name in [*order, "windows-1252"]:
        try:
            return repair_text(codecs.decode(data, name))
        except (UnicodeError, LookupError, ValueError, AssertionError, TypeError):
            continue
    return repair_text(data.decode("utf-8", "replace"))


def _headers(part: Part) -> dict[str, str]:
    """Headers by lower-case name; repeated To and Cc are joined, else the first one counts."""
    found: dict[str, str] = {}
    for header in part.get("headers") or ():
        name, value = str(header.get("name", "")).lower(), str(header.get("value", ""))
        if name in ("to", "cc", "reply-to") and name in found:
            found[name] += f", {value}"
        else:
            found.setdefault(name, value)
    return found


def _bodies(payload: Part) -> tuple[str, str]:
    """The plain text and the HTML of a mail: all such parts that are not attachments, in their order."""
    texts: dict[str, list[str]] = {"text/plain": [], "text/html": []}
    for part in walk(payload):
        if _is_text(part):
            texts[_kind(part)].append(_content(part))
    return "\n\n".join(text.strip("\n") for text in texts["text/plain"] if text.strip()), "\n".join(texts["text/html"])


def _kind(part: Part) -> str:
    return str(part.get("mimeType", "")).lower()


def _is_text(part: Part) -> bool:
    disposition = _headers(part).get("content-disposition", "").lower()
    return (
        _kind(part) in ("text/plain", "text/html")
        and not part.get("filename")
        and not disposition.startswith("attachment")
    )


def _content(part: Part) -> str:
    header = Mail()
    header["Content-Type"] = _one_line(_headers(part).get("content-type", "text/plain"))
    try:
        charset = str(header.get_content_charset() or header.get_param("charset") or "utf-8")
    except (TypeError, ValueError, LookupError):
        charset = "utf-8"
    return decode_bytes(_bytes((part.get("body") or {}).get("data", "")), charset).replace("\r\n", "\n")


def _bytes(data: Any) -> bytes:
    text = re.sub(r"[^A-Za-z0-9_-]", "", str(data or "").replace("+", "-").replace("/", "_"))
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return b""


def _attachments(payload: Part) -> Iterator[Attachment]:
    for part in walk(payload):
        body = part.get("body") or {}
        named = header_text(str(part.get("filename") or ""))
        if not (named or (body.get("attachmentId") and not _is_text(part))):
            continue
        yield Attachment(
            id=str(body.get("attachmentId") or f"part-{part.get('partId', '')}"),
            filename=named or "unnamed",
            mime_type=_kind(part) or "application/octet-stream",
            size=int(body.get("size") or 0),
        )


def _addresses(value: str) -> list[Address]:
    """The people in a header. Addresses are taken apart before names are decoded: a decoded name may hold commas."""
    if len(value) > MAX_ADDRESSES:  # the parser's time grows with it, and nobody reads so many
        value = value[:MAX_ADDRESSES].rpartition(",")[0] or value[:MAX_ADDRESSES]
    try:
        pairs = getaddresses([_one_line(value)])
    except (TypeError, ValueError, IndexError, RecursionError):  # comments may be nested as deep as one likes
        pairs = []
    if not any(address for _, address in pairs):
        pairs = _loose(_one_line(value))
    people = [Address(name=header_text(name), email=_one_line(address)) for name, address in pairs]
    return [person for person in people if person.name or person.email]


def _loose(value: str) -> list[tuple[str, str]]:
    """What can be made of a header that no parser accepts; an empty group (undisclosed-recipients:;) is nobody."""
    if re.fullmatch(r"[^:<>@]*:\s*;?", value):
        return []
    found, last = [], 0
    for match in _IN_ANGLES.finditer(value):
        name = re.split(r"[<>,]", value[last : match.start()])[-1]
        found.append((name.strip(' ",'), match[1]))
        last = match.end()
    return found or ([(value, "")] if value and "@" not in value else [("", value)] if value else [])


def _date(header: str, internal: Any) -> str:
    try:
        when = parsedate_to_datetime(_one_line(header[:200]))
        when = when if when.tzinfo else when.replace(tzinfo=UTC)
        when.astimezone(UTC)
    except (TypeError, ValueError, IndexError, OverflowError, RecursionError):
        try:
            when = datetime.fromtimestamp(int(internal) / 1000, UTC)
        except (TypeError, ValueError, OverflowError, OSError):
            return ""
    return when.isoformat(timespec="seconds")


def _one_line(value: str) -> str:
    return repair_text(_SPACES.sub(" ", str(value)).strip())
