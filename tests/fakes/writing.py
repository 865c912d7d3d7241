"""A model of the tests that writes slowly: a piece, then it waits until a test lets it go on."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from integrations.spec import Integration, Kind, Model, content

INTEGRATION = Integration(slug="writing", title="Writing", description="A model of the tests.")
GO_ON = threading.Event()
SHOWN: list[bool] = []


class Words(Model):
    text: str = content("Text")


@INTEGRATION.action("slowly", kind=Kind.MODEL, input=Words, output=Words, title="Write slowly", phrase="writes")
async def slowly(context: Any, values: Words) -> Words:
    """Write a text in two pieces."""
    SHOWN.append(context.stream is not None)
    half = len(values.text) // 2
    if context.stream:
        context.stream(values.text[:half])
    for _ in range(500):
        if GO_ON.is_set():
            break
        await asyncio.sleep(0.02)
    if context.stream:
        context.stream(values.text[half:])
    return Words(text=values.text)
