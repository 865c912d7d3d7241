"""The model actions; each asks exactly once, and books what it took even when the answer is of no use."""

from __future__ import annotations

import inspect
from typing import Any, Literal

from integrations.ai import INTEGRATION
from integrations.ai.blocks import data_block
from integrations.context import Context
from integrations.errors import Rejected
from integrations.llm import LanguageModel, ModelAnswer, ModelRequest
from integrations.spec import Kind, Model, content, setting, target

MODEL_HELP = "Left empty: the connection's usual model."
Answers = Context[LanguageModel]


class Completion(Model):
    """What a model said, and what it took."""

    text: str
    model: str
    finish_reason: str
    input_tokens: int
    output_tokens: int
    cost_usd: float | None = None


def _model() -> Any:
    return setting(
        "Model", default=None, help=MODEL_HELP, example="gpt-4o-mini", widget="model", choices="models",
        min_length=1, max_length=200,
    )  # fmt: skip


def _temperature() -> Any:
    return setting(
        "Temperature", default=None, help="0 is steady, 2 is wild. Some models take none.", example=0.7, ge=0, le=2,
        allow_inf_nan=False,
    )  # fmt: skip


def _max_tokens() -> Any:
    return setting("Most tokens", default=None, help="Where the answer is cut off.", example=500, ge=1, le=1_000_000)


class CompleteInput(Model):
    """What `ai.complete` takes."""

    prompt: str = content(
        "Prompt", help="What you ask.", example="Write a haiku about {{ inputs.topic }}", widget="long"
    )
    system: str | None = content("System", default=None, help="Who the model is and how it answers.", widget="long")
    model: str | None = _model()
    temperature: float | None = _temperature()
    max_tokens: int | None = _max_tokens()


class RunPromptInput(Model):
    """What `ai.run_prompt` takes."""

    prompt: str = target(
        "Prompt", help="The key of a prompt in the library.", example="summarize_email", widget="prompt"
    )
    version: int | None = setting("Version", default=None, help="A fixed version; left empty: the label.", ge=1)
    label: str = setting("Label", default="live", help="live, draft or a label of your own.", max_length=48)
    values: dict[str, Any] = content("Values", help="What the placeholders of the prompt stand for.", widget="json")
    model: str | None = _model()
    temperature: float | None = _temperature()
    max_tokens: int | None = _max_tokens()


class SummarizeInput(Model):
    """What `ai.summarize` takes."""

    text: str = content("Text", help="What is summarized.", example="{{ steps.fetch.text }}", widget="long")
    max_words: int = setting("Most words", default=500, help="How long the summary may be.", ge=1, le=10_000)
    style: Literal["paragraph", "bullets"] = setting("Style", default="paragraph", help="Flowing text, or a list.")
    model: str | None = _model()


class SopInput(Model):
    """What `ai.sop` takes."""

    task: str = content("Task", help="What the procedure is about.", example="Onboard a new customer", widget="long")
    model: str | None = _model()


@INTEGRATION.action(
    "complete",
    kind=Kind.MODEL,
    input=CompleteInput,
    output=Completion,
    title="Complete a prompt",
    phrase="asks the model",
    needs="model",
    timeout=120,
    keywords=("generate", "chat", "write"),
)
async def complete(context: Answers, values: CompleteInput) -> Completion:
    """Send a prompt to the model and take its answer as text."""
    _refuse_empty(values.prompt, "prompt")
    request = ModelRequest.of(
        values.prompt,
        system=values.system or "",
        model=values.model or "",
        temperature=values.temperature,
        max_tokens=values.max_tokens,
    )
    return await _ask(context, request)


