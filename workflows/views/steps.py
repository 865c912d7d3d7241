"""Pages of a step: its panel, a new one from the catalogue, moving, copying and removing it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from integrations import registry
from orchestrator_site.lib.errors import Conflict, NotFound, UserError
from orchestrator_site.lib.names import slugify_key
from workflows.engine.actions import ActionInfo
from workflows.engine.catalogue import CATALOGUE
from workflows.engine.control import CONTROLS
from workflows.engine.tree import At, find, keys_of
from workflows.models import Workflow
from workflows.operations import drafts
from workflows.operations.workflows import get_workflow
from workflows.views.editor import editor_context, find_item
from workflows.views.editor_parts import render_editor
from workflows.views.joining import both_sides, match_of
from workflows.views.pages import PageRequest, back_with_error, link
from workflows.views.step_edits import address_of, say_done
from workflows.views.step_form import SetupForm, TabForm, typed
from workflows.views.step_panel import form_of, panel_context, plain_of, tab_of


@require_http_methods(["GET", "HEAD", "POST"])
def step(request: PageRequest, workspace: str, slug: str, key: str) -> HttpResponse:
    """One step beside the outline; POST saves the open tab in the draft."""
    workflow = get_workflow(request.actor, slug)
    tab = tab_of(request)
    if request.method == "GET":
        return render_editor(request, workflow, panel_context(request, workflow, key, tab))
    try:
        stored, _, _ = find(drafts.draft_definition(workflow), key)
    except NotFound:
        return _gone(request, workflow, key)
    form = form_of(request, workflow, stored, tab, request.POST)
    if form is None:
        return redirect(address_of(workspace, slug, key, tab))
    return _save(request, workflow, key, tab, form)


def _save(request: PageRequest, workflow: Workflow, key: str, tab: str, form: TabForm) -> HttpResponse:
    both: dict[str, Any] = {}
    status = 422
    if form.is_complete() if isinstance(form, SetupForm) else form.is_valid():
        changes, match = form.changes(), match_of(request, form.cleaned_data["etag"])
        try:
            changed = drafts.edit_step(request.actor, workflow, key, changes, if_match=match)
        except Conflict as error:
            both, status = both_sides(request, workflow, error), 409
            form.data = {**form.data.dict(), "etag": error.extra["draft_etag"]}  # type: ignore[attr-defined]
        except UserError as error:
            form.put_errors(error)
        else:
            say_done(request, changed, "Saved in the draft")
            return redirect(_after_save(request, workflow, changes.get("key", key), tab))
    context = panel_context(request, workflow, key, tab, form) | both
    return render_editor(request, workflow, context, status=status)


def _after_save(request: PageRequest, workflow: Workflow, key: str, tab: str) -> str:
    """The step again; a button may have asked to show an input the other way (`plain`)."""
    address = address_of(request.workspace.slug, workflow.slug, key, tab)
    asked, shown = request.POST.get("plain", "")[:48], plain_of(request)
    if asked:
        shown = [name for name in shown if name != asked] if asked in shown else [*shown, asked]
    return f"{address}?{urlencode({'plain': ','.join(shown)}, safe=',')}" if shown and tab == "setup" else address


def _gone(request: PageRequest, workflow: Workflow, key: str) -> HttpResponse:
    """The step was removed while somebody typed: nothing typed is lost."""
    context = editor_context(request, workflow, tab="steps") | {"gone": key, "typed": typed(request.POST.dict())}
    return render(request, "workflows/step_gone.html", context, status=409)


@require_http_methods(["GET", "HEAD", "POST"])
def step_new(request: PageRequest, workspace: str, slug: str) -> HttpResponse:
    """The catalogue beside the outline; choosing an action adds a step at the place of the address."""
    workflow = get_workflow(request.actor, slug)
    place = _place(request)
    if request.method == "POST":
        info = CATALOGUE.get(request.POST.get("action", ""))
        if info is None:
            messages.error(request, "That action is not in the catalogue. Choose one of the list.")
        else:
            return _add(request, workflow, info, place)
    q, kind = request.GET.get("q", "")[:100], request.GET.get("kind", "")
    here = {"parent": place.parent, "branch": place.branch, "index": place.index or 0, "q": q}
    context = editor_context(request, workflow, tab="steps")
    beside = find_item(context["items"], place.parent) if place.parent else None
    context |= {
        "q": q,
        "groups": catalogue(q, kind),
        "kind": kind,
        "kinds": [
            {"label": label, "url": f"?{urlencode({**here, 'kind': name})}", "active": name == kind}
            for name, label in KINDS
        ],
        "place": place,
        "place_query": urlencode({"parent": place.parent, "branch": place.branch, "index": place.index or 0}),
        "where": _where(context, place, beside),
        "here": request.path,
        "close_url": link(workspace, "workflow", slug=slug),
        "back": {"label": workflow.name, "url": link(workspace, "workflow", slug=slug)},
        "title": f"Add a step · {workflow.name}",
        "panel": "workflows/_catalogue.html",
        "panel_label": "Add a step",
        "quiet": True,
    }
    return render_editor(request, workflow, context, status=422 if request.method == "POST" else 200)


def _place(request: PageRequest) -> At:
    index = request.GET.get("index", "")
    number = int(index) if index.isascii() and index.isdigit() and len(index) < 6 else None
    return At(request.GET.get("parent", "")[:48], request.GET.get("branch", "")[:64], number)


def _where(context: dict[str, Any], place: At, container: Any) -> str:
    """The place in words: "after 2 Sort the mail"."""
    items = context["items"]
    inside = ""
    if container is not None:
        branch = next((one for one in container.branches if one.branch == place.branch), None)
        items, inside = (list(branch.items) if branch else []), f" in “{container.name}”"
    if not items or not place.index:
        return f"As the first step{inside}"
    before = items[min(place.index, len(items)) - 1]
    return f"After {before.number} {before.name}"


def _add(request: PageRequest, workflow: Workflow, info: ActionInfo, place: At) -> HttpResponse:
    taken = keys_of(drafts.draft_definition(workflow))
    key = slugify_key(info.name.rpartition(".")[2] if "." in info.name else info.name, taken)
    made: dict[str, Any] = {"key": key, "name": info.title, "action": info.name}
    made |= CONTROLS[info.name].begins if info.name in CONTROLS else {}
    address = link(request.workspace, "workflow", slug=workflow.slug)
    try:
        drafts.add_step(request.actor, workflow, made, at=place, if_match="*")
    except UserError as error:
        return back_with_error(request, error, address)
    return redirect(f"{address_of(request.workspace.slug, workflow.slug, key)}?fresh=1")


def plain(info: ActionInfo) -> str:
    """The first line of what an action says of itself, without marks of code."""
    return info.description.split("\n")[0].replace("`", "")


KINDS = (
    ("", "All"),
    ("read", "Reads"),
    ("model", "Asks a model"),
    ("effect", "Changes something"),
    ("pure", "Works with values"),
    ("control", "Steers the run"),
)


def catalogue(q: str = "", kind: str = "") -> list[dict[str, Any]]:
    """The actions by service, those of the engine first; every word of `q` must be somewhere in an action."""
    words = q.lower().split()
    groups: dict[str, dict[str, Any]] = {}
    for info in CATALOGUE.all():
        service = registry.get_integration(info.service) if info.service else None
        title = service.title if service else "Flow"
        text = " ".join([info.name, info.title, info.description, title, *info.keywords]).lower()
        if all(word in text for word in words) and kind in ("", info.kind):
            group = groups.setdefault(info.service, {"title": title, "service": info.service, "actions": []})
            group["actions"].append({"info": info, "first": plain(info)})
    return list(groups.values())
