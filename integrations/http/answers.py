"""What an answer means: its body as a value, its status as a success or one of the four kinds of failure. Pure."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from integrations.errors import Rejected, ServiceError, Unavailable, Unreadable
from integrations.files import clean_name
from integrations.http.interface import Answer
from integrations.http_failures import from_status, unreadable
from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.json import MIB, clean_json, repair_text

TEXT_SHOWN = 256 * 1024
KEPT_JSON = 256 * 1024
_CHARSET = re.compile(r"charset=[\"']?([\w.:-]{1,40})", re.IGNORECASE)
_NAMES = ("message", "error_description", "detail", "error", "title", "reason", "errors")


def host_of(url: str) -> str:
    """The name of the service for sentences."""
    return urlsplit(url).netloc or "The service"


def text_of(answer: Answer) -> str:
    """The body as text, in the charset that it names."""
    named = _CHARSET.search(answer.headers.get("content-type", ""))
    try:
        charset = codecs.lookup(named[1]).name if named else "utf-8"
        text = answer.content.decode(charset, "replace")
    except (LookupError, UnicodeError, ValueError):
        text = answer.content.decode("utf-8", "replace")
    return repair_text(text.removeprefix("\ufeff"))


def is_json(answer: Answer) -> bool:
    """Whether the answer says that it is JSON."""
    kind = answer.media_type
    return kind in ("application/json", "text/json") or kind.endswith("+json")


def body_of(answer: Answer, expect: str) -> Any:
    """The parsed JSON, or the text. Raises Unreadable where JSON was expected or promised and is not there."""
    wanted = expect == "json" or (expect == "auto" and is_json(answer))
    if not wanted or not answer.content.strip():
        if expect == "json" and answer.status != 204 and not answer.content.strip():
            raise unreadable(host_of(answer.url), "JSON (it is empty)")
        return text_of(answer)
    if answer.truncated:
        raise unreadable(host_of(answer.url), f"JSON of at most {MIB // 1024} KiB")
    try:
        return clean_json(answer.content, max_bytes=64 * MIB, max_string=64 * MIB, field="answer", repair=True)
    except UserError as wrong:
        raise Unreadable(
            f"{host_of(answer.url)} answered with something that is not JSON: {wrong.message}",
            status=answer.status,
            hint="A proxy or a sign-in page may stand between; or choose “text” as what is expected.",
        ) from None


def fields(answer: Answer, expect: str) -> dict[str, Any]:
    """The output's fields."""
    text, body = text_of(answer), body_of(answer, expect)
    return {
        "status": answer.status,
        "ok": 200 <= answer.status < 300,
        "headers": {name: repair_text(value) for name, value in answer.headers.items() if name != "set-cookie"},
        "body": body,
        "text": text[:TEXT_SHOWN],
        "url": answer.url,
        "truncated": answer.truncated or len(text) > TEXT_SHOWN,
    }


def failure(answer: Answer) -> ServiceError:
    """The failure for a status that is none of success."""
    service = host_of(answer.url)
    if answer.status in (301, 307, 308):
        return Rejected(
            f"{service} says that this address has moved ({answer.status}); a change is not sent on.",
            status=answer.status,
            refused=True,
            hint="Open the address in a browser to see where it leads, and write that one.",
        )
    if answer.status < 400:
        return Unavailable(
            f"{service} answered with a redirect ({answer.status}) and not with a result.",
            status=answer.status,
            hint="It may be a sign-in page. If this status is right here, allow it in the step.",
        )
    hint = ""
    if answer.status in (401, 403):
        hint = "Choose a connection with the right key in the step, or test the one it has."
    elif answer.status == 404:
        hint = "Check the address."
    elif answer.status == 405:
        hint = "Check the method."
    found = from_status(service, answer.status, said(answer), headers=answer.headers, hint=hint)
    found.broken = False  # one address of many says no: another may take the same key
    return found


def said(answer: Answer) -> str:
    """The service's own sentence about a failure, as well as it can be found."""
    if is_json(answer):
        try:
            value = clean_json(answer.content, max_bytes=MIB, repair=True)
        except UserError:
            return f"status {answer.status}"
        return _sentence(value)[:300] or f"status {answer.status}"
    text = " ".join(text_of(answer)[:2000].split())
    plain = answer.media_type == "text/plain" and text
    return f"status {answer.status}: {text[:200]}" if plain else f"status {answer.status}"


def _sentence(value: Any) -> str:
    for _ in range(4):
        if isinstance(value, list) and value:
            value = value[0]
        elif isinstance(value, Mapping):
            value = next((value[name] for name in _NAMES if value.get(name)), "")
        else:
            break
    return " ".join(value.split()) if isinstance(value, str) else ""


def identity(answer: Answer, body: Any) -> tuple[str, str]:
    """The id and the address of what was made, where the answer tells them."""
    made = body if isinstance(body, Mapping) else {}
    found = made.get("id")
    name = str(found)[:300] if isinstance(found, (str, int)) and not isinstance(found, bool) else ""
    urls = (made.get(key) for key in ("html_url", "web_url", "url", "self"))
    url = next((one for one in urls if isinstance(one, str) and one.startswith("https://")), "")
    return name, url[:1000]


def kept(shown: Mapping[str, Any], size: int) -> dict[str, Any]:
    """What the ledger keeps of an answer: a long one is cut, and says so."""
    if size <= KEPT_JSON:
        return dict(shown)
    cut = str(shown["text"])[: KEPT_JSON // 4]
    body = cut if isinstance(shown["body"], str) else None
    return {**shown, "body": body, "text": cut, "truncated": True}


def file_name(answer: Answer) -> str:
    """A name for the file that came."""
    given = re.search(r"filename\*?=(?:UTF-8'')?\"?([^\";]{1,200})", answer.headers.get("content-disposition", ""))
    return clean_name(unquote(given[1] if given else urlsplit(answer.url).path.rpartition("/")[2]))
