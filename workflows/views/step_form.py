"""The forms of one step: set up (made from its action's inputs), if it fails, notes. Turns a form into changes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django import forms
from django.forms.utils import ErrorDict

from integrations.forms import cleaned_inputs, form_for
from integrations.models import Connection
from orchestrator_site.lib.errors import Problems, UserError
from orchestrator_site.lib.fields import CleanJSONField
from workflows.engine.actions import ActionInfo
from workflows.engine.findings import Problem
from workflows.engine.keeping import KINDS
from workflows.engine.reading import LONGEST_CACHE
from workflows.views.list_form import lists_form
from workflows.views.tools_form import tools_form

JSON = dict[str, Any]
BACKOFF = (("", "As usual (growing)"), ("exponential", "Growing"), ("linear", "By the same amount"), ("fixed", "Equal"))
ON_ERROR = (
    ("stop", "Stop the run"),
    ("continue", "Go on without it"),
    ("value", "Go on with a value"),
    ("branch", "Do other steps, then go on"),
)
UNKNOWN = (
    ("", "As usual: look it up, or ask"),
    ("look", "Look it up"),
    ("ask", "Ask a person"),
    ("retry", "Do it again (it may happen twice)"),
    ("fail", "Stop the run"),
)


class TabForm(forms.Form):
    """What the three forms share: the draft they were made from, and errors of the operation at their fields."""

    etag = forms.CharField(widget=forms.HiddenInput, max_length=40)

    def changes(self) -> JSON:
        """The fields of the step that this form sets; None takes one away."""
        raise NotImplementedError

    def put_errors(self, error: UserError) -> None:
        """An operation's errors at their fields, the rest on top."""
        found = error.extra.get("errors", []) if isinstance(error, Problems) else [error.as_dict()]
        for item in found:
            name = str(item.get("field") or "").rpartition(".")[2]
            text = " ".join(str(part) for part in (item.get("message"), item.get("hint")) if part)
            self.add_error(name if name in self.fields else None, text)


class SetupForm(TabForm):
    """Name, key, connection, condition; the inputs of the action are a form of their own in `inputs`."""

    name = forms.CharField(label="Name", required=False, max_length=120)
    connection = forms.ChoiceField(label="Connection", required=False)
    when = forms.CharField(
        label="Only if",
        required=False,
        max_length=4000,
        help_text="A condition without braces; left empty, the step always runs. Example: steps.fetch.count > 0",
        widget=forms.TextInput(
            attrs={"spellcheck": "false", "class": "mono", "data-expr": "condition", "data-pick": "focus"}
        ),
    )
    key = forms.CharField(
        label="Key",
        max_length=48,
        help_text="Templates name the step by it; they follow when it changes.",
        widget=forms.TextInput(attrs={"spellcheck": "false", "class": "mono"}),
    )
    disabled = forms.BooleanField(label="Switched off: runs skip it", required=False)
    seconds = forms.IntegerField(
        label="Keep the result for, in seconds",
        required=False,
        min_value=1,
        max_value=LONGEST_CACHE,
        help_text="An equal call within this time is answered from it, in any run of the workspace. Left empty: never.",
    )

    def __init__(
        self,
        step: JSON,
        info: ActionInfo | None,
        choices: Iterable[tuple[str, str]],
        etag: str,
        data: Any,
        connections: Iterable[Connection] = (),
        plain: Collection[str] = (),
    ):
        stored = {name: step.get(name) for name in ("name", "connection", "when", "key", "disabled")}
        super().__init__(data, initial={**stored, "etag": etag, "seconds": (step.get("cache") or {}).get("seconds")})
        if info is None or info.kind not in KINDS:
            del self.fields["seconds"]
        self.inputs = inputs_form(step, info, data, plain)
        self.lists = lists_form(step, info, data)
        self.tools = tools_form(step, info, connections, data)
        if self.tools is not None:
            del self.inputs.fields["tools"]
        if info is not None and info.takes_connection:
            self.fields["connection"].choices = _with_stored(choices, step.get("connection", ""))  # type: ignore[attr-defined]
        else:
            del self.fields["connection"]

    def is_complete(self) -> bool:
        """Whether all of it can be saved; an input may stay empty, the draft then has a problem."""
        rows = [rows for rows in (self.lists, self.tools) if rows is not None]
        mine = self.is_valid() and all([one.is_valid() for one in rows])
        return _valid_when_empty(self.inputs) and mine

    def changes(self) -> JSON:
        """Name, connection, condition, key, on or off, the inputs, cases or branches."""
        said = self.cleaned_data
        found: JSON = {
            "name": said["name"].strip() or None,
            "when": said["when"].strip() or None,
            "disabled": said["disabled"] or None,
            "with": self.inputs.cleaned_data["raw"] if "raw" in self.inputs.fields else cleaned_inputs(self.inputs),
            "key": said["key"].strip(),
        }
        if "seconds" in self.fields:
            found["cache"] = {"seconds": said["seconds"]} if said["seconds"] else None
        if "connection" in self.fields:
            found["connection"] = said["connection"] or None
        if self.tools is not None:
            found["with"] = {**found["with"], "tools": self.tools.changes()}
        return found if self.lists is None else {**found, **self.lists.changes()}

    def show_problems(self, problems: Iterable[Problem]) -> list[Problem]:
        """Put errors at the fields they are about; returns those that have none here."""
        rest, mine, inner = [], ErrorDict(), ErrorDict()
        for problem in problems:
            target, name = (inner, problem.input) if problem.input else (mine, problem.field or "")
            form = self.inputs if problem.input else self
            if problem.is_error and name in form.fields:
                text = " ".join(part for part in (problem.message, problem.hint) if part)
                target.setdefault(str(name), form.error_class(error_class="")).append(text)
            else:
                rest.append(problem)
        self._errors, self.inputs._errors = mine, inner  # type: ignore[attr-defined]
        return rest


