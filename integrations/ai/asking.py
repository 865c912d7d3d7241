"""What the model actions share: their usual inputs, asking with a fallback, and what an answer without text means."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from integrations.context import Context
from integrations.errors import Rejected, ServiceError, SignInAgain, Unavailable
from integrations.llm import LanguageModel, ModelAnswer, ModelRequest
from integrations.spec import Model, setting

MODEL_HELP = "Left empty: the connection's usual model."
Answers = Context[LanguageModel]
# Another model may know what this one does not: it is away, busy, unknown to the key, or has ended.
GOES_ON = frozenset({"E_MODEL", "E_LENGTH", "E_MODEL_REFUSED"})


class Spent(Model):
    """What an answer took: all calls of the step together."""

    model: str
    input_tokens: int
    output_tokens: int
    cost_usd: float | None = None


class Completion(Model):
    """What a model said, and what it took."""

    text: str
    model: str
    finish_reason: str
    input_tokens: int
    output_tokens: int
    cost_usd: float | None = None


class Fallback(Model):
    """Another model to ask, of another connection of the workspace; without a model that one's usual one."""

    connection: str = setting("Connection", default="", help="By name.", example="backup", max_length=48)
    model: str | None = setting("Model", default=None, help="Left empty: its usual one.", max_length=200)


def model_setting() -> Any:
    """Which model; offered from the connection."""
    return setting(
        "Model", default=None, help=MODEL_HELP, example="gpt-4o-mini", widget="model", choices="models",
        min_length=1, max_length=200,
    )  # fmt: skip


def fallback_setting() -> Any:
    """Models to ask when the first one does not answer."""
    return setting(
        "If it does not answer, ask",
        default=[],
        help="Asked in turn after the step's retries, when a model is away, busy or gone: models of the same "
        "connection, or of another one.",
        example=["gpt-4o-mini", {"connection": "backup", "model": "a-small-model"}],
        widget="models",
        max_length=3,
    )


def temperature_setting() -> Any:
    """How steady the answer is."""
    return setting(
        "Temperature", default=None, help="0 is steady, 2 is wild. Some models take none.", example=0.7, ge=0, le=2,
        allow_inf_nan=False,
    )  # fmt: skip


def max_tokens_setting() -> Any:
    """Where the answer ends at the latest."""
    return setting("Most tokens", default=None, help="Where the answer is cut off.", example=500, ge=1, le=1_000_000)


async def ask(context: Answers, request: ModelRequest, fallback: Sequence[str | Fallback] = ()) -> ModelAnswer:
    """The answer of the step's model; when it can no longer be hoped for, of the first fallback that gives one.

    The usual retries come first: only the last call turns to others, and only for what another model can cure (it is
    away, busy, does not take the key, or will not do this), never for input that no model takes. All are booked, and
    who answered is said. Raises ServiceError.
    """
    others = [one for one in map(_other, fallback) if one != ("", request.model or "")]
    if others and context.away:
        context.turned(None)
        context.warn(f"{context.away.rstrip('.')}. Another model was asked.")
    else:
        try:
            return await _one(context, context.client, request, 1 + len(others))
        except ServiceError as problem:
            if not others or not _curable(problem) or not (context.last_try or isinstance(problem, Rejected)):
                raise
            _turn(context, problem, request.model or "The usual model")
            context.turned(problem)
    return await _ask_others(context, request, others)


async def _ask_others(context: Answers, request: ModelRequest, others: list[tuple[str, str]]) -> ModelAnswer:
    for place, (connection, model) in enumerate(others, start=1):
        named = f"{model or 'The usual model'} of {connection}" if connection else model
        left = len(others) - place
        try:
            answer = await _ask_other(context, replace(request, model=model), connection, 1 + left)
        except ServiceError as problem:
            if not left or not _curable(problem):
                raise _as_ours(problem, named) from problem
            _turn(context, problem, named)
        else:
            context.warn(f"{named} answered.")
            return answer
    raise Rejected("There is no other model to ask.", refused=True)


