"""Services that are quicker than the contract server: a model that takes its time, a GitHub that makes issues.

In a process of its own. The answers are those of the services' descriptions, as far as the SDKs read them.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from multiprocessing.sharedctypes import Synchronized
from typing import Any

from benchmarks.stage import free_port


def _serve(kind: str, port: int, seconds: float, most: Synchronized[int], count: Synchronized[int]) -> None:
    from aiohttp import web

    app = web.Application()
    if kind == "model":
        _add_model(app, seconds, most)
    else:
        _add_github(app, count)
    web.run_app(app, host="127.0.0.1", port=port, print=None, backlog=4096, access_log=None)


def _add_model(app: Any, seconds: float, most: Synchronized[int]) -> None:
    from aiohttp import web

    flying = 0

    async def answer(request: web.Request) -> web.Response:
        nonlocal flying
        body = await request.json()
        flying += 1
        most.value = max(most.value, flying)
        await asyncio.sleep(seconds)
        flying -= 1
        made = _responses(body) if request.path.endswith("/responses") else _completion(body)
        return web.json_response(made)

    app.router.add_post("/v1/chat/completions", answer)
    app.router.add_post("/v1/responses", answer)


def _responses(body: dict[str, Any]) -> dict[str, Any]:
    text = {"type": "output_text", "text": "Hello", "annotations": []}
    message = {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [text]}
    return {
        "id": "r", "object": "response", "created_at": int(time.time()), "status": "completed",
        "model": body["model"], "output": [message], "parallel_tool_calls": False, "tool_choice": "auto",
        "tools": [], "usage": {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7,
                               "input_tokens_details": {"cached_tokens": 0},
                               "output_tokens_details": {"reasoning_tokens": 0}},
    }  # fmt: skip


def _completion(body: dict[str, Any]) -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello"}}
    usage = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
    return {
        "id": "c", "object": "chat.completion", "created": int(time.time()), "model": body["model"],
        "choices": [choice], "usage": usage,
    }  # fmt: skip


def _add_github(app: Any, count: Synchronized[int]) -> None:
    from aiohttp import web

    async def create(request: web.Request) -> web.Response:
        body = await request.json()
        count.value += 1
        number = count.value
        place = f"{request.match_info['owner']}/{request.match_info['name']}"
        root = f"{request.scheme}://{request.host}"
        return web.json_response(_issue(number, place, root, body), status=201)

    app.router.add_post("/repos/{owner}/{name}/issues", create)


def _issue(number: int, place: str, root: str, body: dict[str, Any]) -> dict[str, Any]:
    at = "2026-11-24T10:00:00Z"
    user = {"login": "octocat", "id": 1, "node_id": "U_1", "url": f"{root}/users/octocat", "type": "User"}
    return {
        "id": 10_000_000 + number, "node_id": f"I_{number}", "number": number, "state": "open",
        "url": f"{root}/repos/{place}/issues/{number}", "html_url": f"https://github.com/{place}/issues/{number}",
        "repository_url": f"{root}/repos/{place}", "title": body["title"], "body": body.get("body"), "user": user,
        "labels": [{"id": 1, "name": name} for name in body.get("labels") or []],
        "assignees": [{**user, "login": name} for name in body.get("assignees") or []],
        "comments": 0, "locked": False, "created_at": at, "updated_at": at, "closed_at": None,
    }  # fmt: skip


class Upstream:
    """Starts and stops one; knows how many calls were in flight at most, and how many things were made."""

    def __init__(self, kind: str, seconds: float = 0.0) -> None:
        self._most, self._count = multiprocessing.Value("i", 0), multiprocessing.Value("i", 0)
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.host}"
        self._process = multiprocessing.Process(
            target=_serve, args=(kind, self.port, seconds, self._most, self._count), daemon=True
        )

    @property
    def count(self) -> int:
        """How many things were made."""
        return int(self._count.value)

    @property
    def most(self) -> int:
        """The most calls in flight at once."""
        return int(self._most.value)

    @most.setter
    def most(self, value: int) -> None:
        self._most.value = value

    def start(self) -> Upstream:
        """Serve."""
        self._process.start()
        time.sleep(0.7)
        return self

    def stop(self) -> None:
        """Stop."""
        self._process.terminate()
        self._process.join(5)
