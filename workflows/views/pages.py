"""What the views of this app share: typed requests, messages and redirects, errors in forms, paging by key."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse

from accounts.actor import Actor
from accounts.models import Workspace
from orchestrator_site.lib.errors import UserError

PAGE_SIZE = 50


class PageRequest(HttpRequest):
    """A request that has passed the permission gate of a workspace page."""

    actor: Actor
    workspace: Workspace
    page_shell: dict[str, Any] | None


def link(workspace: Workspace | str, name: str, **kwargs: Any) -> str:
    """The address of a page of this workspace."""
    slug = workspace if isinstance(workspace, str) else workspace.slug
    return reverse(name, kwargs={"workspace": slug, **kwargs})


def go(workspace: Workspace | str, name: str, **kwargs: Any) -> HttpResponseRedirect:
    """See Other: to a page of this workspace."""
    return redirect(link(workspace, name, **kwargs))


def say(request: HttpRequest, text: str, *, undo: str = "") -> None:
    """A message for the next page; `undo` is an address to post to."""
    messages.success(request, text, extra_tags=undo)


def tell_error(request: HttpRequest, error: UserError) -> None:
    """An error that belongs to no field: shown on the next page, with what to do."""
    messages.error(request, f"{error.message} {error.hint or ''}".strip())


def back_with_error(request: HttpRequest, error: UserError, address: str) -> HttpResponse:
    """Return to a page and show the error there."""
    tell_error(request, error)
    return redirect(address)


def page_of(rows: QuerySet[Any], request: HttpRequest, size: int = PAGE_SIZE) -> tuple[list[Any], dict[str, str]]:
    """One page of rows by descending id, without counting them all; `older` and `newer` are addresses for the pager.

    `?before=ID` and `?after=ID` name the edge; a malformed id is ignored.
    """
    before, after = _id(request.GET.get("before")), _id(request.GET.get("after"))
    if after:
        found = list(rows.filter(pk__gt=after).order_by("pk")[: size + 1])
        more, found = len(found) > size, found[:size][::-1]
        return found, _edges(request, found, newer=more, older=True)
    if before:
        rows = rows.filter(pk__lt=before)
    found = list(rows.order_by("-pk")[: size + 1])
    return found[:size], _edges(request, found[:size], newer=bool(before), older=len(found) > size)


def _id(text: str | None) -> Any:
    from uuid import UUID

    try:
        return UUID(text) if text else None
    except ValueError:
        return None


def _edges(request: HttpRequest, rows: list[Any], *, newer: bool, older: bool) -> dict[str, str]:
    if not rows:
        return {}
    edges = {}
    if newer:
        edges["newer"] = _address(request, "after", rows[0].pk)
    if older:
        edges["older"] = _address(request, "before", rows[-1].pk)
    return edges


def _address(request: HttpRequest, name: str, value: Any) -> str:
    query = request.GET.copy()
    for edge in ("before", "after"):
        query.pop(edge, None)
    query[name] = str(value)
    return f"?{query.urlencode()}"
