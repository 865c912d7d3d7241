"""Chat completions: what servers speak that lack the Responses API. A request in their words, and the answer.

Reference: https://platform.openai.com/docs/api-reference/chat/create
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict

from integrations.llm import Message, Picture, Tool, ToolCall
from integrations.model_client import Call, Reply, refused_by_model, unreadable
from integrations.openai import INTEGRATION
from integrations.openai.reading import tool_call
from integrations.openai.responses import schema_format
from integrations.prices import Used

Json = dict[str, Any]
FINISH = {"tool_calls": "tools", "function_call": "tools", "content_filter": "refused"}
LIMITS = ("max_completion_tokens", "max_tokens")


class _Function(BaseModel):
    name: str = ""
    arguments: str | None = ""


class _ToolCall(BaseModel):
    id: str = ""
    function: _Function = _Function()


class _Said(BaseModel):
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[_ToolCall] | None = None


class _Choice(BaseModel):
    message: _Said
    finish_reason: str | None = None


class _Details(BaseModel):
    cached_tokens: int | None = 0


class _Usage(BaseModel):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_tokens_details: _Details | None = None


class Completion(BaseModel):
    """The parts of an answer that are used; a server may say more."""

    model_config = ConfigDict(extra="ignore")

    model: str
    choices: list[_Choice]
    usage: _Usage | None = None


def body(call: Call) -> Json:
    """The request."""
    system = [{"role": "system", "content": call.request.system}] if call.request.system else []
    made: Json = {
        "model": call.model,
        "messages": [*system, *(turn for m in call.request.messages for turn in _turns(m))],
    }
    if "temperature" in call.parameters:
        made["temperature"] = call.send("temperature", "temperature")
    if "max_tokens" in call.parameters:
        wire = call.names.get("max_tokens", "max_tokens")
        made[wire] = call.send("max_tokens", wire)
    if call.native_schema:
        call.send("schema", "response_format")
        made["response_format"] = {"type": "json_schema", "json_schema": schema_format(call)}
    if call.request.tools:
        made["tools"] = [{"type": "function", "function": _function(tool)} for tool in call.request.tools]
        made["tool_choice"] = "required" if call.request.must_call else "auto"
    return made


def _turns(message: Message) -> Iterator[Json]:
    for result in message.results:
        yield {"role": "tool", "tool_call_id": result.call_id, "content": result.text}
    if message.role == "assistant":
        turn: Json = {"role": "assistant", "content": message.text or None}
        if message.calls:
            turn["tool_calls"] = [{"id": c.id, "type": "function", "function": _called(c)} for c in message.calls]
        yield turn
    elif message.pictures:
        text = [{"type": "text", "text": message.text}] if message.text else []
        yield {"role": "user", "content": [*text, *map(_picture, message.pictures)]}
    elif message.text or not message.results:
        yield {"role": "user", "content": message.text}


def _function(tool: Tool) -> Json:
    return {"name": tool.name, "description": tool.description, "parameters": dict(tool.schema)}


def _called(call: ToolCall) -> Json:
    return {"name": call.name, "arguments": json.dumps(dict(call.arguments), ensure_ascii=False)}


def _picture(picture: Picture) -> Json:
    if picture.is_image:
        return {"type": "image_url", "image_url": {"url": picture.data_url}}
    return {"type": "file", "file": {"filename": picture.name, "file_data": picture.data_url}}


def read(found: Completion, call: Call) -> Reply:
    """The answer. Raises Unreadable without one, Rejected when the model refused."""
    if not found.choices:
        raise unreadable(INTEGRATION.title, "a chat completion")
    choice = found.choices[0]
    used = used_of(found.usage)
    call.tape.used = used
    reason = choice.finish_reason or "stop"
    if choice.message.refusal:
        raise refused_by_model(choice.message.refusal, used or Used())
    if reason == "content_filter" and not choice.message.content:
        raise refused_by_model("its answer was held back by a content filter", used or Used())
    calls = tuple(tool_call(c.id, c.function.name, c.function.arguments or "") for c in choice.message.tool_calls or ())
    return Reply(choice.message.content or "", found.model, FINISH.get(reason, reason), used, calls)


def used_of(usage: _Usage | None) -> Used | None:
    """The tokens as told."""
    if usage is None:
        return None
    cached = usage.prompt_tokens_details.cached_tokens if usage.prompt_tokens_details else 0
    return Used(usage.prompt_tokens, usage.completion_tokens, cached or 0)


@dataclass
class _Heard:
    """A streamed answer as it grows."""

    model: str = ""
    finish: str | None = None
    refusal: str = ""
    usage: _Usage | None = None
    tools: dict[int, _ToolCall] = field(default_factory=dict)


async def read_stream(chunks: AsyncIterator[Any], call: Call) -> Reply:
    """The answer from its chunks; each piece of text is told at once. Raises Unreadable for one that broke off."""
    heard = _Heard(model=call.model)
    async for chunk in chunks:
        _hear(heard, chunk.model_dump(warnings=False) if hasattr(chunk, "model_dump") else chunk, call)
    if heard.finish is None and not call.tape.pieces and not heard.tools and not heard.refusal:
        raise unreadable(INTEGRATION.title, "a chat completion")
    if heard.finish is None:
        raise unreadable(INTEGRATION.title, "a whole answer: the stream broke off")
    said = _Said(
        content="".join(call.tape.pieces),
        refusal=heard.refusal or None,
        tool_calls=[heard.tools[index] for index in sorted(heard.tools)],
    )
    choice = _Choice(message=said, finish_reason=heard.finish)
    return read(Completion(model=heard.model, choices=[choice], usage=heard.usage), call)


def _hear(heard: _Heard, chunk: Json, call: Call) -> None:
    heard.model = str(chunk.get("model") or heard.model)
    if chunk.get("usage"):
        heard.usage = _Usage.model_validate(chunk["usage"])
        call.tape.used = used_of(heard.usage)
    for choice in chunk.get("choices") or ():
        delta = choice.get("delta") or {}
        call.hear(delta.get("content") or "")
        heard.refusal += delta.get("refusal") or ""
        heard.finish = choice.get("finish_reason") or heard.finish
        for part in delta.get("tool_calls") or ():
            _hear_tool(heard, part)


def _hear_tool(heard: _Heard, part: Json) -> None:
    known = heard.tools.setdefault(int(part.get("index") or 0), _ToolCall())
    known.id = part.get("id") or known.id
    function = part.get("function") or {}
    known.function = _Function(
        name=function.get("name") or known.function.name,
        arguments=(known.function.arguments or "") + (function.get("arguments") or ""),
    )
