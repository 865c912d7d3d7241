"""Forms of the account pages: they read fields; what counts is decided by the operations."""

from __future__ import annotations

from typing import Any

from django import forms

from accounts.operations.tokens import DEFAULT_DAYS
from accounts.roles import ROLE_WORDS, ROLES, SCOPES, rank
from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.json import clean_text


class CleanForm(forms.Form):
    """A form whose texts go through the one input gate, and which can carry a UserError."""

    def clean(self) -> dict[str, Any]:
        """Refuse control and half characters in every text."""
        data: dict[str, Any] = super().clean() or {}
        for name, value in list(data.items()):
            if isinstance(value, str):
                try:
                    clean_text(value, field=name)
                except UserError as problem:
                    self.add_problem(problem)
        return data

    def add_problem(self, problem: UserError) -> None:
        """Show an operation's error at its field, or above the form."""
        text = f"{problem.message} {problem.hint}" if problem.hint else problem.message
        self.add_error(problem.field if problem.field in self.fields else None, text)


class LinkRequestForm(CleanForm):
    """Where to mail a sign-in link."""

    email = forms.EmailField(
        label="E-mail address", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )


class PersonForm(CleanForm):
    """A name and a new password."""

    name = forms.CharField(label="Your name", max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    password = forms.CharField(
        label="Password", max_length=1000, strip=False, help_text="Twelve characters or more; three words do.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )  # fmt: skip


class FirstUserForm(PersonForm):
    """The first user of an empty instance."""

    field_order = ("email", "name", "password", "workspace")
    email = forms.EmailField(
        label="E-mail address", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )
    workspace = forms.CharField(label="Name of the first workspace", max_length=120, initial="Main")


class WorkspaceForm(CleanForm):
    """The name of a workspace, and where its people are."""

    name = forms.CharField(label="Name", max_length=120)
    timezone = forms.CharField(
        label="Time zone",
        max_length=64,
        required=False,
        help_text="Like Europe/Berlin. Dates without a zone mean this one: in templates, and where a step waits until "
        "a moment. Runs that have begun keep theirs.",
        widget=forms.TextInput(attrs={"list": "zones", "spellcheck": "false"}),
    )


class RoleField(forms.ChoiceField):
    """A role, with a sentence on what it may do."""

    def __init__(self, up_to: str = "owner", **kwargs: Any) -> None:
        offered = [role for role in ROLES if rank(role) <= rank(up_to)]
        choices = [(role, f"{role.capitalize()}: {ROLE_WORDS[role].lower()}") for role in offered]
        super().__init__(choices=choices, label="Role", **kwargs)


class InviteForm(CleanForm):
    """Whom to invite, as what."""

    email = forms.EmailField(label="E-mail address", max_length=254)
    role = RoleField(initial="viewer")

    def __init__(self, *args: Any, up_to: str = "owner", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"] = RoleField(up_to, initial="editor" if rank(up_to) >= rank("editor") else "viewer")


_SCOPE_WORDS = {
    "read": "Read: see workflows, runs and prompts",
    "run": "Run: start and cancel runs",
    "edit": "Edit: change workflows and prompts",
    "decide": "Decide: answer questions of runs",
    "connections": "Connections: manage connections",
    "members": "Members: manage members, tokens, audit trail",
}


class TokenForm(CleanForm):
    """A new token: its name, what it may do, how long it lives."""

    name = forms.CharField(label="Name", max_length=120, help_text="What it is for, so that you recognise it later.")
    scopes = forms.MultipleChoiceField(
        label="It may", choices=[(scope, _SCOPE_WORDS[scope]) for scope in SCOPES], initial=["read", "run"],
        widget=forms.CheckboxSelectMultiple, help_text="Never more than your own role allows.",
    )  # fmt: skip
    days = forms.IntegerField(label="Days until it expires", min_value=1, max_value=365, initial=DEFAULT_DAYS)
