"""OpenAI's chat completions over its own SDK: one request a call, models and their manners from `models.json`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict, ValidationError

from integrations.cache import ClientCache
from integrations.context import Calls, ConnectionInfo
from integrations.errors import Rejected, ServiceError
from integrations.llm import ModelRequest
from integrations.model_client import ModelClient, Reply, said, transport, unreadable
from integrations.openai import INTEGRATION
from integrations.prices import ModelTable, read_table

if TYPE_CHECKING:
    from openai import AsyncOpenAI


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Usage(BaseModel):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Completion(BaseModel):
    """The parts of an answer that are used; a server may say more."""

    model_config = ConfigDict(extra="ignore")

    model: str
    choices: list[_Choice]
    usage: _Usage | None = None


async def _close(sdk: AsyncOpenAI) -> None:
    await sdk.close()


class OpenAIModel(ModelClient):
    """Reference: https://platform.openai.com/docs/api-reference/chat/create"""

    title: ClassVar[str] = INTEGRATION.title
    table: ClassVar[ModelTable] = read_table(Path(__file__).with_name("models.json"))
    clients: ClassVar[ClientCache[Any]] = ClientCache(_close)

    def connect(self) -> AsyncOpenAI:
        """The SDK without retries and without what the environment says."""
        from openai import AsyncOpenAI

        sdk = AsyncOpenAI(
            api_key=self.info.secret.get("api_key", ""),
            base_url=self.info.base_url or INTEGRATION.base_url,
            max_retries=0,
            http_client=transport(),
        )
        sdk.organization = sdk.project = None
        return sdk

    async def ask(
        self, sdk: Any, model: str, request: ModelRequest, parameters: dict[str, Any], timeout: float
    ) -> Reply:
        """One chat completion."""
        system = [{"role": "system", "content": request.system}] if request.system else []
        turns = [{"role": message.role, "content": message.text} for message in request.messages]
        answer = await sdk.chat.completions.create(
            model=model, messages=[*system, *turns], timeout=timeout, **parameters
        )
        return _read(answer)

    async def list_models(self, sdk: Any, timeout: float) -> list[str]:
        """The ids of the models, by name. Reference: https://platform.openai.com/docs/api-reference/models/list"""
        page = await sdk.models.list(timeout=timeout)
        listed = getattr(page, "data", None)
        if not isinstance(listed, list):
            raise unreadable(self.title, "a list of models")
        return sorted(str(item.id) for item in listed if getattr(item, "id", None))

    def explain(self, problem: Any) -> ServiceError | None:
        """An empty account looks like a limit and is none; an unknown model is the step's to repair."""
        code = getattr(problem, "code", None)
        if code == "insufficient_quota":
            return Rejected(
                "The OpenAI account has no credit left.",
                code="E_QUOTA",
                hint="Add credit or raise the budget at platform.openai.com → Billing, then run again.",
                status=429,
                refused=True,
            )
        if code == "model_not_found":
            hint = "Choose another model in the step; the test of the connection lists those this key may use."
            return Rejected(said(problem), code="E_MODEL", hint=hint, status=404, refused=True)
        if code == "context_length_exceeded":
            hint = "Send less text, or choose a model with a longer memory."
            return Rejected(said(problem), code="E_LENGTH", hint=hint, status=400, refused=True)
        return None


def _read(answer: Any) -> Reply:
    """The answer as far as it is used. Raises Unreadable, or Rejected when the model refused."""
    try:
        found = _Completion.model_validate(answer.model_dump(warnings=False))
        choice = found.choices[0]
    except (AttributeError, ValidationError, IndexError, TypeError):
        raise unreadable(INTEGRATION.title, "a chat completion") from None
    usage = found.usage or _Usage()
    if choice.message.refusal:
        raise Rejected(
            f"The model refused: {choice.message.refusal[:300]}",
            code="E_MODEL_REFUSED",
            hint="Change the prompt or the text.",
            usage={"input_tokens": usage.prompt_tokens, "output_tokens": usage.completion_tokens},
        )
    reason = choice.finish_reason or "stop"
    text = choice.message.content or ""
    return Reply(text, found.model, reason, usage.prompt_tokens, usage.completion_tokens)


def connect(info: ConnectionInfo, calls: Calls) -> OpenAIModel:
    """The client of a connection."""
    return OpenAIModel(info, calls)
