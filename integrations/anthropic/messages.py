"""Anthropic's messages: a request in its words, and its answer as far as it is used.

Reference: https://platform.claude.com/docs/en/api/messages
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from integrations.anthropic import INTEGRATION
from integrations.llm import Message, Picture, ToolCall
from integrations.model_client import Call, Reply, refused_by_model, unreadable
from integrations.prices import Used
from integrations.schema_words import strict

Json = dict[str, Any]
MAX_TOKENS = 4096  # the API asks for a limit; where the step names none, this one
FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "refused",
    "tool_use": "tools",
}


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore")

    type: str
    text: str = ""
    id: str = ""
    name: str = ""
    input: Any = None


class _Usage(BaseModel):
    model_config = ConfigDict(extra="ignore")

    input_tokens: int = 0
    output_tokens: int = 0
    cache_creation_input_tokens: int | None = 0
    cache_read_input_tokens: int | None = 0


class Answer(BaseModel):
    """The parts of an answer that are used."""

    model_config = ConfigDict(extra="ignore")

    model: str
    content: list[_Part]
    stop_reason: str | None = None
    usage: _Usage


def body(call: Call) -> Json:
    """The request."""
    made: Json = {"model": call.model, "messages": [_turn(message) for message in call.request.messages]}
    made["max_tokens"] = MAX_TOKENS
    if "max_tokens" in call.parameters:
        made["max_tokens"] = call.send("max_tokens", "max_tokens")
    if "temperature" in call.parameters:
        made["temperature"] = call.send("temperature", "temperature")
    if call.request.system:
        made["system"] = call.request.system
    if call.native_schema and call.request.schema is not None:
        call.send("schema", "output_config")
        held = strict(call.request.schema) or dict(call.request.schema)
        made["output_config"] = {"format": {"type": "json_schema", "schema": held}}
    if call.request.tools:
        made["tools"] = [
            {"name": tool.name, "description": tool.description, "input_schema": dict(tool.schema)}
            for tool in call.request.tools
        ]
        made["tool_choice"] = {"type": "any" if call.request.must_call else "auto"}
    return made


def _turn(message: Message) -> Json:
    parts = list(_parts(message))
    if len(parts) == 1 and parts[0]["type"] == "text":
        return {"role": message.role, "content": message.text}
    return {"role": message.role, "content": parts}


def _parts(message: Message) -> Iterator[Json]:
    for result in message.results:
        more = {"is_error": True} if result.failed else {}
        yield {"type": "tool_result", "tool_use_id": result.call_id, "content": result.text, **more}
    yield from map(_picture, message.pictures)
    if message.text or not (message.results or message.calls or message.pictures):
        yield {"type": "text", "text": message.text}
    for call in message.calls:
        yield {"type": "tool_use", "id": call.id, "name": call.name, "input": dict(call.arguments)}


def _picture(picture: Picture) -> Json:
    kind = "image" if picture.is_image else "document"
    return {"type": kind, "source": {"type": "base64", "media_type": picture.mime_type, "data": picture.base64}}


def read(found: Answer, call: Call) -> Reply:
    """The answer. Raises Rejected when the model refused."""
    used = used_of(found.usage)
    call.tape.used = used
    text = "".join(part.text for part in found.content if part.type == "text")
    reason = FINISH.get(found.stop_reason or "", found.stop_reason or "stop")
    if reason == "refused":
        raise refused_by_model(text, used)
    calls = tuple(_tool_call(part) for part in found.content if part.type == "tool_use")
    return Reply(text, found.model, reason, used, calls)


def parse(raw: bytes) -> Answer:
    """The bytes of an answer. Raises Unreadable."""
    try:
        return Answer.model_validate(json.loads(raw))
    except (ValueError, ValidationError, RecursionError):
        raise unreadable(INTEGRATION.title, "a message") from None


def used_of(usage: _Usage) -> Used:
    """All tokens that were read, with those of the cache among them."""
    written, cached = usage.cache_creation_input_tokens or 0, usage.cache_read_input_tokens or 0
    return Used(usage.input_tokens + written + cached, usage.output_tokens, cached, written)


def _tool_call(part: _Part) -> ToolCall:
    if not isinstance(part.input, dict):
        return ToolCall(part.id, part.name, {}, "The arguments must be an object.")
    return ToolCall(part.id, part.name, part.input)


@dataclass
class _Heard:
    """A streamed answer as it grows."""

    model: str = ""
    stop: str | None = None
    usage: _Usage = field(default_factory=_Usage)
    parts: dict[int, Json] = field(default_factory=dict)
    ended: bool = False


async def read_stream(events: AsyncIterator[Any], call: Call) -> Reply:
    """The answer from its events; each piece of text is told at once. Raises Unreadable for one that broke off."""
    heard = _Heard(model=call.model)
    async for event in events:
        _hear(heard, event.model_dump(warnings=False), call)
    if not heard.ended:
        raise unreadable(INTEGRATION.title, "a whole answer: the stream broke off")
    parts = [_finished(heard.parts[index]) for index in sorted(heard.parts)]
    return read(Answer(model=heard.model, content=parts, stop_reason=heard.stop, usage=heard.usage), call)


def _hear(heard: _Heard, event: Json, call: Call) -> None:
    kind = event.get("type")
    if kind == "message_start":
        heard.model = str(event["message"].get("model") or heard.model)
        heard.usage = _Usage.model_validate(event["message"].get("usage") or {})
        call.tape.used = used_of(heard.usage)
    elif kind == "content_block_start":
        heard.parts[event["index"]] = {**event["content_block"], "json": ""}
    elif kind == "content_block_delta":
        _hear_delta(heard.parts.setdefault(event["index"], {"type": "text", "json": ""}), event["delta"], call)
    elif kind == "message_delta":
        heard.stop = (event.get("delta") or {}).get("stop_reason") or heard.stop
        heard.usage.output_tokens = int((event.get("usage") or {}).get("output_tokens") or heard.usage.output_tokens)
    elif kind == "message_stop":
        heard.ended = True


def _hear_delta(part: Json, delta: Json, call: Call) -> None:
    if delta.get("type") == "text_delta":
        part["text"] = (part.get("text") or "") + delta["text"]
        call.hear(delta["text"])
    elif delta.get("type") == "input_json_delta":
        part["json"] += delta["partial_json"]


def _finished(part: Json) -> _Part:
    written = part.pop("json", "")
    if part.get("type") == "tool_use" and written:
        try:
            part["input"] = json.loads(written)
        except ValueError:
            part["input"] = None
    return _Part.model_validate({name: value for name, value in part.items() if value is not None})
