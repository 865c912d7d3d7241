"""Bodies of the gallery's API, and of what a workflow may do."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from orchestrator_site.lib.body import Body

Object = dict[str, Any]


class TargetBody(Body):
    """Where something goes; `fixed`: written down, else what the expression says in a run."""

    name: str
    value: str
    fixed: bool


class PermissionBody(Body):
    """One thing that a workflow may do. `connection` is null where none is needed, or none is there yet."""

    kind: Literal["effect", "read", "model", "unknown"]
    action: str
    words: str
    service: str
    connection: str | None
    sandbox: bool
    targets: list[TargetBody]
    note: str | None
    steps: list[str]
    workflow: str | None


class PermissionPage(Body):
    """The permission manifest, changes first."""

    results: list[PermissionBody]
    next: None
    previous: None


class GalleryItemBody(Body):
    """An item of the gallery. `trigger` is what should start it; using the item switches nothing on."""

    slug: str
    name: str
    about: str
    category: str
    does: list[str]
    changes: str
    needs: list[str]
    services: list[str]
    tags: list[str]
    trigger: Object | None
    own: bool
    definition: Object | None = None
    example: Object | None = None
    permissions: list[PermissionBody] | None = None
    picture: str | None = None


class GalleryPage(Body):
    """The gallery."""

    results: list[GalleryItemBody]
    next: None
    previous: None


class NewTemplate(Body):
    """Which workflow, and what people read of it."""

    workflow: str = Field(max_length=48)
    name: str = Field("", max_length=120)
    about: str = Field("", max_length=500)
    category: str = Field("", max_length=40)


class UseBody(Body):
    """What the workflow is called; left out: like the item."""

    name: str = Field("", max_length=120)


class TryBody(Body):
    """Nothing needs to be said."""


class DescribeBody(Body):
    """What shall happen, in a sentence or a few."""

    text: str = Field(min_length=1, max_length=2000)
