"""Users, workspaces and their members, tokens, and the audit trail."""

from accounts.models.audit import AuditEntry
from accounts.models.scope import (
    ForeignRow,
    UnscopedQuery,
    WorkspaceManager,
    WorkspaceModel,
    WorkspaceQuerySet,
    everything,
)
from accounts.models.token import ApiToken
from accounts.models.user import User
from accounts.models.workspace import Invitation, LoginLink, Member, Workspace

__all__ = [
    "ApiToken",
    "AuditEntry",
    "ForeignRow",
    "Invitation",
    "LoginLink",
    "Member",
    "UnscopedQuery",
    "User",
    "Workspace",
    "WorkspaceManager",
    "WorkspaceModel",
    "WorkspaceQuerySet",
    "everything",
]
