"""The actor: who does something in one workspace, and what they may do there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from accounts.roles import PERMISSION_WORDS, PERMISSIONS, least_role_for, role_permissions, token_permissions
from orchestrator_site.lib.errors import Forbidden

if TYPE_CHECKING:
    from accounts.models import ApiToken, Member, User, Workspace

ActorKind = Literal["user", "token", "system"]


@dataclass(frozen=True, slots=True)
class Actor:
    """A user, a token or the system, acting in one workspace. Every operation takes one as its first argument."""

    workspace: Workspace
    user: User | None
    token: ApiToken | None
    kind: ActorKind
    permissions: frozenset[str]
    ip: str | None = None
    name: str = field(default="", compare=False)
    role: str = ""

    @classmethod
    def of_member(cls, member: Member, *, ip: str | None = None) -> Actor:
        """A signed-in member: what the role allows."""
        return cls(member.workspace, member.user, None, "user", role_permissions(member.role), ip, role=member.role)

    @classmethod
    def of_token(cls, token: ApiToken, member: Member, *, ip: str | None = None) -> Actor:
        """A token: its scopes within the current role of its user."""
        allowed = token_permissions(member.role, token.scopes)
        return cls(token.workspace, token.user, token, "token", allowed, ip, role=member.role)

    @classmethod
    def system(cls, workspace: Workspace, name: str) -> Actor:
        """The product itself, by the name of what it is doing; it may do everything."""
        return cls(workspace, None, None, "system", PERMISSIONS, None, name=name)

    @property
    def label(self) -> str:
        """The text for records: "Mara Lindqvist", "token ci (Mara Lindqvist)", "system: quickstart"."""
        if self.kind == "system":
            return f"system: {self.name}"
        if self.kind == "token" and self.token:
            return f"token {self.token.name} ({self.user})"
        return str(self.user)

    def can(self, permission: str) -> bool:
        """Whether this actor has the permission."""
        return permission in self.permissions

    def require(self, permission: str) -> None:
        """Go on only with the permission. Raises Forbidden, and the refusal is written to the audit trail."""
        if permission in self.permissions:
            return
        from accounts.audit import record_denial

        record_denial(self, permission)
        raise self.refusal(permission)

    def refusal(self, permission: str) -> Forbidden:
        """The error that says what is missing and whom to ask."""
        doing = PERMISSION_WORDS.get(permission, "do this")
        role = least_role_for(permission)
        if self.kind == "token":
            hint = f"Use a token with the scope for it, of a user who is at least {role}."
        else:
            hint = f"Ask an owner or admin of {self.workspace} for the role {role} or higher."
        return Forbidden(f"{self.label} may not {doing} here.", hint=hint)


def actor_of(request: object) -> Actor:
    """The actor that the gate or the authentication found for a request (Django's or DRF's)."""
    actor = getattr(request, "actor", None)
    assert isinstance(actor, Actor), "this URL is not behind the permission gate"
    return actor
