"""Home: three cards to try at once, recent runs, what needs you, connecting services."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import Workspace
from integrations.models import Connection
from integrations.registry import connectable, get_action
from orchestrator_site.lib.look import duration
from workflows.engine.control import CONTROLS
from workflows.engine.definition import Definition, parse
from workflows.engine.reading import LOOPS
from workflows.models import Run, Workflow
from workflows.operations import runs as operations
from workflows.operations.inbox import open_waits
from workflows.views.pages import PageRequest, link
from workflows.views.run_list import LONG, run_lines
from workflows.views.run_timeline import took

CARDS, RECENT = 3, 6


@require_safe
def home(request: PageRequest, workspace: str) -> HttpResponse:
    """The first page of a workspace."""
    recent = operations.list_runs(request.actor).defer(*LONG).order_by("-pk")[:RECENT]
    context = {
        "cards": cards(request.workspace),
        "runs": run_lines(recent),
        "waits": list(open_waits(request.actor)[:5]),
        "services": _services(request.workspace),
        "sandboxed": Connection.objects.of(request.workspace).filter(sandbox=True, deleted_at__isnull=True).exists(),
        "can_run": request.actor.can("run"),
        "can_edit": request.actor.can("edit"),
        "steps": _make_it_yours(request),
    }
    return render(request, "workflows/home.html", context)


def cards(workspace: Workspace) -> list[dict[str, Any]]:
    """Workflows to try at once: what each reads, does and changes, said before the click."""
    rows = (
        Workflow.objects.of(workspace)
        .filter(is_card=True, enabled=True, deleted_at__isnull=True, published__isnull=False)
        .select_related("published")
        .order_by("created_at")[:CARDS]
    )
    found = list(rows)
    usual = _usual_times(found)
    return [_card(workflow, usual.get(workflow.pk, "a few seconds")) for workflow in found]


def _usual_times(workflows: list[Workflow]) -> dict[Any, str]:
    """How long the newest finished run of each took (one query), as a promise in words."""
    if not workflows:
        return {}
    rows = (
        Run.objects.of(workflows[0].workspace_id)
        .filter(workflow__in=workflows, status="succeeded")
        .exclude(trigger_kind="try")
    )
    newest = rows.order_by("-pk").values_list("workflow_id", "started_at", "finished_at")[:60]
    found: dict[Any, str] = {}
    for workflow_id, started, finished in newest:
        found.setdefault(workflow_id, f"about {duration(took(started, finished))}")
    return found


def _card(workflow: Workflow, usual: str) -> dict[str, Any]:
    version = workflow.published
    assert version is not None
    definition = parse(version.definition, trusted=True)
    steps = [step for step, _ in definition.walk() if step.action not in CONTROLS and not step.disabled]
    actions = [action for step in steps if (action := get_action(step.action))]
    changes = sum(action.is_effect for action in actions)
    return {
        "workflow": workflow,
        "services": list(dict.fromkeys(action.service for action in actions)),
        "lines": [{"icon": _icon(action), "text": action.title} for action in actions[:4]],
        "needs_form": any(spec.required and not spec.has_default for spec in definition.inputs),
        "note": _note(definition, changes),
        "usual": usual,
    }


def _icon(action: Any) -> str:
    if action.is_effect:
        return "arrow-up-right"
    return "sparkles" if action.kind == "model" else "file-text"


def _note(definition: Definition, changes: int) -> str:
    loops = any(step.action in LOOPS for step, _ in definition.walk())
    if not changes:
        return "changes nothing"
    return "changes one thing per item" if loops else f"changes {changes} {'thing' if changes == 1 else 'things'}"


def _services(workspace: Workspace) -> list[dict[str, Any]]:
    """Services that can be connected, and whether a real (not sandbox) connection is there."""
    real = set(
        Connection.objects.of(workspace)
        .filter(sandbox=False, deleted_at__isnull=True)
        .values_list("service", flat=True)
    )
    return [
        {
            "slug": integration.slug,
            "title": integration.title,
            "connected": integration.slug in real,
            "url": f"{link(workspace, 'connection_new')}?service={integration.slug}",
        }
        for integration in connectable()
    ]


def _make_it_yours(request: PageRequest) -> list[dict[str, str]]:
    place = request.workspace
    return [
        {"title": "Change a prompt", "text": "Save it as a version and move “live”", "url": link(place, "prompts")},
        {"title": "Change a step", "text": "Open a workflow and edit its outline", "url": link(place, "workflows")},
        {
            "title": "See what was changed",
            "text": "The sandbox’s pages and files",
            "url": link(place, "sandbox"),
        },
    ]
