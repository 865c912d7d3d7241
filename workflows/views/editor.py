"""What every page of one workflow shows: header, tabs, problems, the outline with its addresses, the map."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from workflows.engine.comparing import compare
from workflows.engine.definition import Definition, parse
from workflows.engine.findings import DefinitionProblems, Problem
from workflows.models import Workflow
from workflows.operations import drafts, undo, versions
from workflows.operations.outline import OutlineBranch, OutlineItem, outline_of
from workflows.operations.step_map import step_map
from workflows.views.pages import PageRequest, link

TABS = (
    ("steps", "Steps", "workflow"),
    ("triggers", "Triggers", "workflow_triggers"),
    ("settings", "Inputs and settings", "workflow_settings"),
    ("tests", "Tests", "workflow_tests"),
    ("versions", "Versions", "workflow_versions"),
)
BRANCH_ICONS = {"then": "check", "else": "x", "do": "repeat", "on_error": "alert-triangle"}
MANY = 8


@dataclass(frozen=True)
class Addresses:
    """Makes the addresses of an outline; `steps` off for a frozen version, `editable` off for who only reads."""

    request: PageRequest
    workflow: Workflow
    current: str = ""
    editable: bool = False
    steps: bool = True

    def step(self, key: str) -> str:
        """Where a step is opened."""
        return link(self.request.workspace, "workflow_step", slug=self.workflow.slug, key=key) if self.steps else ""

    def add(self, parent: str, branch: str, index: int) -> str:
        """Where a step is added at this place."""
        if not self.editable:
            return ""
        place = urlencode({"parent": parent, "branch": branch, "index": index})
        return f"{link(self.request.workspace, 'workflow_step_new', slug=self.workflow.slug)}?{place}"


def editor_context(request: PageRequest, workflow: Workflow, *, tab: str, current: str = "") -> dict[str, Any]:
    """The context of a workflow's pages; `current` is the key of the open step."""
    definition = drafts.draft_definition(workflow)
    problems = drafts.problems_in(workflow, definition)
    newest = versions.list_versions(workflow).first()
    addresses = Addresses(request, workflow, current, request.actor.can("edit"))
    parsed = readable(definition)
    items = outline_of(parsed, problems) if parsed else []
    errors = sum(problem.is_error for problem in problems)
    changes, words = _draft_words(workflow, definition)
    following = (newest.number or 0) + 1 if newest else 1
    return {
        "workflow": workflow,
        "definition": definition,
        "found": problems,
        "problems": [problem_line(addresses, problem) for problem in problems[:MANY]],
        "more_problems": max(0, len(problems) - MANY),
        "problem_words": _count_words(errors, len(problems) - errors),
        "errors": errors,
        "draft_words": words,
        "has_changes": changes > 0,
        "items": items,
        "outline": [shown(item, addresses) for item in items],
        "top": list_of("", ""),
        "map": step_map(items, current),
        "tabs": _tabs(request, workflow, tab, (newest.number or 0) if newest else 0),
        "crumbs": [("Workflows", link(request.workspace, "workflows"))],
        "can_edit": request.actor.can("edit"),
        "ways": undo.ways(workflow) if request.actor.can("edit") and tab == "steps" else None,
        "can_run": request.actor.can("run") and (workflow.published is not None or not errors),
        "next_version": following,
        "next_version_text": str(following),
        "first_add_url": addresses.add("", "", 0),
        "back": {"label": "Workflows", "url": link(request.workspace, "workflows")},
    }


def readable(definition: dict[str, Any]) -> Definition | None:
    """The draft read for the outline, or None where it cannot be (its problems then say why)."""
    try:
        return parse(definition, trusted=True)
    except DefinitionProblems:
        return None


def _count_words(errors: int, warnings: int) -> str:
    parts = [(errors, "problem"), (warnings, "warning")]
    return ", ".join(f"{count} {word}{'' if count == 1 else 's'}" for count, word in parts if count)


