"""The tools of an agent as rows of a step's form: the action from the catalogue, its connection, what is fixed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.forms.formsets import BaseFormSet

from integrations import registry
from integrations.fields import InputField, form_field
from integrations.models import Connection
from workflows.engine.actions import ActionInfo
from workflows.engine.agent_tools import raw_tools
from workflows.engine.catalogue import CATALOGUE
from workflows.engine.control.agent import MOST_TOOLS
from workflows.engine.definition import StepSpec

JSON = dict[str, Any]
PREFIX = "tools"
APPROVE = (
    ("effects", "Before each change"),
    ("always", "Before each call"),
    ("never", "Never: what is fixed and allowed is enough"),
)


class ToolRow(forms.Form):
    """One tool of an agent."""

    action = forms.ChoiceField(label="Action", required=False)
    connection = forms.ChoiceField(label="Connection", required=False)
    approve = forms.ChoiceField(label="A person is asked", choices=APPROVE, required=False, initial="effects")
    name = forms.CharField(
        label="What the model calls it",
        required=False,
        max_length=48,
        help_text="Left empty: after its action.",
        widget=forms.TextInput(attrs={"spellcheck": "false", "class": "mono"}),
    )

    def __init__(self, *args: Any, connections: Iterable[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        stored = {name: str((self.initial or {}).get(name) or "") for name in ("action", "connection")}
        self.fields["action"].choices = _actions(stored["action"])  # type: ignore[attr-defined]
        known = [("", "The default"), *((name, name) for name in connections)]
        if stored["connection"] and stored["connection"] not in dict(known):
            known.append((stored["connection"], f"{stored['connection']} (not here)"))
        self.fields["connection"].choices = known  # type: ignore[attr-defined]
        for field in (_FIXED, _ALLOW):
            self.fields[field.name] = form_field(field)

    def tool(self) -> JSON:
        """The tool as the definition has it; what is left out stays left out."""
        said = self.cleaned_data
        found = {
            "action": said["action"],
            "name": said["name"].strip(),
            "connection": said["connection"],
            "with": said["with"] or {},
            "allow": said["allow"] or {},
            "approve": said["approve"] if said["approve"] != "effects" else "",
        }
        return {name: value for name, value in found.items() if value}


_FIXED = InputField(
    "with",
    {
        "type": "object",
        "title": "Fixed inputs",
        "description": "The model neither sees nor changes these. They may hold placeholders.",
        "x-example": {"to": ["team@example.com"]},
        "x-widget": "json",
    },
    required=False,
)
_ALLOW = InputField(
    "allow",
    {
        "type": "object",
        "title": "Allowed targets",
        "description": "Where it may go without asking a person, by input; the model chooses among them.",
        "x-example": {"to": ["team@example.com", "sales@example.com"]},
        "x-widget": "json",
    },
    required=False,
)


class Tools(BaseFormSet):  # type: ignore[type-arg]
    """The rows, in their order, with an empty one for one more."""

    def changes(self) -> list[JSON]:
        """The tools as the definition has them."""
        return [
            row.tool() for row in self.forms if row.cleaned_data.get("action") and not row.cleaned_data.get("DELETE")
        ]


def tools_form(step: JSON, info: ActionInfo | None, connections: Iterable[Connection], data: Any) -> Tools | None:
    """The rows of an agent's tools; None for any other step, and for tools that are no list."""
    tools = step.get("with", {}).get("tools", [])
    if info is None or info.name != "agent" or not isinstance(tools, list):
        return None
    factory = forms.formset_factory(
        ToolRow,
        formset=Tools,
        extra=1,
        can_delete=True,
        max_num=MOST_TOOLS,
        absolute_max=MOST_TOOLS + 1,
        validate_max=True,
    )
    written = raw_tools(StepSpec("", "agent", with_={"tools": tools}))
    initial = [{**tool, "approve": tool.get("approve") or "effects"} for tool in written]
    names = [one.name for one in connections]
    found = factory(data, initial=initial, prefix=PREFIX, form_kwargs={"connections": names})
    assert isinstance(found, Tools)
    return found


def _actions(stored: str) -> list[Any]:
    """Every action by its service; one that is not known here stays to choose."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for info in CATALOGUE.all():
        if info.is_control:
            continue
        service = registry.get_integration(info.service)
        words = f"{info.title}{' · changes something' if info.is_effect else ''}"
        groups.setdefault(service.title if service else info.service, []).append((info.name, words))
    known = [("", "None"), *sorted(groups.items())]
    missing = stored and CATALOGUE.get(stored) is None
    return [*known, (stored, f"{stored} (not known here)")] if missing else known
