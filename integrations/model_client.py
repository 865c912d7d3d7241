"""What the clients of all model services share: default model, parameters as data, cost, failures, the test in words.

A service adds how to connect, how to ask once, and how to list its models. Knows no vendor.
"""

from __future__ import annotations

import asyncio
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar, TypeVar

from integrations.cache import ClientCache
from integrations.context import Calls, Choice, ConnectionInfo, ConnectionReport
from integrations.errors import RateLimited, Rejected, ServiceError, SignInAgain, Unavailable
from integrations.http_failures import from_status, from_transport, unreadable
from integrations.llm import KnownModel, ModelAnswer, ModelRequest, ToolCall, count_roughly, most_tokens, usage_of
from integrations.manners import MOST_TRIES, Learned, other_name, refusal_in
from integrations.prices import ModelTable, Used
from integrations.schema_words import in_words
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.json import repair_text
from orchestrator_site.lib.outbound import guarded_async_client

T = TypeVar("T")
TRY = "Answer with the word ready."
TRY_TOKENS = 64
NO_LIST = frozenset({404, 405, 410})
MOST_WRITTEN = 32_000  # where a request names no limit
LEFT_OUT = ("temperature", "max_tokens")
_BAD_SCHEMA = re.compile(r"invalid schema|schema for|format\.schema|schema:", re.I)
_FOR_GOOD = re.compile(r"unsupport|not support|unrecogni|unknown|extra inputs|not permitted|deprecated|no longer", re.I)


@dataclass
class Tape:
    """What is known of a request while it is on its way: the parameters it was sent with, and the answer so far."""

    sent: dict[str, str] = field(default_factory=dict)  # name on the wire → our name
    pieces: list[str] = field(default_factory=list)
    used: Used | None = None
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Call:
    """One request, ready to be put into a vendor's words: what the model is known not to take is gone from it."""

    model: str
    request: ModelRequest
    parameters: Mapping[str, Any]
    native_schema: bool
    stream: bool
    names: Mapping[str, str] = field(default_factory=dict)
    tape: Tape = field(default_factory=Tape)

    def send(self, name: str, wire: str) -> Any:
        """The value of a parameter, noted as sent under this name (so that a refusal of it can be understood)."""
        self.tape.sent[wire] = name
        return self.parameters.get(name)

    def hear(self, piece: str) -> None:
        """A piece of the answer has come."""
        if piece:
            self.tape.pieces.append(piece)
            if self.request.on_text is not None:
                self.request.on_text(piece)


@dataclass(frozen=True)
class Reply:
    """What a service answered, as far as it is used; `used` is None where it did not say (then it is estimated)."""

    text: str
    model: str
    finish_reason: str
    used: Used | None
    calls: tuple[ToolCall, ...] = ()


