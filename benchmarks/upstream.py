"""A model service that takes its time: the OpenAI chat endpoint on aiohttp, in a process of its own."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from typing import Any

PORT = 9470


def _serve(seconds: float, most: Any) -> None:
    from aiohttp import web

    flying = 0

    async def answer(request: web.Request) -> web.Response:
        nonlocal flying
        body = await request.json()
        flying += 1
        most.value = max(most.value, flying)
        await asyncio.sleep(seconds)
        flying -= 1
        text = "Hello"
        if request.path.endswith("/responses"):
            message = {
                "type": "message",
                "id": "m",
                "role": "assistant",
                "status": "completed",
                "content": [{"type": "output_text", "text": text, "annotations": []}],
            }
            return web.json_response({
                "id": "r", "object": "response", "created_at": int(time.time()), "status": "completed",
                "model": body["model"], "output": [message], "parallel_tool_calls": False, "tool_choice": "auto",
                "tools": [], "usage": {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7,
                                       "input_tokens_details": {"cached_tokens": 0},
                                       "output_tokens_details": {"reasoning_tokens": 0}},
            })  # fmt: skip
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        usage = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
        return web.json_response({
            "id": "c", "object": "chat.completion", "created": int(time.time()), "model": body["model"],
            "choices": [choice], "usage": usage,
        })  # fmt: skip

    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    app.router.add_post("/v1/responses", answer)
    web.run_app(app, host="127.0.0.1", port=PORT, print=None, backlog=4096)


class Upstream:
    """Starts and stops it, and knows how many calls were in flight at most."""

    def __init__(self, seconds: float) -> None:
        self._most = multiprocessing.Value("i", 0)
        self._process = multiprocessing.Process(target=_serve, args=(seconds, self._most), daemon=True)
        self.url = f"http://127.0.0.1:{PORT}"

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
