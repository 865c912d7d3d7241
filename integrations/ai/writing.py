"""A prompt of one's own, and prompts of the library."""

from __future__ import annotations

import inspect
from typing import Any

from integrations.ai import INTEGRATION
from integrations.ai.asking import (
    Answers,
    Completion,
    Fallback,
    fallback_setting,
    max_tokens_setting,
    model_setting,
    refuse_empty,
    temperature_setting,
    write,
)
from integrations.ai.pictures import pictures_of
from integrations.errors import Rejected
from integrations.files import File
from integrations.llm import ModelRequest
from integrations.spec import Kind, Model, content, setting, target


class CompleteInput(Model):
    """What `ai.complete` takes."""

    prompt: str = content(
        "Prompt", help="What you ask.", example="Write a haiku about {{ inputs.topic }}", widget="long"
    )
    system: str | None = content("System", default=None, help="Who the model is and how it answers.", widget="long")
    images: list[File] = content(
        "Images", default=[], help="Images or PDFs that the prompt is about.", widget="json", max_length=10
    )
    model: str | None = model_setting()
    temperature: float | None = temperature_setting()
    max_tokens: int | None = max_tokens_setting()
    fallback: list[str | Fallback] = fallback_setting()


class RunPromptInput(Model):
    """What `ai.run_prompt` takes."""

    prompt: str = target(
        "Prompt", help="The key of a prompt in the library.", example="summarize_email", widget="prompt"
    )
    version: int | None = setting("Version", default=None, help="A fixed version; left empty: the label.", ge=1)
    label: str = setting("Label", default="live", help="live, draft or a label of your own.", max_length=48)
    values: dict[str, Any] = content("Values", help="What the placeholders of the prompt stand for.", widget="json")
    model: str | None = model_setting()
    temperature: float | None = temperature_setting()
    max_tokens: int | None = max_tokens_setting()
    fallback: list[str | Fallback] = fallback_setting()


@INTEGRATION.action(
    "complete",
    kind=Kind.MODEL,
    input=CompleteInput,
    output=Completion,
    title="Complete a prompt",
    phrase="asks the model",
    needs="model",
    timeout=120,
    keywords=("generate", "chat", "write", "vision"),
)
async def complete(context: Answers, values: CompleteInput) -> Completion:
    """Send a prompt to the model and take its answer as text."""
    refuse_empty(values.prompt, "prompt")
    request = ModelRequest.of(
        values.prompt,
        pictures=await pictures_of(context, values.images),
        system=values.system or "",
        model=values.model or "",
        temperature=values.temperature,
        max_tokens=values.max_tokens,
    )
    return await write(context, request, values.fallback)


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
    refuse_empty(prompt.user, "prompt")
    request = ModelRequest.of(
        prompt.user,
        system=prompt.system,
        model=values.model or getattr(prompt, "model", "") or "",
        temperature=_first(values.temperature, getattr(prompt, "temperature", None)),
        max_tokens=_first(values.max_tokens, getattr(prompt, "max_tokens", None)),
    )
    return await write(context, request, values.fallback)


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)
