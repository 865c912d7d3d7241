"""One prompt: its text, versions, labels, what changed between two of them, and a try-out."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from accounts.actor import Actor, actor_of
from orchestrator_site.lib.errors import Conflict, UserError
from prompts.diff import compare, fold, is_same
from prompts.forms import ValuesForm, VersionForm, add_problem
from prompts.models import Prompt, PromptVersion
from prompts.operations import library
from prompts.rendering import RenderedPrompt, required_of
from prompts.rendering import render as render_prompt

_SHOWN_VERSIONS = 50


def prompt(request: HttpRequest, workspace: str, slug: str) -> HttpResponse:
    """The editor. POST saves a new version, or with `try` puts values into the version shown."""
    actor = actor_of(request)
    found = library.get_prompt(actor, slug)
    version = library.get_version(found, request.GET.get("version") or library.newest_version(found).number)
    trying = "try" in request.POST or "try" in request.GET
    form = VersionForm(None if trying else request.POST or None, initial=_initial(version, found))
    theirs: list[Any] = []
    if request.method == "POST" and not trying and form.is_valid():
        try:
            saved = _save(actor, found, form)
        except UserError as problem:
            add_problem(form, problem)
            theirs = _theirs(problem, form)
        else:
            messages.success(request, f"Version {saved.number} is saved.")
            return redirect("prompt", workspace=workspace, slug=slug)
    needed = required_of(version.system, version.user_template)
    values = ValuesForm(version.variables, needed, (request.POST or request.GET) if trying else None)
    rendered = _try(values, version) if trying and values.is_valid() else None
    shown = {
        "prompt": found,
        "version": version,
        "newest": library.newest_version(found),
        "versions": _versions(found),
        "labels": list(found.labels.select_related("version").order_by("name")),
        "form": form,
        "values": values,
        "rendered": rendered,
        "theirs": theirs,
        "changes": _changes(request, found),
        "may_edit": actor.can("edit"),
    }
    return render(request, "prompts/prompt.html", shown, status=400 if form.errors or values.errors else 200)


def label(request: HttpRequest, workspace: str, slug: str) -> HttpResponse:
    """Let a label point at a version."""
    actor = actor_of(request)
    found = library.get_prompt(actor, slug)
    number = request.POST.get("version", "")
    if not number.isdigit() or len(number) > 9:
        raise UserError("E_TYPE", "version is a whole number.", field="version")
    moved = library.move_label(actor, found, label=request.POST.get("label", library.LIVE), number=int(number))
    messages.success(request, f"“{moved.name}” is now version {number}.")
    return redirect("prompt", workspace=workspace, slug=slug)


def delete(request: HttpRequest, workspace: str, slug: str) -> HttpResponse:
    """Delete a prompt with its versions."""
    actor = actor_of(request)
    found = library.get_prompt(actor, slug)
    library.delete_prompt(actor, found)
    messages.success(request, f"{found.name} is deleted.")
    return redirect("prompts", workspace=workspace)


def _initial(version: PromptVersion, found: Prompt) -> dict[str, Any]:
    names = ("system", "user_template", "model", "temperature", "max_tokens")
    return {**{name: getattr(version, name) for name in names}, "base": library.newest_version(found).number}


def _save(actor: Actor, found: Prompt, form: VersionForm) -> PromptVersion:
    values = form.cleaned_data
    return library.add_version(
        actor, found, text=form.text, note=values["note"], make_live=values["make_live"], base=values["base"]
    )


def _theirs(problem: UserError, form: VersionForm) -> list[Any]:
    """What somebody else saved meanwhile, against what was typed here."""
    theirs = problem.extra.get("theirs") if isinstance(problem, Conflict) else None
    if not theirs:
        return []
    form.data = {**form.data.dict(), "base": str(problem.extra["version"])}  # type: ignore[attr-defined]
    text = form.text
    return [
        (title, list(fold(compare(str(theirs[name]), getattr(text, name)))))
        for title, name in (("System text", "system"), ("User text", "user_template"))
    ]


def _try(values: ValuesForm, version: PromptVersion) -> RenderedPrompt | None:
    try:
        return render_prompt(library.frozen(version), values.values)
    except UserError as problem:
        add_problem(values, problem)
        return None


def _versions(found: Prompt) -> list[PromptVersion]:
    rows = found.versions.select_related("created_by").prefetch_related("labels").order_by("-number")
    return list(rows[:_SHOWN_VERSIONS])


def _changes(request: HttpRequest, found: Prompt) -> dict[str, Any] | None:
    """The comparison of two versions, where the address asks for one."""
    old, new = request.GET.get("from"), request.GET.get("to")
    if not old or not new:
        return None
    before, after = library.get_version(found, old), library.get_version(found, new)
    texts = []
    for title, name in (("System text", "system"), ("User text", "user_template")):
        lines = compare(getattr(before, name), getattr(after, name))
        texts.append({"title": title, "same": is_same(lines), "lines": list(fold(lines))})
    fields = [
        (title, getattr(before, name), getattr(after, name))
        for title, name in (("Model", "model"), ("Temperature", "temperature"), ("Longest answer", "max_tokens"))
        if getattr(before, name) != getattr(after, name)
    ]
    return {"before": before, "after": after, "texts": texts, "fields": fields}
