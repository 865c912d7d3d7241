"""What saving a step would find, and what its expressions give now: asked while somebody types. Saves nothing."""

from __future__ import annotations

import copy
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from orchestrator_site.lib.errors import UserError
from workflows.engine.findings import Problem
from workflows.engine.tree import find
from workflows.models import Workflow
from workflows.operations import drafts, samples
from workflows.operations.samples import Seen
from workflows.operations.workflows import get_workflow
from workflows.views.pages import PageRequest
from workflows.views.step_form import SetupForm
from workflows.views.step_panel import form_of

JSON = dict[str, Any]


@require_POST
def step_check(request: PageRequest, workspace: str, slug: str, key: str) -> HttpResponse:
    """For each field of the step's form: the problems a save would find, and a preview of its expression."""
    workflow = get_workflow(request.actor, slug)
    definition = drafts.draft_definition(workflow)
    step, _, _ = find(definition, key)
    form = form_of(request, workflow, step, "setup", request.POST)
    assert isinstance(form, SetupForm)
    complete = form.is_complete()
    seen = _previews(workflow, definition, key, form)
    if complete:
        form.show_problems(_problems(workflow, definition, key, form))
    fields = [form.inputs[name] for name in form.inputs.fields] + [form["when"]]
    shown = [{"field": field, "seen": seen.get(field.name)} for field in fields]
    return render(request, "workflows/_live.html", {"shown": shown, "workflow": workflow})


def _problems(workflow: Workflow, definition: JSON, key: str, form: SetupForm) -> list[Problem]:
    """What would be wrong with the step if this were saved (under its own key: a new one does not matter here)."""
    changed = copy.deepcopy(definition)
    step, _, _ = find(changed, key)
    changes = {name: value for name, value in form.changes().items() if name != "key"}
    step.update({name: value for name, value in changes.items() if value is not None})
    for name in [name for name, value in changes.items() if value is None]:
        step.pop(name, None)
    return [problem for problem in drafts.problems_in(workflow, changed) if problem.step == key]


def _previews(workflow: Workflow, definition: JSON, key: str, form: SetupForm) -> dict[str, Seen]:
    step, _, _ = find(definition, key)
    values = {name: value for name, value in form.inputs.cleaned_data.items() if name != "raw"}
    try:
        data = samples.sample_data(workflow, definition, key)
        return samples.preview_inputs(data, step["action"], values, form.cleaned_data.get("when") or "")
    except UserError:
        return {}
