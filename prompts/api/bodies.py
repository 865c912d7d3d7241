"""Request and answer bodies of the API of prompts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from orchestrator_site.lib.body import Body


class PromptText(Body):
    """What one version says; placeholders are Liquid (`{{ name }}`)."""

    user_template: str
    system: str = ""
    model: str = ""
    temperature: float | None = None
    max_tokens: int | None = None
    note: str = ""


class NewPrompt(PromptText):
    """A prompt to make; without a slug one is made from the name."""

    name: str
    slug: str = ""
    description: str = ""


class NewVersion(PromptText):
    """A text to save as the newest version. `base` is the version you began from: a newer one is a conflict."""

    make_live: bool = False
    base: int | None = None


class PromptChange(Body):
    """What may change around the text; `labels` moves labels: {"live": 3}."""

    name: str | None = None
    description: str | None = None
    archived: bool | None = None
    labels: dict[str, int] | None = None


class RenderRequest(Body):
    """The values, and which version: its number, or a label (default "live")."""

    values: dict[str, Any] = Field(default_factory=dict)
    version: int | None = None
    label: str | None = None


class VersionBody(Body):
    """One version."""

    number: int
    system: str
    user_template: str
    variables: list[str]
    model: str
    temperature: float | None
    max_tokens: int | None
    note: str
    labels: list[str]
    created_at: datetime
    created_by: str | None


class PromptBody(Body):
    """A prompt; `version` is the newest one's number, `labels` say which version each label names."""

    slug: str
    name: str
    description: str
    archived: bool
    version: int
    labels: dict[str, int]
    created_at: datetime
    updated_at: datetime


class PromptDetailBody(PromptBody):
    """A prompt with its live version."""

    live: VersionBody | None


class PromptPage(Body):
    """A page of prompts."""

    results: list[PromptBody]
    next: str | None
    previous: str | None


class VersionPage(Body):
    """A page of versions, newest first."""

    results: list[VersionBody]
    next: str | None
    previous: str | None


class RenderedBody(Body):
    """The two texts, and how the model is to be called."""

    slug: str
    version: int
    system: str
    user: str
    model: str
    temperature: float | None
    max_tokens: int | None
