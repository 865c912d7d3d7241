"""Pages of the gallery: what there is, one item with what it may do, using it, trying it, own templates."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from orchestrator_site.lib.errors import UserError
from workflows.operations import gallery as operations
from workflows.operations.describing import MAX_TEXT, describe_workflow
from workflows.operations.gallery import GalleryItem
from workflows.operations.outline import OutlineItem, outline_of
from workflows.operations.permits import permits_of, permits_of_draft
from workflows.operations.step_map import step_map
from workflows.operations.workflows import get_workflow
from workflows.views.editor import editor_context
from workflows.views.pages import PageRequest, back_with_error, go, link, say


@require_safe
def gallery(request: PageRequest, workspace: str) -> HttpResponse:
    """The items by category, with search."""
    q, category = request.GET.get("q", "")[:200].strip(), request.GET.get("category", "")[:40]
    problem = ""
    try:
        found = operations.list_gallery(request.actor, q, category)
    except UserError as error:
        found, problem = [], error.message
    context = {
        "items": [_card(request, item) for item in found],
        "q": q,
        "category": category,
        "chips": _chips(request, q, category),
        "problem": problem,
        "can_edit": request.actor.can("edit"),
        **_back(request),
    }
    return render(request, "workflows/gallery.html", context)


def _card(request: PageRequest, item: GalleryItem) -> dict[str, Any]:
    url = link(request.workspace, "gallery_item", item=item.slug)
    steps = sum(1 for _ in item.parsed.walk())
    return {"item": item, "url": url, "services": item.services, "steps": steps, "map": picture(item)}


def _chips(request: PageRequest, q: str, category: str) -> list[dict[str, Any]]:
    """The categories as links that keep the search."""
    here = link(request.workspace, "gallery")
    names = ["", *operations.categories(request.actor)]
    return [
        {
            "label": name or "All",
            "url": f"{here}?{urlencode({key: value for key, value in (('q', q), ('category', name)) if value})}",
            "active": name == category,
        }
        for name in names
    ]


def picture(item: GalleryItem) -> dict[str, Any]:
    """The map of its steps; the page draws it."""
    return step_map(outline_of(item.parsed))


def _back(request: PageRequest) -> dict[str, Any]:
    return {"back": {"label": "Workflows", "url": link(request.workspace, "workflows")}}


@require_safe
def gallery_item(request: PageRequest, workspace: str, item: str) -> HttpResponse:
    """One item: what it does, changes and needs; its steps; what it may do here."""
    found = operations.get_item(request.actor, item)
    steps = outline_of(found.parsed)
    here = link(request.workspace, "gallery")
    context = {
        "item": found,
        "map": step_map(steps),
        "steps": _flat(steps),
        "permits": permits_of(request.actor, found.parsed),
        "inputs": [(spec, found.example.get(spec.name)) for spec in found.parsed.inputs],
        "can_edit": request.actor.can("edit"),
        "can_try": request.actor.can("run"),
        "crumbs": [("Gallery", here)],
        "back": {"label": "Gallery", "url": here},
    }
    return render(request, "workflows/gallery_item.html", context)


def _flat(items: list[OutlineItem] | tuple[OutlineItem, ...]) -> list[OutlineItem]:
    """Every step in reading order; `depth` says how far it stands in."""
    found: list[OutlineItem] = []
    for item in items:
        found.append(item)
        for branch in item.branches:
            found += _flat(branch.items)
    return found


@require_POST
def gallery_use(request: PageRequest, workspace: str, item: str) -> HttpResponse:
    """Make a workflow of an item, as a draft."""
    found = operations.get_item(request.actor, item)
    try:
        made = operations.use_item(request.actor, found)
    except UserError as error:
        return back_with_error(request, error, link(workspace, "gallery_item", item=item))
    say(request, f"“{made.name}” is a draft now; nothing of it runs by itself")
    return go(workspace, "workflow", slug=made.slug)


@require_POST
def gallery_try(request: PageRequest, workspace: str, item: str) -> HttpResponse:
    """Run an item in the sandbox, and watch it."""
    found = operations.get_item(request.actor, item)
    try:
        run = operations.try_item(request.actor, found)
    except UserError as error:
        return back_with_error(request, error, link(workspace, "gallery_item", item=item))
    return go(workspace, "run", run=run.pk)


@require_POST
def gallery_delete(request: PageRequest, workspace: str, item: str) -> HttpResponse:
    """Remove a template of the workspace."""
    operations.delete_template(request.actor, item)
    say(request, "The template is removed; workflows made from it stay")
    return go(workspace, "gallery")


class TemplateForm(forms.Form):
    """What people read before they use it."""

    name = forms.CharField(max_length=120, label="Name")
    about = forms.CharField(
        max_length=500, required=False, label="What it does", widget=forms.Textarea(attrs={"rows": 3})
    )
    category = forms.CharField(max_length=40, required=False, label="Category", help_text="Left empty: Yours.")


@require_http_methods(["GET", "HEAD", "POST"])
def workflow_template(request: PageRequest, workspace: str, slug: str) -> HttpResponse:
    """Keep the draft as a template of the workspace."""
    found = get_workflow(request.actor, slug)
    form = TemplateForm(request.POST or None, initial={"name": found.name, "about": found.description[:500]})
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                made = operations.save_template(request.actor, found, **form.cleaned_data)
            except UserError as error:
                form.add_error(
                    error.field if error.field in form.fields else None, f"{error.message} {error.hint or ''}"
                )
            else:
                say(request, f"“{made.name}” is in the gallery")
                return go(workspace, "gallery_item", item=made.slug)
    context = {**editor_context(request, found, tab=""), "form": form}
    return render(request, "workflows/template_new.html", context, status=status)


@require_safe
def workflow_permissions(request: PageRequest, workspace: str, slug: str) -> HttpResponse:
    """What the draft may read, ask and change: where, and over which connections."""
    found = get_workflow(request.actor, slug)
    context = {**editor_context(request, found, tab=""), "permits": permits_of_draft(request.actor, found)}
    return render(request, "workflows/permissions.html", context)


class DescribeForm(forms.Form):
    """What shall happen, in one's own words."""

    text = forms.CharField(
        max_length=MAX_TEXT,
        label="What shall happen",
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Like: when a mail with an invoice arrives, keep supplier and total in a table and tell me.",
    )


@require_http_methods(["GET", "HEAD", "POST"])
def workflow_describe(request: PageRequest, workspace: str) -> HttpResponse:
    """From a sentence to a draft, which opens next with its problems."""
    form = DescribeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = describe_workflow(request.actor, form.cleaned_data["text"])
        except UserError as error:
            form.add_error(None, f"{error.message} {error.hint or ''}".strip())
        else:
            words = "from the gallery" if made.way == "gallery" else "by the model"
            say(request, f"A draft was made {words}. Look at each step before you publish it")
            return go(workspace, "workflow", slug=made.workflow.slug)
    status = 422 if request.method == "POST" else 200
    context = {"form": form, "crumbs": [("Workflows", link(request.workspace, "workflows"))], **_back(request)}
    return render(request, "workflows/describe.html", context, status=status)
