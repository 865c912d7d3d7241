"""The Model Context Protocol on the wire: requests in both of its eras, answers as JSON or as a stream. Pure.

Since 2026-07-28 each request says all there is to know and there are no sessions; before, a session is opened first.
Reference: https://modelcontextprotocol.io/specification/2026-07-28/basic/transports and .../2025-11-25/basic/transports
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from integrations.errors import Rejected, ServiceError, Unavailable
from integrations.http_failures import unreadable
from integrations.mcp.interface import ServerTool, ToolSaid
from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.json import clean_json

STATELESS = "2026-07-28"
HANDSHAKE = "2025-11-25"
WITH_SESSIONS = frozenset({"2024-11-05", "2025-03-26", "2025-06-18", HANDSHAKE})
CLIENT = {"name": "AI Workflow Orchestrator", "version": "1"}
MOST_ANSWER = 10 * 1024 * 1024
# JSON-RPC: the request was not understood, so nothing was done. https://www.jsonrpc.org/specification#error_object
NOTHING_DONE = frozenset({-32700, -32600, -32601, -32602})
# Of the protocol: header mismatch, missing capability, unsupported version.
NOT_TAKEN = frozenset({-32001, -32003, -32004, -32020, -32021, -32022})
_SAFE = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
Json = dict[str, Any]


@dataclass(frozen=True)
class Session:
    """How a server is spoken to: the revision, and the id of the session where there is one."""

    version: str
    id: str = ""

    @property
    def is_stateless(self) -> bool:
        """Whether each request stands for itself."""
        return self.version == STATELESS

    def headers(self, method: str, name: str = "") -> dict[str, str]:
        """What goes along with a request."""
        made = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
        if self.version:
            made["MCP-Protocol-Version"] = self.version
        if self.id:
            made["Mcp-Session-Id"] = self.id
        if self.is_stateless:
            made["Mcp-Method"] = method
            if name:
                made["Mcp-Name"] = in_header(name)
        return made

    def body(self, method: str, params: Mapping[str, Any], number: int | None) -> bytes:
        """The request as bytes; without a number it is a notification."""
        given: Json = dict(params)
        if self.is_stateless:
            given["_meta"] = {
                "io.modelcontextprotocol/protocolVersion": STATELESS,
                "io.modelcontextprotocol/clientInfo": CLIENT,
                "io.modelcontextprotocol/clientCapabilities": {},
            }
        made: Json = {"jsonrpc": "2.0", "method": method, **({"params": given} if given else {})}
        if number is not None:
            made["id"] = number
        return json.dumps(made, ensure_ascii=False).encode()


def in_header(value: str) -> str:
    """A value as a header may hold it; what it may not hold is written in base64."""
    if _SAFE.fullmatch(value) and not value.startswith("=?base64?"):
        return value
    return f"=?base64?{base64.b64encode(value.encode()).decode()}?="


def mirrored(schema: Any, arguments: Mapping[str, Any]) -> dict[str, str]:
    """The headers in which a tool wants some of its arguments repeated (`x-mcp-header` in its schema)."""
    found: dict[str, str] = {}
    for token, value in _marked(schema, arguments, 0):
        if isinstance(value, bool):
            found[f"Mcp-Param-{token}"] = "true" if value else "false"
        elif isinstance(value, (str, int)):
            found[f"Mcp-Param-{token}"] = in_header(str(value))
    return found


def _marked(schema: Any, value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    if not isinstance(properties, Mapping) or not isinstance(value, Mapping) or depth > 10:
        return
    for name, part in properties.items():
        if not isinstance(part, Mapping) or value.get(name) is None:
            continue
        token = part.get("x-mcp-header")
        if isinstance(token, str) and _TOKEN.fullmatch(token):
            yield token, value[name]
        yield from _marked(part, value[name], depth + 1)


class Events:
    """A stream of events; `feed` gives the data of each one that is whole."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[str] = []

    def feed(self, piece: bytes) -> Iterator[str]:
        """Take a piece of the stream."""
        *lines, self._rest = re.split(rb"\r\n|\n|\r(?!$)", self._rest + piece)
        for line in lines:
            if not line:
                if self._data:
                    yield "\n".join(self._data)
                self._data = []
            elif line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" ").decode("utf-8", "replace"))


def message_of(text: str | bytes, title: str) -> Any:
    """A JSON-RPC message. Raises Unreadable."""
    raw = text.encode() if isinstance(text, str) else text
    try:
        return clean_json(raw, max_bytes=MOST_ANSWER, max_string=MOST_ANSWER, field="answer", repair=True)
    except UserError:
        raise unreadable(title, "an answer of an MCP server") from None


def is_answer(message: Any, number: int) -> bool:
    """Whether a message answers the request of this number."""
    return isinstance(message, dict) and message.get("id") == number and ("result" in message or "error" in message)


def result_of(message: Any, title: str) -> Json:
    """The result in an answer. Raises the error that it tells."""
    error = message.get("error")
    if error is not None:
        raise _told(error, title)
    result = message.get("result")
    if not isinstance(result, dict):
        raise unreadable(title, "an answer of an MCP server")
    if result.get("resultType") == "input_required":
        text = f"{title} asks for more input before it goes on, and a step has nobody to ask."
        raise Rejected(text, code="E_TOOL_INPUT", hint="Give the tool everything it needs as arguments.", refused=True)
    return result


def _told(error: Any, title: str) -> ServiceError:
    code = error.get("code") if isinstance(error, dict) else None
    said = str(error.get("message") or "") if isinstance(error, dict) else ""
    words = " ".join(said.split())[:500].rstrip(".") or f"error {code}"
    if code in NOTHING_DONE or code in NOT_TAKEN:
        hint = "Check the tool's name and arguments; List tools shows what the server has."
        return Rejected(f"{title} said no: {words}.", code="E_TOOL_REFUSED", hint=hint, refused=True)
    return Unavailable(f"{title} had an error of its own: {words}.", hint="Try again later.")


def error_code(message: Any) -> int | None:
    """The code of a JSON-RPC error."""
    error = message.get("error") if isinstance(message, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, int) else None


def tool_of(said: Any) -> ServerTool | None:
    """A tool out of a list; None for what is none."""
    if not isinstance(said, dict) or not isinstance(said.get("name"), str) or not said["name"]:
        return None
    given = said.get("annotations")
    hints: Json = given if isinstance(given, dict) else {}
    schema = said.get("inputSchema")
    return ServerTool(
        name=said["name"][:200],
        title=str(said.get("title") or hints.get("title") or "")[:300],
        description=str(said.get("description") or "")[:8000],
        input_schema=schema if isinstance(schema, dict) else {},
        read_only=hints.get("readOnlyHint") is True,
    )


def said_of(result: Json, title: str) -> ToolSaid:
    """What a tool gave. Raises Unreadable for what is no result of one."""
    content, structured = result.get("content"), result.get("structuredContent")
    if not isinstance(content, list) and structured is None:
        raise unreadable(title, "the result of a tool")
    parts = tuple(part for part in content or () if isinstance(part, dict))
    texts = [str(part.get("text", "")) for part in parts if part.get("type") == "text"]
    return ToolSaid("\n".join(texts), structured, parts, result.get("isError") is True)