@INTEGRATION.action(
    "run_prompt",
    kind=Kind.MODEL,
    input=RunPromptInput,
    output=Completion,
    title="Run a prompt of the library",
    phrase="runs a prompt",
    needs="model",
    timeout=120,
    keywords=("template", "library"),
)
async def run_prompt(context: Answers, values: RunPromptInput) -> Completion:
    """Fill a prompt of the library with values and send it; the version is the one the run started with."""
    if context.render_prompt is None:
        raise Rejected("Prompts of the library can only be run inside a workflow.", code="E_NO_PROMPTS", refused=True)
    found = context.render_prompt(values.prompt, values.version or values.label, values.values)
    prompt = await found if inspect.isawaitable(found) else found
    _refuse_empty(prompt.user, "prompt")
    request = ModelRequest.of(
        prompt.user,
        system=prompt.system,
        model=values.model or getattr(prompt, "model", "") or "",
        temperature=_first(values.temperature, getattr(prompt, "temperature", None)),
        max_tokens=_first(values.max_tokens, getattr(prompt, "max_tokens", None)),
    )
    return await _ask(context, request)


@INTEGRATION.action(
    "summarize",
    kind=Kind.MODEL,
    input=SummarizeInput,
    output=Completion,
    title="Summarize text",
    phrase="summarizes",
    needs="model",
    timeout=120,
    keywords=("shorten", "digest", "summary"),
)
async def summarize(context: Answers, values: SummarizeInput) -> Completion:
    """Make a text shorter. Orders inside the text are treated as data."""
    _refuse_empty(values.text, "text")
    block, rule = data_block(values.text)
    form = "as a list of bullet points" if values.style == "bullets" else "as one flowing paragraph"
    request = ModelRequest.of(
        f"Summarize the text below in at most {values.max_words} words, {form}, in its own language.\n\n{block}",
        system=f"You summarize texts faithfully and add nothing that is not in them. {rule}",
        model=values.model or "",
        task={"kind": "summarize", "text": values.text, "max_words": values.max_words, "style": values.style},
    )
    return await _ask(context, request)


@INTEGRATION.action(
    "sop",
    kind=Kind.MODEL,
    input=SopInput,
    output=Completion,
    title="Write a procedure",
    phrase="writes a procedure",
    needs="model",
    timeout=180,
    keywords=("sop", "standard operating procedure", "document"),
)
async def sop(context: Answers, values: SopInput) -> Completion:
    """Write a standard operating procedure for a task, as Markdown with purpose, scope, steps and checks."""
    _refuse_empty(values.task, "task")
    block, rule = data_block(values.task)
    request = ModelRequest.of(
        "Write a standard operating procedure in Markdown for the task below. Use a title and the sections Purpose,"
        f" Scope, Before you start, Steps (numbered) and Checks.\n\n{block}",
        system=f"You write clear, complete standard operating procedures that a newcomer can follow. {rule}",
        model=values.model or "",
        task={"kind": "sop", "task": values.task},
    )
    return await _ask(context, request)


async def _ask(context: Answers, request: ModelRequest) -> Completion:
    answer = await context.client.complete(request)
    context.book(answer.usage)
    for warning in answer.warnings:
        context.warn(warning)
    if answer.finish_reason == "length":
        context.warn(f"The answer of {answer.model} was cut off at its limit of tokens.")
    if not answer.text.strip():
        raise _no_text(answer)
    return Completion(
        text=answer.text,
        model=answer.model,
        finish_reason=answer.finish_reason,
        input_tokens=answer.input_tokens,
        output_tokens=answer.output_tokens,
        cost_usd=answer.cost_usd,
    )


def _no_text(answer: ModelAnswer) -> Rejected:
    if answer.finish_reason == "length":
        hint = "Raise “Most tokens”: the model used them all before it wrote anything."
    else:
        hint = "Change the prompt, or use another model."
    text = f"{answer.model} gave no text (it ended with “{answer.finish_reason}”)."
    return Rejected(text, code="E_EMPTY_ANSWER", hint=hint)


def _refuse_empty(text: str, field: str) -> None:
    if not text.strip():
        raise Rejected(
            f"The {field} is empty, so there is nothing to ask the model.",
            code="E_EMPTY_TEXT",
            hint="Check the step that should have filled it, or skip this one with a condition.",
            refused=True,
        )


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)
