"""The list of prompts, and a new one."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from accounts.actor import actor_of
from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.names import slugify_key
from prompts.forms import NewPromptForm, add_problem
from prompts.operations import library

PER_PAGE = 50


def prompts(request: HttpRequest, workspace: str) -> HttpResponse:
    """The prompts, searched by words."""
    actor = actor_of(request)
    q = request.GET.get("q", "")
    rows = library.list_prompts(actor, q).prefetch_related("labels__version")
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    shown = {"page": page, "q": q, "may_edit": actor.can("edit")}
    return render(request, "prompts/prompts.html", shown)


def new(request: HttpRequest, workspace: str) -> HttpResponse:
    """A form for a new prompt."""
    form = NewPromptForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        try:
            made = library.create_prompt(
                actor_of(request),
                slug=values["slug"] or slugify_key(values["name"], fallback="prompt"),
                name=values["name"],
                description=values["description"],
                text=form.text,
            )
        except UserError as problem:
            add_problem(form, problem)
        else:
            messages.success(request, f"{made.name} is saved and live.")
            return redirect("prompt", workspace=workspace, slug=made.slug)
    return render(request, "prompts/prompt_new.html", {"form": form}, status=400 if form.errors else 200)
