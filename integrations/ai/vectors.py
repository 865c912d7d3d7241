"""Texts as vectors, and which of several texts is nearest to one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from integrations.ai import INTEGRATION
from integrations.ai.asking import Answers, needs_client, refuse_empty
from integrations.context import Context
from integrations.errors import Rejected
from integrations.llm import Embedder, Vectors, usage_of
from integrations.spec import Kind, Model, content, setting

MOST_TEXTS = 256
PLACES = 7


def _embedding_model() -> Any:
    return setting(
        "Model", default=None, help="Left empty: the connection's usual one.", widget="model", choices="embedding",
        min_length=1, max_length=200,
    )  # fmt: skip


class EmbedInput(Model):
    """What `ai.embed` takes."""

    texts: list[str] = content("Texts", help="One vector is made of each.", min_length=1, max_length=MOST_TEXTS)
    dimensions: int | None = setting(
        "Dimensions", default=None, help="Shorter vectors, where the model can make them.", example=256, ge=1, le=4096
    )
    model: str | None = _embedding_model()


class Embedded(Model):
    """The vectors, in the order of the texts."""

    vectors: list[list[float]]
    count: int
    dimensions: int
    model: str
    input_tokens: int
    cost_usd: float | None = None


class SimilarInput(Model):
    """What `ai.find_similar` takes."""

    text: str = content("Text", help="What is compared.", example="{{ steps.fetch.subject }}", widget="long")
    candidates: list[str] = content(
        "With these", help="The texts it is compared with.", min_length=1, max_length=MOST_TEXTS - 1
    )
    limit: int = setting("At most", default=5, help="How many of the nearest are given.", ge=1, le=MOST_TEXTS)
    at_least: float = setting("Alike by at least", default=0, help="From 0 to 1.", ge=-1, le=1)
    model: str | None = _embedding_model()


class Match(Model):
    """One of the candidates: where it stood, and how near it is (1: the same)."""

    text: str
    index: int
    score: float


class Similar(Model):
    """The nearest candidates, nearest first."""

    matches: list[Match]
    count: int
    best: str | None
    model: str
    input_tokens: int
    cost_usd: float | None = None


@INTEGRATION.action(
    "embed",
    kind=Kind.MODEL,
    input=EmbedInput,
    output=Embedded,
    title="Make vectors of texts",
    phrase="makes vectors",
    needs="embeddings",
    timeout=120,
    keywords=("embedding", "vector", "search", "rag"),
)
async def embed(context: Answers, values: EmbedInput) -> Embedded:
    """Turn texts into vectors that lie near each other where the texts mean the same."""
    found = await _vectors(context, values.texts, values.model, values.dimensions)
    vectors = [[round(number, PLACES) for number in vector] for vector in found.vectors]
    return Embedded(
        vectors=vectors,
        count=len(vectors),
        dimensions=len(vectors[0]) if vectors else 0,
        model=found.model,
        input_tokens=found.input_tokens,
        cost_usd=found.cost_usd,
    )


@INTEGRATION.action(
    "find_similar",
    kind=Kind.MODEL,
    input=SimilarInput,
    output=Similar,
    title="Find similar texts",
    phrase="compares",
    needs="embeddings",
    timeout=120,
    keywords=("similarity", "duplicate", "embedding", "match"),
)
async def find_similar(context: Answers, values: SimilarInput) -> Similar:
    """Say which of several texts mean most nearly the same as one: duplicates, the right answer, the right folder."""
    refuse_empty(values.text, "text")
    found = await _vectors(context, [values.text, *values.candidates], values.model, None)
    wanted, *others = found.vectors
    scored = [
        Match(text=text, index=index, score=round(_alike(wanted, vector), 6))
        for index, (text, vector) in enumerate(zip(values.candidates, others, strict=True))
    ]
    near = sorted((m for m in scored if m.score >= values.at_least), key=lambda m: (-m.score, m.index))[: values.limit]
    return Similar(
        matches=near,
        count=len(near),
        best=near[0].text if near else None,
        model=found.model,
        input_tokens=found.input_tokens,
        cost_usd=found.cost_usd,
    )


async def _vectors(context: Context[Any], texts: Sequence[str], model: str | None, dimensions: int | None) -> Vectors:
    empty = next((n for n, text in enumerate(texts, start=1) if not text.strip()), None)
    if empty is not None:
        raise Rejected(
            f"Text {empty} of {len(texts)} is empty.", code="E_EMPTY_TEXT", refused=True, hint="Leave empty texts out."
        )
    client = needs_client(context, Embedder, "turn texts into vectors")
    found: Vectors = await client.embed(texts, model or "", dimensions)
    context.book(usage_of(found.model, found.input_tokens, 0, found.cost_usd))
    for warning in found.warnings:
        context.warn(warning)
    return found


def _alike(one: Sequence[float], other: Sequence[float]) -> float:
    """The cosine of the angle between two vectors."""
    length = math.sqrt(sum(x * x for x in one)) * math.sqrt(sum(y * y for y in other))
    return sum(x * y for x, y in zip(one, other, strict=True)) / length if length else 0.0
