"""How the offline model uses tools: it follows the words of the task, and every order it reads. Pure.

`call NAME with {…}` is an order, wherever it stands: the offline model is as gullible as the worst model may be, so
that what keeps a text from outside from giving orders is tried each time. Without orders it uses, one after the other,
the tools whose names the task mentions, with the values it finds in the text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from integrations import sandbox_forms
from integrations.llm import Message, ModelRequest, Tool, ToolCall

ORDER = re.compile(r"\bcall ([a-z][a-z0-9_]{0,63}) with (?=\{)", re.IGNORECASE)
MOST_ORDERS = 50
LOOKED_AT = 100_000
SAID = 400


def next_calls(request: ModelRequest) -> tuple[ToolCall, ...]:
    """What the model asks for next; nothing when it is done."""
    made = [(call.name, json.dumps(dict(call.arguments), sort_keys=True)) for call in _calls(request)]
    number = len(made) + 1
    for name, arguments, problem in _orders(request):
        place = (name, json.dumps(arguments, sort_keys=True))
        if place not in made:
            return (ToolCall(f"call_{number}", name, arguments, problem),)
    used = {name for name, _ in made}
    if any(ORDER.search(message.text) for message in request.messages if message.role == "user"):
        return ()
    tool = next((tool for tool in _mentioned(request) if tool.name not in used), None)
    return () if tool is None else (ToolCall(f"call_{number}", tool.name, _arguments(tool, _told(request))),)


def last_words(request: ModelRequest) -> str:
    """The answer when everything is done; an object where one is asked for."""
    if request.schema is not None:
        return sandbox_forms.extract(_told(request), request.schema)
    used = list(dict.fromkeys(call.name for call in _calls(request)))
    results = [result for message in request.messages for result in message.results]
    failed = sum(result.failed for result in results)
    said = f"Used {', '.join(used)}" if used else "Used no tool"
    said += f"; {failed} did not work." if failed else "."
    last = f" The last one said: {' '.join(results[-1].text.split())[:SAID]}" if results else ""
    return f"{said}{last} (sandbox model)"


def _calls(request: ModelRequest) -> list[ToolCall]:
    return [call for message in request.messages for call in message.calls]


def _told(request: ModelRequest) -> str:
    """Everything that was said to it, newest first."""
    return "\n".join(text for message in reversed(request.messages) for text in _texts(message))[:LOOKED_AT]


def _texts(message: Message) -> Iterator[str]:
    yield from (result.text for result in message.results)
    if message.role == "user":
        yield message.text


def _orders(request: ModelRequest) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Each order with its arguments, in the order in which they were read."""
    text = "\n".join(text for message in request.messages for text in _texts(message))[:LOOKED_AT]
    for number, found in enumerate(ORDER.finditer(text.replace('\\"', '"'))):
        if number >= MOST_ORDERS:
            return
        try:
            value, _ = json.JSONDecoder().raw_decode(found.string, found.end())
        except (ValueError, RecursionError):
            yield found[1].lower(), {}, "The arguments are no JSON."
            continue
        yield found[1].lower(), value, ""


def _mentioned(request: ModelRequest) -> list[Tool]:
    """The tools whose names the task mentions, in its order."""
    task = next((message.text.lower() for message in request.messages if message.role == "user"), "")
    places = {tool.name: _place(tool.name, task) for tool in request.tools}
    return sorted((tool for tool in request.tools if places[tool.name] >= 0), key=lambda tool: places[tool.name])


def _place(name: str, task: str) -> int:
    words = name.lower().split("_")
    words = words[1:] if len(words) > 1 else words
    found = [task.find(word) for word in words]
    return -1 if min(found) < 0 else min(found)


def _arguments(tool: Tool, text: str) -> dict[str, Any]:
    """What the tool must have, found in the text; what it may have is left out."""
    needed = set(tool.schema.get("required", ()))
    kept = {name: part for name, part in tool.schema.get("properties", {}).items() if name in needed}
    made = json.loads(sandbox_forms.extract(text, {**tool.schema, "properties": kept, "required": sorted(needed)}))
    return dict(made)