def inputs_form(step: JSON, info: ActionInfo | None, data: Any, plain: Collection[str] = ()) -> forms.Form:
    """The form of the step's action, of the inputs in `plain` as text; of an unknown action, its inputs as JSON."""
    stored = step.get("with", {})
    if info is None:
        return RawInputs(data, initial={"raw": stored}, prefix="with")
    form = form_for(info.input, initial=stored, data=data, plain=plain)
    for name, field in form.fields.items():
        mark_expression(field, condition=name in info.conditions)
        if field.widget.attrs.get("data-widget") == "prompt":
            field.widget.attrs |= {"list": "prompt-list", "data-options": "#prompt-list"}
    return form


def mark_expression(field: forms.Field, *, condition: bool = False) -> None:
    """Say in the page what a field takes: references are offered in it, and drawn as chips (`fields.js`)."""
    if isinstance(field.widget, (forms.TextInput, forms.Textarea)):
        asked = str(field.widget.attrs.get("data-widget", ""))
        kind = "json" if isinstance(field, CleanJSONField) else asked if asked in ("markdown", "code") else "text"
        field.widget.attrs["data-expr"] = "condition" if condition else kind
        if condition or field.widget.attrs.get("data-role") in ("content", "target"):
            field.widget.attrs["data-pick"] = "focus"


class RawInputs(forms.Form):
    """The inputs of an action nobody knows."""

    raw = CleanJSONField(
        label="Inputs",
        required=False,
        widget=forms.Textarea(attrs={"rows": 8, "class": "form-code"}),
        help_text="As JSON, because the action is not known here.",
    )

    def clean_raw(self) -> JSON:
        """An object."""
        value = self.cleaned_data["raw"] or {}
        if not isinstance(value, dict):
            raise forms.ValidationError('This must be an object, like {"name": "value"}.')
        return value


