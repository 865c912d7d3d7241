"""What both of OpenAI's interfaces share: an answer's bytes as an object, tool arguments as an object. Pure."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from integrations.llm import ToolCall
from integrations.model_client import unreadable
from integrations.openai import INTEGRATION
from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.json import clean_json

M = TypeVar("M", bound=BaseModel)
MOST_ARGUMENTS = 256 * 1024


def body_of(answer: Any, shape: type[M]) -> M:
    """The answer of a raw SDK call as the parts that are used. Raises Unreadable."""
    try:
        raw = answer.http_response if hasattr(answer, "http_response") else answer
        return shape.model_validate(json.loads(raw.content))
    except (ValueError, ValidationError, RecursionError, AttributeError):
        raise unreadable(INTEGRATION.title, "an answer of a model") from None


def tool_call(id: str, name: str, arguments: str) -> ToolCall:
    """A call as the model wrote it; arguments that are no JSON object are said, not thrown away."""
    try:
        read = clean_json(arguments or "{}", max_bytes=MOST_ARGUMENTS, field="arguments")
    except UserError as problem:
        return ToolCall(id, name, {}, problem.message)
    if not isinstance(read, dict):
        return ToolCall(id, name, {}, "The arguments must be an object.")
    return ToolCall(id, name, read)
