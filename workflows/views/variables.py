"""Variables of the workspace: the list, adding and changing one, deleting one."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST

from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.json import clean_json
from workflows.models import Variable
from workflows.operations import variables as operations
from workflows.views.pages import PageRequest, go, say

KINDS = (("text", "Text"), ("json", "JSON: a number, a list, an object, true or false"))


class VariableForm(forms.Form):
    """A name and a value."""

    name = forms.CharField(
        max_length=48,
        label="Name",
        help_text="Small letters, digits and underscores. Templates read it as {{ workspace.variables.name }}.",
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocapitalize": "none"}),
    )
    kind = forms.ChoiceField(choices=KINDS, label="Kind", initial="text")
    value = forms.CharField(
        label="Value",
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Not for passwords and keys: those belong to connections.",
    )
    help = forms.CharField(max_length=200, required=False, label="What it is for")

    def parsed(self) -> Any:
        """The value as it is stored. Raises UserError where it is no JSON."""
        text = self.cleaned_data["value"]
        return clean_json(text) if self.cleaned_data["kind"] == "json" else text

    def put_error(self, error: UserError) -> None:
        """An operation's error at its field."""
        text = " ".join(part for part in (error.message, error.hint) if part)
        self.add_error(error.field if error.field in self.fields else "value", text)


@require_http_methods(["GET", "HEAD", "POST"])
def variable_list(request: PageRequest, workspace: str) -> HttpResponse:
    """All variables; `?name=` opens one in the form."""
    rows = list(operations.list_variables(request.actor))
    chosen = next((row for row in rows if row.name == request.GET.get("name")), None)
    form = VariableForm(request.POST or None, initial=_initial(chosen))
    if request.method == "POST" and form.is_valid() and _set(request, form):
        say(request, f"“{form.cleaned_data['name']}” is set; runs that start now see it")
        return go(workspace, "variables")
    context = {
        "rows": [{"variable": row, "shown": _shown(row.value)} for row in rows],
        "form": form,
        "chosen": chosen,
        "can_edit": request.actor.can("edit"),
    }
    return render(request, "workflows/variable_list.html", context, status=422 if form.errors else 200)


def _set(request: PageRequest, form: VariableForm) -> bool:
    said = form.cleaned_data
    try:
        operations.set_variable(request.actor, said["name"].strip(), form.parsed(), help=said["help"])
    except UserError as error:
        form.put_error(error)
        return False
    return True


def _initial(variable: Variable | None) -> dict[str, Any]:
    if variable is None:
        return {}
    is_text = isinstance(variable.value, str)
    value = variable.value if is_text else json.dumps(variable.value, indent=2, ensure_ascii=False)
    return {"name": variable.name, "kind": "text" if is_text else "json", "value": value, "help": variable.help}


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:199]}…"


@require_POST
def variable_delete(request: PageRequest, workspace: str, name: str) -> HttpResponse:
    """Delete a variable."""
    found = operations.get_variable(request.actor, name)
    operations.delete_variable(request.actor, found)
    say(request, f"“{name}” is deleted")
    return go(workspace, "variables")