async def _ask_other(context: Answers, request: ModelRequest, connection: str, sharers: int) -> ModelAnswer:
    if not connection:
        return await _one(context, context.client, request, sharers)
    if context.reach is None:
        raise Rejected(f"The connection “{connection}” cannot be reached here.", code="E_MODEL", refused=True)
    async with context.reach(connection) as client:
        return await _one(context, client, request, sharers)


def _turn(context: Answers, problem: ServiceError, named: str) -> None:
    context.book(problem.usage)
    context.warn(f"{named} gave no answer ({problem.message}) Another model was asked.")


def _as_ours(problem: ServiceError, named: str) -> ServiceError:
    """A credential that another connection lacks is nothing that the step's own could wait for."""
    if isinstance(problem, SignInAgain):
        return Unavailable(f"{named} gave no answer either: {problem.message}", hint=problem.hint, refused=True)
    return problem


def _curable(problem: ServiceError) -> bool:
    """Whether another model may give what this one did not."""
    return problem.code in GOES_ON if isinstance(problem, Rejected) else True


def _other(item: str | Fallback) -> tuple[str, str]:
    return ("", item) if isinstance(item, str) else (item.connection, item.model or "")


async def _one(context: Answers, client: LanguageModel, request: ModelRequest, sharers: int = 1) -> ModelAnswer:
    """One call; where others come after it, it has only its part of the time that is left."""
    part = (context.calls.deadline - time.monotonic()) / sharers if sharers > 1 else None
    try:
        async with asyncio.timeout(part):
            answer = await client.complete(request)
    except TimeoutError as late:
        if part is None:
            raise
        raise Unavailable(f"There was no answer within {part:.0f} seconds.", code="E_TIMEOUT") from late
    context.book(answer.usage)
    for warning in answer.warnings:
        context.warn(warning)
    return answer


async def write(context: Answers, request: ModelRequest, fallback: Sequence[str | Fallback] = ()) -> Completion:
    """A text by the model, shown as it is written where somebody watches. Raises Rejected when there is none."""
    answer = await ask(context, replace(request, on_text=context.stream), fallback)
    if answer.finish_reason == "length":
        context.warn(f"The answer of {answer.model} was cut off at its limit of tokens.")
    if not answer.text.strip():
        raise no_text(answer)
    return Completion(
        text=answer.text,
        model=answer.model,
        finish_reason=answer.finish_reason,
        input_tokens=answer.input_tokens,
        output_tokens=answer.output_tokens,
        cost_usd=answer.cost_usd,
    )


def spent(answers: Sequence[ModelAnswer]) -> dict[str, Any]:
    """What several answers took together; the cost is None only where none of them has one."""
    costs = [answer.cost_usd for answer in answers if answer.cost_usd is not None]
    return {
        "model": answers[-1].model,
        "input_tokens": sum(answer.input_tokens for answer in answers),
        "output_tokens": sum(answer.output_tokens for answer in answers),
        "cost_usd": round(sum(costs), 9) if costs else None,
    }


def no_text(answer: ModelAnswer) -> Rejected:
    """An answer without text is an error, never an empty output."""
    if answer.finish_reason == "length":
        hint = "Raise “Most tokens”: the model used them all before it wrote anything."
    else:
        hint = "Change the prompt, or use another model."
    text = f"{answer.model} gave no text (it ended with “{answer.finish_reason}”)."
    return Rejected(text, code="E_EMPTY_ANSWER", hint=hint)


def refuse_empty(text: str, field: str) -> None:
    """Nothing is asked about nothing. Raises Rejected E_EMPTY_TEXT."""
    if not text.strip():
        raise Rejected(
            f"The {field} is empty, so there is nothing to ask the model.",
            code="E_EMPTY_TEXT",
            hint="Check the step that should have filled it, or skip this one with a condition.",
            refused=True,
        )


def needs_client(context: Context[Any], protocol: type, what: str) -> Any:
    """The client, which must be able to do this. Raises Rejected."""
    if not isinstance(context.client, protocol):
        raise Rejected(f"This connection cannot {what}.", hint="Choose another connection in the step.", refused=True)
    return context.client


__all__ = ["Answers", "Completion", "ServiceError", "Spent", "ask", "no_text", "refuse_empty", "spent", "write"]
