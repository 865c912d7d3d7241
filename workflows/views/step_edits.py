"""What one does to a step without opening a form: move, copy, remove, on and off, into a block and out; undo, redo."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from orchestrator_site.lib.errors import NotFound, UserError
from workflows.engine import tree
from workflows.models import Workflow
from workflows.operations import drafts, reshape, undo
from workflows.operations.workflows import get_workflow
from workflows.views.pages import PageRequest, back_with_error, link, say


def address_of(workspace: str, slug: str, key: str, tab: str = "setup") -> str:
    """Where a step is opened, at one of its tabs."""
    address = link(workspace, "workflow_step", slug=slug, key=key)
    return address if tab == "setup" else f"{address}?tab={tab}"


def say_done(request: PageRequest, workflow: Workflow, text: str = "") -> None:
    """Say what the last save did, with the way to undo exactly that."""
    saved = undo.revision_of(workflow, workflow.draft_etag)
    words = text or (saved.what if saved else "") or "Saved in the draft"
    query = urlencode({"etag": workflow.draft_etag})
    can = saved is not None and undo.revision_of(workflow, saved.before) is not None
    say(request, words, undo=f"{link(request.workspace, 'workflow_undo', slug=workflow.slug)}?{query}" if can else "")


def _step_or_outline(request: PageRequest, workflow: Workflow, key: str) -> HttpResponse:
    """The page of a step where it is there, else the outline."""
    workspace = request.workspace.slug
    there = key and key in tree.keys_of(drafts.draft_definition(workflow))
    return redirect(address_of(workspace, workflow.slug, key) if there else _outline(workspace, workflow.slug))


def _outline(workspace: str, slug: str) -> str:
    return link(workspace, "workflow", slug=slug)


def _refused(request: PageRequest, slug: str, key: str, error: UserError) -> HttpResponse:
    gone = isinstance(error, NotFound)
    workspace = request.workspace.slug
    return back_with_error(request, error, _outline(workspace, slug) if gone else address_of(workspace, slug, key))


@require_POST
def step_move(request: PageRequest, workspace: str, slug: str, key: str) -> HttpResponse:
    """Move a step one place up or down (`by`), or into a list (`to`), at a position of it (`index`, else its end)."""
    workflow = get_workflow(request.actor, slug)
    by = {"-1": -1, "1": 1}.get(request.POST.get("by", ""))
    try:
        if by is not None:
            changed = reshape.travel_step(request.actor, workflow, key, by, if_match="*")
        else:
            parent, _, branch = request.POST.get("to", "")[:120].partition(":")
            at = tree.At(parent, branch, _index(request.POST.get("index", "")))
            changed = drafts.move_step(request.actor, workflow, key, at, if_match="*")
    except UserError as error:
        return _refused(request, slug, key, error)
    if changed.draft_etag != workflow.draft_etag:
        say_done(request, changed)
    return _step_or_outline(request, changed, request.POST.get("open", key)[:48])


def _index(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else None


@require_POST
def step_duplicate(request: PageRequest, workspace: str, slug: str, key: str) -> HttpResponse:
    """Copy a step to behind itself and open the copy."""
    workflow = get_workflow(request.actor, slug)
    before = set(tree.keys_of(drafts.draft_definition(workflow)))
    try:
        changed = drafts.duplicate_step(request.actor, workflow, key, if_match="*")
    except UserError as error:
        return _refused(request, slug, key, error)
    say_done(request, changed)
    copy = next((one for one in tree.keys_of(drafts.draft_definition(changed)) if one not in before), key)
    return redirect(address_of(workspace, slug, copy))


@require_POST
def step_remove(request: PageRequest, workspace: str, slug: str, key: str) -> HttpResponse:
    """Remove a step and what it holds; the message offers to bring it back."""
    workflow = get_workflow(request.actor, slug)
    try:
        changed = drafts.remove_step(request.actor, workflow, key, if_match="*")
    except UserError as error:
        return _refused(request, slug, key, error)
    say_done(request, changed)
    return redirect(_outline(workspace, slug))


@require_POST
def step_switch(request: PageRequest, workspace: str, slug: str, key: str) -> HttpResponse:
    """Switch a step off (`off=1`) or on."""
    workflow = get_workflow(request.actor, slug)
    off = request.POST.get("off") == "1"
    try:
        changed = reshape.switch_step(request.actor, workflow, key, off=off, if_match="*")
    except UserError as error:
        return _refused(request, slug, key, error)
    say_done(request, changed)
    return redirect(address_of(workspace, slug, key))


@require_POST
def step_wrap(request: PageRequest, workspace: str, slug: str, key: str) -> HttpResponse:
    """Put a step into a new block (`in`) and open the block, which has still to be filled in."""
    workflow = get_workflow(request.actor, slug)
    try:
        changed = reshape.wrap_step(request.actor, workflow, key, request.POST.get("in", "")[:20], if_match="*")
    except UserError as error:
        return _refused(request, slug, key, error)
    say_done(request, changed)
    _, _, at = tree.find(drafts.draft_definition(changed), key)
    return redirect(address_of(workspace, slug, at.parent))


@require_POST
def step_unwrap(request: PageRequest, workspace: str, slug: str, key: str) -> HttpResponse:
    """Take a block apart; its first step is opened."""
    workflow = get_workflow(request.actor, slug)
    try:
        _, _, at = tree.find(drafts.draft_definition(workflow), key)
        changed = reshape.unwrap_step(request.actor, workflow, key, if_match="*")
    except UserError as error:
        return _refused(request, slug, key, error)
    say_done(request, changed)
    steps = tree.list_at(drafts.draft_definition(changed), at.parent, at.branch)
    first = steps[at.index]["key"] if at.index is not None and at.index < len(steps) else ""
    return _step_or_outline(request, changed, first)


@require_POST
def workflow_undo(request: PageRequest, workspace: str, slug: str) -> HttpResponse:
    """Take the last save of the draft back; with `etag`, only if that is still the draft."""
    return _go(request, slug, back=True)


@require_POST
def workflow_redo(request: PageRequest, workspace: str, slug: str) -> HttpResponse:
    """Bring back what was undone last."""
    return _go(request, slug, back=False)


def _go(request: PageRequest, slug: str, *, back: bool) -> HttpResponse:
    workflow = get_workflow(request.actor, slug)
    etag = request.GET.get("etag", "*")[:64] or "*"
    key = request.POST.get("open", "")[:48]
    try:
        ways = undo.ways(workflow)
        act = undo.undo_edit if back else undo.redo_edit
        changed = act(request.actor, workflow, if_match=etag)
    except UserError as error:
        return _refused(request, slug, key, error) if key else _sent_back(request, slug, error)
    say(request, f"Undone: {ways.undo}" if back else f"Done again: {ways.redo}")
    return _step_or_outline(request, changed, key)


def _sent_back(request: PageRequest, slug: str, error: UserError) -> HttpResponse:
    return back_with_error(request, error, _outline(request.workspace.slug, slug))
