"""A web service that is not there: `/items` keeps things, `/status/404` answers that, all else is an echo."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from integrations.context import Calls, ConnectionInfo, ConnectionReport
from integrations.http.interface import Answer, Request
from integrations.models import SandboxObject
from integrations.sandboxes import Sandbox
from integrations.world import Collection, Column, Thing
from orchestrator_site.lib.clock import moment, now
from orchestrator_site.lib.ids import uuid7
from orchestrator_site.lib.json import clean_value, repair_text

HOME = "https://sandbox.example"
WORLD = (
    Collection(
        kind="item",
        title="Items",
        columns=(Column("title", "Title"), Column("external_id", "Id"), Column("done", "Done")),
        facts=(Column("url", "Address"),),
        empty="No item. A POST to /items makes one.",
    ),
    Collection(
        kind="request",
        title="Requests sent",
        columns=(Column("title", "Request"), Column("status", "Answered")),
        body="body",
        body_format="code",
        facts=(Column("headers", "Headers"), Column("at", "At")),
        empty="Nothing was sent yet. A step “HTTP request (send)” over this connection shows here.",
    ),
)
_ITEM = re.compile(r"/items/([\w.-]{1,100})")
_STATUS = re.compile(r"/status/([1-5]\d\d)")


def seed_objects() -> list[Thing]:
    """Three items."""
    titles = (("1", "Write the handbook", True), ("2", "Order new chairs", False), ("3", "Call the bank", False))
    return [_thing(name, {"title": title, "done": done}) for name, title, done in titles]


def connect(info: ConnectionInfo, calls: Calls) -> SandboxHttp:
    """The sandbox client of a workspace."""
    return SandboxHttp(info, calls)


class SandboxHttp:
    """`interface.HttpClient` without a network."""

    base_url = ""

    def __init__(self, info: ConnectionInfo, calls: Calls) -> None:
        self.base_url = HOME
        self._world = Sandbox(info, calls, "http")

    async def ask(self, request: Request) -> Answer:
        """Answer from the world; changes are kept in it."""
        return await self._world.run(lambda: self._answer(request))

    async def describe(self) -> ConnectionReport:
        """What one can try."""
        return ConnectionReport(
            ok=True,
            summary="The sandbox answers without a network.",
            can=("read and change /items", "ask /status/404 and the like", "see at /anything what was sent"),
        )

    # ---- On the database's thread ------------------------------------------------------------------------------

    def _answer(self, request: Request) -> Answer:
        parts = urlsplit(request.url)
        status, body = self._found(request, parts.path.rstrip("/"), parse_qs(parts.query))
        if request.method not in ("GET", "HEAD"):
            self._note(request, parts.path, status)
        content = b"" if body is None or request.method == "HEAD" else json.dumps(body, ensure_ascii=False).encode()
        return Answer(status, {"content-type": "application/json"}, content, request.url)

    def _found(self, request: Request, path: str, query: dict[str, list[str]]) -> tuple[int, Any]:
        if found := _STATUS.fullmatch(path):
            status = int(found[1])
            return status, None if status in (204, 304) else {"message": f"You asked for {status}"}
        if path == "/items":
            return self._items(request, query)
        if found := _ITEM.fullmatch(path):
            return self._item(request, found[1])
        return 200, {
            "method": request.method,
            "url": request.url,
            "query": {name: values if len(values) > 1 else values[0] for name, values in query.items()},
            "headers": {name: value for name, value in request.headers.items() if name.lower() != "authorization"},
            "body": _sent(request),
        }

    def _items(self, request: Request, query: dict[str, list[str]]) -> tuple[int, Any]:
        if request.method in ("GET", "HEAD"):
            shown = [row.data for row in self._world.things("item")]
            for name, values in query.items():
                shown = [item for item in shown if str(item.get(name)) in values]
            return 200, {"items": shown, "count": len(shown)}
        sent = _sent(request)
        if request.method != "POST" or not isinstance(sent, dict):
            return (422, {"message": "Send a JSON object."}) if request.method == "POST" else (405, {"message": "POST"})
        row = self._world.add(_thing(uuid7().hex[-8:], sent), marker=request.key)
        return 201, row.data

    def _item(self, request: Request, name: str) -> tuple[int, Any]:
        row, sent = self._world.find("item", name), _sent(request)
        if request.method == "PUT" and isinstance(sent, dict):
            if row is None:
                return 201, self._world.add(_thing(name, sent), marker=request.key).data
            return 200, self._put(row, _data(name, sent))
        if row is None:
            return 404, {"message": f"There is no item {name}"}
        if request.method == "DELETE":
            row.delete()
            return 204, None
        if request.method in ("PUT", "PATCH"):
            if not isinstance(sent, dict):
                return 422, {"message": "Send a JSON object."}
            return 200, self._put(row, _data(name, {**row.data, **sent}))
        return (200, row.data) if request.method in ("GET", "HEAD") else (405, {"message": "GET, PUT, PATCH, DELETE"})

    def _put(self, row: SandboxObject, data: dict[str, Any]) -> dict[str, Any]:
        row.data, row.title, row.updated_at = data, str(data.get("title", ""))[:300], now()
        row.save(update_fields=["data", "title", "updated_at"])
        return data

    def _note(self, request: Request, path: str, status: int) -> None:
        data = {
            "method": request.method,
            "url": request.url,
            "status": status,
            "headers": {name: value for name, value in request.headers.items() if name.lower() != "authorization"},
            "body": repair_text(request.content[:64_000].decode("utf-8", "replace")),
            "at": moment(now()),
        }
        self._world.add(Thing("request", uuid7().hex, f"{request.method} {path}", "", data), marker=request.key)


def _sent(request: Request) -> Any:
    """The body as JSON, or as text."""
    text = repair_text(request.content.decode("utf-8", "replace"))
    try:
        return clean_value(json.loads(text), repair=True)
    except ValueError:
        return text or None


def _data(name: str, sent: dict[str, Any]) -> dict[str, Any]:
    shown = {key: value for key, value in sent.items() if key not in ("id", "url", "json")}
    return {"id": name, **shown, "url": f"{HOME}/items/{name}"}


def _thing(name: str, sent: dict[str, Any]) -> Thing:
    data = _data(name, sent)
    return Thing("item", name, str(data.get("title", "")), "", data)
