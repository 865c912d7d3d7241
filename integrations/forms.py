"""The form of an action, made from its input model; the pages of steps use it, and `data.format` looks like the rest.

form = form_for(action, initial=step["with"], data=request.POST or None)
if form.is_valid():
    step["with"] = cleaned_inputs(form)
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from django import forms
from pydantic import BaseModel

from integrations.fields import ChoiceOrExpression, InputField, form_field
from integrations.schema import properties, with_items
from integrations.spec import Action, Integration, SecretField

PREFIX = "with"
MOST_A_MINUTE = 1_000_000
MOST_AT_ONCE = 10_000


class InputsForm(forms.Form):
    """The inputs of one action; fields are made by `form_for`."""

    def targets(self) -> list[str]:
        """The names of the inputs that say where something goes."""
        return [name for name, field in self.fields.items() if field.widget.attrs.get("data-role") == "target"]


def form_for(
    action: Action | type[BaseModel],
    initial: Mapping[str, Any] | None = None,
    data: Any = None,
    prefix: str = PREFIX,
    plain: Collection[str] = (),
) -> InputsForm:
    """The form of an action (or of any input model). `initial` are the stored inputs: literals and expressions.

    `plain` are inputs shown as text: JSON in place of rows, a text field in place of a list of choices.
    """
    model = action.input if isinstance(action, Action) else action
    stored = dict(initial or {})
    form = InputsForm(data=data, initial={**_defaults(model), **stored}, prefix=prefix)
    for field in input_fields(model):
        made = form_field(replace(field, plain=field.name in plain))
        if isinstance(made, ChoiceOrExpression):
            made.set_value(form.initial.get(field.name) if data is None else data.get(f"{prefix}-{field.name}"))
        form.fields[field.name] = made
    return form


def input_fields(model: type[BaseModel]) -> list[InputField]:
    """The inputs of a model in their order."""
    schemas = {name: with_items(model, part) for name, part in properties(model).items()}
    return [
        InputField(name=name, schema=schemas[info.alias or name], required=info.is_required())
        for name, info in model.model_fields.items()
    ]


def cleaned_inputs(form: forms.Form) -> dict[str, Any]:
    """The inputs as a definition stores them: what was left empty is left out."""
    return {name: value for name, value in form.cleaned_data.items() if value is not None}


def _defaults(model: type[BaseModel]) -> dict[str, Any]:
    """What a field shows when nothing is stored."""
    return {
        name: info.get_default(call_default_factory=True)
        for name, info in model.model_fields.items()
        if not info.is_required() and info.get_default(call_default_factory=True) not in (None, "", [], {})
    }


class ConnectionForm(forms.Form):
    """A connection: its name, the secret of its service, and where the service is. `stored` are masked secrets."""

    name = forms.CharField(max_length=48, label="Name", help_text="Steps name the connection by it.")

    def __init__(
        self,
        integration: Integration,
        *args: Any,
        stored: Mapping[str, str] | None = None,
        sandbox: bool = False,
        limits: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.integration = integration
        self.stored = dict(stored or {})
        if not sandbox:
            self._add_secrets()
            self._add_address()
        if limits and not sandbox:
            self._add_limits()

    def _add_secrets(self) -> None:
        for secret in self.integration.secrets:
            needed = secret.required and secret.name not in self.stored
            self.fields[f"secret_{secret.name}"] = _secret_field(secret, needed, self.stored.get(secret.name, ""))

    def _add_address(self) -> None:
        usual, help_text = self.integration.base_url, self.integration.base_url_help
        if usual or help_text:
            self.fields["base_url"] = forms.CharField(
                label="Address",
                required=self.integration.base_url_required,
                max_length=500,
                help_text=help_text or f"Left empty: {usual}",
                widget=forms.TextInput(attrs={"inputmode": "url", "placeholder": usual}),
            )

    def _add_limits(self) -> None:
        """How fast it may be used, by all workers together."""
        asks = " and ".join(limit.words for limit in self.integration.limits)
        usual = f"what {self.integration.title} asks for at its usual address, {asks}" if asks else "no limit"
        self.fields["requests_per_minute"] = forms.IntegerField(
            label="Calls a minute",
            required=False,
            min_value=0,
            max_value=MOST_A_MINUTE,
            help_text=f"Of all workers together. Left empty: {usual}. 0: no limit.",
        )
        self.fields["at_once"] = forms.IntegerField(
            label="Calls at the same time",
            required=False,
            min_value=0,
            max_value=MOST_AT_ONCE,
            help_text="Of all workers together. Left empty: no limit.",
        )

    @property
    def limits(self) -> dict[str, int | None]:
        """The limits as they were filled in, where the form asks for them."""
        return {name: self.cleaned_data.get(name) for name in ("requests_per_minute", "at_once") if name in self.fields}

    @property
    def secret(self) -> dict[str, str]:
        """The fields of the secret that were filled in."""
        found = {s.name: self.cleaned_data.get(f"secret_{s.name}", "") for s in self.integration.secrets}
        return {name: value for name, value in found.items() if value}


def _secret_field(secret: SecretField, required: bool, stored: str) -> forms.Field:
    if secret.options:
        return forms.ChoiceField(
            label=secret.label, help_text=secret.help, required=False, choices=secret.options, initial=stored
        )
    attrs = {"autocomplete": "off", "spellcheck": "false"}
    widget: forms.Widget = forms.PasswordInput(attrs=attrs)
    if secret.multiline:
        widget = forms.Textarea(attrs={**attrs, "rows": 4})
    elif secret.shown:
        widget = forms.TextInput(attrs={**attrs, "placeholder": stored})
    return forms.CharField(label=secret.label, help_text=secret.help, required=required, strip=False, widget=widget)
