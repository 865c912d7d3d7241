"""OpenAI, and every server that speaks its API: the Responses API, or chat completions where a server lacks it.

Over OpenAI's own SDK; one request a call; models and their manners are data (`models.json`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from integrations.cache import ClientCache
from integrations.context import Calls, ConnectionInfo
from integrations.errors import Rejected, ServiceError
from integrations.learning import remember
from integrations.manners import Learned
from integrations.model_client import Call, ModelClient, Reply, said, transport, unreadable
from integrations.openai import INTEGRATION, chat, responses
from integrations.openai.media import OpenAIMedia
from integrations.openai.reading import body_of
from integrations.prices import ModelTable, read_table

if TYPE_CHECKING:
    from openai import AsyncOpenAI

RESPONSES, CHAT = "responses", "chat"
NO_SUCH_ROUTE = frozenset({404, 405, 501})


async def _close(sdk: AsyncOpenAI) -> None:
    await sdk.close()


class OpenAIModel(OpenAIMedia, ModelClient):
    """Reference: https://platform.openai.com/docs/api-reference"""

    title: ClassVar[str] = INTEGRATION.title
    table: ClassVar[ModelTable] = read_table(Path(__file__).with_name("models.json"))
    clients: ClassVar[ClientCache[Any]] = ClientCache(_close)
    learned: ClassVar[Learned] = Learned()
    other_names: ClassVar[Mapping[str, tuple[str, ...]]] = {"max_tokens": chat.LIMITS}
    _spoken: ClassVar[dict[str, str]] = {}

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

    @property
    def api(self) -> str:
        """Which of the two interfaces is spoken: as the connection says, as was found out, else responses."""
        chosen = self.info.secret.get("api", "")
        if chosen in (RESPONSES, CHAT):
            return chosen
        if not self.info.base_url:
            return RESPONSES
        return self._spoken.get(self._place) or str(self.info.learned.get("api", RESPONSES))

    @property
    def _place(self) -> str:
        return f"{self.info.id}|{self.info.base_url}"

    async def ask(self, call: Call, sdk: Any, timeout: float) -> Reply:
        """One answer; a server that turns out to lack the Responses API is asked by chat completions from then on."""
        if self.api == RESPONSES:
            try:
                return await self._respond(call, sdk, timeout)
            except Exception as problem:
                if not self._lacks_responses(problem):
                    raise
            self._spoken[self._place] = CHAT
            call.tape.sent.clear()
            reply = await self._chat(call, sdk, timeout)
            await remember(self.info, self.calls, {"api": CHAT})
            return reply
        return await self._chat(call, sdk, timeout)

    def _lacks_responses(self, problem: Exception) -> bool:
        """No such route; a 404 that speaks of the model means the model."""
        chosen = self.info.secret.get("api", "")
        if chosen == RESPONSES or not self.info.base_url or getattr(problem, "status_code", None) not in NO_SUCH_ROUTE:
            return False
        return getattr(problem, "code", None) != "model_not_found" and "model" not in said(problem).lower()

    async def _respond(self, call: Call, sdk: Any, timeout: float) -> Reply:
        body = responses.body(call)
        if not call.stream:
            answer = await sdk.responses.with_raw_response.create(**body, timeout=timeout)
            return responses.read(body_of(answer, responses.Response), call)
        call.send("stream", "stream")
        async with await sdk.responses.create(**body, stream=True, timeout=timeout) as events:
            async for event in events:
                if event.type == responses.STREAMED:
                    call.hear(event.delta)
                elif event.type in responses.ENDED:
                    whole = responses.Response.model_validate(event.response.model_dump(warnings=False))
                    return responses.read(whole, call)
        raise unreadable(self.title, "a whole answer: the stream broke off")

    async def _chat(self, call: Call, sdk: Any, timeout: float) -> Reply:
        body = chat.body(call)
        if not call.stream:
            answer = await sdk.chat.completions.with_raw_response.create(**body, timeout=timeout)
            return chat.read(body_of(answer, chat.Completion), call)
        call.send("stream", "stream")
        call.send("stream", "stream_options")
        more = {"stream": True, "stream_options": {"include_usage": True}, "timeout": timeout}
        async with await sdk.chat.completions.create(**body, **more) as chunks:
            return await chat.read_stream(chunks, call)

    async def list_models(self, sdk: Any, timeout: float) -> list[str]:
        """The ids of the models, by name. Reference: https://platform.openai.com/docs/api-reference/models/list"""
        page = await sdk.models.list(timeout=timeout)
        listed = getattr(page, "data", None)
        if not isinstance(listed, list):
            raise unreadable(self.title, "a list of models")
        return sorted(str(item.id) for item in listed if getattr(item, "id", None))

    def remark(self) -> str:
        """Which interface a compatible server speaks."""
        return " This server speaks chat completions." if self.api == CHAT else ""

    def extras(self, models: list[str]) -> tuple[str, ...]:
        """Embeddings, moderation, speech and images, where a model for them is open to the key."""
        words = {"embedding": "turn text into vectors", "moderation": "moderate text", "speech": "write down speech"}
        words["image"] = "make images"
        uses = {facts.use for name in models if (facts := self.table.find(name)) is not None}
        return tuple(text for use, text in words.items() if use in uses)

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


def connect(info: ConnectionInfo, calls: Calls) -> OpenAIModel:
    """The client of a connection."""
    return OpenAIModel(info, calls)
