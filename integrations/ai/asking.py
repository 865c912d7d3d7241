"""What the model actions share: their usual inputs, asking with a fallback, and what an answer without text means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from integrations.context import Context
from integrations.errors import RateLimited, Rejected, ServiceError, Unavailable
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
        help="Other models of the same connection, asked in turn when a model is away, busy, or no longer there.",
        example=["gpt-4o-mini"],
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


async def ask(context: Answers, request: ModelRequest, fallback: Sequence[str] = ()) -> ModelAnswer:
    """The answer of the model, or of the first fallback that gives one; all are booked. Raises ServiceError."""
    models = [request.model, *(name for name in fallback if name and name != request.model)]
    for model in models[:-1]:
        try:
            return await _one(context, replace(request, model=model))
        except (RateLimited, Unavailable, Rejected) as problem:
            if isinstance(problem, Rejected) and problem.code not in GOES_ON:
                raise
            context.book(problem.usage)
            context.warn(f"{model or 'The usual model'} gave no answer ({problem.message}) Another model was asked.")
    return await _one(context, replace(request, model=models[-1]))


async def _one(context: Answers, request: ModelRequest) -> ModelAnswer:
    answer = await context.client.complete(request)
    context.book(answer.usage)
    for warning in answer.warnings:
        context.warn(warning)
    return answer


async def write(context: Answers, request: ModelRequest, fallback: Sequence[str] = ()) -> Completion:
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
