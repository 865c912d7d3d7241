"""What the offline model makes of texts, recordings and wishes for images: plain, the same every time. Pure."""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from collections.abc import Sequence

from integrations.llm import Painting, Picture, Transcript, Vectors, Verdict, count_roughly
from integrations.prices import ModelTable, Used

DIMENSIONS = 64
SIDE = 256
_WORD = re.compile(r"\w{2,}")
_HARMFUL = {
    "violence": ("kill", "murder", "bomb", "shoot"),
    "hate": ("hate you all", "subhuman"),
    "self-harm": ("suicide", "hurt myself"),
}


class SandboxMedia:
    """`Embedder`, `Moderator`, `Transcriber` and `Painter` without a network."""

    name: str
    table: ModelTable

    async def embed(self, texts: Sequence[str], model: str = "", dimensions: int | None = None) -> Vectors:
        """Texts that share words lie near each other."""
        size = dimensions or DIMENSIONS
        asked = sum(map(count_roughly, texts))
        vectors = tuple(vector(text, size) for text in texts)
        return Vectors(vectors, self.name, asked, self.table.cost(self.name, Used(asked)))

    async def moderate(self, text: str, pictures: Sequence[Picture] = (), model: str = "") -> Verdict:
        """Harmful is what holds one of a few words."""
        low = text.lower()
        scores = {name: 0.99 if any(word in low for word in words) else 0.01 for name, words in _HARMFUL.items()}
        found = tuple(sorted(name for name, score in scores.items() if score > 0.5))
        return Verdict(bool(found), found, scores, self.name)

    async def transcribe(
        self, content: bytes, name: str, mime_type: str, *, model: str = "", language: str = "", prompt: str = ""
    ) -> Transcript:
        """A sentence that names the recording."""
        text = f"This stands for the words of the recording “{name}” ({len(content):,} bytes, sandbox model)."
        asked, made = count_roughly(prompt) + 100, count_roughly(text)
        cost = self.table.cost(self.name, Used(asked, made))
        return Transcript(text, self.name, language or "en", round(len(content) / 16_000, 2), asked, made, cost)

    async def paint(self, prompt: str, *, model: str = "", size: str = "", quality: str = "") -> Painting:
        """Stripes in the colours of the prompt's hash."""
        asked = count_roughly(prompt)
        return Painting(
            stripes(prompt), "image/png", self.name, asked, 100, self.table.cost(self.name, Used(asked, 100))
        )


def vector(text: str, size: int) -> tuple[float, ...]:
    """A bag of words, each at places told by its hash; of length 1."""
    found = [0.0] * size
    for word in _WORD.findall(text.lower()[:100_000]):
        digest = hashlib.sha256(word.encode()).digest()
        found[int.from_bytes(digest[:4], "big") % size] += 1.0
        found[int.from_bytes(digest[4:8], "big") % size] += 0.5
    length = sum(number * number for number in found) ** 0.5 or 1.0
    return tuple(round(number / length, 7) for number in found)


def stripes(prompt: str) -> bytes:
    """A small PNG."""
    digest = hashlib.sha256(prompt.encode()).digest()
    colours = [digest[n : n + 3] for n in range(0, 24, 3)]
    rows = b"".join(b"\x00" + colours[row * len(colours) // SIDE] * SIDE for row in range(SIDE))
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*part) for part in parts)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
