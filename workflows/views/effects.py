"""The ledger across runs: from a page, issue or mail back to the run that made it; settling what stayed unknown."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from orchestrator_site.lib.errors import UserError
from workflows.operations import runs as operations
from workflows.operations.undoing import undo_effect, undo_run
from workflows.views.effect_line import EffectLine
from workflows.views.pages import PageRequest, back_with_error, go, link, page_of, say

STATES = (
    ("", "All"),
    ("unknown", "Checking"),
    ("confirmed", "Confirmed"),
    ("refused", "Refused"),
    ("absent", "Not there"),
    ("sent", "Sent"),
)


@require_safe
def effect_list(request: PageRequest, workspace: str) -> HttpResponse:
    """Every change made outside, newest first; `find` takes the address or id of a thing."""
    find = request.GET.get("find", "").strip()[:1000]
    state = request.GET.get("state", "")
    state = state if state in dict(STATES) else ""
    rows = operations.list_effects(request.actor, state=state, url=find)
    shown, edges = page_of(rows.select_related("run", "run__workflow"), request)
    tabs: list[dict[str, Any]] = [
        {"label": label, "url": f"?state={name}" if name else "?", "active": name == state} for name, label in STATES
    ]
    context = {"lines": [EffectLine(effect) for effect in shown], "tabs": tabs, "find": find, "state": state, **edges}
    return render(request, "workflows/effect_list.html", context)


@require_POST
def effect_settle(request: PageRequest, workspace: str, pk: UUID) -> HttpResponse:
    """A person says what happened to a change whose answer was lost."""
    effect = operations.get_effect(request.actor, pk)
    try:
        operations.settle_effect(
            request.actor,
            effect,
            request.POST.get("answer", ""),
            external_id=request.POST.get("external_id", "").strip()[:300],
            external_url=request.POST.get("external_url", "").strip()[:1000],
        )
    except UserError as error:
        return back_with_error(request, error, link(workspace, "run", run=effect.run_id))
    words = {"happened": "Recorded: it happened", "repeat": "It will be done again", "stop": "The run stops"}
    say(request, words.get(request.POST.get("answer", ""), "Recorded"))
    return go(workspace, "run", run=effect.run_id)


@require_POST
def effect_undo(request: PageRequest, workspace: str, pk: UUID) -> HttpResponse:
    """Take one change back; the page of the run that does it follows."""
    effect = operations.get_effect(request.actor, pk)
    try:
        undo = undo_effect(request.actor, effect)
    except UserError as error:
        return back_with_error(request, error, link(workspace, "run", run=effect.run_id))
    say(request, "Taking it back")
    return go(workspace, "run", run=undo.run_id)


@require_POST
def run_undo(request: PageRequest, workspace: str, run: UUID) -> HttpResponse:
    """Take back all that can be of a run; what stays is said."""
    found = operations.get_run(request.actor, run)
    try:
        undos, stays = undo_run(request.actor, found)
    except UserError as error:
        return back_with_error(request, error, link(workspace, "run", run=run))
    left = f"; {len(stays)} stay as they are" if stays else ""
    say(request, f"Taking back {len(undos)} {'change' if len(undos) == 1 else 'changes'}{left}")
    return go(workspace, "run", run=undos[0].run_id)
