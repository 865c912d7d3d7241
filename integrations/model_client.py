"""What the clients of all model services share: default model, parameters as data, cost, failures, the test in words.

A service adds how to connect, how to ask once, and how to list its models. Knows no vendor.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from integrations.cache import ClientCache
from integrations.context import Calls, Choice, ConnectionInfo, ConnectionReport
from integrations.errors import RateLimited, Rejected, ServiceError, SignInAgain, Unavailable
from integrations.http_failures import from_status, from_transport, unreadable
from integrations.llm import ModelAnswer, ModelRequest
from integrations.prices import ModelTable
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.json import repair_text
from orchestrator_site.lib.outbound import guarded_async_client

T = TypeVar("T")
TRY = "Answer with the word ready."
TRY_TOKENS = 64


@dataclass(frozen=True)
class Reply:
    """What a service answered, as far as it is used."""

    text: str
    model: str
    finish_reason: str
    input_tokens: int
    output_tokens: int


class ModelClient(ABC):
    """A `LanguageModel` over a vendor's SDK."""

    title: ClassVar[str]
    table: ClassVar[ModelTable]
    clients: ClassVar[ClientCache[Any]]

    def __init__(self, info: ConnectionInfo, calls: Calls) -> None:
        self.info, self.calls = info, calls

    @abstractmethod
    def connect(self) -> Any:
        """The SDK's client for this connection: no retries of its own, over the guarded transport."""

    @abstractmethod
    async def ask(
        self, sdk: Any, model: str, request: ModelRequest, parameters: dict[str, Any], timeout: float
    ) -> Reply:
        """One request. Raises what the SDK raises, Unreadable for an answer that is none."""

    @abstractmethod
    async def list_models(self, sdk: Any, timeout: float) -> list[str]:
        """The ids of the models this key may use."""

    def explain(self, problem: Any) -> ServiceError | None:
        """The error for what only this service knows; None for the usual kinds."""
        return None

    async def complete(self, request: ModelRequest) -> ModelAnswer:
        """Ask once. Raises ServiceError."""
        model = request.model or self.table.default(now().date())
        wanted = {"temperature": request.temperature, "max_tokens": request.max_tokens}
        parameters, dropped = self.table.parameters(model, wanted)
        reply = await self._once(lambda sdk, timeout: self.ask(sdk, model, request, parameters, timeout))
        warnings = [f"{model} takes no {name}; it was left out." for name in dropped]
        cost = self.table.cost(reply.model, reply.input_tokens, reply.output_tokens)
        if cost is None and not self.info.base_url:
            warnings.append(f"No price is known for {reply.model}, so its cost is counted as 0.")
        text = repair_text(reply.text)
        used = (reply.input_tokens, reply.output_tokens)
        return ModelAnswer(text, reply.model, reply.finish_reason, *used, cost, tuple(warnings))

    async def describe(self) -> ConnectionReport:
        """List the models, ask the usual one a few words, and say what that cost."""
        models = await self._models()
        usual = self.table.default(now().date())
        if models and usual not in models:
            shown = ", ".join(models[:5])
            return ConnectionReport(
                ok=True,
                summary=f"The key works. Models here: {shown}. Name one in each step: {usual} is not among them.",
                can=tuple(f"use {name}" for name in models[:5]),
                missing=(f"use {usual}, which steps without a model ask for",),
            )
        answer = await self.complete(ModelRequest.of(TRY, max_tokens=TRY_TOKENS))
        count = f"{len(models)} models are open to it. " if models else ""
        cost = f" for {answer.cost_usd:.6f} USD" if answer.cost_usd is not None else ""
        summary = f"The key works. {count}{answer.model} answered{cost}."
        return ConnectionReport(ok=True, summary=summary, can=("complete prompts", f"use {usual}"))

    async def choices(self, name: str, q: str, given: Mapping[str, str]) -> list[Choice]:
        """The models of the service, those with a known price first and with it."""
        if name != "models":
            return []
        found = [model for model in await self._models() if q.lower() in model.lower()]
        return [Choice(model, self.table.in_words(model)) for model in sorted(found, key=self.table.order)]

    async def _models(self) -> list[str]:
        """The models, or none where a compatible server does not list them."""
        try:
            return await self._once(self.list_models)
        except Rejected:
            return []

    async def _once(self, call: Callable[[Any, float], Awaitable[T]]) -> T:
        """One request within the deadline, every failure as one of the four kinds."""
        left = self.calls.deadline - time.monotonic()
        if left <= 0:
            raise Unavailable(f"There was no time left to ask {self.title}.", code="E_TIMEOUT", refused=True)
        try:
            async with asyncio.timeout(left):
                return await call(self.clients.get(self.info, self.connect), left)
        except ServiceError:
            raise
        except Exception as problem:
            raise self._failure(problem) from problem

    def _failure(self, problem: Exception) -> ServiceError:
        if isinstance(problem, ValueError):  # the SDK could not read a 2xx as JSON
            return unreadable(self.title, "an answer of a model")
        if explained := self.explain(problem):
            return explained
        status = getattr(problem, "status_code", None)
        if not isinstance(status, int):
            return from_transport(self.title, problem)
        if status < 400:
            return unreadable(self.title, "an answer of a model")
        headers = dict(getattr(getattr(problem, "response", None), "headers", {}))
        return with_advice(from_status(self.title, status, said(problem), headers=headers))


def transport(timeout: float = 600.0) -> Any:
    """The HTTP client below an SDK: guarded, without redirects, environment or retries."""
    return guarded_async_client("httpx2", timeout=timeout, reuse=True)


def said(problem: Any) -> str:
    """The service's own sentence in an SDK's exception."""
    body = getattr(problem, "body", None)
    inner = body.get("error", body) if isinstance(body, dict) else None
    message = inner.get("message") if isinstance(inner, dict) else None
    return str(message or getattr(problem, "message", "") or problem)


def with_advice(problem: ServiceError) -> ServiceError:
    """What to do next, in words for a model's connection."""
    if problem.hint and not isinstance(problem, RateLimited):
        return problem
    if isinstance(problem, SignInAgain):
        problem.hint = "Open the connection and replace its key, then run again."
    elif isinstance(problem, Rejected):
        problem.hint = "Check the model, the text and the settings of this step."
    return problem


__all__ = ["ModelClient", "Reply", "said", "transport", "unreadable"]
