"""What every language model looks like to the rest of the house. Pure: no SDK, no Django, no vendor's name.

Clients of services that provide "model" implement `LanguageModel`; what else a service may offer (`Embedder`,
`Moderator`, `Transcriber`, `Painter`) has a protocol of its own. The actions of `ai` speak only to these.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal, Protocol, runtime_checkable

Role = Literal["user", "assistant"]
Json = dict[str, Any]


@dataclass(frozen=True)
class Picture:
    """An image, or a PDF, that stands beside the text of a message."""

    content: bytes = field(repr=False)
    mime_type: str
    name: str = "image"

    @property
    def is_image(self) -> bool:
        """Whether it is an image; else it is a document."""
        return self.mime_type.startswith("image/")

    @property
    def base64(self) -> str:
        """Its bytes as text."""
        return base64.b64encode(self.content).decode()

    @property
    def data_url(self) -> str:
        """Its bytes as an address that holds them."""
        return f"data:{self.mime_type};base64,{self.base64}"


@dataclass(frozen=True)
class Tool:
    """A function that the model may ask for; `schema` is the JSON Schema of its arguments (an object)."""

    name: str
    description: str
    schema: Mapping[str, Any]


@dataclass(frozen=True)
class ToolCall:
    """The model asks for a tool. `arguments` are as it wrote them; `problem` says why they could not be read."""

    id: str
    name: str
    arguments: Mapping[str, Any]
    problem: str = ""


@dataclass(frozen=True)
class ToolResult:
    """What a tool gave, for the call of that id."""

    call_id: str
    text: str
    failed: bool = False


@dataclass(frozen=True)
class Message:
    """One turn of a conversation: a user's text, pictures and tool results, or a model's text and tool calls."""

    role: Role
    text: str = ""
    pictures: tuple[Picture, ...] = ()
    calls: tuple[ToolCall, ...] = ()
    results: tuple[ToolResult, ...] = ()


@dataclass(frozen=True)
class ModelRequest:
    """One question to a model; an empty `model` means the connection's default.

    `schema`: the answer must be JSON that follows it; a model that cannot be held to a schema is told it in words.
    `tools`: the model may ask for these (`must_call`: it has to ask for one). `on_text` is told each piece of the
    answer as it is written; it must be quick, and asking for it makes the request a stream.
    """

    messages: tuple[Message, ...]
    model: str = ""
    system: str = ""
    temperature: float | None = None
    max_tokens: int | None = None
    schema: Mapping[str, Any] | None = None
    tools: tuple[Tool, ...] = ()
    must_call: bool = False
    on_text: Callable[[str], None] | None = field(default=None, repr=False, compare=False)
    task: Mapping[str, Any] = field(default_factory=dict)  # what the text asks for, so that an offline model can obey

    @classmethod
    def of(cls, prompt: str, *, pictures: Sequence[Picture] = (), **more: Any) -> ModelRequest:
        """A request with one user message."""
        return cls(messages=(Message("user", prompt, tuple(pictures)),), **more)

    @property
    def prompt(self) -> str:
        """What the user side says, as one text."""
        return "\n\n".join(message.text for message in self.messages if message.role == "user")


@dataclass(frozen=True)
class ModelAnswer:
    """What a model said and what it took; `finish_reason` is stop, length, tools, refused or the vendor's own word.

    `input_tokens` are all that were read, `cached_tokens` those of them that were cheaper because they were known.
    """

    text: str
    model: str
    finish_reason: str
    input_tokens: int
    output_tokens: int
    cost_usd: float | None = None
    warnings: tuple[str, ...] = ()
    cached_tokens: int = 0
    calls: tuple[ToolCall, ...] = ()

    @property
    def usage(self) -> dict[str, Any]:
        """What is booked to the step."""
        return usage_of(self.model, self.input_tokens, self.output_tokens, self.cost_usd)

    @property
    def message(self) -> Message:
        """The answer as the next turn of the conversation."""
        return Message("assistant", self.text, calls=self.calls)


def usage_of(model: str, input_tokens: int, output_tokens: int, cost_usd: float | None) -> dict[str, Any]:
    """What is booked to a step for one request."""
    return {
        "model": model,
        "input_tokens": input_tokens,
        "output_tokens": output_tokens,
        "cost_usd": cost_usd or 0.0,
    }


def count_roughly(text: str) -> int:
    """Four characters are about one token: for estimates, never for what is booked when the service says it."""
    return (len(text) + 3) // 4


@runtime_checkable
class LanguageModel(Protocol):
    """A connected model service."""

    async def complete(self, request: ModelRequest) -> ModelAnswer:
        """Ask once. Raises ServiceError, with what was used in its `usage` as far as the service said."""
        ...


@dataclass(frozen=True)
class KnownModel:
    """A model of a connection: US dollars per million tokens where known, and the day it ends."""

    id: str
    input: float | None = None
    output: float | None = None
    ends: date | None = None


@runtime_checkable
class ModelCatalogue(Protocol):
    """A service that says which models it has, and what a request would take."""

    async def models(self) -> list[KnownModel]:
        """The models of the connection. Raises ServiceError."""
        ...

    async def count(self, request: ModelRequest) -> tuple[str, int, bool]:
        """The model that would be asked, the tokens it would read, and whether the service counted them itself."""
        ...

    def price(self, model: str, input_tokens: int, output_tokens: int) -> float | None:
        """US dollars, or None where no price is known."""
        ...


@runtime_checkable
class Priced(Protocol):
    """A service that knows what a request costs at most."""

    def most(self, request: ModelRequest) -> float | None:
        """US dollars that the request can cost at most, or None where no price is known. Asks nobody."""
        ...


def most_tokens(request: ModelRequest) -> int:
    """More tokens than a request can have: one for each byte, and some for each of its parts (pictures aside)."""
    said: list[Any] = [request.system, dict(request.schema or {})]
    said += [[tool.name, tool.description, dict(tool.schema)] for tool in request.tools]
    for message in request.messages:
        said += [message.text, [[call.name, dict(call.arguments)] for call in message.calls]]
        said += [result.text for result in message.results]
    return len(json.dumps(said, ensure_ascii=False, default=str).encode("utf-8", "replace")) + 16 * len(said)


@dataclass(frozen=True)
class Vectors:
    """Texts as points in space, in the order of the texts."""

    vectors: tuple[tuple[float, ...], ...]
    model: str
    input_tokens: int
    cost_usd: float | None = None
    warnings: tuple[str, ...] = ()


@runtime_checkable
class Embedder(Protocol):
    """A service that turns texts into vectors."""

    async def embed(self, texts: Sequence[str], model: str = "", dimensions: int | None = None) -> Vectors:
        """One vector a text. Raises ServiceError."""
        ...


@dataclass(frozen=True)
class Verdict:
    """Whether a text or image is harmful: the categories that apply, and a score from 0 to 1 for each."""

    flagged: bool
    categories: tuple[str, ...]
    scores: Mapping[str, float]
    model: str


@runtime_checkable
class Moderator(Protocol):
    """A service that says whether something is harmful."""

    async def moderate(self, text: str, pictures: Sequence[Picture] = (), model: str = "") -> Verdict:
        """One verdict. Raises ServiceError."""
        ...


@dataclass(frozen=True)
class Transcript:
    """Speech as text."""

    text: str
    model: str
    language: str = ""
    seconds: float | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    warnings: tuple[str, ...] = ()


@runtime_checkable
class Transcriber(Protocol):
    """A service that writes down what is said."""

    async def transcribe(
        self, content: bytes, name: str, mime_type: str, *, model: str = "", language: str = "", prompt: str = ""
    ) -> Transcript:
        """The words of a recording. Raises ServiceError."""
        ...


@dataclass(frozen=True)
class Painting:
    """An image that was made."""

    content: bytes = field(repr=False)
    mime_type: str
    model: str
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    warnings: tuple[str, ...] = ()


@runtime_checkable
class Painter(Protocol):
    """A service that makes images."""

    async def paint(self, prompt: str, *, model: str = "", size: str = "", quality: str = "") -> Painting:
        """One image. Raises ServiceError."""
        ...
