"""A small web service of our own for the HTTP actions: items with a memory, and every way to let a caller down.

`fail(kind, after=True)` plans what becomes of the next change (or read): before it is carried out, or after.
"""

from __future__ import annotations

import gzip
import json
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

MIB = 1024 * 1024


class Web:
    """The service on a free port of this machine."""

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        self.changes = 0
        self.plan: deque[tuple[str, bool, dict[str, Any]]] = deque()
        house = self

        class Handler(_Handler):
            web = house

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                """Callers that hang up are part of the play."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.place = f"127.0.0.1:{self.server.server_port}"
        self.url = f"http://{self.place}"

    def fail(self, kind: str, *, after: bool = False, **options: Any) -> None:
        """Plan a fault for the next request."""
        self.plan.append((kind, after, options))

    @property
    def headers(self) -> dict[str, str]:
        """Those of the newest request, with names in small letters."""
        return self.seen[-1][2]


@contextmanager
def web() -> Iterator[Web]:
    """A running service."""
    found = Web()
    thread = threading.Thread(target=found.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield found
    finally:
        found.server.shutdown()
        found.server.server_close()


class _Handler(BaseHTTPRequestHandler):
    web: Web
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        """Any method."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.web.seen.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        kind, after, options = self.web.plan.popleft() if self.web.plan else ("", False, {})
        if kind and not after:
            self._fault(kind, options)
            return
        status, answer = self._carried_out(body)
        if kind:
            self._fault(kind, options)
        else:
            self._json(status, answer)

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def _carried_out(self, body: bytes) -> tuple[int, Any]:
        parts = urlsplit(self.path)
        items, name = self.web.items, parts.path.removeprefix("/items").strip("/")
        if self.command in ("GET", "HEAD"):
            return self._read(parts, name)
        sent = json.loads(body) if self.headers.get("Content-Type") == "application/json" and body else {}
        sent = sent if isinstance(sent, dict) else {"list": sent}
        self.web.changes += 1
        if self.command == "DELETE":
            return (204, None) if items.pop(name, None) is not None else (404, {"message": "There is no such item"})
        name = name or self.headers.get("Idempotency-Key") or str(len(items) + 1)
        known = name in items
        items[name] = {"id": name, **(items.get(name, {}) if self.command == "PATCH" else {}), **sent}
        return 200 if known else 201, items[name]

    def _read(self, parts: Any, name: str) -> tuple[int, Any]:
        if parts.path == "/items":
            wanted = {key: values[0] for key, values in parse_qs(parts.query).items()}
            found = [one for one in self.web.items.values() if all(one.get(k) == v for k, v in wanted.items())]
            return 200, {"items": found}
        if parts.path.startswith("/items/"):
            return (
                (200, self.web.items[name]) if name in self.web.items else (404, {"message": "There is no such item"})
            )
        return 200, {"path": self.path}

    def _json(self, status: int, value: Any) -> None:
        self._send(status, b"" if value is None else json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _send(self, status: int, body: bytes, headers: dict[str, str], length: int | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _fault(self, kind: str, options: dict[str, Any]) -> None:
        if kind == "status":
            headers = {"Content-Type": "application/json", **options.get("headers", {})}
            self._send(options["status"], json.dumps({"message": "planned"}).encode(), headers)
        elif kind == "answer":
            self._send(options.get("status", 200), options["body"], options.get("headers", {}))
        else:
            getattr(self, f"_{kind}")(options)

    def _reset(self, options: dict[str, Any]) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def _cut(self, options: dict[str, Any]) -> None:
        self._send(200, b'{"id": 1, ', {"Content-Type": "application/json"}, length=500)
        self.close_connection = True

    def _truncated(self, options: dict[str, Any]) -> None:
        self._send(200, b'{"id": "1", "title": "th', {"Content-Type": "application/json"})

    def _html(self, options: dict[str, Any]) -> None:
        self._send(200, b"<html><title>Sign in</title></html>", {"Content-Type": "text/html"})

    def _hang(self, options: dict[str, Any]) -> None:
        time.sleep(options.get("seconds", 3))
        self.close_connection = True

    def _drip(self, options: dict[str, Any]) -> None:
        self._send(200, b"", {"Content-Type": "application/json"}, length=500)
        for _ in range(40):
            self.wfile.write(b" ")
            time.sleep(0.1)

    def _huge(self, options: dict[str, Any]) -> None:
        self._send(200, b"x" * options.get("size", 9 * MIB), {"Content-Type": options.get("type", "application/json")})

    def _bomb(self, options: dict[str, Any]) -> None:
        body = gzip.compress(b"0" * (60 * MIB))
        self._send(200, body, {"Content-Type": "application/json", "Content-Encoding": "gzip"})