class FailsForm(TabForm):
    """What happens when the step does not work."""

    do = forms.ChoiceField(label="When it has failed for good", choices=ON_ERROR)
    value = CleanJSONField(
        label="The value it then gives",
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "class": "form-code"}),
        help_text='JSON in place of the output, like {"text": ""}. Only for “Go on with a value”.',
    )
    timeout = forms.IntegerField(label="Seconds one call may take", required=False, min_value=1, max_value=3600)
    max = forms.IntegerField(label="Try again, at most", required=False, min_value=0, max_value=10)
    backoff = forms.ChoiceField(label="Pauses between tries", choices=BACKOFF, required=False)
    delay = forms.FloatField(label="First pause in seconds", required=False, min_value=0, max_value=3600)
    max_delay = forms.FloatField(label="Longest pause in seconds", required=False, min_value=0, max_value=86_400)
    unknown = forms.ChoiceField(label="When an answer is lost", choices=UNKNOWN, required=False)

    def __init__(self, step: JSON, info: ActionInfo | None, etag: str, data: Any):
        self.step, self.info = step, info
        error, retry = step.get("on_error") or {}, step.get("retry") or {}
        stored = {
            **{"etag": etag, "do": error.get("do", "stop"), "value": error.get("value")},
            **{"timeout": step.get("timeout"), "unknown": step.get("unknown", "")},
            **{name: retry.get(name) for name in ("max", "backoff", "delay", "max_delay")},
        }
        super().__init__(data, initial=stored)
        if info is not None and info.is_control:
            self._only_what_it_takes(info)
        elif info is not None:
            self.fields["timeout"].help_text = f"Left empty: {info.timeout}."
            self.fields["max"].help_text = f"Left empty: {info.default_retries} times, as the service asks."
            if not info.is_effect:
                del self.fields["unknown"]

    def _only_what_it_takes(self, info: ActionInfo) -> None:
        """A block calls nothing: it is not tried again, and its time is that of all its steps."""
        for name in ("max", "backoff", "delay", "max_delay", "unknown"):
            del self.fields[name]
        if "timeout" in info.takes:
            self.fields["timeout"].label = "Seconds all of it may take"
            self.fields["timeout"].help_text = "Then nothing new starts in it, and it fails. Left empty: no limit."
        else:
            del self.fields["timeout"]

    def clean(self) -> JSON:
        """A value belongs to one of the choices only."""
        found: JSON = super().clean() or {}
        if found.get("do") == "value" and found.get("value") is None and "value" not in self.errors:
            self.add_error("value", "Say which value the step then gives.")
        return found

    def changes(self) -> JSON:
        """Timeout, retry, on_error and unknown."""
        said = self.cleaned_data
        found: JSON = {"on_error": self._on_error()}
        if "max" in self.fields:
            retry = {name: said.get(name) for name in ("max", "backoff", "delay", "max_delay")}
            found["retry"] = {name: value for name, value in retry.items() if value not in (None, "")} or None
        for name in ("timeout", "unknown"):
            if name in self.fields:
                found[name] = said[name] or None
        return found

    def _on_error(self) -> JSON | None:
        """With steps for the error, those that are there stay; with anything else they go."""
        do = self.cleaned_data["do"]
        if do == "value":
            return {"do": "value", "value": self.cleaned_data["value"]}
        if do == "branch":
            return {"do": "branch", "steps": (self.step.get("on_error") or {}).get("steps", [])}
        return None if do == "stop" else {"do": do}


class NotesForm(TabForm):
    """Words for the people who look after the workflow."""

    note = forms.CharField(
        label="Note",
        required=False,
        max_length=4000,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 10}),
        help_text="Why the step is there, what to mind. It is exported with the workflow.",
    )

    def __init__(self, step: JSON, etag: str, data: Any):
        super().__init__(data, initial={"etag": etag, "note": step.get("note", "")})

    def changes(self) -> JSON:
        """The note."""
        return {"note": self.cleaned_data["note"].strip() or None}


def connection_choices(
    info: ActionInfo, connections: Iterable[Connection], usual: Connection | None
) -> list[tuple[str, str]]:
    """The connections that fit an action, after what is used when none is named."""
    fitting = [one for one in connections if one.service in info.services]
    without = "None: no key is sent" if info.keyless else "The default (there is none yet)"
    first = ("", f"The default ({usual.name})" if usual else without)
    return [first, *((one.name, f"{one.name}{' · sandbox' if one.sandbox else ''}") for one in fitting)]


def _with_stored(choices: Iterable[tuple[str, str]], stored: str) -> list[tuple[str, str]]:
    found = list(choices)
    return found if stored in dict(found) else [*found, (stored, f"{stored} (not here)")]


def _valid_when_empty(form: forms.Form) -> bool:
    """Validate a form as if nothing were required, and leave its marks as they were."""
    required = {name: field.required for name, field in form.fields.items()}
    for field in form.fields.values():
        field.required = False
    valid = form.is_valid()
    for name, was in required.items():
        form.fields[name].required = was
    return valid


def typed(data: Mapping[str, Any]) -> JSON:
    """What somebody typed into a form, for showing it when it has nowhere to go any more."""
    hidden = ("csrfmiddlewaretoken", "etag")
    return {name.removeprefix("with-"): value for name, value in data.items() if name not in hidden and value}
