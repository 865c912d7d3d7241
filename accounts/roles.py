"""The one role table: which permissions a role has, and which a token's scope may carry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

Permission: TypeAlias = Literal["read", "run", "edit", "decide", "connections", "members", "tokens", "audit", "own"]

PERMISSIONS: Final[frozenset[str]] = frozenset(
    {"read", "run", "edit", "decide", "connections", "members", "tokens", "audit", "own"}
)

_VIEWER = frozenset({"read", "tokens"})
_OPERATOR = _VIEWER | {"run", "decide"}
_EDITOR = _OPERATOR | {"edit"}
_ADMIN = _EDITOR | {"connections", "members", "audit"}
_OWNER = _ADMIN | {"own"}

ROLE_PERMISSIONS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {"viewer": _VIEWER, "operator": _OPERATOR, "editor": _EDITOR, "admin": _ADMIN, "owner": _OWNER}
)

SCOPE_PERMISSIONS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "read": frozenset({"read"}),
        "run": frozenset({"run"}),
        "edit": frozenset({"edit"}),
        "decide": frozenset({"decide"}),
        "connections": frozenset({"connections"}),
        "members": frozenset({"members", "tokens", "audit"}),
    }
)
SCOPES: Final[tuple[str, ...]] = tuple(SCOPE_PERMISSIONS)

# From least to most; a member gives nobody more than they have themselves.
ROLES: Final[tuple[str, ...]] = tuple(ROLE_PERMISSIONS)

ROLE_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "viewer": "Sees everything, changes nothing",
        "operator": "Runs workflows and answers questions",
        "editor": "Builds workflows and prompts",
        "admin": "Manages connections and members",
        "owner": "May do everything, and hand the workspace over",
    }
)

PERMISSION_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "read": "look at this workspace",
        "run": "run workflows",
        "edit": "change workflows and prompts",
        "decide": "answer questions of runs",
        "connections": "manage connections",
        "members": "manage members",
        "tokens": "manage tokens",
        "audit": "read the audit trail",
        "own": "change the workspace itself",
    }
)


def role_permissions(role: str) -> frozenset[str]:
    """What a role may do; an unknown role may do nothing."""
    return ROLE_PERMISSIONS.get(role, frozenset())


def token_permissions(role: str, scopes: Iterable[str]) -> frozenset[str]:
    """What a token may do now: its scopes, and never more than the current role of its user."""
    carried: frozenset[str] = frozenset().union(*(SCOPE_PERMISSIONS.get(scope, frozenset()) for scope in scopes))
    return carried & role_permissions(role)


def rank(role: str) -> int:
    """The place of a role from least (0) to most; -1 for an unknown one."""
    return ROLES.index(role) if role in ROLE_PERMISSIONS else -1


def least_role_for(permission: str) -> str | None:
    """The lowest role that has a permission, for the sentence that says whom to ask."""
    return next((role for role in ROLES if permission in ROLE_PERMISSIONS[role]), None)
