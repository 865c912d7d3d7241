"""Forms of a workflow itself: a new one, a file to import, inputs and settings."""

from __future__ import annotations

import json
from typing import Any

from django import forms

from orchestrator_site.lib.errors import Problems, TooLarge, UserError
from orchestrator_site.lib.fields import CleanJSONField
from orchestrator_site.lib.json import clean_json
from workflows.engine.definition import INPUT_TYPES
from workflows.engine.holding import MOST_PATIENCE
from workflows.models import Workflow


class NewWorkflowForm(forms.Form):
    """A name is enough to begin."""

    name = forms.CharField(max_length=120, label="Name", help_text="What it does, in a few words.")
    description = forms.CharField(
        max_length=2000, required=False, label="Description", widget=forms.Textarea(attrs={"rows": 3})
    )


class ImportForm(forms.Form):
    """A file, or its text."""

    file = forms.FileField(
        required=False,
        label="File",
        help_text="JSON or YAML: ours, the original product’s, an export of n8n; or a folder as zip.",
    )
    pasted = forms.CharField(
        required=False,
        label="Or its text",
        strip=False,
        widget=forms.Textarea(attrs={"rows": 10, "class": "form-code"}),
    )

    def clean(self) -> dict[str, Any]:
        """One of the two."""
        found: dict[str, Any] = super().clean() or {}
        if not found.get("file") and not (found.get("pasted") or "").strip():
            raise forms.ValidationError("Choose a file or paste its text.")
        return found

    def text(self, limit: int) -> bytes:
        """The file's bytes. Raises TooLarge above `limit`."""
        upload = self.cleaned_data.get("file")
        if upload is None:
            return str(self.cleaned_data["pasted"]).encode()
        if upload.size > limit:
            raise TooLarge(f"This file has {upload.size:,} bytes; at most {limit:,} are read.", limit=limit)
        return bytes(upload.read())


TOGETHER = {
    "queue": "A new run waits for its turn",
    "drop": "A new run is not started",
    "replace": "The new run takes the place of the oldest",
}


class SettingsForm(forms.Form):
    """Everything of a draft that is not a step."""

    etag = forms.CharField(widget=forms.HiddenInput, max_length=40)
    name = forms.CharField(max_length=120, label="Name")
    description = forms.CharField(
        max_length=10_000, required=False, label="Description", widget=forms.Textarea(attrs={"rows": 3})
    )
    timeout = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=30 * 24 * 3600,
        label="Deadline in seconds",
        help_text="How long a run may take in all; left empty, as long as it needs.",
    )
    wait_for_connection = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=MOST_PATIENCE,
        label="Seconds to wait for a connection",
        help_text="How long a run waits when a service refuses the key, until somebody repairs the connection. Left "
        "empty, 7 days; 0: the step fails at once.",
    )
    together = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=1000,
        label="Runs at the same time",
        help_text="Left empty, as many as there are.",
    )
    together_key = forms.CharField(
        required=False,
        max_length=1000,
        label="Counted for each",
        widget=forms.TextInput(attrs={"spellcheck": "false", "class": "mono"}),
        help_text="Like {{ inputs.repository }}: runs with different values do not wait for each other. "
        "Left empty, all runs count together.",
    )
    together_policy = forms.ChoiceField(
        required=False, label="When there are that many", choices=[(name, text) for name, text in TOGETHER.items()]
    )
    outputs = CleanJSONField(
        required=False,
        label="Outputs",
        widget=forms.Textarea(attrs={"rows": 4, "class": "form-code", "spellcheck": "false"}),
        help_text='What a run gives, by name, like {"report": "{{ steps.report.text }}"}.',
    )

    def __init__(self, workflow: Workflow, data: Any = None) -> None:
        self.workflow = workflow
        initial = {
            "etag": workflow.draft_etag,
            "name": workflow.name,
            "description": workflow.description,
            "timeout": workflow.settings.get("timeout"),
            "wait_for_connection": workflow.settings.get("wait_for_connection"),
            "outputs": workflow.outputs or None,
            **_together(workflow),
        }
        super().__init__(data, initial=initial)
        self.fields["outputs"].widget.attrs.setdefault("placeholder", "{}")
        rows = None if data else [_input_row(spec) for spec in workflow.inputs]
        self.inputs = InputFormSet(data, initial=rows, prefix="inputs")

    def is_complete(self) -> bool:
        """Whether the form and all its inputs can be saved."""
        return all([self.is_valid(), self.inputs.is_valid()])

    def changes(self) -> dict[str, Any]:
        """What `drafts.change_definition` takes."""
        ours = ("timeout", "concurrency", "wait_for_connection")
        settings = {name: value for name, value in self.workflow.settings.items() if name not in ours}
        if self.cleaned_data.get("timeout"):
            settings["timeout"] = self.cleaned_data["timeout"]
        if self.cleaned_data.get("wait_for_connection") is not None:
            settings["wait_for_connection"] = self.cleaned_data["wait_for_connection"]
        if self.cleaned_data.get("together"):
            settings["concurrency"] = self._concurrency()
        return {
            "name": self.cleaned_data["name"],
            "description": self.cleaned_data["description"],
            "inputs": [row.spec() for row in self.inputs if row.is_kept],
            "outputs": self.cleaned_data["outputs"] or {},
            "settings": settings,
        }

    def _concurrency(self) -> dict[str, Any]:
        key, policy = self.cleaned_data["together_key"].strip(), self.cleaned_data["together_policy"] or "queue"
        return {**({"key": key} if key else {}), "limit": self.cleaned_data["together"], "policy": policy}

    def put_errors(self, error: UserError) -> None:
        """Put an operation's errors at their fields."""
        found = error.extra.get("errors", []) if isinstance(error, Problems) else [error.as_dict()]
        for item in found:
            name = str(item.get("field") or "").partition(".")[0].partition("[")[0]
            text = " ".join(str(part) for part in (item.get("message"), item.get("hint")) if part)
            self.add_error(name if name in self.fields else None, text)


