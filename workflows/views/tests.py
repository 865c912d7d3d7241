"""The page of a workflow's tests: how they stand, run them, edit them as one document, make one from a run."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST

from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.json import clean_json
from workflows.models import Workflow
from workflows.operations.runs import get_run, list_runs
from workflows.operations.testing import keeping, running
from workflows.operations.testing.results import Result, results_of
from workflows.operations.workflows import get_workflow
from workflows.views.editor import editor_context
from workflows.views.pages import PageRequest, back_with_error, go, link, say

STATES = {
    "green": ("Green", "ok", "circle-check"),
    "red": ("Red", "bad", "alert-triangle"),
    "running": ("Running", "run", "loader-2"),
    "old": ("Of an older draft", "need", "clock"),
    "new": ("Never run", "idle", "circle-minus"),
}
RECENT = 10


@require_http_methods(["GET", "HEAD", "POST"])
def workflow_tests(request: PageRequest, workspace: str, slug: str) -> HttpResponse:
    """The tests and how they stand; POST replaces them by the document that was sent."""
    found = get_workflow(request.actor, slug)
    problem, text = "", ""
    if request.method == "POST":
        text = request.POST.get("document", "")
        try:
            keeping.keep_tests(request.actor, found, clean_json(text, field="document"))
        except UserError as error:
            problem = f"{error.message} {error.hint or ''}".strip()
        else:
            say(request, "The tests are saved")
            return go(workspace, "workflow_tests", slug=slug)
    results = results_of(request.actor, found)
    document = text or json.dumps(keeping.document_of(found), ensure_ascii=False, indent=2)
    context = {
        **editor_context(request, found, tab="tests"),
        "results": [{"result": result, "sign": STATES[result.state]} for result in results],
        "document": document,
        "problem": problem,
        "words": _words(results),
        "recent": list(list_runs(request.actor, workflow=slug).exclude(trigger_kind=running.KIND)[:RECENT]),
    }
    return render(request, "workflows/tests.html", context, status=422 if problem else 200)


def _words(results: list[Result]) -> str:
    counts = {state: sum(result.state == state for result in results) for state in STATES}
    return ", ".join(f"{count} {STATES[state][0].lower()}" for state, count in counts.items() if count)


@require_POST
def workflow_tests_run(request: PageRequest, workspace: str, slug: str) -> HttpResponse:
    """Start every test, or the one that is named."""
    found = get_workflow(request.actor, slug)
    name = request.POST.get("name", "")
    return _then(request, found, lambda: running.start_tests(request.actor, found, [name] if name else []), "Running")


@require_POST
def workflow_tests_add(request: PageRequest, workspace: str, slug: str) -> HttpResponse:
    """Make a test of a run: its inputs, what its reads and models gave, and what came out."""
    found = get_workflow(request.actor, slug)

    def add() -> None:
        run = get_run(request.actor, request.POST.get("run", ""))
        keeping.add_test_of_run(request.actor, found, run, request.POST.get("name", ""))

    return _then(request, found, add, "The run is a test now")


@require_POST
def workflow_tests_block(request: PageRequest, workspace: str, slug: str) -> HttpResponse:
    """Whether red tests keep a draft from being published."""
    found = get_workflow(request.actor, slug)
    blocks = request.POST.get("blocks") == "1"
    words = "Publishing needs green tests now" if blocks else "Red tests only warn now"
    return _then(request, found, lambda: keeping.set_blocking(request.actor, found, blocks), words)


def _then(request: PageRequest, workflow: Workflow, act: Any, words: str) -> HttpResponse:
    """Do it, say so, and back to the page."""
    here = link(request.workspace, "workflow_tests", slug=workflow.slug)
    try:
        act()
    except UserError as error:
        return back_with_error(request, error, here)
    say(request, words)
    return go(request.workspace, "workflow_tests", slug=workflow.slug)