class ModelClient(ABC):
    """A `LanguageModel` over a vendor's SDK."""

    title: ClassVar[str]
    table: ClassVar[ModelTable]
    clients: ClassVar[ClientCache[Any]]
    learned: ClassVar[Learned]
    other_names: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    def __init__(self, info: ConnectionInfo, calls: Calls) -> None:
        self.info, self.calls = info, calls

    @abstractmethod
    def connect(self) -> Any:
        """The SDK's client for this connection: no retries of its own, over the guarded transport."""

    @abstractmethod
    async def ask(self, call: Call, sdk: Any, timeout: float) -> Reply:
        """One answer. Raises what the SDK raises, Unreadable for an answer that is none."""

    @abstractmethod
    async def list_models(self, sdk: Any, timeout: float) -> list[str]:
        """The ids of the models this key may use."""

    def explain(self, problem: Any) -> ServiceError | None:
        """The error for what only this service knows; None for the usual kinds."""
        return None

    # Asking

    async def complete(self, request: ModelRequest) -> ModelAnswer:
        """Ask once. A parameter that the model turns out not to take is left out and asked again without, at most
        three times (a refused request costs nothing). Raises ServiceError."""
        model = request.model or self.table.default(now().date())
        left_out: set[str] = set()
        for tries_left in reversed(range(MOST_TRIES + 1)):
            call = self._call(model, request, left_out)
            try:
                reply = await self.once(partial(self.ask, call))
            except ServiceError as problem:
                if not tries_left or not self._learn(problem, call, left_out):
                    raise self._booked(problem, call) from problem.__cause__
            else:
                return self._answer(call, reply)
        raise AssertionError("unreachable")

    def _call(self, model: str, request: ModelRequest, left_out: set[str]) -> Call:
        manners = self.learned.of(self._server, model)
        wanted = {"temperature": request.temperature, "max_tokens": request.max_tokens}
        given, _ = self.table.parameters(model, wanted)
        gone = manners.refuses | left_out | self.table.family(model).refuses
        native = request.schema is not None and "schema" not in gone
        if request.schema is not None and not native:
            request = replace(request, system=f"{request.system}\n\n{in_words(request.schema)}".strip())
        names = {**self.table.family(model).renames, **manners.names}
        kept = {name: value for name, value in given.items() if name not in gone}
        return Call(model, request, kept, native, request.on_text is not None and "stream" not in gone, names)

    def _learn(self, problem: ServiceError, call: Call, left_out: set[str]) -> bool:
        """Whether the refusal was about a parameter that can be left out (or has another name)."""
        cause = problem.__cause__
        refused = refusal_in(cause, call.tape.sent, said(cause)) if cause is not None else None
        if refused is None:
            return False
        name, manners = call.tape.sent[refused.wire], self.learned.of(self._server, call.model)
        if not _FOR_GOOD.search(refused.said) or (name == "schema" and _BAD_SCHEMA.search(refused.said)):
            left_out.add(name)
            return True
        other = other_name(refused.wire, self.other_names, {refused.wire, *manners.tried})
        manners.tried.add(refused.wire)
        if other is not None:
            manners.names[name] = other
        else:
            manners.refuses.add(name)
        return True

    def _answer(self, call: Call, reply: Reply) -> ModelAnswer:
        dropped = [name for name in LEFT_OUT if _asked(call.request, name) and name not in call.parameters]
        warnings = [*(f"{call.model} takes no {name}; it was left out." for name in dropped), *call.tape.notes]
        used = reply.used
        if used is None:
            used = Used(_size(call.request), count_roughly(reply.text))
            warnings.append(f"{self.title} did not say how many tokens this took; they are estimated.")
        cost = self.table.cost(reply.model, used)
        if cost is None and not self.info.base_url:
            warnings.append(f"No price is known for {reply.model}, so its cost is counted as 0.")
        text = repair_text(reply.text)
        counts = (used.input, used.output, cost, tuple(warnings), used.cached)
        return ModelAnswer(text, reply.model, reply.finish_reason, *counts, reply.calls)

    def _booked(self, problem: ServiceError, call: Call) -> ServiceError:
        """The error with what the request has cost all the same: as the service said, or what came before it broke."""
        used, heard = call.tape.used, "".join(call.tape.pieces)
        if used is None and problem.usage:
            used = Used(int(problem.usage.get("input_tokens", 0)), int(problem.usage.get("output_tokens", 0)))
        if used is None and heard:
            used = Used(_size(call.request), count_roughly(heard))
        if used is not None:
            used = replace(used, output=max(used.output, count_roughly(heard)))
            problem.usage = usage_of(call.model, used.input, used.output, self.table.cost(call.model, used))
        return problem

    @property
    def _server(self) -> str:
        return self.info.base_url or self.title

    # Looking

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
        summary = f"The key works. {count}{answer.model} answered{cost}.{self.remark()}"
        return ConnectionReport(
            ok=True, summary=summary, can=("complete prompts", f"use {usual}", *self.extras(models))
        )

    def remark(self) -> str:
        """A sentence more about this server, with a blank before it."""
        return ""

    def extras(self, models: list[str]) -> tuple[str, ...]:
        """What else the key can do, in short phrases, judged by the models it may use."""
        return ()

    async def choices(self, name: str, q: str, given: Mapping[str, str]) -> list[Choice]:
        """The models of the service, those with a known price first and with it. `name`: models, or a use of theirs."""
        use = {"models": "text"}.get(name, name)
        if use not in self.table.defaults:
            return []
        found = [model for model in await self._models() if q.lower() in model.lower() and self._is_for(model, use)]
        return [Choice(model, self.table.in_words(model)) for model in sorted(found, key=self.table.order)]

    async def models(self) -> list[KnownModel]:
        """The models of the connection, those that stay and have a price first."""
        return [self._known(name) for name in sorted(await self._models(), key=self.table.order)]

    def _known(self, name: str) -> KnownModel:
        facts = self.table.find(name)
        return KnownModel(name, facts.input, facts.output, facts.ends) if facts else KnownModel(name)

    async def count(self, request: ModelRequest) -> tuple[str, int, bool]:
        """The model that would be asked and roughly the tokens it would read."""
        return request.model or self.table.default(now().date()), _size(request), False

    def price(self, model: str, input_tokens: int, output_tokens: int) -> float | None:
        """US dollars, or None where no price is known."""
        return self.table.cost(model, Used(input_tokens, output_tokens))

    def most(self, request: ModelRequest) -> float | None:
        """US dollars that a request can cost at most: all its bytes read, all its tokens written. Asks nobody."""
        model = request.model or self.table.default(now().date())
        return self.table.cost(model, Used(most_tokens(request), request.max_tokens or MOST_WRITTEN))

    def _is_for(self, model: str, use: str) -> bool:
        facts = self.table.find(model)
        return facts.use == use if facts else (use == "text" or bool(self.info.base_url))

    async def _models(self) -> list[str]:
        """The models, or none where a compatible server does not list them."""
        try:
            return await self.once(self.list_models)
        except Rejected as problem:
            if problem.status not in NO_LIST:
                raise
            return []

    # One request

    async def once(self, call: Callable[[Any, float], Awaitable[T]]) -> T:
        """One request within the deadline, every failure as one of the four kinds."""
        left = self.calls.deadline - time.monotonic()
        if left <= 0:
            raise Unavailable(f"There was no time left to ask {self.title}.", code="E_TIMEOUT", refused=True)
        try:
            with self.clients.use(self.info, self.connect) as client:
                async with asyncio.timeout(left):
                    return await call(client, left)
        except ServiceError:
            raise
        except Exception as problem:
            raise self._failure(problem) from problem

    def _failure(self, problem: Exception) -> ServiceError:
        if isinstance(problem, (ValueError, RecursionError)):  # the SDK or we could not read a 2xx as JSON
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
    message = inner.get("message") if isinstance(inner, dict) else inner if isinstance(inner, str) else None
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


def refused_by_model(text: str, used: Used) -> Rejected:
    """The model would not do it; its tokens are booked all the same."""
    return Rejected(
        f"The model refused: {text[:300].rstrip('.') or 'it gave no reason'}.",
        code="E_MODEL_REFUSED",
        hint="Change the prompt or the text.",
        usage={"input_tokens": used.input, "output_tokens": used.output},
    )


def _asked(request: ModelRequest, name: str) -> bool:
    return getattr(request, name) is not None


def _size(request: ModelRequest) -> int:
    texts = (part for m in request.messages for part in (m.text, *(result.text for result in m.results)))
    return count_roughly(request.system) + sum(map(count_roughly, texts))


__all__ = ["Call", "ModelClient", "Reply", "Tape", "refused_by_model", "said", "transport", "unreadable"]
