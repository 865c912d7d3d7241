"""Texts made from texts: a summary (of a long text in parts), a procedure, a translation, other words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from integrations.ai import INTEGRATION
from integrations.ai.asking import (
    Answers,
    Completion,
    Fallback,
    ask,
    fallback_setting,
    model_setting,
    no_text,
    refuse_empty,
    spent,
    write,
)
from integrations.ai.blocks import data_block
from integrations.errors import Rejected
from integrations.llm import ModelAnswer, ModelRequest
from integrations.spec import Kind, Model, content, setting

PART = 100_000  # characters that are summarized at once: about 25,000 tokens, which every current model reads
MOST_PARTS = 12
NOTES_WORDS = 400


class SummarizeInput(Model):
    """What `ai.summarize` takes."""

    text: str = content("Text", help="What is summarized.", example="{{ steps.fetch.text }}", widget="long")
    max_words: int = setting("Most words", default=500, help="How long the summary may be.", ge=1, le=10_000)
    style: Literal["paragraph", "bullets"] = setting("Style", default="paragraph", help="Flowing text, or a list.")
    model: str | None = model_setting()
    fallback: list[str | Fallback] = fallback_setting()


class SopInput(Model):
    """What `ai.sop` takes."""

    task: str = content("Task", help="What the procedure is about.", example="Onboard a new customer", widget="long")
    model: str | None = model_setting()
    fallback: list[str | Fallback] = fallback_setting()


class TranslateInput(Model):
    """What `ai.translate` takes."""

    text: str = content("Text", help="What is translated.", example="{{ steps.fetch.text }}", widget="long")
    language: str = setting("Into", help="The language of the translation.", example="German", max_length=60)
    tone: str = setting("Tone", default="", help="How it should sound.", example="formal", max_length=100)
    model: str | None = model_setting()
    fallback: list[str | Fallback] = fallback_setting()


class RewriteInput(Model):
    """What `ai.rewrite` takes."""

    text: str = content("Text", help="What is written anew.", example="{{ steps.draft.text }}", widget="long")
    instruction: str = setting(
        "How", help="What should be different.", example="Shorter and friendlier; keep all dates.", widget="long"
    )
    model: str | None = model_setting()
    fallback: list[str | Fallback] = fallback_setting()


@INTEGRATION.action(
    "summarize",
    kind=Kind.MODEL,
    input=SummarizeInput,
    output=Completion,
    title="Summarize text",
    phrase="summarizes",
    needs="model",
    timeout=300,
    keywords=("shorten", "digest", "summary"),
)
async def summarize(context: Answers, values: SummarizeInput) -> Completion:
    """Make a text shorter. Orders inside the text are treated as data. A very long text is read in parts."""
    refuse_empty(values.text, "text")
    parts = split(values.text, PART)
    if len(parts) > MOST_PARTS:
        raise Rejected(
            f"The text has {len(values.text):,} characters; at most {PART * MOST_PARTS:,} are summarized in one step.",
            code="E_LENGTH",
            hint="Summarize its parts in a loop, then the summaries.",
            refused=True,
        )
    if len(parts) == 1:
        return await write(context, _summary(values.text, values), values.fallback)
    notes = [await _note(context, part, n, len(parts), values) for n, part in enumerate(parts, start=1)]
    last = await write(context, _summary("\n\n".join(note.text for note in notes), values), values.fallback)
    whole = spent([*notes, ModelAnswer("", last.model, "", last.input_tokens, last.output_tokens, last.cost_usd)])
    return Completion(text=last.text, finish_reason=last.finish_reason, **whole)


async def _note(context: Answers, part: str, n: int, of: int, values: SummarizeInput) -> ModelAnswer:
    block, rule = data_block(part)
    request = ModelRequest.of(
        f"This is part {n} of {of} of a long text. Write down what matters in it, in at most {NOTES_WORDS} words, in"
        f" its own language.\n\n{block}",
        system=f"You summarize texts faithfully and add nothing that is not in them. {rule}",
        model=values.model or "",
        task={"kind": "summarize", "text": part, "max_words": NOTES_WORDS, "style": "paragraph"},
    )
    answer = await ask(context, request, values.fallback)
    if not answer.text.strip():
        raise no_text(answer)
    return answer


def _summary(text: str, values: SummarizeInput) -> ModelRequest:
    block, rule = data_block(text)
    form = "as a list of bullet points" if values.style == "bullets" else "as one flowing paragraph"
    return ModelRequest.of(
        f"Summarize the text below in at most {values.max_words} words, {form}, in its own language.\n\n{block}",
        system=f"You summarize texts faithfully and add nothing that is not in them. {rule}",
        model=values.model or "",
        task={"kind": "summarize", "text": text, "max_words": values.max_words, "style": values.style},
    )


def split(text: str, size: int) -> Sequence[str]:
    """The text in parts of at most `size` characters, cut between paragraphs, lines or words where there are any."""
    parts, at = [], 0
    while len(text) - at > size:
        window = text[at : at + size]
        cut = next((found for mark in ("\n\n", "\n", ". ", " ") if (found := window.rfind(mark)) > size // 2), size - 1)
        parts.append(text[at : at + cut + 1])
        at += cut + 1
    return [*parts, text[at:]] if text[at:].strip() or not parts else parts


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
    refuse_empty(values.task, "task")
    block, rule = data_block(values.task)
    request = ModelRequest.of(
        "Write a standard operating procedure in Markdown for the task below. Use a title and the sections Purpose,"
        f" Scope, Before you start, Steps (numbered) and Checks.\n\n{block}",
        system=f"You write clear, complete standard operating procedures that a newcomer can follow. {rule}",
        model=values.model or "",
        task={"kind": "sop", "task": values.task},
    )
    return await write(context, request, values.fallback)


@INTEGRATION.action(
    "translate",
    kind=Kind.MODEL,
    input=TranslateInput,
    output=Completion,
    title="Translate text",
    phrase="translates",
    needs="model",
    timeout=180,
    keywords=("language", "translation"),
)
async def translate(context: Answers, values: TranslateInput) -> Completion:
    """Translate a text, keeping its paragraphs, lists, names and numbers. Orders inside the text are data."""
    refuse_empty(values.text, "text")
    block, rule = data_block(values.text)
    tone = f" The tone is {values.tone}." if values.tone else ""
    request = ModelRequest.of(
        f"Translate the text below into {values.language}.{tone} Keep its form: paragraphs, lists, names, numbers,"
        f" links. Answer with the translation alone.\n\n{block}",
        system=f"You are a careful translator; you leave nothing out and add nothing. {rule}",
        model=values.model or "",
        task={"kind": "translate", "text": values.text, "language": values.language},
    )
    return await write(context, request, values.fallback)


@INTEGRATION.action(
    "rewrite",
    kind=Kind.MODEL,
    input=RewriteInput,
    output=Completion,
    title="Rewrite text",
    phrase="rewrites",
    needs="model",
    timeout=180,
    keywords=("edit", "improve", "tone", "correct"),
)
async def rewrite(context: Answers, values: RewriteInput) -> Completion:
    """Write a text anew as you say: shorter, friendlier, corrected. Orders inside the text are data."""
    refuse_empty(values.text, "text")
    block, rule = data_block(values.text)
    request = ModelRequest.of(
        f"Rewrite the text below, in its own language unless told otherwise. What should be different:"
        f" {values.instruction}\nAnswer with the new text alone.\n\n{block}",
        system=f"You edit texts and keep their facts. {rule}",
        model=values.model or "",
        task={"kind": "rewrite", "text": values.text, "instruction": values.instruction},
    )
    return await write(context, request, values.fallback)
