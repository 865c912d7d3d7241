"""A real MCP server (the protocol's own SDK) in a process of its own, and a front before it that can let callers down.

`python -m tests.fakes.mcp_server PORT` is the server; `mcp_server()` starts both. Each call of a tool is counted.
"""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "letmein"


def main(port: int) -> None:
    """The server: a notebook, a sum, and a tool that fails."""
    from mcp.server.mcpserver import MCPServer
    from mcp.server.mcpserver.exceptions import ToolError
    from mcp_types import ToolAnnotations

    server = MCPServer("Notebook", version="3")
    notes: list[str] = []

    @server.tool(annotations=ToolAnnotations(read_only_hint=True))
    def total(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    @server.tool()
    def write_note(text: str) -> dict[str, Any]:
        """Write a note."""
        notes.append(text)
        return {"count": len(notes), "text": text}

    @server.tool(annotations=ToolAnnotations(read_only_hint=True))
    def count_notes() -> int:
        """How many notes there are."""
        return len(notes)

    @server.tool()
    def break_down() -> str:
        """Always fails."""
        raise ToolError("the notebook is full")

    server.run("streamable-http", host="127.0.0.1", port=port)


class Front:
    """What a client talks to: hands requests on to the server, and counts them; the next call of a tool may go wrong.

    `refuse_stateless`: it answers the newer era's requests as an older server does.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.seen: Counter[str] = Counter()
        self.headers: list[dict[str, str]] = []
        self.plan: deque[tuple[str, bool]] = deque()
        self.refuse_stateless = False
        self.key = ""
        house = self

        class Handler(_Handler):
            front = house

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                """Callers that hang up are part of the play."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.place = f"127.0.0.1:{self.server.server_port}"
        self.url = f"http://{self.place}/mcp"

    def fail(self, kind: str, *, after: bool = False) -> None:
        """Plan a fault for the next call of a tool: before the server has it, or after."""
        self.plan.append((kind, after))


class _Handler(BaseHTTPRequestHandler):
    front: Front
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def do_POST(self) -> None:
        """One request of the protocol."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        said = json.loads(body)
        front, method = self.front, str(said.get("method"))
        front.seen[method] += 1
        front.headers.append({name.lower(): value for name, value in self.headers.items()})
        if front.key and self.headers.get("Authorization") != f"Bearer {front.key}":
            return self._send(401, b'{"error": "no key"}')
        if front.refuse_stateless and self.headers.get("MCP-Protocol-Version") == "2026-07-28":
            return self._send(
                400, b'{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Missing session ID"}}'
            )
        kind, after = front.plan.popleft() if method == "tools/call" and front.plan else ("", False)
        if kind and not after:
            return self._fault(kind)
        status, headers, content = self._handed_on(body)
        if kind:
            return self._fault(kind)
        self._send(status, content, headers)
        return None

    def _handed_on(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.front.port, timeout=20)
        kept = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "content-length")}
        connection.request("POST", self.path, body, {**kept, "Accept-Encoding": "identity"})
        answer = connection.getresponse()
        content = answer.read()
        return answer.status, {name: value for name, value in answer.getheaders()}, content

    def _fault(self, kind: str) -> None:
        if kind == "hang":
            time.sleep(3)
            self.close_connection = True
        elif kind == "reset":
            self.close_connection = True
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
        elif kind == "garbage":
            self._send(200, b"<html>Sign in</html>", {"Content-Type": "text/html"})
        elif kind == "broken stream":
            self._send(200, b"event: message\ndata: {\n\n", {"Content-Type": "text/event-stream"})
        elif kind == "slow down":
            self._send(429, b"", {"Retry-After": "7"})
        else:
            self._send(int(kind), b"it is broken")

    def _send(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            if name.lower() not in ("content-length", "transfer-encoding", "connection", "server", "date"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def mcp_server() -> Iterator[Front]:
    """The server's process and the front before it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.fakes.mcp_server", str(port)],
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    front = Front(port)
    thread = threading.Thread(target=front.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        _wait_for(port, process)
        yield front
    finally:
        front.server.shutdown()
        front.server.server_close()
        process.terminate()
        process.wait(10)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(400):
        assert process.poll() is None, "the MCP server did not start"
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        time.sleep(0.05)
    raise AssertionError("the MCP server did not start in time")


if __name__ == "__main__":
    main(int(sys.argv[1]))
