"""How a service describes its sandbox world: what it holds at first, and how its things are shown. Pure.

The module named by `Integration.sandbox` exports `WORLD` (a tuple of Collection) and `seed_objects() -> list[Thing]`;
the framework fills, shows, compares and resets the world from these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Column:
    """One column of a list: a path into the thing's data (`sender.email`) or `title`, `external_id`, `parent`."""

    path: str
    label: str


@dataclass(frozen=True)
class Collection:
    """The things of one kind: how they are listed, and which part of `data` is their text.

    `body` is a path into `data`, shown as plain text or rendered Markdown; `facts` are further columns of the page of
    one thing; `children` is the kind whose `parent` is this thing's external id, listed under it.
    """

    kind: str
    title: str
    columns: tuple[Column, ...] = (Column("title", "Title"),)
    body: str = ""
    body_format: Literal["text", "markdown", "code"] = "text"
    facts: tuple[Column, ...] = ()
    children: str = ""
    empty: str = ""


@dataclass(frozen=True)
class Thing:
    """One thing that is there from the start; becomes a SandboxObject with `seeded=True`."""

    kind: str
    external_id: str
    title: str = ""
    parent: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
