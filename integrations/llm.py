"""What every language model looks like to the rest of the house. Pure: no SDK, no Django, no vendor's name.

Clients of services that provide "model" implement `LanguageModel`; the actions of `ai` speak only to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

Role = Literal["user", "assistant"]


@dataclass(frozen=True)
class Message:
    """One turn of a conversation."""

    role: Role
    text: str


@dataclass(frozen=True)
class ModelRequest:
    """One question to a model; an empty `model` means the connection's default."""

    messages: tuple[Message, ...]
    model: str = ""
    system: str = ""
    temperature: float | None = None
    max_tokens: int | None = None
    task: Mapping[str, Any] = field(default_factory=dict)  # what the text asks for, so that an offline model can obey

    @classmethod
    def of(cls, prompt: str, **more: Any) -> ModelRequest:
        """A request with one user message."""
        return cls(messages=(Message("user", prompt),), **more)

    @property
    def prompt(self) -> str:
        """What the user side says, as one text."""
        return "\n\n".join(message.text for message in self.messages if message.role == "user")


@dataclass(frozen=True)
class ModelAnswer:
    """What a model said and what it took; `finish_reason` is stop, length, refused or the vendor's own word."""

    text: str
    model: str
    finish_reason: str
    input_tokens: int
    output_tokens: int
    cost_usd: float | None = None
    warnings: tuple[str, ...] = ()

    @property
    def usage(self) -> dict[str, Any]:
        """What is booked to the step."""
        return {
            "model": self.model,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cost_usd": self.cost_usd or 0.0,
        }


@runtime_checkable
class LanguageModel(Protocol):
    """A connected model service."""

    async def complete(self, request: ModelRequest) -> ModelAnswer:
        """Ask once. Raises ServiceError; exactly one HTTP request."""
        ...
