"""What runs ask of people: the page of one approval, and events that are delivered by hand."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.json import clean_json
from orchestrator_site.lib.templating.values import as_text
from prompts.diff import compare, fold
from workflows.engine.definition import InputSpec
from workflows.engine.drafts import specs_of
from workflows.models import Run, Wait
from workflows.operations import runs as operations
from workflows.operations.waits import decisions_of, why_not
from workflows.views.pages import PageRequest, back_with_error, go, link, say
from workflows.views.run_form import field_for

PREFIX = "value_"
SAID = {"approve": "Approved", "reject": "Rejected"}


class DraftForm(forms.Form):
    """The draft, to be edited, and a comment."""

    comment = forms.CharField(
        label="Comment", required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Kept with the run.",
    )  # fmt: skip

    def __init__(self, fields: list[dict[str, Any]], data: Any = None, *, rejecting: bool = False) -> None:
        super().__init__(data)
        self.specs = specs_of(fields)
        for spec in self.specs:
            made = self.fields[PREFIX + spec.name] = _field(spec)
            if rejecting:
                made.required = False
        self.order_fields([*(PREFIX + spec.name for spec in self.specs), "comment"])

    def values(self) -> dict[str, Any]:
        """What stands in the fields now, in the types of the fields; an emptied one is null."""
        return {spec.name: _value(spec, self.cleaned_data.get(PREFIX + spec.name)) for spec in self.specs}


def _field(spec: InputSpec) -> forms.Field:
    if spec.type in ("date", "datetime"):  # as they are written: a person may have to mend what a model wrote
        return forms.CharField(label=spec.title, help_text=spec.help, required=spec.required, initial=spec.default)
    made = field_for(spec)
    made.required = spec.required and spec.type != "boolean"
    if isinstance(made.widget, forms.Textarea):
        lines = str(spec.default or "").count("\n") + len(str(spec.default or "")) // 90
        made.widget.attrs["rows"] = max(4, min(24, lines + 2))
    return made


def _value(spec: InputSpec, value: Any) -> Any:
    """What was typed; a browser writes lines its own way, which is no edit, and an emptied field is null."""
    if not isinstance(value, str):
        return value
    typed, draft = _plain_lines(value), spec.default
    if isinstance(draft, str) and typed == _plain_lines(draft):
        return draft
    emptied = typed == "" and (draft is None or spec.type not in ("text", "long_text"))
    return None if emptied else typed


def _plain_lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


@require_http_methods(["GET", "HEAD", "POST"])
def wait(request: PageRequest, workspace: str, pk: UUID) -> HttpResponse:
    """One approval: what is asked, the draft to edit, approve or reject. Other waits are answered on the run's page."""
    found = operations.get_wait(request.actor, pk)
    if found.kind != "approval":
        return redirect(_on_run_page(request, found))
    decision = request.POST.get("decision", "")[:48]
    form = DraftForm(found.fields, request.POST or None, rejecting=decision == "reject")
    if request.method == "POST" and form.is_valid():
        try:
            operations.decide(request.actor, found, decision, form.values(), form.cleaned_data["comment"])
        except UserError as error:
            if error.status == 409:
                return back_with_error(request, error, link(workspace, "wait", pk=pk))
            _put_errors(form, error)
        else:
            say(request, SAID.get(decision, f"Decided: {decision}"))
            return go(workspace, "run", run=found.run_id)
    status = 422 if request.method == "POST" else 200
    return render(request, "workflows/wait.html", _context(request, found, form), status=status)


def _put_errors(form: DraftForm, error: UserError) -> None:
    """An operation's errors at the fields they are about."""
    for item in error.extra.get("errors", [error.as_dict()]):
        name = PREFIX + str(item.get("field") or "").removeprefix("values.")
        text = " ".join(str(part) for part in (item.get("message"), item.get("hint")) if part)
        form.add_error(name if name in form.fields else None, text)


def _on_run_page(request: PageRequest, found: Wait) -> str:
    address = link(request.workspace, "run", run=found.run_id)
    return f"{address}#effect-{found.effect_id}" if found.effect_id else address


def _context(request: PageRequest, found: Wait, form: DraftForm) -> dict[str, Any]:
    refused = why_not(request.actor, found)
    ways = decisions_of(found)[:-1]
    return {
        "wait": found,
        "run": found.run,
        "form": form,
        "open": found.decided_at is None and not found.run.is_terminal,
        "refused": refused,
        "ways": [{"value": way, "label": "Approve" if way == "approve" else way} for way in ways],
        "approvers": ", ".join(found.rules.get("approvers") or ()),
        "changes": changes_of(found),
        "said": {"approve": "approved", "reject": "rejected"}.get(found.decision, f"decided: {found.decision}"),
        "shown_title": "What was approved" if found.values and found.decision != "reject" else "The draft",
        "shown": _values_of(found),
        "on_timeout": _on_timeout(found),
        "crumbs": [("Inbox", link(request.workspace, "inbox")), (found.run.workflow.name, "")],
        "back": {"label": "Inbox", "url": link(request.workspace, "inbox")},
    }


def changes_of(found: Wait) -> list[tuple[str, Any]]:
    """What was changed in the draft before it was approved: the fields, each with its lines."""
    if not isinstance(found.values, dict):
        return []
    changed = []
    for one in found.fields:
        before, after = _shown(one.get("value")), _shown(found.values.get(one["name"]))
        if before != after:
            changed.append((one.get("label") or one["name"], list(fold(compare(before, after)))))
    return changed


def _values_of(found: Wait) -> list[tuple[str, str]]:
    """The values as they were decided, or else as they were drafted, as text."""
    final = found.values if isinstance(found.values, dict) else {}
    return [(one.get("label") or one["name"], _shown(final.get(one["name"], one.get("value")))) for one in found.fields]


def _shown(value: Any) -> str:
    return as_text(value)


def _on_timeout(found: Wait) -> str:
    given = found.step_run.input if isinstance(found.step_run.input, dict) else {}
    words = {"approve": "it counts as approved", "reject": "it counts as rejected", "fail": "the step fails"}
    return words.get(str(given.get("on_timeout")), "")


@require_POST
def run_event(request: PageRequest, workspace: str, run: UUID) -> HttpResponse:
    """Deliver an event to a run by hand."""
    found: Run = operations.get_run(request.actor, run)
    text = request.POST.get("data", "").strip()
    try:
        data = clean_json(text, field="data") if text[:1] in '{["' else (text or None)
        operations.deliver_event(request.actor, found, request.POST.get("name", "")[:100], data)
    except UserError as error:
        return back_with_error(request, error, link(workspace, "run", run=run))
    say(request, "Delivered")
    return go(workspace, "run", run=run)


@require_POST
def run_pause(request: PageRequest, workspace: str, run: UUID) -> HttpResponse:
    """Pause a run."""
    return _steered(request, workspace, run, operations.pause_run, "Pausing: nothing new starts")


@require_POST
def run_resume(request: PageRequest, workspace: str, run: UUID) -> HttpResponse:
    """Let a paused run go on."""
    return _steered(request, workspace, run, operations.resume_run, "The run goes on")


def _steered(request: PageRequest, workspace: str, run: UUID, change: Any, said: str) -> HttpResponse:
    found = operations.get_run(request.actor, run)
    try:
        change(request.actor, found)
    except UserError as error:
        return back_with_error(request, error, link(workspace, "run", run=run))
    say(request, said)
    return go(workspace, "run", run=run)
