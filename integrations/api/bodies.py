"""Request and answer bodies of the API of integrations."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from orchestrator_site.lib.body import Body


class NewConnection(Body):
    """A connection to make; the fields of `secret` are those of the service (GET /api/v1/actions lists them)."""

    service: str = Field(max_length=48)
    name: str = Field(default="", max_length=48)
    secret: dict[str, Any] = Field(default_factory=dict)
    base_url: str = Field(default="", max_length=500)
    sandbox: bool = False
    is_default: bool | None = None
    requests_per_minute: int | None = Field(default=None, description="0: no limit; null: as the service asks for")
    at_once: int | None = Field(default=None, description="calls at the same time; 0 or null: no limit")


class SharingBody(Body):
    """Who may use a connection in workflows. Not `everyone`: members from `role` on, and those named."""

    everyone: bool = False
    role: str | None = Field(default=None, description="this role and those above it")
    members: list[str] = Field(default_factory=list, description="e-mail addresses of members")


class ConnectionChange(Body):
    """What may change; a new `base_url` needs the secret again."""

    name: str | None = Field(default=None, max_length=48)
    secret: dict[str, Any] | None = None
    base_url: str | None = Field(default=None, max_length=500)
    is_default: bool | None = None
    requests_per_minute: int | None = Field(default=None, description="0: no limit; null: as the service asks for")
    at_once: int | None = Field(default=None, description="calls at the same time; 0 or null: no limit")
    verify: bool = Field(
        default=True, description="try a new secret first; one that is refused is not stored, and the old one stays"
    )
    sharing: SharingBody | None = Field(default=None, description="who may use it in workflows")


class HealthBody(Body):
    """How the service does, as all workers have learned."""

    state: str = Field(description="ok, slowed (it asked us to wait), failing (no call is made), trying (one is made)")
    since: datetime | None
    last_error: str
    blocked_until: datetime | None
    retry_at: datetime | None


class ConnectionBody(Body):
    """A connection: what may be shown of it."""

    id: UUID
    service: str
    name: str
    base_url: str
    sandbox: bool
    status: str
    status_text: str
    masked: dict[str, str]
    is_default: bool
    checked_at: datetime | None
    created_at: datetime
    requests_per_minute: int | None
    at_once: int | None
    health: HealthBody
    broken_since: datetime | None = Field(description="since when the credential is refused; runs that need it wait")
    expires_at: datetime | None = Field(description="when the credential ends, as far as that is known")
    expires_text: str
    sharing: SharingBody


class CheckBody(Body):
    """What was seen of a connection on one day (UTC)."""

    day: str
    state: str = Field(description="works, broken, unknown (the service did not answer): the newest check of the day")
    failed: bool = Field(description="whether any check of the day failed")
    text: str


class UsedByBody(Body):
    """A workflow that uses a connection, named in its steps or as the default."""

    slug: str
    name: str
    published: bool
    draft: bool
    steps: list[str]
    enabled: bool
    problems: int | None = Field(description="what is wrong with its draft; 0: it can run")


class WholeConnectionBody(ConnectionBody):
    """A connection with its last 20 days and what uses it."""

    checks: list[CheckBody]
    used_by: list[UsedByBody]
    waiting_runs: int = Field(description="runs that wait for its repair")


class ConnectionPage(Body):
    """A page of connections."""

    results: list[ConnectionBody]
    next: str | None
    previous: str | None


class TestBody(Body):
    """What a connection can do, in words."""

    ok: bool
    summary: str
    can: list[str]
    missing: list[str]


class ActionBody(Body):
    """One action of the catalogue, with JSON Schemas of what it takes and gives."""

    name: str
    service: str
    kind: str
    title: str
    description: str
    verb: str
    input_schema: dict[str, Any]
    output_schema: dict[str, Any]
    needs: str | None
    connection_services: list[str]
    connection_optional: bool
    branches: list[str]
    can_look: bool
    can_plan: bool
    timeout: int
    keywords: list[str]


class ActionPage(Body):
    """The whole catalogue."""

    results: list[ActionBody]
    services: list[dict[str, Any]]
    next: str | None
    previous: str | None


class ChoiceBody(Body):
    """One thing that an input can be."""

    value: str
    label: str


class ChoicePage(Body):
    """What a connection offers for an input; all of it, at most 200."""

    results: list[ChoiceBody]
    next: str | None
    previous: str | None


class StoredBody(Body):
    """A value that steps keep from run to run."""

    id: str
    scope: str
    workflow: str | None
    key: str
    value: Any
    size: int
    expires_at: str | None
    updated_at: str
    run: str | None


class StoredPage(Body):
    """A page of stored values."""

    results: list[StoredBody]
    next: str | None
    previous: str | None


class ResetBody(Body):
    """How many things that runs had made or changed were put back."""

    touched: int
