"""OpenAI's Responses API: a request in its words, and its answer as far as it is used. Nothing is stored there.

Reference: https://platform.openai.com/docs/api-reference/responses/create
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from integrations.errors import Rejected, ServiceError, Unavailable
from integrations.http_failures import rate_limited
from integrations.llm import Message, Picture, Tool, ToolCall
from integrations.model_client import Call, Reply, refused_by_model
from integrations.openai import INTEGRATION
from integrations.openai.reading import tool_call
from integrations.prices import Used
from integrations.schema_words import strict

Json = dict[str, Any]
LEAST = 16  # the least that max_output_tokens may be, by the reference
STREAMED = "response.output_text.delta"
ENDED = frozenset({"response.completed", "response.incomplete", "response.failed"})


class _Details(BaseModel):
    cached_tokens: int | None = 0
    cache_write_tokens: int | None = 0


class _Usage(BaseModel):
    input_tokens: int = 0
    output_tokens: int = 0
    input_tokens_details: _Details | None = None


class _Part(BaseModel):
    type: str = ""
    text: str = ""
    refusal: str = ""


class _Item(BaseModel):
    type: str = ""
    content: list[_Part] | None = None
    call_id: str = ""
    name: str = ""
    arguments: str = ""


class _Error(BaseModel):
    code: str | None = ""
    message: str | None = ""


class _Incomplete(BaseModel):
    reason: str | None = ""


class Response(BaseModel):
    """The parts of a response that are used."""

    model_config = ConfigDict(extra="ignore")

    model: str
    output: list[_Item]
    status: str | None = "completed"
    error: _Error | None = None
    incomplete_details: _Incomplete | None = None
    usage: _Usage | None = Field(default=None)


def body(call: Call) -> Json:
    """The request."""
    made: Json = {"model": call.model, "input": [item for m in call.request.messages for item in _items(m)]}
    made["store"] = False
    if call.request.system:
        made["instructions"] = call.request.system
    if "temperature" in call.parameters:
        made["temperature"] = call.send("temperature", "temperature")
    if "max_tokens" in call.parameters:
        wanted = call.send("max_tokens", "max_output_tokens")
        made["max_output_tokens"] = max(LEAST, wanted)
        if wanted < LEAST:
            call.tape.notes.append(f"This service cuts an answer off after {LEAST} tokens at the earliest.")
    if call.native_schema:
        call.send("schema", "text")
        made["text"] = {"format": {"type": "json_schema", **schema_format(call)}}
    if call.request.tools:
        made["tools"] = [{"type": "function", "strict": False, **_function(tool)} for tool in call.request.tools]
        made["tool_choice"] = "required" if call.request.must_call else "auto"
    return made


def schema_format(call: Call) -> Json:
    """Name and schema; strict where the schema can be said that way."""
    assert call.request.schema is not None
    held = strict(call.request.schema)
    return {"name": "answer", "schema": held or dict(call.request.schema), "strict": held is not None}


def _items(message: Message) -> Iterator[Json]:
    for result in message.results:
        yield {"type": "function_call_output", "call_id": result.call_id, "output": result.text}
    if message.pictures:
        text = [{"type": "input_text", "text": message.text}] if message.text else []
        yield {"role": message.role, "content": [*text, *map(_picture, message.pictures)]}
    elif message.text:
        yield {"role": message.role, "content": message.text}
    for call in message.calls:
        arguments = json.dumps(dict(call.arguments), ensure_ascii=False)
        yield {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": arguments}


def _function(tool: Tool) -> Json:
    return {"name": tool.name, "description": tool.description, "parameters": dict(tool.schema)}


def _picture(picture: Picture) -> Json:
    if picture.is_image:
        return {"type": "input_image", "image_url": picture.data_url, "detail": "auto"}
    return {"type": "input_file", "filename": picture.name, "file_data": picture.data_url}


def read(found: Response, call: Call) -> Reply:
    """The answer. Raises Rejected when the model refused, the error that a failed response tells."""
    used = used_of(found)
    call.tape.used = used
    if found.status == "failed" or found.error:
        raise _failed(found, used)
    parts = [part for item in found.output if item.type == "message" for part in item.content or ()]
    if refusal := "".join(part.refusal for part in parts if part.type == "refusal"):
        raise refused_by_model(refusal, used or Used())
    why = (found.incomplete_details.reason if found.incomplete_details else "") or ""
    if why == "content_filter":
        raise refused_by_model("its answer was held back by a content filter", used or Used())
    text = "".join(part.text for part in parts if part.type == "output_text")
    calls: tuple[ToolCall, ...] = tuple(
        tool_call(item.call_id, item.name, item.arguments) for item in found.output if item.type == "function_call"
    )
    reason = "length" if why else "tools" if calls else "stop"
    return Reply(text, found.model, reason, used, calls)


def used_of(found: Response) -> Used | None:
    """The tokens as told."""
    if found.usage is None:
        return None
    details = found.usage.input_tokens_details or _Details()
    return Used(
        found.usage.input_tokens, found.usage.output_tokens, details.cached_tokens or 0, details.cache_write_tokens or 0
    )


def _failed(found: Response, used: Used | None) -> ServiceError:
    code, words = (found.error.code or "", found.error.message or "") if found.error else ("", "")
    told = {"input_tokens": used.input, "output_tokens": used.output} if used else None
    if code == "rate_limit_exceeded":
        return rate_limited(INTEGRATION.title, None, 429)
    text = f"{INTEGRATION.title} could not finish the answer: {words.rstrip('.')[:300] or code or 'it gave no reason'}."
    if code in ("server_error", "vector_store_timeout", ""):
        return Unavailable(text, hint="Try again later.", usage=told)
    return Rejected(text, hint="Check the model, the text and the settings of this step.", usage=told)
