"""Forms of triggers: when, or from whom; and what the workflow's inputs are filled with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from integrations.forms import form_for
from integrations.operations.finding import connections_of
from orchestrator_site.lib.errors import Problems, UserError
from orchestrator_site.lib.fields import CleanJSONField
from workflows.engine.definition import InputSpec
from workflows.engine.due_times import DAYS, zones
from workflows.engine.firing import SCHEDULE, WEBHOOK
from workflows.models import Trigger, Workflow
from workflows.operations.trigger_fit import inputs_of
from workflows.operations.trigger_kinds import TriggerKind, auth_words

HOW = {"at": "At times of the day", "every": "Again and again", "cron": "By a cron"}
MISFIRE = {
    "coalesce": "Start one run for all that were missed",
    "skip": "Start none",
    "all": "Start one for each (at most 100)",
}
UNITS = {"minutes": "minutes", "hours": "hours", "days": "days"}
ANSWERS = {
    "at_once": "At once: taken, and where the run is",
    "result": "With the result of the run, if it comes",
}
DEDUPE_HELP = "auto: the same delivery counts once for 14 days. Also off, header:NAME or path:data.id."


class TriggerForm(forms.Form):
    """What every kind asks for; `kind_fields` come between name and inputs."""

    name = forms.CharField(max_length=120, label="Name", help_text="What you call it.")

    def __init__(self, kind: TriggerKind, workflow: Workflow, data: Any = None, trigger: Trigger | None = None) -> None:
        self.kind, self.workflow, self.trigger = kind, workflow, trigger
        super().__init__(data, initial={"name": trigger.name if trigger else kind.title})
        self._add_kind(dict(trigger.config) if trigger else {})
        self.kind_names = [name for name in self.fields if name != "name"]
        self.specs = inputs_of(workflow)
        for spec in self.specs:
            self.fields[f"input_{spec.name}"] = _input_field(spec, kind, trigger)
        self.fields["filter"] = forms.CharField(
            label="Only if",
            required=False,
            max_length=4000,
            initial=trigger.filter if trigger else "",
            widget=forms.TextInput(attrs={"spellcheck": "false", "class": "mono"}),
            help_text=_filter_help(kind),
        )

    def _add_kind(self, config: dict[str, Any]) -> None:
        """Nothing, unless a kind has something of its own."""

    @property
    def kind_bound(self) -> list[Any]:
        """The fields of the kind."""
        return [self[name] for name in self.kind_names]

    @property
    def input_bound(self) -> list[Any]:
        """The fields of the workflow's inputs."""
        return [self[f"input_{spec.name}"] for spec in self.specs]

    def config(self) -> dict[str, Any]:
        """The config as it was filled in."""
        return {}

    def said(self) -> dict[str, Any]:
        """What the operations take."""
        given = {spec.name: self.cleaned_data.get(f"input_{spec.name}") for spec in self.specs}
        inputs = {name: value for name, value in given.items() if value not in (None, "")}
        cleaned = self.cleaned_data
        return {"name": cleaned["name"], "config": self.config(), "inputs": inputs, "filter": cleaned["filter"]}

    def put_errors(self, error: UserError) -> None:
        """Put an operation's errors at their fields."""
        found = error.extra.get("errors", []) if isinstance(error, Problems) else [error.as_dict()]
        for item in found:
            where = str(item.get("field") or "")
            name = f"input_{where.removeprefix('inputs.')}" if where.startswith("inputs.") else where
            name = self.field_of(name.removeprefix("config."))
            text = " ".join(str(part) for part in (item.get("message"), item.get("hint")) if part)
            self.add_error(name if name in self.fields else None, text)

    def field_of(self, name: str) -> str:
        """The form's field for one of the config."""
        return name.partition(".")[0]


