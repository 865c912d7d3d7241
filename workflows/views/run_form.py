"""The run form, made from a workflow's inputs; its fields look like handmade ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django import forms

from orchestrator_site.lib.errors import Problems, UserError
from orchestrator_site.lib.fields import CleanJSONField
from workflows.engine.definition import InputSpec, parse
from workflows.models import Workflow
from workflows.operations.drafts import draft_definition
from workflows.operations.versions import get_version

PREFIX = "input_"
Keep = Callable[[Any], Any]
"""Puts an uploaded file into the workspace and gives its value."""


def run_inputs(workflow: Workflow, version: int | str | None) -> tuple[InputSpec, ...]:
    """The inputs of what would run: the draft, a version, or (None) the published one."""
    if isinstance(version, int):
        return parse(get_version(workflow, version).definition, trusted=True).inputs
    if version == "draft" or workflow.published is None:
        return parse(draft_definition(workflow), trusted=True).inputs
    return parse(workflow.published.definition, trusted=True).inputs


class RunForm(forms.Form):
    """One field per input. `direct` fills absent fields with the defaults (the cards of the home page post nothing)."""

    def __init__(
        self, specs: Iterable[InputSpec], data: Any = None, files: Any = None, *, direct: bool = False
    ) -> None:
        self.specs = tuple(specs)
        super().__init__({} if direct else data, files)
        self.direct = direct
        for spec in self.specs:
            self.fields[PREFIX + spec.name] = field_for(spec)

    def values(self, keep: Keep) -> dict[str, Any]:
        """The inputs for `start_run`: only what was filled in, so that defaults stay the workflow's own.

        `keep` puts an uploaded file into the workspace and gives its value.
        """
        if self.direct:
            return {}
        found: dict[str, Any] = {}
        for spec in self.specs:
            value = self.cleaned_data.get(PREFIX + spec.name)
            if value is None or (value == "" and not (spec.has_default and spec.default != "")):
                continue
            if spec.type == "file":
                value = keep(value)
            found[spec.name] = value.isoformat() if hasattr(value, "isoformat") else value
        return found

    def full_clean(self) -> None:
        """With `direct` there is nothing to check here: `start_run` checks the defaults."""
        super().full_clean()
        if self.direct:
            self._errors = forms.utils.ErrorDict()


def field_for(spec: InputSpec) -> forms.Field:
    """The form field of one input."""
    common: dict[str, Any] = {
        "label": spec.title,
        "help_text": spec.help,
        "required": spec.required and not spec.has_default,
        "initial": spec.default if spec.has_default else None,
    }
    if spec.type == "long_text":
        return forms.CharField(widget=forms.Textarea(attrs={"rows": 5}), strip=False, **common)
    if spec.type == "integer":
        return forms.IntegerField(**common)
    if spec.type == "number":
        return forms.FloatField(**common)
    if spec.type == "boolean":
        return forms.BooleanField(**{**common, "required": False})
    if spec.type == "choice":
        blank = [] if spec.required else [("", "–")]
        return forms.ChoiceField(choices=[*blank, *((option, option) for option in spec.options)], **common)
    if spec.type == "date":
        return forms.DateField(widget=forms.DateInput(attrs={"type": "date"}), **common)
    if spec.type == "datetime":
        return forms.DateTimeField(widget=forms.DateTimeInput(attrs={"type": "datetime-local"}), **common)
    if spec.type == "file":
        return forms.FileField(allow_empty_file=False, **{**common, "initial": None})
    if spec.type in ("json", "list"):
        return CleanJSONField(widget=forms.Textarea(attrs={"rows": 5, "class": "mono"}), **common)
    return forms.CharField(strip=False, **common)


def add_errors(form: forms.Form, error: UserError) -> None:
    """Put an operation's errors where their fields are, and the rest on top of the form."""
    found = error.extra.get("errors", []) if isinstance(error, Problems) else [error.as_dict()]
    for item in found:
        name = PREFIX + str(item.get("field") or "").removeprefix("inputs.")
        text = " ".join(part for part in (item.get("message"), item.get("hint")) if part)
        form.add_error(name if name in form.fields else None, text)
