"""A small service with a memory: what really happened outside, whatever anybody believes (security.md §3).

Every change is fsynced to a journal before it is answered. Faults are planned per request: ok, lose (done, no answer),
drop (not done, no answer), 500 (not done), 500done, 429, 429:3 (wait three seconds), 422, slow (done, answered late),
html (done, unreadable). A mood is a fault of every request until it is lifted: 500, 429, hang, drip, truncated, html,
bomb.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import json
import os
import threading
import time
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit


class FakeService:
    """The service in a thread of this process (tests) or alone (`python -m tests.fakes.service`)."""

    def __init__(self, port: int = 0, journal: Path | None = None, slow: float = 0.0, host: str = "127.0.0.1") -> None:
        self.plan: deque[str] = deque()
        self.done: list[dict] = []
        self.tokens: list[str | None] = []
        self.mood = ""
        self.revoked: set[str] = set()
        self.lifted = threading.Event()
        self.requests = 0
        self.times: list[float] = []
        self.in_flight = self.most_in_flight = 0
        self.slow = slow
        self.lock = threading.Lock()
        self.file = open(journal, "a") if journal else None  # noqa: SIM115
        service = self

        class Handler(_Handler):
            house = service

        self.server = _Server((host, port), Handler)
        self.server.daemon_threads = True
        self.url = f"http://{host}:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)

    def start(self) -> FakeService:
        self.thread.start()
        return self

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def do(self, key: str, body: dict, process: str = "") -> dict:
        with self.lock:
            thing = {
                "id": str(len(self.done) + 1),
                "key": key,
                "url": f"{self.url}/things/{len(self.done) + 1}",
                **body,
            }
            self.done.append(thing)
            if self.file:
                line = {"key": key, "id": thing["id"], "process": process, "at": time.time()}
                self.file.write(json.dumps(line) + "\n")
                self.file.flush()
                os.fsync(self.file.fileno())
        return thing

    def keys(self) -> list[str]:
        return [thing["key"] for thing in self.done]


class _Server(ThreadingHTTPServer):
    request_queue_size = 1024

    def handle_error(self, *_: object) -> None:
        """Callers that hang up are part of the play."""


class _Handler(BaseHTTPRequestHandler):
    house: FakeService
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def _is_revoked(self) -> bool:
        """A token that is not taken any more: a certain no to whatever is asked."""
        if self.headers["X-Token"] not in self.house.revoked:
            return False
        with self.house.lock:
            self.house.requests += 1
        self._answer(401, {"error": "revoked"})
        return True

    def do_GET(self) -> None:
        if self._is_revoked():
            return
        if self.house.mood:
            self._next()
            self._moody("")
            return
        query = parse_qs(urlsplit(self.path).query)
        if self.path.startswith("/read"):
            fault = self._next()
            if fault[:3].isdigit():
                self._refuse(fault)
                return
            self._answer(200, {"text": query.get("q", [""])[0]})
            return
        key = query.get("key", [""])[0]
        self._answer(200, {"things": [thing for thing in self.house.done if thing["key"] == key]})

    def _next(self) -> str:
        with self.house.lock:
            self.house.requests += 1
            self.house.times.append(time.monotonic())
            return self.house.plan.popleft() if self.house.plan else "ok"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))) or b"{}")
        if self.path == "/plan":
            self.house.plan.extend(body["plan"])
            self._answer(200, {})
            return
        if self.path == "/mood":
            self._change_mood(body["mood"])
            return
        if self._is_revoked():
            return
        if self.house.mood:
            self._next()
            self._moody(self.headers["X-Key"] or "")
            return
        if self.path == "/model":
            self._model(body)
            return
        self._change(body)

    def _change_mood(self, mood: str) -> None:
        self.house.lifted.set()
        self.house.mood, self.house.lifted = mood, threading.Event()
        self._answer(200, {"requests": self.house.requests})

    def _moody(self, key: str) -> None:
        """What is done is written down; the answer is of no use."""
        mood, lifted = self.house.mood, self.house.lifted
        if mood in ("drip", "truncated", "html", "bomb") and key:
            self.house.do(key, {"title": ""}, self.headers["X-Process"] or "")
        if mood == "500":
            self._answer(500, {"error": "storm"})
        elif mood == "429":
            self._answer(429, {"error": "storm"}, {"Retry-After": "5"})
        elif mood == "html":
            self._send(200, b"<html>proxy</html>", {})
        elif mood == "truncated":
            self._send(200, b'{"id": "1", "url"', {})
        elif mood == "bomb":
            self._send(200, gzip.compress(b"0" * 50_000_000), {"Content-Encoding": "gzip"})
        else:
            self._drip(lifted, 0.5 if mood == "drip" else 60.0)
            self.close_connection = True

    def _drip(self, lifted: threading.Event, apart: float) -> None:
        """A byte now and then, never all of them."""
        with contextlib.suppress(OSError):
            if apart < 60:
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            while not lifted.wait(apart):
                self.wfile.write(b" ")

    def _model(self, body: dict) -> None:
        with self.house.lock:
            self.house.in_flight += 1
            self.house.most_in_flight = max(self.house.most_in_flight, self.house.in_flight)
        time.sleep(float(body.get("seconds", 0)))
        with self.house.lock:
            self.house.in_flight -= 1
        self._answer(200, {"text": f"said {body.get('text', '')}", "input_tokens": 3, "output_tokens": 5})

    def _change(self, body: dict) -> None:
        fault, key = self._next(), self.headers["X-Key"]
        self.house.tokens.append(self.headers["X-Token"])
        if self.house.slow:
            time.sleep(self.house.slow)
        if fault == "drop":
            self._hang_up()
        elif fault in ("500", "422", "404", "401") or fault.startswith("429"):
            self._refuse(fault)
        else:
            thing = self.house.do(key, body, self.headers["X-Process"] or "")
            if fault == "lose":
                self._hang_up()
            elif fault.startswith("slow"):
                time.sleep(float(fault.partition(":")[2] or 2))
                self._answer(201, thing)
            elif fault == "500done":
                self._answer(500, {"error": "planned"})
            elif fault == "html":
                self._send(201, b"<html>proxy</html>", {})
            else:
                self._answer(201, thing)

    def _refuse(self, fault: str) -> None:
        """ "500", or "429:3": wait three seconds."""
        status, _, seconds = fault.partition(":")
        self._answer(int(status), {"error": "planned"}, {"Retry-After": seconds or "1"} if status == "429" else None)

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.close()

    def _answer(self, status: int, body: dict, headers: dict | None = None) -> None:
        self._send(status, json.dumps(body).encode(), headers or {})

    def _send(self, status: int, raw: bytes, headers: dict) -> None:
        try:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)
        except OSError:
            self.close_connection = True


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--journal", type=Path)
    parser.add_argument("--slow", type=float, default=0.0)
    options = parser.parse_args()
    service = FakeService(options.port, options.journal, options.slow, options.host)
    print(service.url, flush=True)
    service.server.serve_forever(0.05)


if __name__ == "__main__":
    main()