class ScheduleForm(TriggerForm):
    """A schedule: plain choices, or a cron."""

    def _add_kind(self, config: dict[str, Any]) -> None:
        how = next((name for name in HOW if config.get(name)), "at")
        count, unit = _every(config.get("every") or {})
        radio = forms.ChoiceField(label="When", choices=list(HOW.items()), initial=how, widget=forms.RadioSelect)
        self.fields["how"] = radio
        self.fields["at"] = forms.CharField(
            label="Times of the day", required=False, max_length=200,
            initial=", ".join(config.get("at") or ["09:00"]), help_text="Like 09:00, or 09:00, 17:30.",
        )  # fmt: skip
        self.fields["weekdays"] = forms.MultipleChoiceField(
            label="On", required=False, choices=[(day, day.capitalize()) for day in DAYS],
            initial=config.get("weekdays") or (list(DAYS) if config else list(DAYS[:5])),
            widget=forms.CheckboxSelectMultiple,
        )  # fmt: skip
        self.fields["every_count"] = forms.IntegerField(
            label="Every", required=False, min_value=1, max_value=100_000, initial=count
        )
        self.fields["every_unit"] = forms.ChoiceField(
            label="Unit", required=False, choices=list(UNITS.items()), initial=unit
        )
        self.fields["cron"] = forms.CharField(
            label="Cron", required=False, max_length=300, initial=config.get("cron", ""),
            widget=forms.TextInput(attrs={"spellcheck": "false", "class": "mono", "placeholder": "0 9 * * 1-5"}),
            help_text="Minute, hour, day of the month, month, day of the week.",
        )  # fmt: skip
        names = [(zone, zone.replace("_", " ")) for zone in sorted(zones())]
        self.fields["timezone"] = forms.ChoiceField(
            label="Time zone", choices=names, initial=config.get("timezone", "UTC")
        )
        self.fields["misfire"] = forms.ChoiceField(
            label="If times were missed", choices=list(MISFIRE.items()), initial=config.get("misfire", "coalesce"),
            help_text="Because no worker ran. What is due while it is switched off is never made up for.",
        )  # fmt: skip

    def config(self) -> dict[str, Any]:
        """One of the three ways."""
        said = self.cleaned_data
        common = {"timezone": said["timezone"], "misfire": said["misfire"]}
        if said["how"] == "cron":
            return {**common, "cron": said["cron"]}
        if said["how"] == "every":
            return {**common, "every": {said["every_unit"] or "minutes": said["every_count"] or 0}}
        times = [part.strip() for part in said["at"].replace(";", ",").split(",") if part.strip()]
        return {**common, "at": times, "weekdays": said["weekdays"]}

    def field_of(self, name: str) -> str:
        """`every` has two fields."""
        return "every_count" if name.startswith("every") else super().field_of(name)


class WebhookForm(TriggerForm):
    """A webhook: how deliveries are signed, and what is answered."""

    def _add_kind(self, config: dict[str, Any]) -> None:
        self.fields["auth"] = forms.ChoiceField(
            label="How senders prove who they are", choices=list(auth_words().items()),
            initial=config.get("auth", "hmac"),
        )  # fmt: skip
        self.fields["secret"] = forms.CharField(
            label="Secret", required=False, max_length=500, strip=True,
            widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
            help_text="Only if the sender brings its own. Left empty, "
            + ("the one it has stays." if self.trigger else "one is made and shown to you once."),
        )  # fmt: skip
        self.fields["username"] = forms.CharField(
            label="User name", max_length=100, initial=config.get("username", "webhook"), required=False,
            help_text="Only for user name and password.",
        )  # fmt: skip
        self.fields["dedupe"] = forms.CharField(
            label="What tells deliveries apart", max_length=120, initial=config.get("dedupe", "auto"),
            help_text=DEDUPE_HELP, widget=forms.TextInput(attrs={"spellcheck": "false", "class": "mono"}),
        )  # fmt: skip
        self.fields["answer"] = forms.ChoiceField(
            label="Answer", choices=list(ANSWERS.items()), initial=config.get("answer", "at_once")
        )
        self.fields["answer_seconds"] = forms.IntegerField(
            label="Seconds to wait for the result", min_value=1, max_value=30,
            initial=config.get("answer_seconds", 10),
        )  # fmt: skip
        self.fields["empty"] = forms.ChoiceField(
            label="A delivery without a body", initial=config.get("empty", "take"),
            choices=[("take", "Take it"), ("refuse", "Refuse it")],
        )  # fmt: skip

    def config(self) -> dict[str, Any]:
        """Everything but the secret."""
        names = ("auth", "username", "dedupe", "answer", "answer_seconds", "empty")
        return {name: self.cleaned_data[name] for name in names if self.cleaned_data.get(name) not in (None, "")}

    def said(self) -> dict[str, Any]:
        """With the secret where one was given."""
        return {**super().said(), "secret": self.cleaned_data.get("secret") or None}


