"""What the API of accounts reads and answers, field by field."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from orchestrator_site.lib.body import Body

RoleName = Literal["viewer", "operator", "editor", "admin", "owner"]
ScopeName = Literal["read", "run", "edit", "decide", "connections", "members"]


class NewMember(Body):
    """Whom to invite, as what."""

    email: str = Field(min_length=3, max_length=254)
    role: RoleName = "viewer"


class MemberChange(Body):
    """The new role."""

    role: RoleName


class MemberBody(Body):
    """A member."""

    id: str
    email: str
    name: str
    role: RoleName
    joined_at: str


class MemberPage(Body):
    """A page of members."""

    results: list[MemberBody]
    next: str | None
    previous: str | None


class InvitationBody(Body):
    """An open invitation; `url` is said once, in the answer that made it."""

    id: str
    email: str
    role: RoleName
    expires_at: str
    url: str


class NewToken(Body):
    """A new token: at most what the caller may do."""

    name: str = Field(min_length=1, max_length=120)
    scopes: list[ScopeName] = Field(min_length=1, max_length=6)
    days: int = Field(default=90, ge=1, le=365)


class TokenBody(Body):
    """A token without its text."""

    id: str
    name: str
    prefix: str
    user: str
    scopes: list[ScopeName]
    created_at: str
    expires_at: str
    last_used_at: str | None
    last_used_ip: str | None
    revoked_at: str | None


class MadeToken(TokenBody):
    """A token that was just made: `token` is its text, said once."""

    token: str


class TokenPage(Body):
    """A page of tokens."""

    results: list[TokenBody]
    next: str | None
    previous: str | None


class AuditBody(Body):
    """One entry of the audit trail."""

    seq: int
    at: str
    actor: str
    token: str | None
    action: str
    outcome: str
    object: dict[str, str]
    details: dict[str, Any]
    ip: str | None
    hash: str


class AuditPage(Body):
    """A page of the audit trail."""

    results: list[AuditBody]
    next: str | None
    previous: str | None
