"""The address of a webhook: takes a delivery, and says 202 once it is committed with its run."""

from __future__ import annotations

import json
import threading
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from accounts import responses
from accounts.addresses import client_ip
from orchestrator_site.lib.errors import TooLarge, UserError
from workflows.api.shapes import address
from workflows.engine.deliveries import MOST_BYTES
from workflows.engine.inbound import Taken
from workflows.models import Run
from workflows.operations.deliveries import Request, find_address, receive
from workflows.operations.starting import wait_for

PIECE = 64 * 1024
MOST_ANSWER = 1024 * 1024
ANSWERS_AT_ONCE = 16
"""Of one web process: so many deliveries may wait for the result of their run; further ones are answered at once."""
_answers = threading.BoundedSemaphore(ANSWERS_AT_ONCE)


@csrf_exempt
@require_POST
def hook(request: HttpRequest, token: str) -> HttpResponse:
    """Take a delivery: 202 after the commit; 401, 404, 413, 415, 429; 503 while the database is away."""
    try:
        return _safe(_take(request, token))
    except UserError as problem:
        return _safe(responses.json_for(request, problem))
    except (OperationalError, InterfaceError):
        away = UserError("E_UNAVAILABLE", "This cannot be taken right now.", status=503, hint="Send it again.")
        answer = responses.json_for(request, away)
        answer["Retry-After"] = "5"
        return _safe(answer)


def _take(request: HttpRequest, token: str) -> HttpResponse:
    trigger = find_address(token)
    coding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if coding not in ("", "identity"):
        raise UserError("E_MEDIA_TYPE", f"A body in {coding[:20]} is not read here.", status=415, hint="Send it plain.")
    if (request.content_type or "").startswith("multipart/"):
        raise UserError("E_MEDIA_TYPE", "Files are not taken here.", status=415, hint="Send JSON or a plain form.")
    said = Request(
        read_bytes(request),
        {name.lower(): value for name, value in request.headers.items()},
        request.META.get("QUERY_STRING", ""),
        request.META.get("CONTENT_TYPE", ""),
        client_ip(request) or "",
    )
    taken = receive(trigger, said)
    if taken.event.status == "failed" and not taken.repeat:
        error = taken.event.error or {}
        raise UserError(
            str(error.get("code")), str(error.get("message")), field=error.get("field"), hint=error.get("hint"),
            status=422, extra={"delivery": taken.event.n},
        )  # fmt: skip
    if trigger.config.get("answer") == "result" and taken.run is not None:
        return _result(taken, float(trigger.config.get("answer_seconds") or 10))
    return _json(_told(taken), 202)


def read_bytes(request: HttpRequest) -> bytes:
    """The body as it came, and not a byte more than is taken. Raises TooLarge, UserError E_BODY."""
    length = request.META.get("CONTENT_LENGTH") or ""
    if length.isdigit() and int(length) > MOST_BYTES:
        raise _too_large()
    chunked = bool(request.META.get("HTTP_TRANSFER_ENCODING")) and not length
    stream: Any = request.META.get("wsgi.input") if chunked else request
    pieces, size = [], 0
    try:
        while size <= MOST_BYTES and (piece := stream.read(PIECE)):
            pieces.append(piece)
            size += len(piece)
    except (UnreadablePostError, OSError, ValueError) as problem:
        raise UserError("E_BODY", "The body ended before it was complete.", field="body") from problem
    if size > MOST_BYTES:
        raise _too_large()
    if length.isdigit() and size < int(length):
        raise UserError("E_BODY", "The body ended before it was complete.", field="body")
    return b"".join(pieces)


def _too_large() -> TooLarge:
    return TooLarge(f"A delivery has at most {MOST_BYTES:,} bytes.", field="body", limit=MOST_BYTES)


def _told(taken: Taken) -> dict[str, Any]:
    event = taken.event
    said: dict[str, Any] = {"id": str(event.pk), "n": event.n, "status": "duplicate" if taken.repeat else event.status}
    return {**said, **_run(taken.run)} if taken.run is not None else {**said, "run": None}


def _run(run: Run) -> dict[str, Any]:
    page = reverse("run", kwargs={"workspace": run.workspace.slug, "run": run.pk})
    return {"run": str(run.pk), "url": address(page), "api": address(f"/api/v1/runs/{run.pk}")}


def _result(taken: Taken, seconds: float) -> HttpResponse:
    """The result of the run if it comes in time, else 202 with its address."""
    assert taken.run is not None
    if not _answers.acquire(blocking=False):
        return _json(_told(taken), 202)
    try:
        run = wait_for(taken.run, seconds)
    finally:
        _answers.release()
    if not run.is_terminal:
        return _json(_told(taken), 202)
    said = {**_told(taken), "status": run.status, "outputs": run.outputs, "error": run.error}
    answer = _json(said, 200)
    if len(answer.content) <= MOST_ANSWER:
        return answer
    return _json({**said, "outputs": None, "error": None, "hint": "The outputs are large; read the run."}, 200)


def _json(said: dict[str, Any], status: int) -> HttpResponse:
    return HttpResponse(json.dumps(said, ensure_ascii=False), status=status, content_type="application/json")


def _safe(answer: HttpResponse) -> HttpResponse:
    """Whatever is answered is data, and nothing a browser could run."""
    answer["Content-Security-Policy"] = "sandbox"
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Cache-Control"] = "no-store"
    return answer
