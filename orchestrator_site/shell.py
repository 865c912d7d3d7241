"""What stands around every page: the places of the product, the workspace, and whether work goes on."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from accounts.models import Member, Workspace

# (URL name, label, icon, section, names of pages that count as this place)
PLACES: tuple[tuple[str, str, str, str, tuple[str, ...]], ...] = (
    ("home", "Home", "home", "", ()),
    ("inbox", "Inbox", "inbox", "", ()),
    ("workflows", "Workflows", "route", "", ("workflow", "trigger")),
    ("runs", "Runs", "activity", "", ("run",)),
    ("effects", "Effects", "receipt", "", ("effect",)),
    ("prompts", "Prompts", "message-code", "Build", ("prompt",)),
    ("gallery", "Gallery", "stack-2", "Build", ("gallery",)),
    ("catalogue", "Catalogue", "book", "Build", ("catalogue",)),
    ("connections", "Connections", "plug-connected", "Build", ("connection", "oauth")),
    ("sandbox", "Sandbox", "box", "Build", ("sandbox",)),
    (
        "members",
        "Settings",
        "settings",
        "Build",
        ("member", "token", "variable", "file", "stored", "audit", "workspace_settings"),
    ),
)


def page_shell(request: HttpRequest) -> dict[str, Any]:
    """Template variables of the shell; nothing for pages outside a workspace. Asked once per request."""
    workspace = getattr(request, "workspace", None)
    if workspace is None:
        return {}
    kept: dict[str, Any] | None = getattr(request, "page_shell", None)
    if kept is None:
        kept = request.page_shell = _shell(request, workspace)  # type: ignore[attr-defined]
    return kept


def _shell(request: HttpRequest, workspace: Workspace) -> dict[str, Any]:
    return {
        "workspace": workspace,
        "actor": getattr(request, "actor", None),
        "workspaces": _workspaces(request, workspace),
        "nav": _nav(request, workspace),
        "worker_state": _worker_state(),
        "settings_tabs": _settings_tabs(request, workspace),
        "account_links": _account_links(request),
    }


def _account_links(request: HttpRequest) -> list[dict[str, str]]:
    """What a person's own menu leads to."""
    places = [("account_email", "Your account"), ("workspace_list", "Your workspaces")]
    if getattr(request.user, "is_superuser", False):
        places.append(("admin:index", "Administration"))
    return [{"url": reverse(name), "label": label} for name, label in places]


def _here(request: HttpRequest) -> str:
    match = request.resolver_match
    return (match.view_name or "") if match else ""


def _nav(request: HttpRequest, workspace: Workspace) -> list[dict[str, Any]]:
    from workflows.operations.inbox import count_open

    here = _here(request)
    counts = {"inbox": count_open(workspace)}
    return [
        {
            "label": label,
            "url": reverse(name, kwargs={"workspace": workspace.slug}),
            "icon": icon,
            "section": section,
            "active": here == name or any(here.startswith(prefix) for prefix in prefixes),
            "count": counts.get(name, 0),
        }
        for name, label, icon, section, prefixes in PLACES
    ]


SETTINGS: tuple[tuple[str, str, str], ...] = (
    ("members", "Members", "read"),
    ("tokens", "API tokens", "tokens"),
    ("variables", "Variables", "read"),
    ("files", "Files", "read"),
    ("stored", "Stored values", "read"),
    ("audit", "Audit trail", "audit"),
    ("workspace_settings", "Workspace", "read"),
)


def _settings_tabs(request: HttpRequest, workspace: Workspace) -> list[dict[str, Any]]:
    here, actor = _here(request), getattr(request, "actor", None)
    return [
        {"label": label, "url": reverse(name, kwargs={"workspace": workspace.slug}), "active": here == name}
        for name, label, permission in SETTINGS
        if actor is not None and actor.can(permission)
    ]


def _workspaces(request: HttpRequest, workspace: Workspace) -> list[dict[str, Any]]:
    memberships = Member.objects.unscoped("a person's own workspaces").filter(user=request.user.pk)
    return [
        {
            "name": each.workspace.name,
            "url": reverse("home", kwargs={"workspace": each.workspace.slug}),
            "active": each.workspace_id == workspace.pk,
        }
        for each in memberships.select_related("workspace").order_by("workspace__name")
    ]


def _worker_state() -> dict[str, str]:
    """One line for people: how many workers beat, and whether anything is late."""
    from workflows.operations.health import alive_workers, late_runs

    live = alive_workers()
    if not live:
        return {"text": "No worker is running", "state": "bad"}
    late = late_runs().exists()
    workers = "1 worker" if live == 1 else f"{live} workers"
    return {"text": f"{workers}, {'runs are late' if late else 'nothing late'}", "state": "need" if late else "ok"}
