"""What every page of one workflow shows: header, tabs, problems, the outline with its addresses, the map."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from accounts.models import Workspace
from workflows.models import Workflow
from workflows.operations import drafts, versions
from workflows.operations.outline import OutlineItem, outline
from workflows.views.pages import PageRequest, link
from workflows.views.step_map import step_map

TABS = (
    ("steps", "Steps", "workflow"),
    ("settings", "Inputs and settings", "workflow_settings"),
    ("versions", "Versions", "workflow_versions"),
)


def editor_context(request: PageRequest, workflow: Workflow, *, tab: str, current: str = "") -> dict[str, Any]:
    """The context of a workflow's pages; `current` is the key of the open step."""
    definition = drafts.draft_definition(workflow)
    problems = drafts.draft_problems(workflow)
    errors = [problem for problem in problems if problem.severity == "error"]
    items = outline(definition, problems)
    return {
        "workflow": workflow,
        "definition": definition,
        "problems": [problem_line(request.workspace, workflow, problem) for problem in problems],
        "errors": len(errors),
        "changed": drafts.is_changed(workflow),
        "outline": [shown(item, request.workspace, workflow, current, request.actor.can("edit")) for item in items],
        "map": step_map(items, current),
        "tabs": _tabs(request, workflow, tab),
        "crumbs": [("Workflows", link(request.workspace, "workflows")), (workflow.name, "")],
        "can_edit": request.actor.can("edit"),
        "can_run": request.actor.can("run"),
        "next_version": versions.next_number(workflow),
        "first_add_url": add_url(request.workspace, workflow, "", "", 0),
    }


def _tabs(request: PageRequest, workflow: Workflow, tab: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"label": label, "url": link(request.workspace, name, slug=workflow.slug), "active": key == tab}
        for key, label, name in TABS
    ]
    found[2]["count"] = versions.list_versions(workflow).count() or None
    found.append({"label": "Runs", "url": f"{link(request.workspace, 'runs')}?{urlencode({'workflow': workflow.slug})}"})
    return found


def problem_line(workspace: Workspace, workflow: Workflow, problem: Any) -> dict[str, Any]:
    """A finding with a link to where it is repaired."""
    if problem.step:
        url = link(workspace, "workflow_step", slug=workflow.slug, key=problem.step)
    else:
        url = link(workspace, "workflow_settings", slug=workflow.slug)
    return {"problem": problem, "url": url, "is_error": problem.severity == "error"}


def add_url(workspace: Workspace, workflow: Workflow, parent: str, branch: str, index: int) -> str:
    """The address that adds a step at this place."""
    place = urlencode({"parent": parent, "branch": branch, "index": index})
    return f"{link(workspace, 'workflow_step_new', slug=workflow.slug)}?{place}"


def shown(
    item: OutlineItem, workspace: Workspace, workflow: Workflow, current: str, editable: bool, place: tuple[str, str, int] | None = None
) -> dict[str, Any]:
    """An outline item with its addresses, as `elements/outline.html` wants it."""
    parent, branch, index = place or ("", "", item.index)
    found: dict[str, Any] = {
        **item.as_dict(),
        "url": link(workspace, "workflow_step", slug=workflow.slug, key=item.key),
        "current": item.key == current,
        "add_url": add_url(workspace, workflow, parent, branch, index + 1) if editable else "",
    }
    if item.inner is not None:
        found["inner"] = _children(item.key, "do", item.inner, workspace, workflow, current, editable)
        found["add_inside_url"] = add_url(workspace, workflow, item.key, "do", 0)
    else:
        found["inner"] = None
    found["branches"] = [
        {
            "name": each.name,
            "icon": each.icon,
            "steps": _children(item.key, each.branch, each.steps, workspace, workflow, current, editable),
            "add_url": add_url(workspace, workflow, item.key, each.branch, 0),
        }
        for each in item.branches
    ]
    return found


def _children(
    parent: str,
    branch: str,
    items: Iterable[OutlineItem],
    workspace: Workspace,
    workflow: Workflow,
    current: str,
    editable: bool,
) -> list[dict[str, Any]]:
    return [
        shown(item, workspace, workflow, current, editable, (parent, branch, index)) for index, item in enumerate(items)
    ]


