"""What OpenAI's service offers beside text: vectors, moderation, speech written down, images.

Reference: https://platform.openai.com/docs/api-reference (embeddings, moderations, audio, images)
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from integrations.llm import Painting, Picture, Transcript, Vectors, Verdict
from integrations.model_client import unreadable
from integrations.openai import INTEGRATION
from integrations.openai.reading import body_of
from integrations.prices import Used
from orchestrator_site.lib.clock import now
from orchestrator_site.lib.json import repair_text

if TYPE_CHECKING:
    from integrations.model_client import ModelClient as _Base
else:
    _Base = object

IMAGE_TYPES = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Usage(_Lenient):
    prompt_tokens: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    seconds: float | None = None


class _Vector(_Lenient):
    index: int = 0
    embedding: list[float]


class _Embeddings(_Lenient):
    data: list[_Vector]
    model: str = ""
    usage: _Usage | None = None


class _Result(_Lenient):
    flagged: bool
    categories: dict[str, bool | None] = {}
    category_scores: dict[str, float | None] = {}


class _Moderation(_Lenient):
    model: str = ""
    results: list[_Result]


class _Transcription(_Lenient):
    text: str
    language: str | None = ""
    duration: float | None = None
    usage: _Usage | None = None


class _Image(_Lenient):
    b64_json: str | None = None


class _Images(_Lenient):
    data: list[_Image]
    output_format: str | None = "png"
    usage: _Usage | None = None


class OpenAIMedia(_Base):
    """`Embedder`, `Moderator`, `Transcriber` and `Painter`; mixed into the client."""

    async def embed(self, texts: Sequence[str], model: str = "", dimensions: int | None = None) -> Vectors:
        """One vector a text, in their order. Raises ServiceError."""
        chosen = model or self.table.default(now().date(), "embedding")
        more = {"dimensions": dimensions} if dimensions else {}

        async def ask(sdk: Any, timeout: float) -> _Embeddings:
            raw = sdk.embeddings.with_raw_response
            answer = await raw.create(model=chosen, input=list(texts), encoding_format="float", timeout=timeout, **more)
            return body_of(answer, _Embeddings)

        found = await self.once(ask)
        vectors = [tuple(item.embedding) for item in sorted(found.data, key=lambda item: item.index)]
        if len(vectors) != len(texts):
            raise unreadable(self.title, "one vector for each text")
        used = Used(found.usage.prompt_tokens if found.usage else 0)
        cost, warnings = self._price(found.model or chosen, used)
        return Vectors(tuple(vectors), found.model or chosen, used.input, cost, warnings)

    async def moderate(self, text: str, pictures: Sequence[Picture] = (), model: str = "") -> Verdict:
        """Whether this is harmful, and in what way. Costs nothing. Raises ServiceError."""
        chosen = model or self.table.default(now().date(), "moderation")
        words = [{"type": "text", "text": text}] if text else []
        images = [{"type": "image_url", "image_url": {"url": picture.data_url}} for picture in pictures]
        given: Any = [*words, *images] if images else text

        async def ask(sdk: Any, timeout: float) -> _Moderation:
            answer = await sdk.moderations.with_raw_response.create(model=chosen, input=given, timeout=timeout)
            return body_of(answer, _Moderation)

        found = await self.once(ask)
        if not found.results:
            raise unreadable(self.title, "a verdict")
        flagged = any(result.flagged for result in found.results)
        scores: dict[str, float] = {}
        names: set[str] = set()
        for result in found.results:
            names |= {name for name, applies in result.categories.items() if applies}
            for name, score in result.category_scores.items():
                scores[name] = max(scores.get(name, 0.0), float(score or 0.0))
        return Verdict(flagged, tuple(sorted(names)), scores, found.model or chosen)

    async def transcribe(
        self, content: bytes, name: str, mime_type: str, *, model: str = "", language: str = "", prompt: str = ""
    ) -> Transcript:
        """The words of a recording of at most 25 MiB. Raises ServiceError."""
        chosen = model or self.table.default(now().date(), "speech")
        more = {key: value for key, value in (("language", language), ("prompt", prompt)) if value}

        async def ask(sdk: Any, timeout: float) -> _Transcription:
            raw = sdk.audio.transcriptions.with_raw_response
            file = (name or "recording", content, mime_type)
            answer = await raw.create(model=chosen, file=file, response_format="json", timeout=timeout, **more)
            return body_of(answer, _Transcription)

        found = await self.once(ask)
        usage = found.usage or _Usage()
        used = Used(usage.input_tokens, usage.output_tokens)
        seconds = usage.seconds if usage.seconds is not None else found.duration
        facts = self.table.find(chosen)
        cost, warnings = self._price(chosen, used)
        if facts and facts.minute is not None:
            cost = None if seconds is None else round(facts.minute * seconds / 60, 9)
            warnings = () if seconds is not None else (f"{self.title} did not say how long the recording is.",)
        text, spoken = repair_text(found.text), found.language or language
        return Transcript(text, chosen, spoken, seconds, used.input, used.output, cost, warnings)

    async def paint(self, prompt: str, *, model: str = "", size: str = "", quality: str = "") -> Painting:
        """One image. Raises ServiceError."""
        chosen = model or self.table.default(now().date(), "image")
        found = await self.once(partial(self._paint, chosen, prompt, size, quality))
        encoded = found.data[0].b64_json if found.data else None
        try:
            content = base64.b64decode(encoded or "", validate=True)
        except (ValueError, binascii.Error):
            content = b""
        if not content:
            raise unreadable(INTEGRATION.title, "an image")
        usage = found.usage or _Usage()
        used = Used(usage.input_tokens, usage.output_tokens)
        cost, warnings = self._price(chosen, used)
        kind = IMAGE_TYPES.get(found.output_format or "png", "image/png")
        return Painting(content, kind, chosen, used.input, used.output, cost, warnings)

    async def _paint(self, model: str, prompt: str, size: str, quality: str, sdk: Any, timeout: float) -> _Images:
        more = {key: value for key, value in (("size", size), ("quality", quality)) if value}
        raw = sdk.images.with_raw_response
        answer = await raw.generate(model=model, prompt=prompt, n=1, timeout=timeout, **more)
        return body_of(answer, _Images)

    def _price(self, model: str, used: Used) -> tuple[float | None, tuple[str, ...]]:
        cost = self.table.cost(model, used)
        unknown = cost is None and not self.info.base_url
        return cost, (f"No price is known for {model}, so its cost is counted as 0.",) if unknown else ()
