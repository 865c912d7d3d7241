"""Forms of the admin for workflows: the rows are put together into a definition and read like any other."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.models import BaseInlineFormSet

from orchestrator_site.lib.errors import UserError
from workflows.engine.definition import to_json
from workflows.engine.findings import DefinitionProblems
from workflows.engine.lists import CASE, ON_ERROR, PLAIN, with_lists
from workflows.models import Step, Workflow
from workflows.operations.drafts import draft_definition, read_definition
from workflows.operations.rows import list_names

JSON = dict[str, Any]
EDITABLE_STEPS = 50
"""A form of more rows would pass DATA_UPLOAD_MAX_NUMBER_FIELDS; larger workflows are edited on their page."""


class WorkflowForm(forms.ModelForm):  # type: ignore[type-arg]
    """The workflow's own fields, and the tag of the draft that was shown."""

    draft_tag = forms.CharField(widget=forms.HiddenInput, required=False)

    class Meta:
        model = Workflow
        fields = ("workspace", "slug", "name", "description", "enabled", "inputs", "outputs", "settings")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["draft_tag"].initial = self.instance.draft_etag
        if "slug" in self.fields:
            self.fields["slug"].required = False
            self.fields["slug"].help_text = "Left empty, it is made from the name."

    def clean_draft_tag(self) -> str:
        """Somebody may have saved since the page was opened."""
        tag: str = self.cleaned_data["draft_tag"]
        if not self.instance._state.adding and tag != self.instance.draft_etag:
            raise ValidationError("The workflow was changed in the meantime. Open this page again.", code="E_CONFLICT")
        return tag

    def validate_unique(self) -> None:
        """The operation says which slug is taken."""

    def validate_constraints(self) -> None:
        """The operation says which slug is taken."""


class StepForm(forms.ModelForm):  # type: ignore[type-arg]
    """One step as a row."""

    class Meta:
        model = Step
        fields = (
            *("key", "name", "action", "connection", "inputs", "parent", "branch", "position", "when"),
            *("timeout", "retry", "on_error", "unknown", "cache", "disabled", "note"),
        )
        widgets = {
            name: forms.Textarea(attrs={"rows": 2, "cols": 60})
            for name in ("when", "retry", "on_error", "cache", "note")
        }

    def validate_unique(self) -> None:
        """Two equal keys are found when the definition is read."""

    def validate_constraints(self) -> None:
        """Two equal keys are found when the definition is read."""


class StepFormSet(BaseInlineFormSet):  # type: ignore[type-arg]
    """All steps of a workflow; their definition is in `definition` once the rows are clean."""

    definition: JSON | None = None
    editable = True

    def add_fields(self, form: Any, index: int | None) -> None:
        """A step's parent is a step of the same workflow."""
        super().add_fields(form, index)
        if "parent" in form.fields:
            own = Step.objects.of(self.instance.workspace_id).filter(workflow_id=self.instance.pk)
            form.fields["parent"].queryset = own
            form.fields["parent"].required = False

    def clean(self) -> None:
        """Read the whole as a definition: what is not well formed is refused with every finding."""
        super().clean()
        if any(self.errors) or not self.editable:
            return
        try:
            self.definition = to_json(read_definition(self._definition()))
        except DefinitionProblems as wrong:
            raise ValidationError([f"{found.field}: {found.message}" for found in wrong.found]) from wrong
        except UserError as wrong:
            raise ValidationError(wrong.message, code=wrong.code) from wrong

    def _definition(self) -> JSON:
        """The definition that the form describes; rows are nested by parent, branch and position."""
        rows = [form for form in self.forms if form.cleaned_data.get("key") and not form.cleaned_data.get("DELETE")]
        lists: dict[tuple[Any, str], list[Any]] = {}
        for form in sorted(rows, key=lambda form: form.cleaned_data.get("position") or 0):
            parent = form.cleaned_data.get("parent")
            place = (parent.pk if parent else None, form.cleaned_data.get("branch") or "")
            lists.setdefault(place, []).append(form)
        steps = [self._step(form, lists) for form in lists.pop((None, ""), [])]
        if lists:
            lost = ", ".join(sorted(form.cleaned_data["key"] for forms_ in lists.values() for form in forms_))
            raise ValidationError(
                f"These steps have no place: {lost}. Name a parent and its list "
                f"({', '.join(PLAIN)}, case:0, branch:key or on_error)."
            )
        return {**top_fields(self.instance), "steps": steps}

    def _step(self, form: Any, lists: dict[tuple[Any, str], list[Any]]) -> JSON:
        said = form.cleaned_data
        fields = ("key", "name", "action", "connection", "when", "retry", "on_error", "unknown", "cache", "note")
        step: JSON = {name: said[name] for name in fields if said.get(name) not in ("", None, {})}
        step |= {"with": said.get("inputs") or {}, "disabled": bool(said.get("disabled"))}
        if said.get("timeout") is not None:
            step["timeout"] = said["timeout"]
        cases = list((form.instance.extra or {}).get("cases", []))
        names = list_names(form.instance, {name for parent, name in lists if parent == form.instance.pk})
        inner = {}
        for name in names:
            if _has_place(name, said.get("on_error"), len(cases)):
                inner[name] = [self._step(child, lists) for child in lists.pop((form.instance.pk, name), [])]
        return with_lists(step, inner, cases)


def _has_place(name: str, on_error: Any, cases: int) -> bool:
    """Whether a row with this error policy and so many cases can hold a list of that name."""
    if name == ON_ERROR:
        return isinstance(on_error, dict) and on_error.get("do") == "branch"
    return not name.startswith(CASE) or int(name.removeprefix(CASE)) < cases


def top_fields(workflow: Workflow) -> JSON:
    """The workflow's own fields as they stand in a definition."""
    return {
        "name": workflow.name,
        "description": workflow.description,
        "settings": workflow.settings or {},
        "inputs": workflow.inputs or [],
        "outputs": workflow.outputs or {},
    }


def merged(workflow: Workflow, values: JSON) -> JSON:
    """The stored draft with other own fields, for workflows too large for the form."""
    return {**draft_definition(workflow), **values}
