"""gunicorn's threaded worker with our patience and our words: slow clients are let go, broken requests told in JSON."""

from __future__ import annotations

import json
import socket
import struct
import time
from contextlib import suppress
from typing import Any

from gunicorn import http
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, ParseException, UnsupportedTransferCoding
from gunicorn.workers.gthread import ThreadWorker

from orchestrator_site.lib.ids import short_token

HEAD_SECONDS, PIECE_SECONDS, WHOLE_SECONDS, SEND_SECONDS = 5, 10, 120, 60
HOOK_SECONDS = 10
"""For the whole of a delivery, which may come from anybody who knows an address."""

_ANSWERS: tuple[tuple[type[Exception], int, str, str, str], ...] = (
    (LimitRequestLine, 414, "URI Too Long", "E_LENGTH", "The address is too long."),
    (LimitRequestHeaders, 431, "Request Header Fields Too Large", "E_LENGTH", "The headers are too large."),
    (UnsupportedTransferCoding, 501, "Not Implemented", "E_BODY", "This transfer coding is not read here."),
    (ParseException, 400, "Bad Request", "E_REQUEST", "This request cannot be read."),
)
_BROKEN = (500, "Internal Server Error", "E_INTERNAL", "Something broke on our side.")


class PatientSocket:
    """What the parser reads from: the head within five seconds, each piece within ten, all within two minutes."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.until = 0.0

    def recv(self, size: int) -> bytes:
        """The next piece. Raises ConnectionResetError when the client is too slow."""
        left = min(PIECE_SECONDS, self.until - time.monotonic())
        try:
            self.sock.settimeout(max(0.01, left))
            return self.sock.recv(size)
        except TimeoutError:
            raise ConnectionResetError(104, "the client was too slow") from None
        finally:
            with suppress(OSError):
                self.sock.setblocking(True)


class WebWorker(ThreadWorker):  # type: ignore[misc]
    """A worker whose threads nobody holds by sending slowly."""

    def handle(self, conn: Any) -> Any:
        """Serve one request of a connection."""
        if conn.parser is None:
            conn.patient = PatientSocket(conn.sock)
            conn.parser = http.get_parser(self.cfg, conn.patient, conn.client)
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", SEND_SECONDS, 0))
        conn.patient.until = time.monotonic() + HEAD_SECONDS
        return super().handle(conn)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """The head is read; the body has longer."""
        brief = str(getattr(req, "path", "")).startswith("/hooks/")
        conn.patient.until = time.monotonic() + (HOOK_SECONDS if brief else WHOLE_SECONDS)
        return super().handle_request(req, conn)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer what never became a request of the application."""
        known = next((row[1:] for row in _ANSWERS if isinstance(exc, row[0])), None)
        request_id = short_token(20)
        if known is None:
            self.log.exception("A request failed before the application answered (%s)", request_id)
        else:
            self.log.info("A request was refused (%s): %s", request_id, type(exc).__name__)
        with suppress(OSError):
            client.sendall(_answer(*(known or _BROKEN), request_id))


def _answer(status: int, reason: str, code: str, message: str, request_id: str) -> bytes:
    error = {"code": code, "message": message, "field": None, "hint": None, "limit": None, "request_id": request_id}
    body = json.dumps({"error": error}).encode()
    headers = {
        "Connection": "close",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; connect-src 'self'; object-src 'none'; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "X-Request-ID": request_id,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} {reason}\r\n{head}\r\n".encode() + body
