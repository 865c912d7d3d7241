"""A server that speaks some of OpenAI's API: what the contract server lacks, and what compatible servers leave out.

`server.on("/v1/chat/completions", answer)`: `answer(body)` gives (status, body); other paths are "404 page not found",
in plain text, as Go's servers say it. Multipart bodies come as their raw bytes.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[[Any], tuple[int, Any]]


class ModelServer:
    """In a thread of this process."""

    def __init__(self) -> None:
        self.routes: dict[str, Answer] = {}
        self.seen: list[tuple[str, Any]] = []
        server = self

        class Handler(_Handler):
            house = server

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.host = f"127.0.0.1:{self.server.server_port}"
        self.url = f"http://{self.host}/v1"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def on(self, path: str, answer: Answer) -> None:
        """Answer this path."""
        self.routes[path] = answer

    def asked(self, path: str) -> list[Any]:
        """The bodies that came to this path."""
        return [body for where, body in self.seen if where == path]

    def stop(self) -> None:
        """End."""
        self.server.shutdown()
        self.server.server_close()


class _Handler(BaseHTTPRequestHandler):
    house: ModelServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._reply(None)

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        kind = self.headers.get("Content-Type", "")
        self._reply(json.loads(raw) if kind.startswith("application/json") else raw)

    def _reply(self, body: Any) -> None:
        path = self.path.partition("?")[0]
        self.house.seen.append((path, body))
        answer = self.house.routes.get(path)
        if answer is None:
            self._send(404, b"404 page not found", "text/plain")
            return
        status, said = answer(body)
        if isinstance(said, bytes):
            self._send(status, said, "text/event-stream")
        else:
            self._send(status, json.dumps(said).encode(), "application/json")

    def _send(self, status: int, raw: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


def completion(text: str, model: str = "llama3.3", **more: Any) -> dict[str, Any]:
    """A chat completion as compatible servers write it, without what they leave out."""
    message = {"role": "assistant", "content": text, **more}
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    return {"model": model, "choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": usage}


def refusal(message: str, param: str | None = None, status: int = 400) -> tuple[int, dict[str, Any]]:
    """An error in OpenAI's form."""
    return status, {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": None}}
