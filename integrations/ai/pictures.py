"""Images and PDFs for a model: from files of the workspace, or fetched from an https address through the guard."""

from __future__ import annotations

from collections.abc import Sequence

from integrations.ai.asking import Answers
from integrations.errors import Rejected
from integrations.fetching import fetch
from integrations.files import File
from integrations.llm import Picture

MOST_BYTES = 10 * 1024 * 1024
_BEGINNINGS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
)


def type_of(content: bytes) -> str | None:
    """What the bytes are, by how they begin (whatever a file calls itself); None for what no model reads."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in _BEGINNINGS if content.startswith(start)), None)


async def pictures_of(context: Answers, files: Sequence[File], url: str | None = None) -> list[Picture]:
    """The pictures, read. Raises Rejected for what is too large or no picture."""
    found = [picture(await context.read_file(file), file.name) for file in files]
    if url:
        found.append(picture(await fetch(url, context.calls, most=MOST_BYTES), url.rpartition("/")[2][:100]))
    return found


def picture(content: bytes, name: str) -> Picture:
    """Bytes as a picture. Raises Rejected E_IMAGE."""
    shown = f"“{name}”" if name else "The file"
    kind = type_of(content)
    if kind is None:
        raise Rejected(
            f"{shown} is neither an image (PNG, JPEG, GIF, WebP) nor a PDF.", code="E_IMAGE", refused=True,
            hint="Give a file of one of these kinds.",
        )  # fmt: skip
    if len(content) > MOST_BYTES:
        raise Rejected(
            f"{shown} has {len(content) / 1024 / 1024:.1f} MiB; a model is shown at most {MOST_BYTES // 1024 // 1024}.",
            code="E_TOO_LARGE", refused=True, hint="Make the image smaller.",
        )  # fmt: skip
    return Picture(content, kind, name or "image")
