"""The “Try” tab of a step: run it alone or up to it, look at what it gave, pin and edit sample outputs."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.fields import CleanJSONField
from workflows.engine.tree import find
from workflows.models import Run, Workflow
from workflows.operations import trying
from workflows.operations.drafts import draft_definition
from workflows.operations.plans import list_plans
from workflows.operations.starting import MODES
from workflows.operations.workflows import get_workflow
from workflows.views.pages import PageRequest, back_with_error, link, say

WAIT = 8.0


class _LinesField(CleanJSONField):
    """JSON in lines; empty while nothing is saved."""

    def prepare_value(self, value: Any) -> Any:
        """Text as it was typed, a value in lines."""
        if value is None or isinstance(value, str):
            return value or ""
        return json.dumps(value, ensure_ascii=False, indent=2)


class SampleForm(forms.Form):
    """The output that a step is taken to have given, as JSON."""

    output = _LinesField(
        label="Sample output",
        help_text="JSON, an object with the fields of the output. Later steps are tried on it.",
        widget=forms.Textarea(attrs={"rows": 12, "class": "mono", "spellcheck": "false"}),
    )


def address_of(request: PageRequest, workflow: Workflow, key: str) -> str:
    """The page on which a step is tried."""
    return link(request.workspace, "workflow_try", slug=workflow.slug, key=key)


@require_http_methods(["GET", "HEAD", "POST"])
def workflow_try(request: PageRequest, workspace: str, slug: str, key: str) -> HttpResponse:
    """GET shows the step's last try and its sample; POST tries it."""
    workflow = get_workflow(request.actor, slug)
    find(draft_definition(workflow), key)
    if request.method != "POST":
        return render(request, "workflows/try.html", _context(request, workflow, key))
    said = request.POST
    mode = said.get("mode", "dry")
    try:
        trying.try_step(
            request.actor, workflow, key, scope=said.get("scope", "step"), data=said.get("data", "samples"),
            mode=mode if mode in MODES else "dry", wait=WAIT,
        )  # fmt: skip
    except UserError as error:
        return back_with_error(request, error, address_of(request, workflow, key))
    return redirect(address_of(request, workflow, key))


@require_POST
def workflow_sample(request: PageRequest, workspace: str, slug: str, key: str) -> HttpResponse:
    """Pin a sample output (as it was typed, or what the step gave last), or forget it."""
    workflow = get_workflow(request.actor, slug)
    address = address_of(request, workflow, key)
    try:
        if request.POST.get("do") == "delete":
            trying.delete_sample(request.actor, workflow, key)
            say(request, "The sample is forgotten")
            return redirect(address)
        if request.POST.get("do") == "last":
            trying.save_sample(request.actor, workflow, key, _given(request, workflow, key))
        else:
            form = SampleForm(request.POST)
            if not form.is_valid():
                context = _context(request, workflow, key) | {"form": form}
                return render(request, "workflows/try.html", context, status=422)
            trying.save_sample(request.actor, workflow, key, form.cleaned_data["output"])
    except UserError as error:
        return back_with_error(request, error, address)
    say(request, "The sample is saved")
    return redirect(address)


def _given(request: PageRequest, workflow: Workflow, key: str) -> Any:
    """What the step gave in its last try, else in the newest run."""
    tried = _last_try(workflow, key)
    record = tried.steps.filter(key=key, path="").first() if tried else None
    return record.output if record and record.output else trying.last_output(request.actor, workflow, key)


def _last_try(workflow: Workflow, key: str) -> Run | None:
    rows = Run.objects.of(workflow.workspace_id).filter(workflow=workflow, trigger_kind=trying.KIND, trigger_id=key)
    found: Run | None = rows.order_by("-id").first()
    return found


def _context(request: PageRequest, workflow: Workflow, key: str) -> dict[str, Any]:
    step, _, _ = find(draft_definition(workflow), key)
    name = step.get("name") or key.replace("_", " ").capitalize()
    tried, sample = _last_try(workflow, key), trying.samples_of(request.actor, workflow).get(key)
    last = trying.last_output(request.actor, workflow, key)
    records = list(tried.steps.all()) if tried else []
    return {
        "workflow": workflow,
        "key": key,
        "name": name,
        "tried": tried,
        "about": (tried.frozen or {}).get("tried", {}) if tried else {},
        "record": next((one for one in records if one.key == key), None),
        "pinned": [one.key for one in records if isinstance(one.decision, dict) and one.decision.get("pinned")],
        "plans": list(list_plans(request.actor, tried)) if tried and tried.mode == "dry" else [],
        "sample": sample,
        "last": last,
        "form": SampleForm(initial={"output": sample.output if sample else None}),
        "can_edit": request.actor.can("edit"),
        "can_run": request.actor.can("run"),
        "crumbs": [
            ("Workflows", link(request.workspace, "workflows")),
            (workflow.name, link(request.workspace, "workflow", slug=workflow.slug)),
            (name, link(request.workspace, "workflow_step", slug=workflow.slug, key=key)),
            ("Try", ""),
        ],
        "back": {"label": name, "url": link(request.workspace, "workflow_step", slug=workflow.slug, key=key)},
    }