def _together(workflow: Workflow) -> dict[str, Any]:
    """The form's values of `settings.concurrency`."""
    rule = workflow.settings.get("concurrency") or {}
    limit = rule.get("limit", 1) if rule else None
    return {"together": limit, "together_key": rule.get("key", ""), "together_policy": rule.get("policy") or "queue"}


class InputForm(forms.Form):
    """One input of the workflow, as the run form will ask for it."""

    name = forms.CharField(
        label="Key", max_length=48, widget=forms.TextInput(attrs={"spellcheck": "false", "class": "mono"})
    )
    type = forms.ChoiceField(
        label="Kind", initial="text", choices=[(kind, kind.replace("_", " ").capitalize()) for kind in INPUT_TYPES]
    )
    label = forms.CharField(label="Label", required=False, max_length=120)
    help = forms.CharField(label="Help", required=False, max_length=500)
    options = forms.CharField(
        label="Options, one a line",
        required=False,
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Only for Choice.",
    )
    default = forms.CharField(
        label="Default", required=False, max_length=65_536, widget=forms.Textarea(attrs={"rows": 1})
    )
    required = forms.BooleanField(label="Must be filled in", required=False)

    @property
    def is_kept(self) -> bool:
        """Not empty and not taken away."""
        return bool(self.cleaned_data.get("name")) and not self.cleaned_data.get("DELETE")

    def clean(self) -> dict[str, Any]:
        """The default in the type of the input."""
        found: dict[str, Any] = super().clean() or {}
        text = found.get("default") or ""
        try:
            found["value"] = _typed_default(found.get("type", "text"), text) if text.strip() else None
        except UserError as problem:
            self.add_error("default", f"{problem.message} {problem.hint or ''}".strip())
        return found

    def spec(self) -> dict[str, Any]:
        """The input as the definition writes it."""
        said = self.cleaned_data
        options = [line.strip() for line in said["options"].splitlines() if line.strip()]
        optional = {"label": said["label"], "help": said["help"], "options": options, "default": said.get("value")}
        kept = {name: value for name, value in optional.items() if value not in ("", [], None)}
        return {"name": said["name"].strip(), "type": said["type"], "required": said["required"], **kept}


InputFormSet = forms.formset_factory(InputForm, extra=1, can_delete=True, max_num=100, absolute_max=200)


def _input_row(spec: dict[str, Any]) -> dict[str, Any]:
    default = spec.get("default")
    shown = default if isinstance(default, str) else json.dumps(default, ensure_ascii=False)
    return {**spec, "options": "\n".join(spec.get("options", [])), "default": "" if default is None else shown}


def _typed_default(kind: str, text: str) -> Any:
    """A default from what was typed. Raises UserError."""
    if kind in ("json", "list", "number", "integer", "boolean"):
        return clean_json(text)
    return text
