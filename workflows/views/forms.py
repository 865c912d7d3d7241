"""Forms of a workflow itself: a new one, a file to import, inputs and settings."""

from __future__ import annotations

from typing import Any, Self

from django import forms

from orchestrator_site.lib.errors import Problems, TooLarge, UserError
from orchestrator_site.lib.fields import CleanJSONField
from workflows.models import Workflow


class NewWorkflowForm(forms.Form):
    """A name is enough to begin."""

    name = forms.CharField(max_length=120, label="Name", help_text="What it does, in a few words.")
    description = forms.CharField(
        max_length=2000, required=False, label="Description", widget=forms.Textarea(attrs={"rows": 3})
    )


class ImportForm(forms.Form):
    """A file, or its text."""

    file = forms.FileField(required=False, label="File", help_text="JSON or YAML: ours, or the original product’s.")
    pasted = forms.CharField(
        required=False, label="Or its text", strip=False, widget=forms.Textarea(attrs={"rows": 10, "class": "form-code"})
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


class SettingsForm(forms.Form):
    """Everything of a draft that is not a step."""

    etag = forms.CharField(widget=forms.HiddenInput)
    name = forms.CharField(max_length=120, label="Name")
    description = forms.CharField(
        max_length=10_000, required=False, label="Description", widget=forms.Textarea(attrs={"rows": 3})
    )
    inputs = CleanJSONField(
        required=False,
        label="Inputs",
        widget=forms.Textarea(attrs={"rows": 12, "class": "form-code"}),
        help_text="A list of {name, type, required, default, label, help}; the run form is made from it. Types: text, "
        "long_text, number, integer, boolean, choice (with options), date, datetime, json, list.",
    )
    outputs = CleanJSONField(
        required=False,
        label="Outputs",
        widget=forms.Textarea(attrs={"rows": 4, "class": "form-code"}),
        help_text="What a run gives, by name: {“report”: “{{ steps.report.text }}”}.",
    )
    timeout = forms.IntegerField(
        required=False, min_value=1, max_value=3_153_600, label="Deadline", help_text="Seconds a run may take in all."
    )

    @classmethod
    def of(cls, workflow: Workflow, data: Any = None) -> Self:
        """The form filled with the draft."""
        import json

        initial = {
            "etag": workflow.draft_etag,
            "name": workflow.name,
            "description": workflow.description,
            "inputs": json.dumps(workflow.inputs, indent=2, ensure_ascii=False),
            "outputs": json.dumps(workflow.outputs, indent=2, ensure_ascii=False),
            "timeout": workflow.settings.get("timeout"),
        }
        form = cls(data, initial=initial)
        form.workflow = workflow
        for name in ("inputs", "outputs"):
            form.fields[name].prepare_value = _as_typed  # type: ignore[attr-defined]
        return form

    workflow: Workflow

    def frame(self) -> dict[str, Any]:
        """The arguments of `drafts.edit_frame`."""
        settings = {name: value for name, value in self.workflow.settings.items() if name != "timeout"}
        if self.cleaned_data.get("timeout"):
            settings["timeout"] = self.cleaned_data["timeout"]
        return {
            "name": self.cleaned_data["name"],
            "description": self.cleaned_data["description"],
            "inputs": self.cleaned_data["inputs"] or [],
            "outputs": self.cleaned_data["outputs"] or {},
            "settings": settings,
        }

    def put_errors(self, error: UserError) -> None:
        """Put an operation's errors at their fields."""
        found = error.extra.get("errors", []) if isinstance(error, Problems) else [error.as_dict()]
        for item in found:
            name = str(item.get("field") or "").partition(".")[0].partition("[")[0]
            text = " ".join(part for part in (item.get("message"), item.get("hint")) if part)
            self.add_error(name if name in self.fields else None, text)


def _as_typed(value: Any) -> Any:
    import json

    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
