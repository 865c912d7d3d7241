"""Harmful texts found, speech written down, images made."""

from __future__ import annotations

from typing import Any, Literal

from integrations.ai import INTEGRATION
from integrations.ai.asking import needs_client, refuse_empty
from integrations.ai.pictures import picture
from integrations.context import Context
from integrations.errors import Rejected
from integrations.files import File, clean_name
from integrations.llm import Moderator, Painter, Painting, Transcriber, Transcript, Verdict, usage_of
from integrations.spec import Kind, Model, content, setting

ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}
Media = Context[Any]


class ModerateInput(Model):
    """What `ai.moderate` takes."""

    text: str = content("Text", help="What is looked at.", example="{{ steps.fetch.text }}", widget="long")
    images: list[File] = content("Images", default=[], help="Looked at as well.", widget="json", max_length=5)
    fail_when_flagged: bool = setting(
        "Stop when it is harmful", default=False, help="The step then fails; else use its result in a condition."
    )


class Moderated(Model):
    """Whether it is harmful, in which ways, and a score from 0 to 1 for each."""

    flagged: bool
    categories: list[str]
    scores: dict[str, float]
    model: str


class TranscribeInput(Model):
    """What `ai.transcribe` takes."""

    file: File = content("Recording", help="A sound or video file of the workspace: mp3, m4a, wav, webm, mp4 …")
    language: str = setting("Language", default="", help="Its code, if known.", example="en", max_length=10)
    prompt: str = setting("Words that occur", default="", help="Names and terms, spelled right.", max_length=1000)
    model: str | None = setting(
        "Model", default=None, help="Left empty: the connection's usual one.", widget="model", choices="speech",
        min_length=1, max_length=200,
    )  # fmt: skip


class Transcribed(Model):
    """What was said."""

    text: str
    language: str
    seconds: float | None
    model: str
    input_tokens: int
    output_tokens: int
    cost_usd: float | None = None


class DrawInput(Model):
    """What `ai.generate_image` takes."""

    prompt: str = content("Prompt", help="What is on the image.", example="A lighthouse at dusk", widget="long")
    size: Literal["auto", "1024x1024", "1536x1024", "1024x1536"] = setting(
        "Size", default="auto", help="Square, wide or tall; auto lets the model choose."
    )
    quality: Literal["auto", "low", "medium", "high"] = setting(
        "Quality", default="auto", help="Higher costs more and takes longer."
    )
    name: str = setting("File name", default="image", help="Without an ending.", max_length=100)
    model: str | None = setting(
        "Model", default=None, help="Left empty: the connection's usual one.", widget="model", choices="image",
        min_length=1, max_length=200,
    )  # fmt: skip


class Drawn(Model):
    """The image, as a file of the workspace."""

    file: File
    model: str
    input_tokens: int
    output_tokens: int
    cost_usd: float | None = None


@INTEGRATION.action(
    "moderate",
    kind=Kind.MODEL,
    input=ModerateInput,
    output=Moderated,
    title="Check for harmful content",
    phrase="checks",
    needs="moderation",
    timeout=60,
    keywords=("moderation", "guardrail", "safety", "harmful", "filter"),
)
async def moderate(context: Media, values: ModerateInput) -> Moderated:
    """Say whether a text (and images) is harmful, and in which way; the step can stop the run if it is."""
    refuse_empty(values.text, "text")
    pictures = [picture(await context.read_file(file), file.name) for file in values.images]
    client = needs_client(context, Moderator, "check for harmful content")
    found: Verdict = await client.moderate(values.text, pictures)
    if found.flagged and values.fail_when_flagged:
        raise Rejected(
            f"The text was found harmful: {', '.join(found.categories) or 'no category was given'}.",
            code="E_FLAGGED",
            hint="Look at what was given; a person may let it through by running again without this step.",
        )
    return Moderated(
        flagged=found.flagged, categories=list(found.categories), scores=dict(found.scores), model=found.model
    )


@INTEGRATION.action(
    "transcribe",
    kind=Kind.MODEL,
    input=TranscribeInput,
    output=Transcribed,
    title="Write down speech",
    phrase="transcribes",
    needs="speech",
    timeout=600,
    keywords=("transcription", "audio", "voice", "speech to text", "whisper"),
)
async def transcribe(context: Media, values: TranscribeInput) -> Transcribed:
    """Turn a recording into text."""
    recording = await context.read_file(values.file)
    if not recording:
        raise Rejected(
            "The recording is empty.", code="E_EMPTY_TEXT", refused=True, hint="Check the step it came from."
        )
    client = needs_client(context, Transcriber, "write down speech")
    found: Transcript = await client.transcribe(
        recording,
        values.file.name or "recording",
        values.file.mime_type,
        model=values.model or "",
        language=values.language,
        prompt=values.prompt,
    )
    _book(context, found)
    if not found.text.strip():
        context.warn("Nothing was heard in the recording.")
    return Transcribed(
        text=found.text,
        language=found.language,
        seconds=found.seconds,
        model=found.model,
        input_tokens=found.input_tokens,
        output_tokens=found.output_tokens,
        cost_usd=found.cost_usd,
    )


@INTEGRATION.action(
    "generate_image",
    kind=Kind.MODEL,
    input=DrawInput,
    output=Drawn,
    title="Make an image",
    phrase="makes an image",
    needs="images",
    timeout=300,
    keywords=("image", "picture", "draw", "illustration"),
)
async def generate_image(context: Media, values: DrawInput) -> Drawn:
    """Make an image from words; it is kept as a file of the workspace."""
    refuse_empty(values.prompt, "prompt")
    client = needs_client(context, Painter, "make images")
    found: Painting = await client.paint(
        values.prompt,
        model=values.model or "",
        size="" if values.size == "auto" else values.size,
        quality="" if values.quality == "auto" else values.quality,
    )
    _book(context, found)
    name = f"{clean_name(values.name, 'image')}.{ENDINGS.get(found.mime_type, 'png')}"
    file = await context.write_file(found.content, name=name, mime_type=found.mime_type)
    return Drawn(
        file=file,
        model=found.model,
        input_tokens=found.input_tokens,
        output_tokens=found.output_tokens,
        cost_usd=found.cost_usd,
    )


def _book(context: Media, found: Transcript | Painting) -> None:
    context.book(usage_of(found.model, found.input_tokens, found.output_tokens, found.cost_usd))
    for warning in found.warnings:
        context.warn(warning)
