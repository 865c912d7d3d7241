"""Anthropic's messages over its own SDK: one request a call, models and their manners from `models.json`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from integrations.anthropic import INTEGRATION, messages
from integrations.cache import ClientCache
from integrations.context import Calls, ConnectionInfo
from integrations.errors import Rejected, ServiceError
from integrations.llm import ModelRequest
from integrations.manners import Learned
from integrations.model_client import Call, ModelClient, Reply, said, transport, unreadable
from integrations.prices import ModelTable, read_table
from orchestrator_site.lib.clock import now

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic


async def _close(sdk: AsyncAnthropic) -> None:
    await sdk.close()


class AnthropicModel(ModelClient):
    """Reference: https://platform.claude.com/docs/en/api/messages"""

    title: ClassVar[str] = INTEGRATION.title
    table: ClassVar[ModelTable] = read_table(Path(__file__).with_name("models.json"))
    clients: ClassVar[ClientCache[Any]] = ClientCache(_close)
    learned: ClassVar[Learned] = Learned()

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

    async def ask(self, call: Call, sdk: Any, timeout: float) -> Reply:
        """One message."""
        body = messages.body(call)
        if not call.stream:
            answer = await sdk.messages.with_raw_response.create(**body, timeout=timeout)
            return messages.read(messages.parse(answer.http_response.content), call)
        call.send("stream", "stream")
        async with await sdk.messages.create(**body, stream=True, timeout=timeout) as events:
            return await messages.read_stream(events, call)

    async def list_models(self, sdk: Any, timeout: float) -> list[str]:
        """The ids of the models, newest first. Reference: https://platform.claude.com/docs/en/api/models-list"""
        page = await sdk.models.list(limit=100, timeout=timeout)
        listed = getattr(page, "data", None)
        if not isinstance(listed, list):
            raise unreadable(self.title, "a list of models")
        return [str(item.id) for item in listed if getattr(item, "id", None)]

    async def count(self, request: ModelRequest) -> tuple[str, int, bool]:
        """The tokens as the service counts them, for nothing.

        Reference: https://platform.claude.com/docs/en/api/messages-count-tokens
        """
        model = request.model or self.table.default(now().date())
        body = messages.body(Call(model, request, {}, False, False))

        async def ask(sdk: Any, timeout: float) -> int:
            kept = {name: body[name] for name in ("model", "messages", "system") if name in body}
            return int((await sdk.messages.count_tokens(**kept, timeout=timeout)).input_tokens)

        return model, await self.once(ask), True

    def explain(self, problem: Any) -> ServiceError | None:
        """An unknown model is the step's to repair; an empty account and a long text say so in a 400."""
        status, text = getattr(problem, "status_code", None), said(problem)
        if status == 404 and "model" in text:
            hint = "Choose another model in the step; the test of the connection lists those this key may use."
            return Rejected(f"Anthropic does not know this {text}", code="E_MODEL", hint=hint, status=404, refused=True)
        if status == 400 and "credit balance" in text:
            hint = "Add credit at platform.claude.com → Billing, then run again."
            words = "The Anthropic account has no credit left."
            return Rejected(words, code="E_QUOTA", hint=hint, status=400, refused=True)
        if status == 400 and "prompt is too long" in text:
            hint = "Send less text, or choose a model with a longer memory."
            return Rejected(f"Anthropic: {text}", code="E_LENGTH", hint=hint, status=400, refused=True)
        return None


def connect(info: ConnectionInfo, calls: Calls) -> AnthropicModel:
    """The client of a connection."""
    return AnthropicModel(info, calls)