class ServiceForm(TriggerForm):
    """A trigger of a service: its connection, and the fields it declares."""

    def _add_kind(self, config: dict[str, Any]) -> None:
        declared = self.kind.declared
        assert declared is not None
        rows = connections_of(self.workflow.workspace_id).filter(service=declared.service)
        self.fields["connection"] = forms.ChoiceField(
            label="Connection", initial=self.trigger.connection if self.trigger else "", required=False,
            choices=[("", "The default one"), *((row.name, row.name) for row in rows)],
        )  # fmt: skip
        self.inner = form_for(declared.config, initial=config, prefix="config")
        for name, field in self.inner.fields.items():
            field.initial = self.inner.initial.get(name)
            self.fields[name] = field

    def config(self) -> dict[str, Any]:
        """The declared fields as they were filled in."""
        found = {name: self.cleaned_data.get(name) for name in self.inner.fields}
        return {name: value for name, value in found.items() if value not in (None, "")}

    def said(self) -> dict[str, Any]:
        """With its connection."""
        return {**super().said(), "connection": self.cleaned_data.get("connection") or ""}


FORMS: Mapping[str, type[TriggerForm]] = {SCHEDULE: ScheduleForm, WEBHOOK: WebhookForm}


def trigger_form(
    kind: TriggerKind, workflow: Workflow, data: Any = None, trigger: Trigger | None = None
) -> TriggerForm:
    """The form of a kind."""
    return FORMS.get(kind.name, ServiceForm)(kind, workflow, data, trigger)


def _input_field(spec: InputSpec, kind: TriggerKind, trigger: Trigger | None) -> forms.Field:
    stored = trigger.inputs.get(spec.name) if trigger else None
    asks = "Must be filled in. " if spec.required and not spec.has_default else ""
    common: dict[str, Any] = {"label": spec.title, "required": False, "help_text": asks + (spec.help or "")}
    attrs = {"spellcheck": "false", "placeholder": _suggestion(spec, kind)}
    if stored is not None and not isinstance(stored, str):
        return CleanJSONField(initial=stored, widget=forms.Textarea(attrs={"rows": 3, **attrs}), **common)
    field = forms.CharField(initial=stored or "", max_length=20_000, widget=forms.TextInput(attrs=attrs), **common)
    if trigger is None and kind.name == WEBHOOK and not spec.has_default:
        field.initial = _suggestion(spec, kind)
    return field


def _suggestion(spec: InputSpec, kind: TriggerKind) -> str:
    if kind.name == WEBHOOK:
        return f"{{{{ trigger.body.{spec.name} }}}}"
    first = next(iter(kind.sees), "")
    return f"{{{{ trigger.{'date' if kind.name == SCHEDULE else first} }}}}"


def _filter_help(kind: TriggerKind) -> str:
    example = {SCHEDULE: "trigger.date != '2026-12-25'", WEBHOOK: "trigger.body.kind == 'ticket'"}.get(kind.name, "")
    return f"A condition over what the run sees; left empty, always.{f' Like {example}.' if example else ''}"


def _every(said: Mapping[str, int]) -> tuple[int, str]:
    seconds = int(said.get("days", 0)) * 86400 + int(said.get("hours", 0)) * 3600
    seconds += int(said.get("minutes", 0)) * 60 + int(said.get("seconds", 0))
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds and seconds % length == 0:
            return seconds // length, unit
    return 15, "minutes"
