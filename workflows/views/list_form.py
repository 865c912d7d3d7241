"""The cases of a switch and the branches of a parallel, as rows of a step's form."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.forms.formsets import BaseFormSet

from orchestrator_site.lib.names import is_key
from workflows.engine.actions import ActionInfo
from workflows.engine.lists import BRANCH, CASE, lists_of, title_of
from workflows.engine.reading import MAX_BRANCHES, MAX_CASES

JSON = dict[str, Any]
PREFIX = "lists"


class Row(forms.Form):
    """One case or branch; `was` is the name of its list of steps."""

    was = forms.CharField(widget=forms.HiddenInput, required=False, max_length=64)
    name = forms.CharField(
        required=False,
        max_length=1100,
        widget=forms.TextInput(attrs={"spellcheck": "false", "class": "form-control mono"}),
    )


class Lists(BaseFormSet):  # type: ignore[type-arg]
    """The rows of a step, in their order; a list that holds steps is not taken away."""

    step: JSON
    kind: str

    @property
    def title(self) -> str:
        """What stands above them."""
        return "Cases" if self.kind == "cases" else "Branches"

    @property
    def one(self) -> str:
        """One of them."""
        return "case" if self.kind == "cases" else "branch"

    @property
    def help(self) -> str:
        """How they are written."""
        if self.kind == "cases":
            return "The value is compared exactly. 5 is a number, true is yes; “5” in straight quotes is text."
        return "A short key for each: its outputs stand under it, like steps.both.results.a."

    def clean(self) -> None:
        """Keys are keys, and nothing with steps in it goes."""
        held, full = dict(lists_of(self.step)), list[str]()
        for row in self.forms:
            said = getattr(row, "cleaned_data", {})
            count = len(held.get(said.get("was", ""), ()))
            if self._goes(said) and count:
                many = "1 step" if count == 1 else f"{count} steps"
                title = title_of(said["was"], [case.get("equals") for case in self.step.get("cases", ())])
                full.append(f"The {title} still holds {many}: move or remove them first.")
            name = said.get("name", "")
            if self.kind == "branches" and name and not self._goes(said) and not is_key(name):
                row.add_error("name", "A key has 1 to 48 lower-case letters, digits and underscores.")
        if full:
            raise forms.ValidationError(full)

    def changes(self) -> JSON:
        """The field of the step, with the steps that each list holds."""
        held = dict(lists_of(self.step))
        kept = [row.cleaned_data for row in self.forms if row.cleaned_data and not self._goes(row.cleaned_data)]
        made = [
            {"equals": case_value(said["name"]), "steps": held.get(said.get("was", ""), [])}
            if self.kind == "cases"
            else {"key": said["name"], "steps": held.get(said.get("was", ""), [])}
            for said in kept
        ]
        return {self.kind: made or None}

    @staticmethod
    def _goes(said: JSON) -> bool:
        return bool(said.get("DELETE")) or not said.get("name", "").strip()


def lists_form(step: JSON, info: ActionInfo | None, data: Any) -> Lists | None:
    """The rows of a step whose action has cases or branches."""
    if info is None or not info.many:
        return None
    cases = info.many == "cases"
    most = MAX_CASES if cases else MAX_BRANCHES
    factory = forms.formset_factory(
        Row, formset=Lists, extra=1, can_delete=True, max_num=most, absolute_max=most + 1, validate_max=True
    )
    found = factory(data, initial=_cases(step) if cases else _branches(step), prefix=PREFIX)
    assert isinstance(found, Lists)
    found.step, found.kind = step, info.many
    for row in found.forms:
        row.fields["name"].label = "Value" if cases else "Key"
    return found


def _cases(step: JSON) -> list[JSON]:
    values = [case.get("equals") for case in step.get("cases", ())]
    return [{"was": f"{CASE}{i}", "name": case_text(value)} for i, value in enumerate(values)]


def _branches(step: JSON) -> list[JSON]:
    keys = [branch["key"] for branch in step.get("branches", ())]
    return [{"was": f"{BRANCH}{key}", "name": key} for key in keys]


def case_value(text: str) -> Any:
    """The value that a person means by what was typed: 5, true, "5" or plain text."""
    try:
        value = json.loads(text)
    except ValueError:
        return text.strip()
    return value if isinstance(value, (bool, int, float, str)) else text.strip()


def case_text(value: Any) -> str:
    """A value as it is typed."""
    if isinstance(value, str) and case_value(value) == value and value:
        return value
    return json.dumps(value, ensure_ascii=False)