def _draft_words(workflow: Workflow, definition: dict[str, Any]) -> tuple[int, str]:
    """How many changes the draft has, and how it stands to what is live."""
    if workflow.published is None:
        return len(definition["steps"]), "Draft, not published"
    found = compare(workflow.published.definition, definition)
    changes = len(found.workflow) + len(found.steps)
    if not changes:
        return 0, f"Version {workflow.published.number}"
    return changes, f"Draft, {changes} change{'' if changes == 1 else 's'} since version {workflow.published.number}"


def _tabs(request: PageRequest, workflow: Workflow, tab: str, count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"label": label, "url": link(request.workspace, name, slug=workflow.slug), "active": key == tab}
        for key, label, name in TABS
    ]
    found[[key for key, _, _ in TABS].index("versions")]["count"] = count or None
    runs = f"{link(request.workspace, 'runs')}?{urlencode({'workflow': workflow.slug})}"
    found.append({"label": "Runs", "url": runs, "active": False})
    return found


def problem_line(addresses: Addresses, problem: Problem) -> dict[str, Any]:
    """A finding with a link to where it is repaired."""
    place, slug = addresses.request.workspace, addresses.workflow.slug
    url = addresses.step(problem.step) if problem.step else link(place, "workflow_settings", slug=slug)
    if problem.code == "E_DEF_EMPTY":
        url = addresses.add("", "", 0)
    return {"problem": problem, "url": url, "is_error": problem.is_error}


def shown(item: OutlineItem, addresses: Addresses, parent: str = "", branch: str = "") -> dict[str, Any]:
    """An outline item with its addresses, as `elements/outline.html` wants it."""
    branches = [_branch(item, each, addresses) for each in item.branches]
    loop = item.is_loop and len(branches) == 1
    return {
        "id": f"s-{item.key}" if addresses.steps else "",
        "number": item.number,
        "key": item.key,
        "name": item.name,
        "note": _note(item),
        "service": item.service,
        "icon": item.icon or "puzzle",
        "model": item.kind == "model",
        "verb": item.verb,
        "warning": item.first_problem,
        "broken": bool(item.errors),
        "disabled": item.disabled,
        "current": item.key == addresses.current,
        "url": addresses.step(item.key),
        "add_url": addresses.add(parent, branch, item.position + 1),
        "add_label": f"Add a step after {item.number} {item.name}",
        "branches": [] if loop else branches,
        "inner": branches[0] if loop else None,
        "add_list": {"cases": "Add a case", "branches": "Add a branch"}.get(item.many, ""),
        "add_list_url": f"{addresses.step(item.key)}#lists" if item.many and addresses.editable else "",
    }


def _branch(item: OutlineItem, each: OutlineBranch, addresses: Addresses) -> dict[str, Any]:
    return {
        **(list_of(item.key, each.branch) if addresses.steps else {}),
        "name": each.name,
        "icon": BRANCH_ICONS.get(each.branch, "arrow-down"),
        "steps": [shown(child, addresses, item.key, each.branch) for child in each.items],
        "add_url": addresses.add(item.key, each.branch, 0),
    }


def list_of(parent: str, branch: str) -> dict[str, str]:
    """A list of steps as the page names it."""
    name = f"l-{parent}-{branch.replace(':', '-')}" if parent else "l-top"
    return {"id": name, "parent": parent, "branch": branch}


def _note(item: OutlineItem) -> str:
    if item.disabled:
        return "Switched off"
    said = item.summary or ("" if item.name == item.title else item.title)
    return f"if {item.condition} · {said}" if item.condition else said


def places(items: Iterable[OutlineItem], without: str = "") -> list[tuple[str, str]]:
    """Every list of steps as a choice: ("parent:branch", words); what is inside `without` is left out."""
    found = [("", "The top list")]
    for item in items:
        if item.key != without:
            found += _places(item, without)
    return found


def _places(item: OutlineItem, without: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for branch in item.branches:
        found.append((f"{item.key}:{branch.branch}", f"{item.number} {item.name} › {branch.name}"))
        for child in branch.items:
            if child.key != without:
                found += _places(child, without)
    return found


def find_item(items: Iterable[OutlineItem], key: str) -> OutlineItem | None:
    """The item of a key, wherever it stands."""
    for item in items:
        inside = None if item.key == key else find_item([c for b in item.branches for c in b.items], key)
        if item.key == key or inside:
            return item if item.key == key else inside
    return None
