"""Anthropic's messages over its own SDK: one request a call, models and their manners from `models.json`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict, ValidationError

from integrations.anthropic import INTEGRATION
from integrations.cache import ClientCache
from integrations.context import Calls, ConnectionInfo
from integrations.errors import Rejected, ServiceError
from integrations.llm import ModelRequest
from integrations.model_client import ModelClient, Reply, said, transport, unreadable
from integrations.prices import ModelTable, read_table

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

MAX_TOKENS = 4096  # the API asks for a limit; where the step names none, this one
FINISH = {"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length", "refusal": "refused"}


class _Part(BaseModel):
    type: str
    text: str = ""


class _Usage(BaseModel):
    input_tokens: int = 0
    output_tokens: int = 0
    cache_creation_input_tokens: int | None = 0
    cache_read_input_tokens: int | None = 0


class _Message(BaseModel):
    """The parts of an answer that are used."""

    model_config = ConfigDict(extra="ignore")

    model: str
    content: list[_Part]
    stop_reason: str | None = None
    usage: _Usage


async def _close(sdk: AsyncAnthropic) -> None:
    await sdk.close()


class AnthropicModel(ModelClient):
    """Reference: https://platform.claude.com/docs/en/api/messages"""

    title: ClassVar[str] = INTEGRATION.title
    table: ClassVar[ModelTable] = read_table(Path(__file__).with_name("models.json"))
    clients: ClassVar[ClientCache[Any]] = ClientCache(_close)

    def connect(self) -> AsyncAnthropic:
        """The SDK without retries and without what the environment says."""
        from anthropic import AsyncAnthropic

        sdk = AsyncAnthropic(
            api_key=self.info.secret.get("api_key", ""),
            base_url=self.info.base_url or INTEGRATION.base_url,
            max_retries=0,
            http_client=transport(),
        )
        sdk.auth_token = None
        return sdk

    async def ask(
        self, sdk: Any, model: str, request: ModelRequest, parameters: dict[str, Any], timeout: float
    ) -> Reply:
        """One message."""
        given = {"max_tokens": MAX_TOKENS, **parameters}
        if request.system:
            given["system"] = request.system
        turns = [{"role": message.role, "content": message.text} for message in request.messages]
        return _read(await sdk.messages.create(model=model, messages=turns, timeout=timeout, **given))

    async def list_models(self, sdk: Any, timeout: float) -> list[str]:
        """The ids of the models, newest first. Reference: https://platform.claude.com/docs/en/api/models-list"""
        page = await sdk.models.list(limit=100, timeout=timeout)
        listed = getattr(page, "data", None)
        if not isinstance(listed, list):
            raise unreadable(self.title, "a list of models")
        return [str(item.id) for item in listed if getattr(item, "id", None)]

    def explain(self, problem: Any) -> ServiceError | None:
        """An unknown model is the step's to repair; an empty account says so in a 400."""
        status, text = getattr(problem, "status_code", None), said(problem)
        if status == 404 and "model" in text:
            hint = "Choose another model in the step; the test of the connection lists those this key may use."
            return Rejected(f"Anthropic does not know this {text}", code="E_MODEL", hint=hint, status=404, refused=True)
        if status == 400 and "credit balance" in text:
            hint = "Add credit at platform.claude.com → Billing, then run again."
            words = "The Anthropic account has no credit left."
            return Rejected(words, code="E_QUOTA", hint=hint, status=400, refused=True)
        return None


def _read(answer: Any) -> Reply:
    """The answer as far as it is used. Raises Unreadable, or Rejected when the model refused."""
    try:
        found = _Message.model_validate(answer.model_dump(warnings=False))
    except (AttributeError, ValidationError, TypeError):
        raise unreadable(INTEGRATION.title, "a message") from None
    usage = found.usage
    asked = usage.input_tokens + (usage.cache_creation_input_tokens or 0) + (usage.cache_read_input_tokens or 0)
    text = "".join(part.text for part in found.content if part.type == "text")
    reason = FINISH.get(found.stop_reason or "", found.stop_reason or "stop")
    if reason == "refused":
        raise Rejected(
            f"The model refused: {text[:300] or 'it gave no reason'}",
            code="E_MODEL_REFUSED",
            hint="Change the prompt or the text.",
            usage={"input_tokens": asked, "output_tokens": usage.output_tokens},
        )
    return Reply(text, found.model, reason, asked, usage.output_tokens)


def connect(info: ConnectionInfo, calls: Calls) -> AnthropicModel:
    """The client of a connection."""
    return AnthropicModel(info, calls)
