"""Pages of versions: publish with what changes, the list, one version, and bringing one back into the draft."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import AuditEntry
from orchestrator_site.lib.errors import Conflict, NotFound, UserError
from workflows.engine.definition import parse
from workflows.models import Workflow
from workflows.operations import versions as operations
from workflows.operations.outline import outline_of
from workflows.operations.permits import permits_of_draft
from workflows.operations.publish import publish_workflow
from workflows.operations.testing.results import results_of
from workflows.operations.workflows import get_workflow
from workflows.views.diff import change_list, prompt_list
from workflows.views.editor import Addresses, editor_context, shown
from workflows.views.pages import PageRequest, back_with_error, go, link, say

SAVES = 20


class PublishForm(forms.Form):
    """A note for the list of versions; the tag says which draft was seen."""

    etag = forms.CharField(widget=forms.HiddenInput, max_length=40)
    note = forms.CharField(
        label="What has changed, in a line", required=False, max_length=200, help_text="Shown in the list of versions."
    )


@require_http_methods(["GET", "HEAD", "POST"])
def workflow_publish(request: PageRequest, workspace: str, slug: str) -> HttpResponse:
    """What publishing changes; POST makes the draft the version that runs."""
    workflow = get_workflow(request.actor, slug)
    form = PublishForm(request.POST or None, initial={"etag": workflow.draft_etag})
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid() and (version := _publish(request, workflow, form)):
            say(request, f"Version {version} is live")
            return go(workspace, "workflow", slug=slug)
    context = editor_context(request, workflow, tab="publish")
    before = workflow.published.number if workflow.published else None
    found = operations.compare_versions(workflow, before if before is not None else "", "draft")
    red = [one for one in results_of(request.actor, workflow) if one.state != "green"]
    context |= {"permits": permits_of_draft(request.actor, workflow), "not_green": red}
    context |= {"form": form, "before": before, "first_time": before is None}
    context |= {"changes": change_list(replace(found, prompts=())), "prompt_changes": prompt_list(found)}
    return render(request, "workflows/publish.html", context, status=status)


def _publish(request: PageRequest, workflow: Workflow, form: PublishForm) -> int | None:
    """The number of the version, or None with the reason in the form."""
    said = form.cleaned_data
    try:
        return publish_workflow(request.actor, workflow, said["note"], if_match=said["etag"]).number
    except Conflict:
        form.add_error(None, "The draft was changed while you read this. Look at the changes again, then publish.")
        form.data = {**form.data.dict(), "etag": get_workflow(request.actor, workflow.slug).draft_etag}  # type: ignore[attr-defined]
    except UserError as error:
        form.add_error("note" if error.field == "note" else None, error.message)
    return None


@require_safe
def workflow_versions(request: PageRequest, workspace: str, slug: str) -> HttpResponse:
    """The published versions, newest first, and the last saves of the draft."""
    workflow = get_workflow(request.actor, slug)
    context = editor_context(request, workflow, tab="versions")
    context |= {
        "versions": operations.list_versions(workflow).defer("definition")[:200],
        "deeds": [_deed(entry) for entry in operations.history_of(request.actor, workflow)[:SAVES]],
        "saves": operations.list_revisions(workflow).defer("definition")[:SAVES],
    }
    return render(request, "workflows/version_list.html", context)


def _deed(entry: AuditEntry) -> dict[str, Any]:
    """An entry of the trail in words."""
    said = entry.details
    restored = f"Brought back version {said['version']}" if "version" in said else "Brought back an earlier save"
    words = {
        "workflow.create": "Made the workflow",
        "workflow.import": "Imported it from a file",
        "workflow.publish": f"Published version {said.get('version')}",
        "workflow.restore": restored,
        "workflow.enable": "Switched it on",
        "workflow.disable": "Switched it off",
        "workflow.tag": "Tags: " + (", ".join(said.get("after", [])) or "none"),
    }
    return {"at": entry.at, "who": entry.actor, "what": words[entry.action], "note": said.get("note", "")}


@require_safe
def workflow_version(request: PageRequest, workspace: str, slug: str, n: int) -> HttpResponse:
    """One version: its outline, and what it changed (or what differs since the version `?since=`)."""
    workflow = get_workflow(request.actor, slug)
    version = operations.get_version(workflow, n)
    wanted = request.GET.get("since", "")
    since = _number(wanted) if wanted else ""
    addresses = Addresses(request, workflow, steps=False)
    context: dict[str, Any] = editor_context(request, workflow, tab="versions")
    context |= {
        "version": version,
        "is_live": workflow.published_id == version.pk,
        "frozen": [shown(item, addresses) for item in outline_of(parse(version.definition, trusted=True))],
        "changes": change_list(operations.compare_versions(workflow, since, n)),
        "changes_title": f"What differs from version {since}" if since else "What it changed",
        "back": {"label": "Versions", "url": link(workspace, "workflow_versions", slug=slug)},
    }
    return render(request, "workflows/version.html", context)


@require_POST
def workflow_restore(request: PageRequest, workspace: str, slug: str) -> HttpResponse:
    """Bring a version (`version`) or a save of the draft (`revision`, perhaps with `etag`) back into the draft."""
    workflow = get_workflow(request.actor, slug)
    asked = {**request.GET.dict(), **request.POST.dict()}
    if_match = asked.get("etag") or "*"
    try:
        if asked.get("revision"):
            operations.restore_revision(request.actor, workflow, _uuid(asked["revision"]), if_match=if_match)
            words = "The draft is as it was"
        else:
            number = _number(asked.get("version", ""))
            operations.restore_version(request.actor, workflow, number, if_match=if_match)
            words = f"Version {number} is the draft now; publish it to run it"
    except UserError as error:
        return back_with_error(request, error, link(workspace, "workflow", slug=slug))
    say(request, words)
    return go(workspace, "workflow", slug=slug)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("That save is not here.") from None


def _number(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    raise NotFound("That version is not here.")
