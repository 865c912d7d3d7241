"""Import of prompt files."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from accounts.actor import actor_of
from orchestrator_site.lib.errors import UserError
from prompts.forms import ImportForm, add_problem
from prompts.operations.files import import_prompts


def import_file(request: HttpRequest, workspace: str) -> HttpResponse:
    """A file or its text; every prompt in it is saved, or none."""
    form = ImportForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = import_prompts(actor_of(request), form.content, overwrite=form.cleaned_data["overwrite"])
        except UserError as problem:
            add_problem(form, problem)
        else:
            messages.success(request, f"Imported: {', '.join(prompt.name for prompt in made.prompts)}.")
            for warning in made.warnings:
                messages.warning(request, warning)
            return redirect("prompts", workspace=workspace)
    return render(request, "prompts/prompt_import.html", {"form": form}, status=400 if form.errors else 200)
